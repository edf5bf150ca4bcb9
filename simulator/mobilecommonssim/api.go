package mobilecommonssim

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Handler serves the API, faults included.
func (s *Sim) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/send_message", s.answer(s.sendMessage, "campaign_id", "phone_number", "body"))
	// Documented as GET; the original's client posts.
	profile := s.answer(s.showProfile, "phone_number", "include_messages")
	mux.HandleFunc("GET /api/profile", profile)
	mux.HandleFunc("POST /api/profile", profile)
	mux.HandleFunc("POST /api/profile_opt_out", s.answer(s.optOutProfile, "phone_number", "campaign_id"))
	list := []string{"campaign_id", "limit", "page", "start_time", "end_time"}
	mux.HandleFunc("GET /api/messages", s.answer(s.listReceived, list...))
	mux.HandleFunc("GET /api/sent_messages", s.answer(s.listSent, list...))
	mux.HandleFunc("GET /api/campaign_subscribers", s.answer(s.listSubscribers, "campaign_id", "limit", "page", "from", "to"))
	return s.faults.Wrap(mux)
}

// answer makes a handler of a method, which runs under the lock. Errors come with status 200, as a response that has no success; public
// clients have seen 400 too. (Unverified: what a wrong HTTP method is answered; here 405.)
func (s *Sim) answer(method func(url.Values) (element, error), known ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if username, password, _ := r.BasicAuth(); username != s.cfg.Username || password != s.cfg.Password {
			w.Header().Set("WWW-Authenticate", `Basic realm="Mobile Commons"`)
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, "<html><body><h1>401 Unauthorized</h1></body></html>")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		values, err := params(r, known...)
		res, wait, err := s.run(method, values, err)
		refusal, refused := errors.AsType[problem](err)
		switch {
		case wait > 0:
			w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
			write(w, http.StatusTooManyRequests, false, rateLimitExceeded.element())
		case refused:
			write(w, http.StatusOK, false, refusal.element())
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		default:
			write(w, http.StatusOK, true, res)
		}
	}
}

func (s *Sim) run(method func(url.Values) (element, error), values url.Values, problem error) (res element, wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := s.wait(); wait > 0 || problem != nil {
		return res, wait, problem
	}
	res, err = method(values)
	return res, 0, err
}

// wait counts a request, or returns how long there may be none.
func (s *Sim) wait() time.Duration {
	now := s.cfg.Now()
	if now.Sub(s.window) >= time.Minute {
		s.window, s.used = now, 0
	}
	if s.cfg.RateLimit > 0 && s.used >= s.cfg.RateLimit {
		return s.window.Add(time.Minute).Sub(now)
	}
	s.used++
	return 0
}

// POST /api/send_message
func (s *Sim) sendMessage(q url.Values) (res element, err error) {
	campaign, body := q.Get("campaign_id"), q.Get("body")
	p, err := s.person(q)
	switch {
	case !s.hasCampaign(campaign):
		return res, invalidCampaign
	case err != nil:
		return res, err
	case strings.TrimSpace(body) == "":
		return res, invalidBody
	case !p.subscribed(campaign):
		return res, notOptedIn
	}
	m := Message{ID: s.newID(), Campaign: campaign, Phone: p.phone, Body: body, Type: "generic", Sent: true, At: s.now()}
	s.all = append(s.all, m)
	s.noteChange()
	return s.message(m, true), nil
}

// GET or POST /api/profile
func (s *Sim) showProfile(q url.Values) (res element, err error) {
	p, err := s.person(q)
	if err != nil {
		return res, err
	}
	withMessages := q.Get("include_messages")
	return s.profile(p, withMessages == "1" || withMessages == "true"), nil
}

// POST /api/profile_opt_out
func (s *Sim) optOutProfile(q url.Values) (res element, err error) {
	campaign := q.Get("campaign_id")
	if campaign != "" && !s.hasCampaign(campaign) {
		return res, invalidCampaign
	}
	p, err := s.person(q)
	if err != nil {
		return res, err
	}
	s.optOut(p, campaign, "Opt-out from API")
	s.noteChange()
	return s.profile(p, false), nil
}

// GET /api/messages
func (s *Sim) listReceived(q url.Values) (element, error) { return s.list(q, false) }

// GET /api/sent_messages
func (s *Sim) listSent(q url.Values) (element, error) { return s.list(q, true) }

// list answers newest first (unverified).
func (s *Sim) list(q url.Values, sent bool) (res element, err error) {
	sp, err := s.span(q, "start_time", "end_time")
	if err != nil {
		return res, err
	}
	var in []element
	for _, m := range slices.Backward(s.all) {
		if m.Sent == sent && sp.holds(m.At) && (sp.campaign == "" || m.Campaign == sp.campaign) {
			in = append(in, s.message(m, sent))
		}
	}
	items, pages := page(in, sp)
	return el("messages", []string{"page", strconv.Itoa(sp.page), "page_count", strconv.Itoa(pages)}, items...), nil
}

// GET /api/campaign_subscribers, of which the time is that in which a subscription began or ended.
func (s *Sim) listSubscribers(q url.Values) (res element, err error) {
	sp, err := s.span(q, "from", "to")
	if err == nil && sp.campaign == "" {
		err = invalidCampaign
	}
	if err != nil {
		return res, err
	}
	var in []element
	for _, phone := range slices.Sorted(maps.Keys(s.profiles)) {
		p := s.profiles[phone]
		for _, sub := range p.subscriptions {
			if sub.campaign == sp.campaign && (sp.holds(sub.activatedAt) || sp.holds(sub.optedOutAt)) {
				in = append(in, subscriber(p, sub))
			}
		}
	}
	items, _ := page(in, sp)
	return el("subscriptions", []string{"num", strconv.Itoa(len(items)), "page", strconv.Itoa(sp.page)}, items...), nil
}
