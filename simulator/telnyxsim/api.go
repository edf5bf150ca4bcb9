package telnyxsim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// statuses are the HTTP statuses of codes that do not go with 400.
var statuses = map[int]int{
	10005: http.StatusNotFound,
	10009: http.StatusUnauthorized,
	10014: http.StatusUnsupportedMediaType, // unverified
	40300: http.StatusConflict,             // as somebody has published it; 400 and 403 have been seen too
}

// refuse is an error answer: https://developers.telnyx.com/development/api-fundamentals/api-errors.
func refuse(code int, detail string) (status int, answer object) {
	return cmp.Or(statuses[code], http.StatusBadRequest), object{"errors": []object{newError(code, detail)}}
}

func (s *Sim) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/messages", s.api(s.create))
	mux.HandleFunc("GET /v2/messages/{id}", s.api(s.retrieve))
	mux.HandleFunc("GET /mms/{secret}", s.serveFile)
	mux.HandleFunc("/", s.api(func(*http.Request) (int, object) { return refuse(10005, "there is no such path") }))
	return mux
}

// api checks the key, and answers what do returns.
func (s *Sim) api(do func(*http.Request) (status int, answer object)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, answer := refuse(10009, "the key is wrong, or there is none")
		if r.Header.Get("Authorization") == "Bearer "+s.cfg.APIKey {
			status, answer = do(r)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(answer)
	}
}

// request is what is asked for: https://developers.telnyx.com/api-reference/messages.
type request struct {
	From               string   `json:"from"`
	To                 string   `json:"to"`
	Text               *string  `json:"text"`
	MediaURLs          []string `json:"media_urls"`
	WebhookURL         *string  `json:"webhook_url"`
	FailoverURL        *string  `json:"webhook_failover_url"`
	UseProfileWebhooks *bool    `json:"use_profile_webhooks"`
	Type               string   `json:"type"`
}

// POST /v2/messages
// https://developers.telnyx.com/api-reference/messages
func (s *Sim) create(r *http.Request) (status int, answer object) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return refuse(10014, "")
	}
	var in request
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return refuse(10015, err.Error())
	}
	if d.More() {
		return refuse(10015, "something follows the object")
	}
	defer s.change()()
	if code, detail := s.check(in); code != 0 {
		return refuse(code, detail)
	}
	m := &Message{
		ID: newID(), From: in.From, To: in.To, Text: word(in.Text), Status: Queued, ReceivedAt: s.now(),
		hooks: hooks{word(in.WebhookURL), word(in.FailoverURL)},
	}
	if in.UseProfileWebhooks == nil || *in.UseProfileWebhooks {
		m.also = s.profile
	}
	for _, address := range in.MediaURLs {
		m.Media = append(m.Media, Media{URL: address})
	}
	s.messages = append(s.messages, m)
	s.start(func() { s.carry(m) })
	return http.StatusOK, object{"data": m.wire()}
}

// e164 is a number with its country.
var e164 = regexp.MustCompile(`^\+[1-9]\d{6,14}$`)

// check finds out why a message is refused; 0 if it is not. It needs the lock.
func (s *Sim) check(in request) (code int, detail string) {
	switch {
	case in.To == "":
		return 10004, "to"
	case !e164.MatchString(in.To):
		return 40310, ""
	case !s.numbers[in.From]:
		return 40305, ""
	case in.Text != nil && *in.Text == "":
		return 10015, "the text is empty"
	case in.Text == nil && len(in.MediaURLs) == 0:
		return 40316, ""
	case len(in.MediaURLs) > 10:
		return 40317, "there are more than 10 files"
	case in.Type != "" && in.Type != "SMS" && in.Type != "MMS", in.Type == "SMS" && len(in.MediaURLs) > 0:
		return 10015, "type"
	case s.optedOut[in.To]:
		return 40300, "Messages cannot be sent from " + in.From + " to " + in.To + " due to an existing block rule."
	}
	addresses := slices.Clone(in.MediaURLs)
	for _, hook := range []*string{in.WebhookURL, in.FailoverURL} {
		if hook != nil {
			addresses = append(addresses, *hook)
		}
	}
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(address) > 2000 {
			return 10003, ""
		}
	}
	return 0, ""
}

// word is a string that may not be there.
func word(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// GET /v2/messages/{id}
// https://developers.telnyx.com/api-reference/messages/retrieve-a-message
func (s *Sim) retrieve(r *http.Request) (status int, answer object) {
	const kept = 10 * 24 * time.Hour
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.ID == r.PathValue("id") && !m.System && s.now().Sub(m.ReceivedAt) <= kept {
			return http.StatusOK, object{"data": m.wire()}
		}
	}
	return refuse(10005, "")
}

// GET /mms/{secret}, in place of the host that Telnyx has files on.
func (s *Sim) serveFile(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	file, ok := s.files[r.PathValue("secret")]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.ContentType)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.Data))
}
