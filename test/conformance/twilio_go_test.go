package conformance

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// twilioCases are what a program does with Twilio's library.
var twilioCases = []struct {
	name  string
	clock bool // calls go by a clock that jumps
	run   func(*account)
}{
	{name: "account", run: accountItself},
	{name: "message", run: message},
	{name: "message with a file", run: messageWithFile},
	{name: "list of messages", run: messageList},
	{name: "message changed", run: messageChanged},
	{name: "webhook of a text", run: inbound},
	{name: "numbers", run: numbers},
	{name: "call", run: call},
	{name: "call changed", run: callChanged},
	{name: "calls that are not answered", run: callsNotAnswered},
	{name: "voicemail", clock: true, run: voicemail},
	{name: "errors", run: twilioErrors},
}

func TestTwilioGo(t *testing.T) {
	for _, c := range twilioCases {
		t.Run(c.name, func(t *testing.T) { c.run(newAccount(t, clockFor(c.clock), nil)) })
	}
}

func clockFor(virtual bool) *twiliosim.VirtualClock {
	if virtual {
		return twiliosim.NewVirtualClock()
	}
	return nil
}

func accountItself(a *account) {
	got, err := a.api.FetchAccount(twiliosim.DefaultAccountSID)
	must(a, got, err)
	want(a, "sid", got.Sid, twiliosim.DefaultAccountSID)
	want(a, "status", got.Status, "active")
	want(a, "type", got.Type, "Full")
	want(a, "friendly_name", got.FriendlyName, "Simulator")
	a.SetAccount(twiliosim.Account{Status: twiliosim.AccountSuspended, Balance: "-0.02"})
	got, err = a.api.FetchAccount(twiliosim.DefaultAccountSID)
	must(a, got, err)
	want(a, "status", got.Status, "suspended")
	balance, err := a.api.FetchBalance(nil)
	must(a, balance, err)
	want(a, "balance", balance.Balance, "-0.02")
	want(a, "currency", balance.Currency, "USD")
	_, err = a.api.CreateMessage(new(openapi.CreateMessageParams).SetFrom(ours).SetTo(kim).SetBody("x"))
	wantError(a, err, http.StatusForbidden, 20005)
}

func (a *account) send(to, body string) *openapi.ApiV2010Message {
	a.Helper()
	m, err := a.api.CreateMessage(new(openapi.CreateMessageParams).SetFrom(ours).SetTo(to).SetBody(body))
	return must(a, m, err)
}

// arrived waits until a message has been delivered.
func (a *account) arrived(sid *string) {
	a.Helper()
	a.wait("delivery", func() bool {
		m, _ := a.Message(*sid)
		return m.Status == twiliosim.StatusDelivered
	})
}

func message(a *account) {
	params := new(openapi.CreateMessageParams).SetFrom(ours).SetTo(kim).SetBody("Hello, Kim.").SetStatusCallback(a.site.URL + "/status")
	sent, err := a.api.CreateMessage(params)
	must(a, sent, err)
	want(a, "status", sent.Status, "queued")
	want(a, "direction", sent.Direction, "outbound-api")
	want(a, "body", sent.Body, "Hello, Kim.")
	want(a, "from", sent.From, ours)
	want(a, "to", sent.To, kim)
	want(a, "account_sid", sent.AccountSid, twiliosim.DefaultAccountSID)
	want(a, "api_version", sent.ApiVersion, "2010-04-01")
	want(a, "num_media", sent.NumMedia, "0")
	want(a, "num_segments", sent.NumSegments, "1")
	wantTime(a, "date_created", sent.DateCreated)
	if sent.ErrorCode != nil || sent.DateSent != nil {
		a.Errorf("error_code %v, date_sent %v", sent.ErrorCode, sent.DateSent)
	}
	a.arrived(sent.Sid)
	a.wait("status callbacks", func() bool { return len(a.site.told("/status")) == 3 })
	last := a.site.told("/status")[2]
	if last.Get("MessageStatus") != "delivered" || last.Get("MessageSid") != *sent.Sid || last.Get("AccountSid") != twiliosim.DefaultAccountSID {
		a.Errorf("the status callback was told %v", last)
	}
	got, err := a.api.FetchMessage(*sent.Sid, nil)
	must(a, got, err)
	want(a, "sid", got.Sid, *sent.Sid)
	want(a, "status", got.Status, "delivered")
	wantTime(a, "date_sent", got.DateSent)
	wantTime(a, "date_updated", got.DateUpdated)
	want(a, "uri", got.Uri, "/2010-04-01/Accounts/"+twiliosim.DefaultAccountSID+"/Messages/"+*sent.Sid+".json")
	if got.SubresourceUris == nil || (*got.SubresourceUris)["media"] == nil {
		a.Error("no address of the media")
	}
	if inbox := a.Inbox(kim); len(inbox) != 1 || inbox[0].Body != "Hello, Kim." {
		a.Errorf("the phone got %v", inbox)
	}
	// A text that cannot be delivered says why.
	failed := a.send("+15005550030", "Hello?")
	a.wait("its end", func() bool { m, _ := a.Message(*failed.Sid); return m.Status == twiliosim.StatusUndelivered })
	got, err = a.api.FetchMessage(*failed.Sid, nil)
	must(a, got, err)
	want(a, "status", got.Status, "undelivered")
	want(a, "error_code", got.ErrorCode, 30003)
	want(a, "error_message", got.ErrorMessage, "Unreachable destination handset")
}

