package twilio

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"
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

// NotFound reports whether an error says that Twilio does not have what was asked for.
func NotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound
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

// DeleteRecording deletes a recording. One that is not there is deleted.
func (c *Client) DeleteRecording(ctx context.Context, sid string) error {
	call, service := c.call(ctx)
	defer call.cancel()
	if err := service.DeleteRecording(sid, &api.DeleteRecordingParams{}); err != nil && call.status != http.StatusNotFound {
		return call.failed(err)
	}
	return nil
}

func word(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
