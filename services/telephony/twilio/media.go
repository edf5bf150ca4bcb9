package twilio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/telemetry"
)

// mediaHosts are where Twilio's media addresses lead by redirects, besides the API's own host.
// See https://www.twilio.com/docs/messaging/api/media-resource.
var mediaHosts = []string{
	"api.twilio.com", "mms.twiliocdn.com", "media.twiliocdn.com", "s3-external-1.amazonaws.com",
}

// ErrNotReady means that Twilio does not have the file yet, or does not answer: try again.
var ErrNotReady = errors.New("media is not there yet")

// MediaError says in words that an agent understands why a file will never be fetched.
type MediaError string

func (e MediaError) Error() string { return string(e) }

// ErrDeleted means that Twilio has the file no more.
const ErrDeleted = MediaError("the carrier has deleted it")

// FetchMedia downloads a file of a message, at most limit bytes, and returns it with its MIME type.
//
// The address comes from a webhook, so only the API's host and Twilio's media hosts are asked, over HTTPS unless the
// API itself is set to HTTP, at every redirect. Credentials go to the API's host alone. The error is ErrNotReady, or a
// MediaError when trying again is no use.
func (c *Client) FetchMedia(ctx context.Context, address string, limit int64) (data []byte, mimeType string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for range 5 {
		u, err := url.Parse(address)
		if err != nil || !c.mayFetch(u) {
			return nil, "", MediaError("its address is not one of the carrier's")
		}
		res, err := c.get(ctx, u)
		if err != nil {
			return nil, "", fmt.Errorf("%w: %w", ErrNotReady, telemetry.WithoutURL(err))
		}
		next, err := u.Parse(res.Header.Get("Location"))
		if redirect := res.StatusCode >= 300 && res.StatusCode < 400 && err == nil && res.Header.Get("Location") != ""; redirect {
			res.Body.Close()
			address = next.String()
			continue
		}
		return read(res, limit)
	}
	return nil, "", MediaError("its address leads in circles")
}

func (c *Client) mayFetch(u *url.URL) bool {
	if u.Host == c.base.Host && u.Scheme == c.base.Scheme {
		return true
	}
	return u.Scheme == "https" && u.Port() == "" && u.User == nil && slices.Contains(mediaHosts, strings.ToLower(u.Host))
}

func (c *Client) get(ctx context.Context, u *url.URL) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if u.Host == c.base.Host {
		r.SetBasicAuth(c.sid, c.token)
	}
	return c.http.Do(r)
}

func read(res *http.Response, limit int64) ([]byte, string, error) {
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusOK:
	case res.StatusCode == http.StatusGone:
		return nil, "", ErrDeleted
	default: // 404 too: right after the webhook the file may not be there yet
		return nil, "", fmt.Errorf("%w: status %d", ErrNotReady, res.StatusCode)
	}
	mimeType, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil {
		mimeType = "application/octet-stream"
	}
	if !allowed(mimeType) {
		return nil, "", MediaError("files of type " + mimeType + " are not taken")
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	if int64(len(data)) > limit {
		return nil, "", MediaError(fmt.Sprintf("it is larger than %d MB", limit>>20))
	}
	return data, mimeType, nil
}

// allowed reports whether agents may get a file of this type: what phones send, and nothing that a browser runs.
// See https://www.twilio.com/docs/messaging/guides/accepted-mime-types.
func allowed(mimeType string) bool {
	kind, sub, _ := strings.Cut(mimeType, "/")
	switch kind {
	case "image":
		return !strings.Contains(sub, "svg")
	case "audio", "video":
		return true
	}
	return slices.Contains([]string{"text/plain", "text/vcard", "text/x-vcard", "text/csv", "text/calendar", "application/pdf", "application/vcard", "application/vnd.apple.pkpass"}, mimeType)
}