func messageWithFile(a *account) {
	params := new(openapi.CreateMessageParams).SetFrom(ours).SetTo(kim).SetBody("A cat.").SetMediaUrl([]string{a.site.URL + "/cat.png", a.site.URL + "/cat.png"})
	sent, err := a.api.CreateMessage(params)
	must(a, sent, err)
	want(a, "num_media", sent.NumMedia, "2")
	if !strings.HasPrefix(*sent.Sid, "MM") {
		a.Errorf("sid %s", *sent.Sid)
	}
	a.arrived(sent.Sid)
	files, err := a.api.ListMedia(*sent.Sid, new(openapi.ListMediaParams).SetPageSize(1))
	must(a, files, err)
	if len(files) != 2 || *files[0].Sid == *files[1].Sid {
		a.Fatalf("%d files", len(files))
	}
	older, err := a.api.ListMedia(*sent.Sid, new(openapi.ListMediaParams).SetDateCreatedBefore(time.Now().Add(-time.Hour)))
	if must(a, older, err); len(older) != 0 {
		a.Errorf("%d files are older", len(older))
	}
	file, err := a.api.FetchMedia(*sent.Sid, *files[0].Sid, nil)
	must(a, file, err)
	want(a, "content_type", file.ContentType, "image/png")
	want(a, "parent_sid", file.ParentSid, *sent.Sid)
	want(a, "account_sid", file.AccountSid, twiliosim.DefaultAccountSID)
	wantTime(a, "date_created", file.DateCreated)
	if err := a.api.DeleteMedia(*sent.Sid, *files[0].Sid, nil); err != nil {
		a.Fatal(err)
	}
	_, err = a.api.FetchMedia(*sent.Sid, *files[0].Sid, nil)
	wantError(a, err, http.StatusNotFound, 20404)
	got, err := a.api.FetchMessage(*sent.Sid, nil)
	must(a, got, err)
	want(a, "num_media", got.NumMedia, "1")
}

