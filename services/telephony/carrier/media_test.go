package carrier_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// web answers requests by their address.
type web map[string]func() *http.Response

func (w web) RoundTrip(r *http.Request) (*http.Response, error) {
	if answer := w[r.URL.String()]; answer != nil {
		return answer(), nil
	}
	return nil, errors.New("no route")
}

func file(status int, contentType, body string) func() *http.Response {
	return func() *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body))}
	}
}

func redirect(to string) func() *http.Response {
	return func() *http.Response {
		return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {to}}, Body: http.NoBody}
	}
}

const png = "\x89PNG\r\n\x1a\n"

func TestFetch(t *testing.T) {
	const limit = 1 << 20
	const refused = carrier.MediaError("its address is not one of the carrier's")
	for name, tt := range map[string]struct {
		web  web
		mime string
		err  error
	}{
		"there":               {web{"https://a/": file(200, "image/jpeg", png)}, "image/jpeg", nil},
		"with parameters":     {web{"https://a/": file(200, `Image/JPEG; name="x"`, png)}, "image/jpeg", nil},
		"as large as may be":  {web{"https://a/": file(200, "image/jpeg", strings.Repeat("x", limit))}, "image/jpeg", nil},
		"type not told":       {web{"https://a/": file(200, "binary/octet-stream", png)}, "image/png", nil},
		"no type":             {web{"https://a/": file(200, "", png)}, "image/png", nil},
		"words":               {web{"https://a/": file(200, "", "words")}, "text/plain", nil},
		"by redirects":        {web{"https://a/": redirect("/b"), "https://a/b": redirect("//c/d"), "https://c/d": file(200, "image/gif", png)}, "image/gif", nil},
		"a page":              {web{"https://a/": file(200, "text/html", "<html>")}, "", carrier.MediaError("files of type text/html are not taken")},
		"a page without type": {web{"https://a/": file(200, "", "<html>")}, "", carrier.MediaError("files of type text/html are not taken")},
		"a picture with code": {web{"https://a/": file(200, "image/svg+xml", "<svg/>")}, "", carrier.MediaError("files of type image/svg+xml are not taken")},
		"anything":            {web{"https://a/": file(200, "application/octet-stream", "\x00\x01")}, "", carrier.MediaError("files of type application/octet-stream are not taken")},
		"too large":           {web{"https://a/": file(200, "image/jpeg", strings.Repeat("x", limit+1))}, "", carrier.MediaError("it is larger than 1 MB")},
		"in circles":          {web{"https://a/": redirect("https://a/")}, "", carrier.MediaError("its address leads in circles")},
		"to no address":       {web{"https://a/": redirect("%zz")}, "", carrier.MediaError("its address leads nowhere")},
		"away":                {web{"https://a/": redirect("https://evil/"), "https://evil/": file(200, "image/jpeg", png)}, "", refused},
		"deleted":             {web{"https://a/": file(410, "", "")}, "", carrier.ErrDeleted},
		"not yet":             {web{"https://a/": file(404, "", "")}, "", carrier.ErrNotReady},
		"a redirect to none":  {web{"https://a/": redirect("")}, "", carrier.ErrNotReady},
		"no answer":           {web{}, "", carrier.ErrNotReady},
	} {
		t.Run(name, func(t *testing.T) {
			data, mimeType, err := carrier.Fetch(t.Context(), tt.web, "https://a/", limit, func(r *http.Request) bool {
				return r.URL.Host == "a" || r.URL.Host == "c"
			})
			if !errors.Is(err, tt.err) || mimeType != tt.mime {
				t.Errorf("%q, %v; want %q, %v", mimeType, err, tt.mime, tt.err)
			}
			if err == nil && len(data) == 0 {
				t.Error("the file is empty")
			}
		})
	}
	if _, _, err := carrier.Fetch(t.Context(), web{}, "https://%zz", limit, func(*http.Request) bool { return true }); err != refused {
		t.Errorf("with no address: %v", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (broken) Close() error             { return nil }

// A file that breaks off is not there yet, and of one that has no end no more is read than it takes to know.
func TestFetchBody(t *testing.T) {
	ask := func(*http.Request) bool { return true }
	answer := func(body io.ReadCloser) web {
		return web{"https://a/": func() *http.Response {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"image/png"}}, Body: body}
		}}
	}
	if _, _, err := carrier.Fetch(t.Context(), answer(broken{}), "https://a/", 10, ask); !errors.Is(err, carrier.ErrNotReady) {
		t.Errorf("broken off: %v", err)
	}
	const limit = 100
	all := bytes.NewReader(make([]byte, 3*limit))
	if _, _, err := carrier.Fetch(t.Context(), answer(io.NopCloser(all)), "https://a/", limit, ask); err != carrier.MediaError(fmt.Sprintf("it is larger than %d MB", limit>>20)) {
		t.Errorf("too large: %v", err)
	}
	if read := all.Size() - int64(all.Len()); read != limit+1 {
		t.Errorf("%d bytes are read", read)
	}
}
