package twiliosim

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// maxMediaBytes is the limit of all files of a message together.
// See https://www.twilio.com/docs/messaging/guides/accepted-mime-types.
const maxMediaBytes = 5 << 20

// How a message ends whose files cannot be had. What the codes mean is documented at
// https://www.twilio.com/docs/api/errors; that the message itself fails with them, and not with 30008 or a code of the
// carrier such as 30019, is unverified.
const (
	mediaUnreachable = 11200
	mediaTooLarge    = 11751
	mediaRefused     = 12300
)

// mediaTypes are what Twilio takes for MMS.
// See https://www.twilio.com/docs/messaging/guides/accepted-mime-types.
var mediaTypes = strings.Fields(`
	image/jpeg image/jpg image/gif image/png image/bmp image/tiff image/heic image/heif
	audio/basic audio/l24 audio/mp4 audio/mpeg audio/ogg audio/vorbis audio/vnd.rn-realaudio audio/vnd.wave audio/3gpp
	audio/3gpp2 audio/ac3 audio/webm audio/amr-nb audio/amr
	video/mpeg video/mp4 video/quicktime video/webm video/3gpp video/3gpp2 video/3gpp-tt video/h261 video/h263
	video/h263-1998 video/h263-2000 video/h264
	text/vcard text/x-vcard text/csv text/rtf text/richtext text/calendar text/directory
	application/pdf application/vcard application/vnd.apple.pkpass`)

// newFetcher returns a client that follows redirects and sends no credentials, unlike the one that posts webhooks.
func newFetcher(poster *http.Client) *http.Client {
	fetcher := *poster
	fetcher.Jar = nil
	fetcher.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		req.URL.User = nil
		return nil
	}
	return &fetcher
}

// awaited reports whether a file has not been fetched yet.
func (m Media) awaited() bool { return m.URL != "" && len(m.Data) == 0 }

// fetchFiles returns the files of a message with their data, in a new slice.
func (s *Sim) fetchFiles(ctx context.Context, sid string, files []Media) ([]Media, *failure) {
	files = slices.Clone(files)
	room := maxMediaBytes
	for i := range files {
		file := &files[i]
		if !file.awaited() {
			continue
		}
		status, f := s.fetchFile(ctx, file, room)
		e := Event{Kind: EventMedia, Method: http.MethodGet, Path: file.URL, Status: status, Sid: sid}
		if f != nil {
			e.Error = f.Error()
		}
		s.journal.add(e)
		if f != nil {
			return nil, f
		}
		room -= len(file.Data)
	}
	return files, nil
}

// fetchFile fills in one file, of at most room bytes. How long Twilio waits is unverified.
func (s *Sim) fetchFile(ctx context.Context, file *Media, room int) (status int, f *failure) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.MediaTimeout, errTooSlow)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, withoutUser(file.URL), nil)
	if err != nil {
		return 0, &failure{code: mediaUnreachable, text: err.Error()}
	}
	req.Header.Set("User-Agent", "TwilioProxy/1.1")
	req.Header.Set("Accept", "*/*")
	res, err := s.fetcher.Do(req)
	if err != nil {
		return 0, &failure{code: mediaUnreachable, text: "no answer: " + cause(ctx, err).Error()}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return res.StatusCode, &failure{code: mediaUnreachable, text: "the answer is " + res.Status}
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, int64(room)+1))
	contentType, _, typeErr := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case err != nil:
		f = &failure{code: mediaUnreachable, text: "the answer broke off: " + cause(ctx, err).Error()}
	case len(data) > room:
		f = &failure{code: mediaTooLarge, text: fmt.Sprintf("the files have more than %d bytes", maxMediaBytes)}
	case len(data) == 0:
		f = &failure{code: mediaUnreachable, text: "the file is empty"}
	case typeErr != nil || !slices.Contains(mediaTypes, contentType):
		f = &failure{code: mediaRefused, text: fmt.Sprintf("the file has the content type %q", res.Header.Get("Content-Type"))}
	default:
		file.ContentType, file.Data = contentType, data
	}
	return res.StatusCode, f
}