func messageList(a *account) {
	for _, to := range []string{kim, lee, kim, lee, kim} {
		a.arrived(a.send(to, "To "+to).Sid)
	}
	if _, err := a.Text(a.Context(), twiliosim.Text{From: kim, To: ours, Body: "Thanks."}); err != nil {
		a.Fatal(err)
	}
	now := time.Now().UTC()
	for name, test := range map[string]struct {
		params *openapi.ListMessageParams
		want   int
	}{
		"all":            {&openapi.ListMessageParams{}, 6},
		"pages of two":   {new(openapi.ListMessageParams).SetPageSize(2), 6},
		"no more":        {new(openapi.ListMessageParams).SetPageSize(2).SetLimit(3), 3},
		"to":             {new(openapi.ListMessageParams).SetTo(lee), 2},
		"from":           {new(openapi.ListMessageParams).SetFrom(kim), 1},
		"to and from":    {new(openapi.ListMessageParams).SetTo(kim).SetFrom(ours), 3},
		"sent then":      {new(openapi.ListMessageParams).SetDateSent(now.AddDate(0, 0, -7)), 0},
		"sent since":     {new(openapi.ListMessageParams).SetDateSentAfter(now.Add(-time.Hour)), 6},
		"sent before":    {new(openapi.ListMessageParams).SetDateSentBefore(now.Add(-time.Hour)), 0},
		"sent in a span": {new(openapi.ListMessageParams).SetDateSentAfter(now.Add(-time.Hour)).SetDateSentBefore(now.Add(time.Hour)), 6},
	} {
		got, err := a.api.ListMessage(test.params)
		if err != nil || len(got) != test.want {
			a.Errorf("%s: %d messages, %v", name, len(got), err)
		}
		seen := map[string]bool{}
		for _, m := range got {
			if seen[*m.Sid] {
				a.Errorf("%s: %s is there twice", name, *m.Sid)
			}
			seen[*m.Sid] = true
		}
	}
	page, err := a.api.PageMessage(new(openapi.ListMessageParams).SetPageSize(4), "", "")
	must(a, page, err)
	if page.PageSize != 4 || page.Page != 0 || page.Start != 0 || page.End != 3 || len(page.Messages) != 4 || page.NextPageUri == nil || page.PreviousPageUri != nil {
		a.Errorf("page %+v", page)
	}
	want(a, "direction of the newest", page.Messages[0].Direction, "inbound")
	want(a, "status of the newest", page.Messages[0].Status, "received")
	messages, problems := a.api.StreamMessage(new(openapi.ListMessageParams).SetPageSize(2))
	n := 0
	for range messages {
		n++
	}
	if err := <-problems; err != nil || n != 6 {
		a.Errorf("a stream of %d, %v", n, err)
	}
}

func messageChanged(a *account) {
	sent := a.send(kim, "Secret.")
	a.arrived(sent.Sid)
	got, err := a.api.UpdateMessage(*sent.Sid, new(openapi.UpdateMessageParams).SetBody(""))
	must(a, got, err)
	want(a, "body", got.Body, "")
	if err := a.api.DeleteMessage(*sent.Sid, nil); err != nil {
		a.Fatal(err)
	}
	_, err = a.api.FetchMessage(*sent.Sid, nil)
	wantError(a, err, http.StatusNotFound, 20404)

	set := a.Settings()
	set.Hold = true
	a.SetSettings(set)
	waiting := a.send(kim, "Not yet.")
	got, err = a.api.UpdateMessage(*waiting.Sid, new(openapi.UpdateMessageParams).SetStatus("canceled"))
	must(a, got, err)
	want(a, "status", got.Status, "canceled")
}

func inbound(a *account) {
	a.site.answer("/sms", "<Message>We are here.</Message>")
	d, err := a.Text(a.Context(), twiliosim.Text{From: kim, To: ours, Body: "Are you there? ☎", Media: []twiliosim.Media{{ContentType: "image/png", Data: []byte("png")}}})
	if err != nil || d.Lost {
		a.Fatal(d, err)
	}
	told := a.site.told("/sms")
	if len(told) != 1 || told[0].Get("Body") != "Are you there? ☎" || told[0].Get("From") != kim || told[0].Get("NumMedia") != "1" {
		a.Fatalf("told %v", told)
	}
	got, err := a.api.FetchMessage(told[0].Get("MessageSid"), nil)
	must(a, got, err)
	want(a, "direction", got.Direction, "inbound")
	want(a, "num_media", got.NumMedia, "1")
	replies, err := a.api.ListMessage(new(openapi.ListMessageParams).SetFrom(ours).SetTo(kim))
	must(a, replies, err)
	if len(replies) != 1 {
		a.Fatalf("%d replies", len(replies))
	}
	want(a, "direction of the reply", replies[0].Direction, "outbound-reply")
	want(a, "reply", replies[0].Body, "We are here.")
}

