package gateway

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/signature"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

// Somebody else's address gets nothing, and telephony is not even asked; what is handed out cannot run under our name.
func TestFile(t *testing.T) {
	h, b := newGateway(t)
	id := base64.RawURLEncoding.EncodeToString([]byte("twelve bytes"))
	good := signature.File(token, id, time.Now().Add(time.Hour))
	for name, address := range map[string]string{
		"forged": signature.File("guess", id, time.Now().Add(time.Hour)), "expired": signature.File(token, id, time.Now().Add(-time.Second)),
		"none": "x", "cut": good[:20], "climbing": "..%2f..%2fetc%2fpasswd",
	} {
		if status, body, _ := serve(h, httptest.NewRequest(http.MethodGet, "/bling/file/"+address, nil)); status != http.StatusNotFound || strings.Contains(body, "<script>") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if len(b.taken()) > 0 {
		t.Errorf("telephony was asked: %v", b.taken())
	}
	status, body, header := serve(h, httptest.NewRequest(http.MethodGet, "/bling/file/"+good, nil))
	if status != http.StatusOK || body != "<script>" || header.Get("Content-Type") != "application/octet-stream" ||
		!strings.HasPrefix(header.Get("Content-Disposition"), "attachment;") || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %s %v", status, body, header)
	}
	if r, ok := b.taken()[0].(*telephonyv1.GetFileRequest); !ok || r.GetId() != id {
		t.Errorf("%v", b.taken())
	}
	b.fail = errs.New(errs.NotFound, "gone")
	if status, _, _ := serve(h, httptest.NewRequest(http.MethodGet, "/bling/file/"+good, nil)); status != http.StatusNotFound {
		t.Error(status)
	}
	b.fail = errs.New(errs.Unavailable, "down")
	if status, _, _ := serve(h, httptest.NewRequest(http.MethodGet, "/bling/file/"+good, nil)); status != http.StatusServiceUnavailable {
		t.Error(status)
	}
}

// F1, promise 8: a text is tried again at the fallback, and only if it is really lost the supporter is told so.
func TestFallback(t *testing.T) {
	hotlines := hotline.Hotlines{hotline.New("+15017122661", 1)}
	hotlines[0].Texts.Failure = "Sorry & goodbye"
	h, b := newGateway(t, func(c *Config) { c.Hotlines, c.InsistFor = hotlines, 10*time.Millisecond })
	form := url.Values{"MessageSid": {"SM1"}, "From": {"+16175550142"}, "To": {"+15017122661"}, "Body": {"hi"}, "ErrorCode": {"11200"}}
	post := func(change ...string) (int, string) {
		f := url.Values{}
		for name, values := range form {
			f[name] = values
		}
		for i := 0; i < len(change); i += 2 {
			f.Set(change[i], change[i+1])
		}
		status, body, _ := serve(h, twilioRequest("/bling/twilio_sms_fallback", f))
		return status, body
	}
	if status, body := post(); status != http.StatusOK || body != "<Response></Response>" {
		t.Errorf("stored: %d %s", status, body)
	}
	b.slow = 200 * time.Millisecond // the last attempt is answered when its time is over
	if status, body := post(); status != http.StatusOK || body != "<Response></Response>" {
		t.Errorf("stored at last: %d %s", status, body)
	}
	b.slow = 0
	b.fail = errs.New(errs.Unavailable, "no database")
	if status, body := post(); status != http.StatusOK || body != "<Response><Message>Sorry &amp; goodbye</Message></Response>" {
		t.Errorf("lost: %d %s", status, body)
	}
	for name, change := range map[string][]string{
		"a short code": {"From", "12345"}, "toll-free": {"From", "+18005551212"}, "withheld": {"From", "anonymous"}, "another number": {"To", "+15017122662"},
	} {
		if status, body := post(change...); status != http.StatusOK || body != "<Response></Response>" {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	forged := twilioRequest("/bling/twilio_sms_fallback", form)
	forged.Header.Set("X-Twilio-Signature", "AAAA")
	if status, _, _ := serve(h, forged); status != http.StatusForbidden {
		t.Error(status)
	}
}
