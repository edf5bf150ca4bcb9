package twiliosim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// listed returns the bodies of a list's messages.
func listed(a answer) string {
	var all []string
	messages, _ := a.json["messages"].([]any)
	for _, m := range messages {
		all = append(all, m.(map[string]any)["body"].(string))
	}
	return strings.Join(all, " ")
}

func TestListLag(t *testing.T) {
	c := newClock()
	w := newWorld(t, twiliosim.Config{Now: c.Now, ListLag: 3 * time.Second})
	sid := w.call("POST", "/Messages.json", outgoing(supporter, "hi")).str("sid")
	if got := listed(w.call("GET", "/Messages.json", nil)); got != "" {
		t.Errorf("listed at once: %s", got)
	}
	if a := w.call("GET", "/Messages/"+sid+".json", nil); a.status != 200 {
		t.Errorf("fetched at once: status %d", a.status)
	}
	c.add(3 * time.Second)
	if got := listed(w.call("GET", "/Messages.json", nil)); got != "hi" {
		t.Errorf("listed after the lag: %q", got)
	}
}

func TestListFilters(t *testing.T) {
	c := newClock() // noon of 4 March
	w := newWorld(t, twiliosim.Config{Now: c.Now})
	w.text("in4")
	c.add(24 * time.Hour)
	w.call("POST", "/Messages.json", outgoing(supporter, "out5"))
	w.call("POST", "/Messages.json", outgoing("+14155550199", "other5"))
	w.wait("deliveries", func(s *twiliosim.Sim) bool { return settled(s.Messages()) })
	w.SetSettings(twiliosim.Settings{Hold: true})
	w.call("POST", "/Messages.json", outgoing(supporter, "queued"))
	tests := []struct {
		query, want string
	}{
		{"", "queued other5 out5 in4"},
		{"To=" + url.QueryEscape(supporter), "queued out5"},
		{"From=" + url.QueryEscape(hotline), "queued other5 out5"},
		{"To=" + url.QueryEscape(hotline) + "&From=" + url.QueryEscape(supporter), "in4"},
		{"To=%2B19995550000", ""},
		{"DateSent=2026-03-04", "in4"},
		{"DateSent=2026-03-05T23:00:00Z", "other5 out5"},
		{"DateSent%3E=2026-03-05", "other5 out5"},
		{"DateSent%3E=2026-03-04T12%3A00%3A00Z", "other5 out5 in4"},
		{"DateSent%3E=2026-03-04T12%3A00%3A01Z", "other5 out5"},
		{"DateSent%3C=2026-03-05", "in4"},
		{"DateSent%3C=2026-03-05T12:00:00Z&DateSent%3E=2026-03-05", "other5 out5"},
	}
	for _, test := range tests {
		a := w.call("GET", "/Messages.json?"+test.query, nil)
		if got := listed(a); a.status != 200 || got != test.want {
			t.Errorf("%s: status %d, listed %q, want %q", test.query, a.status, got, test.want)
		}
	}
	for _, query := range []string{"Body=x", "Status=sent", "DateSent=today", "PageSize=0", "PageSize=1001", "Page=-1", "PageToken=x", "To=a&To=b"} {
		if a := w.call("GET", "/Messages.json?"+query, nil); a.status != 400 || a.code() != 20001 {
			t.Errorf("%s: status %d: %s", query, a.status, a.body)
		}
	}
}

func TestPaging(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	for i := range 5 {
		w.text(fmt.Sprint(i))
	}
	a := w.call("GET", "/Messages.json?PageSize=2&To="+url.QueryEscape(hotline), nil)
	var pages []string
	for {
		pages = append(pages, listed(a))
		next := a.str("next_page_uri")
		if next == "" {
			break
		}
		w.text("new") // must not shift the pages
		a = w.call("GET", next, nil)
	}
	if got := strings.Join(pages, ", "); got != "4 3, 2 1, 0" {
		t.Errorf("pages %s", got)
	}
	if a.json["page"] != 2.0 || a.json["page_size"] != 2.0 || a.json["start"] != 4.0 || a.json["end"] != 4.0 {
		t.Errorf("last page %s", a.body)
	}
	if got := listed(w.call("GET", "/Messages.json?PageSize=2&Page=1", nil)); got != "4 3" {
		t.Errorf("page without a token: %s", got)
	}
}