func numbers(a *account) {
	a.SetNumber(twiliosim.Number{PhoneNumber: "+15017122662"})
	for name, test := range map[string]struct {
		params *openapi.ListIncomingPhoneNumberParams
		want   int
	}{
		"all":          {&openapi.ListIncomingPhoneNumberParams{}, 2},
		"pages of one": {new(openapi.ListIncomingPhoneNumberParams).SetPageSize(1), 2},
		"by number":    {new(openapi.ListIncomingPhoneNumberParams).SetPhoneNumber(ours), 1},
	} {
		got, err := a.api.ListIncomingPhoneNumber(test.params)
		if err != nil || len(got) != test.want {
			a.Errorf("%s: %d numbers, %v", name, len(got), err)
		}
	}
	found, err := a.api.ListIncomingPhoneNumber(new(openapi.ListIncomingPhoneNumberParams).SetPhoneNumber(ours))
	must(a, found, err)
	want(a, "sms_url", found[0].SmsUrl, a.site.URL+"/sms")
	want(a, "voice_url", found[0].VoiceUrl, a.site.URL+"/voice")
	want(a, "voice_method", found[0].VoiceMethod, "POST")
	if c := found[0].Capabilities; c == nil || !c.Sms || !c.Voice || !c.Mms {
		a.Errorf("capabilities %+v", c)
	}
	sid := *found[0].Sid
	changed, err := a.api.UpdateIncomingPhoneNumber(sid, new(openapi.UpdateIncomingPhoneNumberParams).SetSmsUrl(a.site.URL+"/other#rc=2").
		SetVoiceUrl(a.site.URL+"/calls").SetVoiceMethod("GET").SetStatusCallback(a.site.URL+"/done").SetFriendlyName("Hotline"))
	must(a, changed, err)
	got, err := a.api.FetchIncomingPhoneNumber(sid, nil)
	must(a, got, err)
	want(a, "sid", got.Sid, sid)
	want(a, "phone_number", got.PhoneNumber, ours)
	want(a, "sms_url", got.SmsUrl, a.site.URL+"/other#rc=2")
	want(a, "voice_url", got.VoiceUrl, a.site.URL+"/calls")
	want(a, "voice_method", got.VoiceMethod, "GET")
	want(a, "status_callback", got.StatusCallback, a.site.URL+"/done")
	want(a, "friendly_name", got.FriendlyName, "Hotline")
	wantTime(a, "date_updated", got.DateUpdated)
	if _, err := a.Text(a.Context(), twiliosim.Text{From: kim, To: ours, Body: "Hello"}); err != nil {
		a.Fatal(err)
	}
	if len(a.site.told("/other")) != 1 || len(a.site.told("/sms")) != 0 {
		a.Error("the text did not go to the new address")
	}
}

// status waits until a call has a status.
func (a *account) status(sid *string, want string) {
	a.Helper()
	a.wait("a call that is "+want, func() bool { leg, _ := a.Leg(*sid); return leg.Status == want })
}

func (a *account) dial(params *openapi.CreateCallParams) *openapi.ApiV2010Call {
	a.Helper()
	c, err := a.api.CreateCall(params.SetFrom(ours).SetTo(kim))
	return must(a, c, err)
}

func call(a *account) {
	a.SetHandset(kim, twiliosim.Handset{Answer: true})
	a.site.answer("/agent", `<Say>Hello.</Say><Pause length="600"/>`)
	made := a.dial(new(openapi.CreateCallParams).SetUrl(a.site.URL + "/agent").SetStatusCallback(a.site.URL + "/progress").
		SetStatusCallbackEvent([]string{"initiated", "ringing", "answered", "completed"}).SetTimeout(30))
	want(a, "status", made.Status, "queued")
	want(a, "direction", made.Direction, "outbound-api")
	want(a, "from", made.From, ours)
	want(a, "to", made.To, kim)
	wantTime(a, "date_created", made.DateCreated)
	if made.Duration != nil || made.EndTime != nil {
		a.Errorf("duration %v, end_time %v", made.Duration, made.EndTime)
	}
	a.status(made.Sid, "in-progress")
	done, err := a.api.UpdateCall(*made.Sid, new(openapi.UpdateCallParams).SetStatus("completed"))
	must(a, done, err)
	a.status(made.Sid, "completed")
	got, err := a.api.FetchCall(*made.Sid, nil)
	must(a, got, err)
	want(a, "status", got.Status, "completed")
	wantTime(a, "start_time", got.StartTime)
	wantTime(a, "end_time", got.EndTime)
	if got.Duration == nil || got.SubresourceUris == nil || (*got.SubresourceUris)["recordings"] == nil {
		a.Errorf("call %+v", got)
	}
	a.wait("the callbacks", func() bool { return len(a.site.told("/progress")) == 4 })
	var statuses []string
	for _, form := range a.site.told("/progress") {
		statuses = append(statuses, form.Get("CallStatus"))
	}
	if got := strings.Join(statuses, " "); got != "initiated ringing in-progress completed" {
		a.Errorf("told of %s", got)
	}
	if _, err := a.Call(a.Context(), twiliosim.Call{From: lee, To: ours}); err != nil {
		a.Fatal(err)
	}
	for name, test := range map[string]struct {
		params *openapi.ListCallParams
		want   int
	}{
		"all":           {&openapi.ListCallParams{}, 2},
		"pages of one":  {new(openapi.ListCallParams).SetPageSize(1), 2},
		"to":            {new(openapi.ListCallParams).SetTo(kim), 1},
		"from":          {new(openapi.ListCallParams).SetFrom(lee), 1},
		"status":        {new(openapi.ListCallParams).SetStatus("busy"), 0},
		"begun since":   {new(openapi.ListCallParams).SetStartTimeAfter(time.Now().Add(-time.Hour)), 2},
		"begun before":  {new(openapi.ListCallParams).SetStartTimeBefore(time.Now().Add(-time.Hour)), 0},
		"children of":   {new(openapi.ListCallParams).SetParentCallSid(*made.Sid), 0},
		"ended earlier": {new(openapi.ListCallParams).SetEndTimeBefore(time.Now().Add(-time.Hour)), 0},
	} {
		got, err := a.api.ListCall(test.params)
		if err != nil || len(got) != test.want {
			a.Errorf("%s: %d calls, %v", name, len(got), err)
		}
	}
}

