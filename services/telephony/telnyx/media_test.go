package telnyx

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/services/telephony/carrier"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Only Telnyx is asked for files, over HTTPS; only the API gets the key.
func TestFetchMedia(t *testing.T) {
	c, err := New("https://api.telnyx.com", "secret")
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"https://api.telnyx.com/v2/media/1":                          "Bearer secret",
		"https://media.telnyx.com/abc?token=1":                       "",
		"https://media.TELNYX.com/abc":                               "",
		"https://tlnx-mms-media.s3.amazonaws.com/mms/a/b.jpeg":       "",
		"https://tlnx-mms-media.s3.us-east-1.amazonaws.com/mms/a/b":  "",
		"https://moved.telnyx.com/api":                               "Bearer secret", // by a redirect
		"https://moved.telnyx.com/evil":                              "refused",
		"http://api.telnyx.com/v2/media/1":                           "refused",
		"http://media.telnyx.com/abc":                                "refused",
		"https://media.telnyx.com:8443/abc":                          "refused",
		"https://user@media.telnyx.com/abc":                          "refused",
		"https://user:secret@api.telnyx.com/abc":                     "refused",
		"https://eviltelnyx.com/abc":                                 "refused",
		"https://media.telnyx.com.evil.example/abc":                  "refused",
		"https://media.telnyx.com@evil.example/abc":                  "refused",
		"https://evil.s3.amazonaws.com/tlnx-mms-media":               "refused",
		"https://s3.amazonaws.com/tlnx-mms-media/a":                  "refused",
		"https://us-east-1.telnyxcloudstorage.com/somebodys/picture": "refused",
		"https://127.0.0.1/":                                         "refused",
		"file:///etc/passwd":                                         "refused",
		"//media.telnyx.com/abc":                                     "refused",
		"":                                                           "refused",
		"https://%zz":                                                "refused",
	} {
		var asked []string
		key := ""
		c.transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.Host)
			key = r.Header.Get("Authorization")
			res := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"image/png"}}, Body: io.NopCloser(strings.NewReader("cat"))}
			if where, moved := strings.CutPrefix(r.URL.String(), "https://moved.telnyx.com/"); moved {
				to := map[string]string{"api": "https://api.telnyx.com/v2/media/1", "evil": "https://evil.example/"}[where]
				res = &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {to}}, Body: http.NoBody}
			}
			return res, nil
		})
		data, _, err := c.FetchMedia(t.Context(), address, 10)
		_, refused := errors.AsType[carrier.MediaError](err)
		switch {
		case want == "refused" && (!refused || slices.Contains(asked, "evil.example")):
			t.Errorf("%s: %v, asked %q", address, err, asked)
		case want != "refused" && (string(data) != "cat" || err != nil || key != want):
			t.Errorf("%s: %q, %v, with the key %q", address, data, err, key)
		}
	}
}
