package twiliosim

import (
	"bytes"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/signature"
)

var listMediaParams = paramRules{known: append([]string{"DateCreated", "DateCreated<", "DateCreated>"}, pageParams...)}

// listMedia lists the files of a text.
//
// GET /2010-04-01/Accounts/{AccountSid}/Messages/{MessageSid}/Media.json
// https://www.twilio.com/docs/messaging/api/media-resource#read-multiple-media-resources
func (s *Sim) listMedia(w http.ResponseWriter, r *http.Request) error {
	query, err := listMediaParams.query(r)
	if err != nil {
		return err
	}
	page, err := pageOf(query)
	if err != nil {
		return err
	}
	created, err := spanOf(query, "DateCreated")
	if err != nil {
		return err
	}
	s.mu.RLock()
	rec, err := s.message(r, r.PathValue("message"))
	if err != nil {
		s.mu.RUnlock()
		return err
	}
	m := rec.copy()
	s.mu.RUnlock()
	if !created.has(m.DateCreated) { // files are as old as their message
		m.Media = nil
	}
	files := make([]mediaJSON, 0, len(m.Media))
	for i := page.number * page.size; i < min(len(m.Media), (page.number+1)*page.size); i++ {
		files = append(files, s.mediaJSON(m, m.Media[i]))
	}
	more := (page.number+1)*page.size < len(m.Media)
	answer := page.describe(s.uri("/Messages/"+m.Sid+"/Media.json"), query, len(files), m.Sid, more)
	answer["media_list"] = files
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// fetchMedia returns a file's description, or without .json leads to the file itself.
//
// GET /2010-04-01/Accounts/{AccountSid}/Messages/{MessageSid}/Media/{Sid}[.json]
// https://www.twilio.com/docs/messaging/api/media-resource#fetch-a-media-resource
func (s *Sim) fetchMedia(w http.ResponseWriter, r *http.Request) error {
	sid, describe := strings.CutSuffix(r.PathValue("file"), ".json")
	m, file, err := s.findMedia(r, sid)
	switch {
	case err != nil:
		return err
	case describe:
		writeJSON(w, http.StatusOK, s.mediaJSON(m, file))
	case file.awaited():
		return notFound(r)
	default:
		s.mu.RLock()
		base := s.publicURL
		s.mu.RUnlock()
		link := base + "/cdn/" + sid + "?token=" + url.QueryEscape(s.cdnToken(sid))
		http.Redirect(w, r, link, http.StatusTemporaryRedirect)
	}
	return nil
}

func (s *Sim) findMedia(r *http.Request, sid string) (Message, Media, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	rec, err := s.message(r, r.PathValue("message"))
	if err != nil {
		return Message{}, Media{}, err
	}
	for _, file := range rec.Media {
		if file.Sid == sid {
			return rec.copy(), file, nil
		}
	}
	return Message{}, Media{}, notFound(r)
}

// deleteMedia removes a file.
//
// DELETE /2010-04-01/Accounts/{AccountSid}/Messages/{MessageSid}/Media/{Sid}.json
// https://www.twilio.com/docs/messaging/api/media-resource#delete-a-media-resource
func (s *Sim) deleteMedia(w http.ResponseWriter, r *http.Request) error {
	sid, err := jsonFile(r)
	if err != nil {
		return err
	}
	if _, _, err := s.findMedia(r, sid); err != nil {
		return err
	}
	s.mu.Lock()
	if rec := s.store.media[sid]; rec != nil {
		// A new slice: copies of the message keep theirs.
		rec.Media = slices.DeleteFunc(slices.Clone(rec.Media), func(m Media) bool { return m.Sid == sid })
		rec.DateUpdated = s.now()
		delete(s.store.media, sid)
	}
	s.mu.Unlock()
	s.noteChange()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// serveCDN serves a file to whoever has the link.
//
// GET /cdn/{Sid}?token=..., in place of the hosts that Twilio redirects to.
func (s *Sim) serveCDN(w http.ResponseWriter, r *http.Request) {
	sid := r.PathValue("media")
	if !equal(r.URL.Query().Get("token"), s.cdnToken(sid)) {
		http.Error(w, "no such link", http.StatusForbidden)
		return
	}
	s.mu.RLock()
	rec := s.store.media[sid]
	gone := rec == nil || rec.hidden()
	s.mu.RUnlock()
	if gone {
		http.NotFound(w, r)
		return
	}
	s.serveFile(w, r, sid)
}

// ServeMedia serves a file of a message, without a login, for a page that shows phones.
func (s *Sim) ServeMedia(w http.ResponseWriter, r *http.Request, sid string) { s.serveFile(w, r, sid) }

// serveFile serves what a supporter sent, or what was fetched for one. The page's own origin serves it too, so a browser must not run it.
func (s *Sim) serveFile(w http.ResponseWriter, r *http.Request, sid string) {
	s.mu.RLock()
	var file Media
	if rec := s.store.media[sid]; rec != nil {
		file = rec.Media[slices.IndexFunc(rec.Media, func(m Media) bool { return m.Sid == sid })]
	}
	s.mu.RUnlock()
	if file.Sid == "" || file.awaited() {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.ContentType)
	w.Header().Set("Content-Security-Policy", "sandbox")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.Data))
}

// cdnToken makes links that cannot be guessed without the account's token.
func (s *Sim) cdnToken(sid string) string { return signature.Twilio(s.cfg.AuthToken, "cdn "+sid, nil) }

// typeByURL guesses what a file is from the end of its address, until it is fetched.
func typeByURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if known := mime.TypeByExtension(path.Ext(u.Path)); known != "" {
		return known
	}
	return "application/octet-stream"
}

// mediaURL is where a webhook says that a file is.
func mediaURL(base, account, message, media string) string {
	return base + "/" + apiVersion + "/Accounts/" + account + "/Messages/" + message + "/Media/" + media
}

// mediaParams adds the files of an inbound message to its webhook.
func mediaParams(form url.Values, m Message, base, account string) {
	form.Set("NumMedia", strconv.Itoa(len(m.Media)))
	for i, file := range m.Media {
		n := strconv.Itoa(i)
		form.Set("MediaContentType"+n, file.ContentType)
		form.Set("MediaUrl"+n, mediaURL(base, account, m.Sid, file.Sid))
	}
}
