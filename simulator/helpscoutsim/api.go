package helpscoutsim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// handler serves one route of the vendor API. Its error is a *problem.
type handler func(*http.Request) (answer, error)

// answer is what a handler wants sent.
type answer struct {
	status      int
	body        any    // nil: none
	contentType string // default application/hal+json
	location    string
	resourceID  int64
}

// routes lists the simulated part of https://developer.helpscout.com/mailbox-api/. All of it is called by the
// client under test.
func (s *Sim) routes() *http.ServeMux {
	mux := http.NewServeMux()
	// The only route without a token.
	mux.Handle("POST /v2/oauth2/token", s.endpoint(s.issueToken, open))

	api := func(pattern string, h handler) { mux.Handle(pattern, s.endpoint(h, s.authorize)) }
	api("GET /v2/conversations", s.listConversations)
	api("POST /v2/conversations", s.createConversation)
	api("GET /v2/conversations/{id}", s.getConversation)
	api("PATCH /v2/conversations/{id}", s.patchConversation)
	api("DELETE /v2/conversations/{id}", s.deleteConversation)
	api("PUT /v2/conversations/{id}/tags", s.putTags)

	api("POST /v2/conversations/{id}/customer", s.appendThread(customerThread))
	api("POST /v2/conversations/{id}/phones", s.appendThread(phoneThread))
	api("POST /v2/conversations/{id}/chats", s.appendThread(chatThread))
	api("POST /v2/conversations/{id}/notes", s.appendThread(noteThread))
	api("POST /v2/conversations/{id}/reply", s.appendThread(replyThread))
	api("GET /v2/conversations/{id}/threads", s.listThreads)
	api("PATCH /v2/conversations/{id}/threads/{thread}", s.patchThread)
	api("POST /v2/conversations/{id}/threads/{thread}/attachments", s.createAttachment)
	api("GET /v2/conversations/{id}/attachments/{attachment}/data", s.getAttachment)
	api("DELETE /v2/conversations/{id}/attachments/{attachment}", s.deleteAttachment)

	api("GET /v2/customers", s.listCustomers)
	api("POST /v2/customers", s.createCustomer)
	api("GET /v2/customers/{id}", s.getCustomer)
	api("PUT /v2/customers/{id}", s.putCustomer)
	api("PATCH /v2/customers/{id}", s.patchCustomer)
	api("DELETE /v2/customers/{id}", s.deleteCustomer)
	s.contactRoutes(api, emailContacts)
	s.contactRoutes(api, phoneContacts)
	api("GET /v2/mailboxes", s.listMailboxes)
	api("GET /v2/mailboxes/{id}", s.getMailbox)
	api("GET /v2/users", s.listUsers)
	api("GET /v2/users/me", s.getOwner)
	api("GET /v2/users/{id}", s.getUser)

	api("GET /v2/webhooks", s.listWebhooks)
	api("POST /v2/webhooks", s.createWebhook)
	api("GET /v2/webhooks/{id}", s.getWebhook)
	api("PUT /v2/webhooks/{id}", s.putWebhook)
	api("DELETE /v2/webhooks/{id}", s.deleteWebhook)

	api("/", func(*http.Request) (answer, error) { return answer{}, notFound() })
	return mux
}

// open lets everybody in.
func open(*http.Request) error { return nil }

// endpoint makes an http.Handler of h: token, rate limit, the handler itself, then the latency.
func (s *Sim) endpoint(h handler, admit func(*http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note := entryOf(r)
		var a answer
		wait, err := s.enter(r, admit)
		if err == nil {
			a, err = h(r)
		}
		if err != nil {
			a = s.problemAnswer(err)
		}
		note.status = a.status
		// After the change: the answer may still get lost, or the client give up.
		s.pause(r.Context())
		s.limiter.describe(w.Header(), wait)
		s.write(w, a)
	})
}

// enter checks the token and charges the rate limit. Requests without a valid token cost nothing, nor does the
// token itself (U).
func (s *Sim) enter(r *http.Request, admit func(*http.Request) error) (wait time.Duration, err error) {
	if err := admit(r); err != nil {
		return 0, err
	}
	if r.URL.Path == tokenPath {
		return 0, nil
	}
	cost := 2
	if r.Method == http.MethodGet {
		cost = 1
	}
	wait, ok := s.limiter.take(cost)
	if !ok {
		return wait, refuse(http.StatusTooManyRequests, "API rate limit exceeded")
	}
	entryOf(r).cost = cost
	return 0, nil
}

func (s *Sim) problemAnswer(err error) answer {
	var p *problem
	if !errors.As(err, &p) {
		s.cfg.Logger.Error("request failed", "err", err)
		p = refuse(http.StatusInternalServerError, "Internal server error")
	}
	return p.answer()
}

func (s *Sim) pause(ctx context.Context) {
	latency := s.Settings().Latency
	if latency <= 0 {
		return
	}
	timer := time.NewTimer(latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-s.done:
	}
}

func (s *Sim) write(w http.ResponseWriter, a answer) {
	h := w.Header()
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.resourceID != 0 {
		h.Set("Resource-ID", strconv.FormatInt(a.resourceID, 10))
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	body, err := json.Marshal(a.body)
	if err != nil {
		s.cfg.Logger.Error("encoding an answer failed", "err", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	fill(&a.contentType, "application/hal+json")
	h.Set("Content-Type", a.contentType)
	w.WriteHeader(a.status)
	w.Write(body) // a client that went away is no concern of the simulator
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }
func noContent() answer  { return answer{status: http.StatusNoContent} }
func (s *Sim) render(st *state, r *http.Request) renderer {
	return renderer{state: st, sim: s, base: baseURL(r)}
}

// created is the answer to a create: the id and the place in headers, and no body.
func created(r *http.Request, path string, id int64) answer {
	return answer{
		status: http.StatusCreated, resourceID: id,
		location: baseURL(r) + path + "/" + strconv.FormatInt(id, 10),
	}
}

// baseURL is where the client reached the simulator.
func baseURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// pathID reads an id from the path. What is no number is not found.
func pathID(r *http.Request, name string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil || id <= 0 {
		return 0, notFound()
	}
	return id, nil
}
