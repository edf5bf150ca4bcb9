package helpscoutsim

import (
	"bytes"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// shownImages are the images that browsers show and that can do nothing. SVG is none of them: it may have scripts.
var shownImages = []string{"image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp", "image/avif", "image/bmp"}

// kindOf says how a file is shown, by its type: as an image, as audio, or "" as something to be saved.
func kindOf(contentType string) string {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return ""
	case slices.Contains(shownImages, media):
		return "image"
	case strings.HasPrefix(media, "audio/"):
		return "audio"
	}
	return ""
}

// handleAttachment serves a file of a thread. It comes from a stranger and has our origin, so a browser must run nothing of it.
func (s *Sim) handleAttachment(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	file, found := s.attachment(id)
	if !found {
		http.NotFound(w, r)
		return
	}
	contentType := "application/octet-stream"
	if media, params, err := mime.ParseMediaType(file.MimeType); err == nil {
		contentType = mime.FormatMediaType(media, params)
	}
	disposition := "attachment"
	if kindOf(contentType) != "" {
		disposition = "inline"
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": file.FileName}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.Data))
}

// attachment finds a file of a conversation that is still there.
func (s *Sim) attachment(id int64) (file Attachment, found bool) {
	s.read(func(st *state) {
		for _, rec := range st.conversations {
			if rec.gone() {
				continue
			}
			for _, t := range rec.Threads {
				if i := slices.IndexFunc(t.Attachments, func(a Attachment) bool { return a.ID == id }); i >= 0 {
					file, found = t.Attachments[i], true
					return
				}
			}
		}
	})
	return file, found
}
