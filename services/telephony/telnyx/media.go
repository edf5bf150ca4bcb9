package telnyx

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// Where files of incoming messages are: media.telnyx.com in Telnyx's examples
// (https://github.com/team-telnyx/telnyx-code-examples/tree/main/receive-mms-webhook-python), a bucket of Telnyx's in webhooks that people have
// published. Telnyx documents neither.
const domain = ".telnyx.com"

var buckets = []string{"tlnx-mms-media.s3.amazonaws.com", "tlnx-mms-media.s3.us-east-1.amazonaws.com"}

// FetchMedia downloads a file of an incoming message: see [carrier.Carrier]. The address is from a webhook, so only Telnyx's own hosts are
// asked, over HTTPS, and the API's host; our key goes to the API's host alone. Files do not stay: Telnyx says to fetch and keep them
// (https://developers.telnyx.com/docs/messaging/messages/send-receive-mms).
func (c *Client) FetchMedia(ctx context.Context, address string, limit int64) (data []byte, mimeType string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return carrier.Fetch(ctx, c.transport, address, limit, c.ask)
}

// ask reports whether a request goes to Telnyx, and adds the key for the API.
func (c *Client) ask(r *http.Request) bool {
	if r.URL.User != nil {
		return false
	}
	if r.URL.Scheme == c.base.Scheme && r.URL.Host == c.base.Host {
		r.Header.Set("Authorization", "Bearer "+c.key)
		return true
	}
	host := strings.ToLower(r.URL.Host) // with a port, if there is one
	return r.URL.Scheme == "https" && (strings.HasSuffix(host, domain) || slices.Contains(buckets, host))
}
