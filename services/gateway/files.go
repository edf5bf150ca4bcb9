package gateway

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/signature"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

// shown are the types that a browser may show. Everything else is only to be saved: a page of somebody else's under our
// name could pretend to be us.
var shown = []string{"image/jpeg", "image/png", "image/gif"}

// file hands out a file that goes with a text, to whoever has its address: the carrier, or the supporter. An address that
// we did not make, or that has expired, gets 404 without telephony being asked.
func (s *Service) file(w http.ResponseWriter, r *http.Request) {
	id, ok := signature.VerifyFile(s.FileSecrets, r.PathValue("address"), time.Now())
	if !ok {
		s.refuse(w, r, "file", s.source(r), http.StatusNotFound, "there is no such file any more")
		return
	}
	f, err := s.telephony.GetFile(r.Context(), &telephonyv1.GetFileRequest{Id: id})
	switch errs.KindOf(err) {
	case "":
	case errs.NotFound:
		http.Error(w, "there is no such file any more", http.StatusNotFound)
		return
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, "the file cannot be had now; try again", http.StatusServiceUnavailable)
		return
	}
	// Ten megabytes on a phone take longer than a webhook's answer may. Where there is no deadline there is none to change.
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * time.Minute)) //nolint:errcheck // see above
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	disposition := "attachment"
	if slices.Contains(shown, f.GetMimeType()) {
		h.Set("Content-Type", f.GetMimeType())
		disposition = "inline"
	}
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": f.GetName()}))
	h.Set("Content-Length", strconv.Itoa(len(f.GetData())))
	w.Write(f.GetData()) //nolint:errcheck // the asker is gone
}