func callChanged(a *account) {
	a.SetHandset(kim, twiliosim.Handset{Answer: true})
	made := a.dial(new(openapi.CreateCallParams).SetTwiml(`<Response><Pause length="600"/></Response>`))
	a.status(made.Sid, "in-progress")
	wantError(a, a.api.DeleteCall(*made.Sid, nil), http.StatusBadRequest, 20009)
	moved, err := a.api.UpdateCall(*made.Sid, new(openapi.UpdateCallParams).SetTwiml("<Response><Say>Goodbye.</Say><Hangup/></Response>"))
	must(a, moved, err)
	want(a, "status", moved.Status, "in-progress")
	a.status(made.Sid, "completed")
	leg, _ := a.Leg(*made.Sid)
	said := false
	for _, m := range leg.Moments {
		said = said || m.What == "said" && m.Text == "Goodbye."
	}
	if !said {
		a.Errorf("the new document was not done: %v", leg.Moments)
	}
	// By a URL as well.
	a.site.answer("/elsewhere", "<Hangup/>")
	made = a.dial(new(openapi.CreateCallParams).SetTwiml(`<Response><Pause length="600"/></Response>`))
	a.status(made.Sid, "in-progress")
	moved, err = a.api.UpdateCall(*made.Sid, new(openapi.UpdateCallParams).SetUrl(a.site.URL+"/elsewhere").SetMethod("POST"))
	must(a, moved, err)
	a.status(made.Sid, "completed")
	if told := a.site.told("/elsewhere"); len(told) != 1 || told[0].Get("CallSid") != *made.Sid {
		a.Errorf("asked %v", told)
	}
	if err := a.api.DeleteCall(*made.Sid, nil); err != nil {
		a.Fatal(err)
	}
	_, err = a.api.FetchCall(*made.Sid, nil)
	wantError(a, err, http.StatusNotFound, 20404)
}

func callsNotAnswered(a *account) {
	params := func() *openapi.CreateCallParams {
		return new(openapi.CreateCallParams).SetTwiml("<Response><Hangup/></Response>")
	}
	ringing := a.dial(params())
	a.status(ringing.Sid, "ringing")
	_, err := a.api.UpdateCall(*ringing.Sid, new(openapi.UpdateCallParams).SetTwiml("<Response/>"))
	wantError(a, err, http.StatusBadRequest, 21220)
	if _, err := a.api.UpdateCall(*ringing.Sid, new(openapi.UpdateCallParams).SetStatus("canceled")); err != nil {
		a.Fatal(err)
	}
	a.status(ringing.Sid, "canceled")
	a.SetHandset(kim, twiliosim.Handset{Busy: true})
	busy := a.dial(params())
	a.status(busy.Sid, "busy")
	_, err = a.api.UpdateCall(*busy.Sid, new(openapi.UpdateCallParams).SetStatus("completed"))
	wantError(a, err, http.StatusBadRequest, 21220)
}