func TestEdits(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	sid := w.text("secret").MessageSid
	path := "/Messages/" + sid + ".json"
	tests := []struct {
		name, method string
		form         url.Values
		status, code int
	}{
		{"change the body", "POST", url.Values{"Body": {"x"}}, 400, 20001},
		{"cancel what has arrived", "POST", url.Values{"Status": {"canceled"}}, 400, 30409},
		{"other status", "POST", url.Values{"Status": {"sent"}}, 400, 20001},
		{"unknown parameter", "POST", url.Values{"To": {"x"}}, 400, 20001},
		{"redact", "POST", url.Values{"Body": {""}}, 200, 0},
		{"delete", "DELETE", nil, 204, 0},
		{"delete again", "DELETE", nil, 404, 20404},
	}
	for _, test := range tests {
		a := w.call(test.method, path, test.form)
		if a.status != test.status || a.code() != test.code {
			t.Errorf("%s: status %d: %s", test.name, a.status, a.body)
		}
	}
	if m, _ := w.Message(sid); m.Body != "" || !m.Deleted {
		t.Errorf("message %+v", m)
	}
	if got := w.call("GET", "/Messages.json", nil); strings.Contains(got.body, sid) {
		t.Error("a deleted message is listed")
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.SetSettings(twiliosim.Settings{Hold: true})
	form := outgoing(supporter, "hi")
	form.Set("StatusCallback", w.gateway.URL+"/status")
	sid := w.call("POST", "/Messages.json", form).str("sid")
	a := w.call("POST", "/Messages/"+sid+".json", url.Values{"Status": {"canceled"}})
	if a.status != 200 || a.str("status") != "canceled" {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	w.SetSettings(twiliosim.Settings{})
	w.call("POST", "/Messages.json", outgoing(supporter, "second"))
	w.wait("second", func(s *twiliosim.Sim) bool { return len(s.Inbox(supporter)) > 0 })
	if got := bodies(w.Inbox(supporter)); got != "[second]" || len(w.gateway.requests()) != 0 {
		t.Errorf("inbox %s, %d callbacks", got, len(w.gateway.requests()))
	}
}

func TestMedia(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	d, err := w.Text(t.Context(), twiliosim.Text{From: supporter, To: hotline, Media: []twiliosim.Media{
		{ContentType: "image/jpeg", Data: []byte("first")}, {ContentType: "text/html", Data: []byte("<script>")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	form := w.gateway.requests()[0].PostForm
	if form.Get("NumMedia") != "2" || form.Get("MediaContentType0") != "image/jpeg" || d.MessageSid[:2] != "MM" {
		t.Errorf("webhook %v", form)
	}
	link := form.Get("MediaUrl1")
	if !strings.HasPrefix(link, w.api.URL+"/2010-04-01/Accounts/") {
		t.Fatalf("media at %s", link)
	}
	path := strings.TrimPrefix(link, w.api.URL)
	if a := get(t, link); a.status != http.StatusUnauthorized || a.code() != 20003 {
		t.Errorf("without credentials: status %d", a.status)
	}
	redirect := w.call("GET", path, nil)
	if redirect.status != http.StatusTemporaryRedirect {
		t.Fatalf("status %d, want a redirect", redirect.status)
	}
	file := get(t, redirect.header.Get("Location"))
	if file.body != "<script>" || file.header.Get("Content-Type") != "text/html" || file.header.Get("Content-Security-Policy") != "sandbox" {
		t.Errorf("file %q of type %s", file.body, file.header.Get("Content-Type"))
	}
	if a := get(t, redirect.header.Get("Location")+"x"); a.status != http.StatusForbidden {
		t.Errorf("a wrong link: status %d", a.status)
	}
	if a := w.call("GET", path+".json", nil); a.str("content_type") != "text/html" || a.str("parent_sid") != d.MessageSid {
		t.Errorf("description %s", a.body)
	}
	if a := w.call("GET", "/Messages/"+d.MessageSid+"/Media.json", nil); len(a.json["media_list"].([]any)) != 2 {
		t.Errorf("list %s", a.body)
	}
	if a := w.call("GET", "/Messages/"+d.MessageSid+"/Media/MEx", nil); a.status != 404 {
		t.Errorf("an unknown file: status %d", a.status)
	}
	if a := w.call("DELETE", path+".json", nil); a.status != http.StatusNoContent {
		t.Errorf("deleting: status %d", a.status)
	}
	if a := get(t, redirect.header.Get("Location")); a.status != 404 {
		t.Errorf("a deleted file: status %d", a.status)
	}
}

// get asks without credentials.
func get(t *testing.T, link string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", link, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := do(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestNumbers(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.SetNumber(twiliosim.Number{PhoneNumber: "+16175550100"})
	list := w.call("GET", "/IncomingPhoneNumbers.json?PhoneNumber="+url.QueryEscape("+1617"), nil)
	found := list.json["incoming_phone_numbers"].([]any)
	if len(found) != 1 {
		t.Fatalf("list %s", list.body)
	}
	path := "/IncomingPhoneNumbers/" + found[0].(map[string]any)["sid"].(string) + ".json"
	if a := w.call("POST", path, url.Values{"SmsFallbackUrl": {"https://x.org"}}); a.code() != 21406 {
		t.Errorf("a fallback alone: %s", a.body)
	}
	for _, form := range []url.Values{{"SmsUri": {"https://x.org"}}, {"SmsMethod": {"GET"}}, {"SmsUrl": {"x.org"}}} {
		if a := w.call("POST", path, form); a.status != 400 {
			t.Errorf("%v: status %d", form, a.status)
		}
	}
	a := w.call("POST", path, url.Values{"SmsUrl": {w.gateway.URL + "/sms#rc=2"}, "VoiceUrl": {"https://x.org/voice"}, "FriendlyName": {"Bling"}})
	if a.status != 200 || a.str("sms_url") != w.gateway.URL+"/sms#rc=2" || a.str("voice_url") != "https://x.org/voice" ||
		a.str("friendly_name") != "Bling" || a.json["voice_caller_id_lookup"] != false {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	d, err := w.Text(t.Context(), twiliosim.Text{From: supporter, To: "+16175550100", Body: "hi"})
	if err != nil || d.Lost {
		t.Errorf("delivery %+v, error %v", d, err)
	}
	w.call("POST", path, url.Values{"SmsApplicationSid": {"AP00000000000000000000000000000000"}})
	if d, err := w.Text(t.Context(), twiliosim.Text{From: supporter, To: "+16175550100"}); err != nil || !d.Lost {
		t.Errorf("an application should override the URL: %+v, error %v", d, err)
	}
}

func TestStateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "twilio.json")
	w := newWorld(t, twiliosim.Config{StateFile: path})
	if _, err := w.Text(t.Context(), twiliosim.Text{From: supporter, To: hotline, Body: "STOP", Media: []twiliosim.Media{
		{ContentType: "image/png", Data: []byte{1, 2, 3}},
	}}); err != nil {
		t.Fatal(err)
	}
	w.call("POST", "/Messages.json", outgoing("+14155550199", "arrived"))
	w.wait("arrival", func(s *twiliosim.Sim) bool { return len(s.Inbox("+14155550199")) == 1 })
	w.SetSettings(twiliosim.Settings{Hold: true})
	w.call("POST", "/Messages.json", outgoing("+14155550199", "queued"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	before := w.Messages()

	again := newWorld(t, twiliosim.Config{StateFile: path})
	again.wait("what was queued", func(s *twiliosim.Sim) bool { return bodies(s.Inbox("+14155550199")) == "[arrived queued]" })
	after := again.Messages()
	if len(after) != len(before) || string(after[0].Media[0].Data) != "\x01\x02\x03" || !after[0].DateSent.Equal(before[0].DateSent) {
		t.Errorf("messages %+v, want %+v", after, before)
	}
	if got := again.Received(supporter); len(got) != 1 || !got[0].System {
		t.Errorf("inbox %+v", got)
	}
	if a := again.call("POST", "/Messages.json", outgoing(supporter, "hi")); a.code() != 21610 {
		t.Errorf("after STOP: %s", a.body)
	}
	if got := again.Numbers(); len(got) != 1 || got[0].PhoneNumber != hotline {
		t.Errorf("numbers %+v", got)
	}
}
