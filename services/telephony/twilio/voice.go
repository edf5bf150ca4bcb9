package twilio

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/bling-hotline/bling/internal/phone"
)

// Call is a call, or a leg of one, as Twilio has it.
type Call struct {
	From, To string
	Status   string // such as "in-progress" or "completed"
	Seconds  int    // how long it took
}

// Over reports whether the call has ended: https://www.twilio.com/docs/voice/api/call-resource#call-status-values.
func (c Call) Over() bool {
	switch c.Status {
	case "queued", "initiated", "ringing", "in-progress":
		return false
	}
	return true
}

// Call returns a call.
func (c *Client) Call(ctx context.Context, sid string) (Call, error) {
	call, service := c.call(ctx)
	defer call.cancel()
	v, err := service.FetchCall(sid, &api.FetchCallParams{})
	if err != nil {
		return Call{}, call.failed(err)
	}
	seconds, _ := strconv.Atoi(word(v.Duration)) // 0 while it goes on
	return Call{From: word(v.From), To: word(v.To), Status: word(v.Status), Seconds: seconds}, nil
}

// NewCall is a call to make.
type NewCall struct {
	From, To       phone.Number
	URL            string // what to do when it is answered
	StatusCallback string // where its states are told
	RingFor        time.Duration
	Longest        time.Duration
}

// CreateCall calls a phone and returns the call's SID. The error is always a *carrier.Error.
// See https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource.
func (c *Client) CreateCall(ctx context.Context, n NewCall) (sid string, err error) {
	params := &api.CreateCallParams{}
	params.SetFrom(string(n.From)).SetTo(string(n.To)).SetUrl(n.URL).SetStatusCallback(n.StatusCallback)
	params.SetStatusCallbackEvent([]string{"initiated", "ringing", "answered", "completed"})
	params.SetTimeout(int(n.RingFor / time.Second)).SetTimeLimit(int(n.Longest / time.Second))
	call, service := c.call(ctx)
	defer call.cancel()
	created, err := service.CreateCall(params)
	if err != nil {
		return "", call.failed(err)
	}
	if word(created.Sid) == "" {
		return "", call.failed(errors.New("answer without sid"))
	}
	return *created.Sid, nil
}

// FindCalls returns the SIDs of the calls that we made from one number to another at or after since, newest first.
func (c *Client) FindCalls(ctx context.Context, from, to phone.Number, since time.Time) (sids []string, err error) {
	params := &api.ListCallParams{}
	params.SetFrom(string(from)).SetTo(string(to)).SetPageSize(50).SetLimit(50)
	call, service := c.call(ctx)
	defer call.cancel()
	list, err := service.ListCall(params)
	if err != nil {
		return nil, call.failed(err)
	}
	for _, v := range list {
		at, err := time.Parse(time.RFC1123Z, word(v.DateCreated))
		if err == nil && !at.Before(since.Truncate(time.Second)) && word(v.Direction) == "outbound-api" && word(v.Sid) != "" {
			sids = append(sids, *v.Sid)
		}
	}
	return sids, nil
}

// Talked reports whether a call was connected with another one that its document dialed, and for how long in seconds.
func (c *Client) Talked(ctx context.Context, sid string) (seconds int, talked bool, err error) {
	params := &api.ListCallParams{}
	params.SetParentCallSid(sid).SetPageSize(20).SetLimit(20)
	call, service := c.call(ctx)
	defer call.cancel()
	list, err := service.ListCall(params)
	if err != nil {
		return 0, false, call.failed(err)
	}
	for _, v := range list {
		if word(v.Status) == "completed" {
			n, _ := strconv.Atoi(word(v.Duration)) // it has one when it is completed
			seconds, talked = max(seconds, n), true
		}
	}
	return seconds, talked, nil
}

// HangUp ends a call, with all its legs. One that is over is no error.
func (c *Client) HangUp(ctx context.Context, sid string) error {
	params := &api.UpdateCallParams{}
	params.SetStatus("completed")
	call, service := c.call(ctx)
	defer call.cancel()
	if _, err := service.UpdateCall(sid, params); err != nil {
		failed := call.failed(err)
		const notInProgress = 21220 // https://www.twilio.com/docs/api/errors/21220
		if failed.Code == notInProgress || failed.Status == http.StatusNotFound {
			return nil
		}
		return failed
	}
	return nil
}

// Recording is a recording that Twilio has.
type Recording struct {
	SID, CallSID string
	Seconds      int
	CreatedAt    time.Time
}

// HasRecording reports whether Twilio has a recording, or will.
func (c *Client) HasRecording(ctx context.Context, sid string) (bool, error) {
	call, service := c.call(ctx)
	defer call.cancel()
	r, err := service.FetchRecording(sid, &api.FetchRecordingParams{})
	switch {
	case err != nil && call.status == http.StatusNotFound:
		return false, nil
	case err != nil:
		return false, call.failed(err)
	}
	status := word(r.Status)
	return status != "deleted" && status != "absent" && status != "failed", nil
}

// CallRecorded reports whether Twilio has a voicemail of a call.
func (c *Client) CallRecorded(ctx context.Context, callSID string) (bool, error) {
	params := &api.ListRecordingParams{}
	params.SetCallSid(callSID).SetPageSize(20).SetLimit(20)
	call, service := c.call(ctx)
	defer call.cancel()
	list, err := service.ListRecording(params)
	if err != nil {
		return false, call.failed(err)
	}
	for _, r := range list {
		if word(r.Source) == "RecordVerb" && word(r.Status) != "absent" {
			return true, nil
		}
	}
	return false, nil
}

// Voicemails returns the finished voicemails that were recorded since a day, of all the account's calls. Recordings of other
// kinds are left out.
func (c *Client) Voicemails(ctx context.Context, since time.Time) (found []Recording, err error) {
	params := &api.ListRecordingParams{}
	params.SetDateCreatedAfter(since.UTC().Truncate(24 * time.Hour)).SetPageSize(1000).SetLimit(5000)
	call, service := c.call(ctx)
	defer call.cancel()
	list, err := service.ListRecording(params)
	if err != nil {
		return nil, call.failed(err)
	}
	for _, r := range list {
		at, err := time.Parse(time.RFC1123Z, word(r.DateCreated))
		if err != nil || r.Sid == nil || word(r.Status) != "completed" || word(r.Source) != "RecordVerb" {
			continue
		}
		seconds, _ := strconv.Atoi(word(r.Duration)) // 0 while it is not known
		found = append(found, Recording{SID: *r.Sid, CallSID: word(r.CallSid), Seconds: seconds, CreatedAt: at})
	}
	return found, nil
}

// RecordingURL is where a recording's audio is, without the extension that chooses the format.
func (c *Client) RecordingURL(sid string) string {
	return c.base.JoinPath("2010-04-01", "Accounts", c.sid, "Recordings", sid).String()
}

func word(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
