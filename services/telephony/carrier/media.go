package carrier

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/telemetry"
)

// maxHops is how many addresses are asked on the way to a file.
const maxHops = 5

// Fetch does what [Carrier.FetchMedia] promises, where files are fetched by HTTP. transport follows no redirects, so ask sees the request
// to each address on the way: it reports whether the address is one of the carrier's, and adds the credentials that belong there.
// How long it may take says ctx.
func Fetch(ctx context.Context, transport http.RoundTripper, address string, limit int64, ask func(*http.Request) bool) (data []byte, mimeType string, err error) {
	for range maxHops {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil || !ask(r) {
			return nil, "", MediaError("its address is not one of the carrier's")
		}
		res, err := transport.RoundTrip(r)
		if err != nil {
			return nil, "", fmt.Errorf("%w: %w", ErrNotReady, telemetry.WithoutURL(err))
		}
		if location := res.Header.Get("Location"); res.StatusCode/100 == 3 && location != "" {
			res.Body.Close()
			next, err := r.URL.Parse(location)
			if err != nil {
				return nil, "", MediaError("its address leads nowhere")
			}
			address = next.String()
			continue
		}
		return read(res, limit)
	}
	return nil, "", MediaError("its address leads in circles")
}

func read(res *http.Response, limit int64) ([]byte, string, error) {
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusGone:
		return nil, "", ErrDeleted
	default: // 404 too: right after the webhook the file may not be there yet
		return nil, "", fmt.Errorf("%w: status %d", ErrNotReady, res.StatusCode)
	}
	mimeType, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	unknown := err != nil || slices.Contains(untyped, mimeType)
	if !unknown && !allowed(mimeType) {
		return nil, "", notTaken(mimeType)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	if int64(len(data)) > limit {
		return nil, "", MediaError(fmt.Sprintf("it is larger than %d MB", limit>>20))
	}
	if unknown {
		mimeType, _, _ = strings.Cut(http.DetectContentType(data), ";")
		if !allowed(mimeType) {
			return nil, "", notTaken(mimeType)
		}
	}
	return data, mimeType, nil
}

func notTaken(mimeType string) error {
	return MediaError("files of type " + mimeType + " are not taken")
}

// untyped is what stores of files say of one whose type they were not told.
var untyped = []string{"application/octet-stream", "binary/octet-stream"}

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
