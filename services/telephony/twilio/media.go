package twilio

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// mediaHosts are where Twilio's media addresses lead by redirects, besides the API's own host.
// See https://www.twilio.com/docs/messaging/api/media-resource.
var mediaHosts = []string{
	"api.twilio.com", "mms.twiliocdn.com", "media.twiliocdn.com", "s3-external-1.amazonaws.com",
}

// FetchMedia downloads a file of a message, as carrier.Carrier has it: from the API's host and Twilio's media hosts, over HTTPS unless the
// API itself is set to HTTP. Credentials go to the API's host alone.
func (c *Client) FetchMedia(ctx context.Context, address string, limit int64) (data []byte, mimeType string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return carrier.Fetch(ctx, c.http.Transport, address, limit, func(r *http.Request) bool {
		if r.URL.Host == c.base.Host {
			r.SetBasicAuth(c.sid, c.token)
		}
		return c.mayFetch(r.URL)
	})
}

func (c *Client) mayFetch(u *url.URL) bool {
	if u.Host == c.base.Host && u.Scheme == c.base.Scheme {
		return true
	}
	return u.Scheme == "https" && u.Port() == "" && u.User == nil && slices.Contains(mediaHosts, strings.ToLower(u.Host))
}
