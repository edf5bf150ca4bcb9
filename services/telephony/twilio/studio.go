package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/twilio/twilio-go/client"
	studio "github.com/twilio/twilio-go/rest/studio/v2"
)

// Flow is a Studio flow of the account: a program that Twilio runs. See https://www.twilio.com/docs/studio/rest-api/v2/flow.
type Flow struct {
	SID, Name string
	Published bool   // whether the newest revision runs
	URL       string // what a number's address has to be for the flow to answer
	// Definition is the decoded JSON of the newest revision. Lists leave it out.
	Definition any
}

func flowOf(f *studio.StudioV2Flow) Flow {
	one := Flow{SID: word(f.Sid), Name: word(f.FriendlyName), Published: word(f.Status) == published, URL: word(f.WebhookUrl)}
	if f.Definition != nil {
		one.Definition = *f.Definition
	}
	return one
}

const published = "published"

// Flows returns the account's flows, without their definitions. The error is always a *carrier.Error.
func (c *Client) Flows(ctx context.Context) (found []Flow, err error) {
	params := &studio.ListFlowParams{}
	params.SetPageSize(1000)
	call, rest := c.begin(ctx)
	defer call.cancel()
	list, err := studio.NewApiServiceWithClient(rest).ListFlow(params)
	if err != nil {
		return nil, call.failed(err)
	}
	for _, f := range list {
		found = append(found, flowOf(&f))
	}
	return found, nil
}

// Flow returns a flow with its definition. The error is always a *carrier.Error.
func (c *Client) Flow(ctx context.Context, sid string) (Flow, error) {
	call, rest := c.begin(ctx)
	defer call.cancel()
	f, err := studio.NewApiServiceWithClient(rest).FetchFlow(sid)
	if err != nil {
		return Flow{}, call.failed(err)
	}
	return flowOf(f), nil
}

// ValidateFlow asks Twilio whether a definition is right. The error is always a *carrier.Error, and has what is wrong.
// See https://www.twilio.com/docs/studio/rest-api/v2/flow-validate.
func (c *Client) ValidateFlow(ctx context.Context, name string, definition json.RawMessage) error {
	params := &studio.UpdateFlowValidateParams{}
	params.SetFriendlyName(name).SetStatus(published).SetDefinition(definition)
	call, rest := c.begin(ctx)
	defer call.cancel()
	if _, err := studio.NewApiServiceWithClient(rest).UpdateFlowValidate(params); err != nil {
		failed := call.failed(err)
		if said, ok := errors.AsType[*client.TwilioRestError](err); ok && said.Details != nil {
			failed.Cause = fmt.Errorf("%v", said.Details["errors"]) // of our own flow, so nobody's number is in it
		}
		return failed
	}
	return nil
}

// CreateFlow makes a flow and publishes it. The error is always a *carrier.Error.
func (c *Client) CreateFlow(ctx context.Context, name string, definition json.RawMessage) (Flow, error) {
	params := &studio.CreateFlowParams{}
	params.SetFriendlyName(name).SetStatus(published).SetDefinition(definition)
	call, rest := c.begin(ctx)
	defer call.cancel()
	f, err := studio.NewApiServiceWithClient(rest).CreateFlow(params)
	if err != nil {
		return Flow{}, call.failed(err)
	}
	return flowOf(f), nil
}

// UpdateFlow publishes another definition of a flow. The error is always a *carrier.Error.
func (c *Client) UpdateFlow(ctx context.Context, sid, name string, definition json.RawMessage) (Flow, error) {
	params := &studio.UpdateFlowParams{}
	params.SetFriendlyName(name).SetStatus(published).SetDefinition(definition)
	call, rest := c.begin(ctx)
	defer call.cancel()
	f, err := studio.NewApiServiceWithClient(rest).UpdateFlow(sid, params)
	if err != nil {
		return Flow{}, call.failed(err)
	}
	return flowOf(f), nil
}

// DeleteFlow deletes a flow. One that is not there is deleted. The error is always a *carrier.Error.
func (c *Client) DeleteFlow(ctx context.Context, sid string) error {
	call, rest := c.begin(ctx)
	defer call.cancel()
	if err := studio.NewApiServiceWithClient(rest).DeleteFlow(sid); err != nil && call.status != http.StatusNotFound {
		return call.failed(err)
	}
	return nil
}