func voicemail(a *account) {
	a.site.answer("/voice", `<Say>Leave a message.</Say><Record maxLength="60" action="/kept" recordingStatusCallback="/recording" transcribe="true" transcribeCallback="/text"/>`)
	a.site.answer("/kept", "<Hangup/>")
	leave := func(words string) twiliosim.Leg {
		a.Helper()
		leg, err := a.Call(a.Context(), twiliosim.Call{From: kim, To: ours, Acts: []twiliosim.Act{
			{On: "beep", After: seconds(1), Say: words, For: seconds(5)}, {After: seconds(1), HangUp: true},
		}})
		return must(a, leg, err)
	}
	first := leave("Please call me.")
	leave("It is Kim again.")
	recordings, err := a.api.ListRecording(new(openapi.ListRecordingParams).SetPageSize(1))
	must(a, recordings, err)
	if len(recordings) != 2 {
		a.Fatalf("%d recordings", len(recordings))
	}
	for name, test := range map[string]struct {
		params *openapi.ListRecordingParams
		want   int
	}{
		"of a call": {new(openapi.ListRecordingParams).SetCallSid(first.Sid), 1},
		"since":     {new(openapi.ListRecordingParams).SetDateCreatedAfter(time.Now().Add(-time.Hour)), 2},
		"before":    {new(openapi.ListRecordingParams).SetDateCreatedBefore(time.Now().Add(-time.Hour)), 0},
	} {
		got, err := a.api.ListRecording(test.params)
		if err != nil || len(got) != test.want {
			a.Errorf("%s: %d recordings, %v", name, len(got), err)
		}
	}
	ofCall, err := a.api.ListCallRecording(first.Sid, nil)
	must(a, ofCall, err)
	if len(ofCall) != 1 {
		a.Fatalf("%d recordings of the call", len(ofCall))
	}
	want(a, "call_sid", ofCall[0].CallSid, first.Sid)
	want(a, "source", ofCall[0].Source, "RecordVerb")
	sid := *ofCall[0].Sid
	one, err := a.api.FetchCallRecording(first.Sid, sid, nil)
	must(a, one, err)
	want(a, "track", one.Track, "inbound")
	got, err := a.api.FetchRecording(sid, nil)
	must(a, got, err)
	want(a, "status", got.Status, "completed")
	want(a, "call_sid", got.CallSid, first.Sid)
	want(a, "channels", got.Channels, 1)
	wantTime(a, "date_created", got.DateCreated)
	told := a.site.told("/kept")
	if len(told) == 0 || got.MediaUrl == nil || *got.MediaUrl != told[0].Get("RecordingUrl") || *got.Duration != told[0].Get("RecordingDuration") {
		a.Errorf("the action was told %v, the recording is at %v", told, got.MediaUrl)
	}
	a.sound(*got.MediaUrl)

	texts, err := a.api.ListRecordingTranscription(sid, nil)
	must(a, texts, err)
	if len(texts) != 1 {
		a.Fatalf("%d transcriptions", len(texts))
	}
	want(a, "transcription_text", texts[0].TranscriptionText, "Please call me.")
	text, err := a.api.FetchRecordingTranscription(sid, *texts[0].Sid, nil)
	must(a, text, err)
	want(a, "status", text.Status, "completed")
	want(a, "recording_sid", text.RecordingSid, sid)
	if told := a.site.told("/text"); len(told) != 2 || told[0].Get("TranscriptionText") != "Please call me." {
		a.Errorf("the transcription was told as %v", told)
	}
	for _, other := range recordings {
		if *other.Sid == sid {
			continue
		}
		texts, err := a.api.ListRecordingTranscription(*other.Sid, nil)
		must(a, texts, err)
		wantError(a, a.api.DeleteRecordingTranscription(sid, *texts[0].Sid, nil), http.StatusNotFound, 20404) // of another recording
		if err := a.api.DeleteRecordingTranscription(*other.Sid, *texts[0].Sid, nil); err != nil {
			a.Fatal(err)
		}
	}
	if err := a.api.DeleteRecording(sid, nil); err != nil {
		a.Fatal(err)
	}
	_, err = a.api.FetchRecording(sid, nil)
	wantError(a, err, http.StatusNotFound, 20404)
	for _, left := range recordings {
		if *left.Sid == sid {
			continue
		}
		wantError(a, a.api.DeleteCallRecording(first.Sid, *left.Sid, nil), http.StatusNotFound, 20404) // of another call
		if err := a.api.DeleteCallRecording(*left.CallSid, *left.Sid, nil); err != nil {
			a.Fatal(err)
		}
	}
	if left, err := a.api.ListRecording(nil); err != nil || len(left) != 0 {
		a.Errorf("%d recordings are left, %v", len(left), err)
	}
	// Their texts are still there.
	all, err := a.api.ListTranscription(new(openapi.ListTranscriptionParams).SetPageSize(1))
	must(a, all, err)
	if len(all) != 1 {
		a.Fatalf("%d transcriptions", len(all))
	}
	kept, err := a.api.FetchTranscription(*all[0].Sid, nil)
	must(a, kept, err)
	want(a, "transcription_text", kept.TranscriptionText, "Please call me.")
	if err := a.api.DeleteTranscription(*all[0].Sid, nil); err != nil {
		a.Fatal(err)
	}
	_, err = a.api.FetchTranscription(*all[0].Sid, nil)
	wantError(a, err, http.StatusNotFound, 20404)
}

// sound fetches a recording as programs do, which the library leaves to them.
func (a *account) sound(address string) {
	a.Helper()
	r, err := http.NewRequestWithContext(a.Context(), http.MethodGet, address+".mp3", nil)
	must(a, r, err)
	r.SetBasicAuth(twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
	answer, err := http.DefaultClient.Do(r)
	must(a, answer, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "audio/mpeg" {
		a.Errorf("the sound: %d, %s", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
}

// wantError checks what the library makes of a refusal.
func wantError(a *account, err error, status, code int) {
	a.Helper()
	refused, ok := errors.AsType[*client.TwilioRestError](err)
	switch {
	case !ok:
		a.Errorf("got %v, want the error %d", err, code)
	case refused.Status != status || refused.Code != code || refused.Message == "" || !strings.HasPrefix(refused.MoreInfo, "https://www.twilio.com/docs/errors/"):
		a.Errorf("got %+v, want %d and the error %d", refused, status, code)
	}
}

func twilioErrors(a *account) {
	for code, params := range map[int]*openapi.CreateMessageParams{
		21604: new(openapi.CreateMessageParams).SetFrom(ours).SetBody("x"),
		21603: new(openapi.CreateMessageParams).SetTo(kim).SetBody("x"),
		21602: new(openapi.CreateMessageParams).SetFrom(ours).SetTo(kim),
		21211: new(openapi.CreateMessageParams).SetFrom(ours).SetTo("123").SetBody("x"),
		21606: new(openapi.CreateMessageParams).SetFrom(lee).SetTo(kim).SetBody("x"),
		21617: new(openapi.CreateMessageParams).SetFrom(ours).SetTo(kim).SetBody(strings.Repeat("x", 1601)),
		21610: new(openapi.CreateMessageParams).SetFrom(ours).SetTo("+15005550004").SetBody("x"),
	} {
		_, err := a.api.CreateMessage(params)
		wantError(a, err, http.StatusBadRequest, code)
	}
	_, err := a.api.CreateCall(new(openapi.CreateCallParams).SetFrom(ours).SetTo(kim))
	wantError(a, err, http.StatusBadRequest, 21205)
	_, err = a.api.FetchMessage("SM00000000000000000000000000000000", nil)
	wantError(a, err, http.StatusNotFound, 20404)
	_, err = a.api.FetchCall("CA00000000000000000000000000000000", nil)
	wantError(a, err, http.StatusNotFound, 20404)
	// Whoever texts STOP gets no more.
	if _, err := a.Text(a.Context(), twiliosim.Text{From: kim, To: ours, Body: "STOP"}); err != nil {
		a.Fatal(err)
	}
	_, err = a.api.CreateMessage(new(openapi.CreateMessageParams).SetFrom(ours).SetTo(kim).SetBody("x"))
	wantError(a, err, http.StatusBadRequest, 21610)

	stranger := openapi.NewApiServiceWithClient(newClient(rewriter{a.address}, "wrong"))
	_, err = stranger.ListMessage(nil)
	wantError(a, err, http.StatusUnauthorized, 20003)
}
