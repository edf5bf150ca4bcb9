package helpscoutsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bling-hotline/bling/simulator/fault"
)

// Control serves the simulator's own API under /sim/, in snake_case JSON, for scripts, the playground and people.
// It is never faulty and knows no token: serve it on loopback only.
func (s *Sim) Control() http.Handler {
	mux := http.NewServeMux()
	// browser: a person reads the inbox
	mux.HandleFunc("GET /sim/inbox", s.handleInbox)
	mux.HandleFunc("GET /sim/inbox.css", asset("text/css", inboxCSS))
	mux.HandleFunc("GET /sim/inbox.js", asset("text/javascript", inboxJS))
	mux.HandleFunc("GET /sim/desk.js", asset("text/javascript", deskJS))
	// browser: a person looks at one conversation as an agent, with the sidebar apps, and answers
	mux.HandleFunc("GET /sim/inbox/{id}", s.handleDesk)
	mux.HandleFunc("GET /sim/attachments/{id}", s.handleAttachment)
	mux.HandleFunc("POST /sim/inbox/{id}/reply", deskForm(s.doDeskReply))
	mux.HandleFunc("POST /sim/inbox/{id}/note", deskForm(s.doDeskNote))
	mux.HandleFunc("POST /sim/inbox/{id}/status", deskForm(s.doDeskStatus))
	mux.HandleFunc("POST /sim/inbox/{id}/tags", deskForm(s.doDeskTags))
	// its script looks for new threads
	mux.HandleFunc("GET /sim/inbox/{id}/threads", s.handleDeskThreads)
	// scripts and the playground: read
	mux.HandleFunc("GET /sim/conversations", s.handleConversations)
	mux.HandleFunc("GET /sim/conversations/{id}", s.handleConversation)
	mux.HandleFunc("GET /sim/conversations/{id}/sidebar", s.handleSidebar)
	mux.HandleFunc("GET /sim/history", s.handleHistory)
	mux.HandleFunc("GET /sim/usage", s.handleUsage)
	mux.HandleFunc("GET /sim/wait", s.handleWait)
	mux.HandleFunc("GET /sim/events", s.handleEvents)
	// scripts and the playground: act as the agent
	mux.HandleFunc("POST /sim/conversations/{id}/reply", act(s.doReply))
	mux.HandleFunc("POST /sim/conversations/{id}/publish", act(s.doPublish))
	mux.HandleFunc("POST /sim/conversations/{id}/edit", act(s.doEdit))
	mux.HandleFunc("POST /sim/conversations/{id}/hide", act(s.doHide))
	mux.HandleFunc("POST /sim/conversations/{id}/note", act(s.doNote))
	mux.HandleFunc("POST /sim/conversations/{id}/merge", act(s.doMerge))
	mux.HandleFunc("POST /sim/conversations/{id}/delete", act(s.doDelete))
	mux.HandleFunc("POST /sim/conversations/{id}/move", act(s.doMove))
	mux.HandleFunc("POST /sim/conversations/{id}/status", act(s.doStatus))
	mux.HandleFunc("POST /sim/conversations/{id}/customer", act(s.doCustomer))
	mux.HandleFunc("POST /sim/conversations/{id}/lock", act(s.doLock))
	// the customer is an e-mail address or an id
	mux.HandleFunc("POST /sim/customers/{customer}/phones", s.handleSetPhones)
	// where a phone number or an address still occurs
	mux.HandleFunc("GET /sim/traces", func(w http.ResponseWriter, r *http.Request) {
		reply(w, map[string]any{"traces": some(s.Traces(r.URL.Query().Get("of")))}, nil)
	})
	// the account's people, in memory only
	mux.HandleFunc("PUT /sim/users/{id}", s.handleSetUser)
	mux.HandleFunc("DELETE /sim/users/{id}", s.handleRemoveUser)
	// scripts: turn the knobs
	mux.HandleFunc("GET /sim/faults", s.handleFaults)
	mux.HandleFunc("PUT /sim/faults", s.handleSetFaults)
	mux.HandleFunc("GET /sim/settings", s.handleSettings)
	mux.HandleFunc("PUT /sim/settings", s.handleSetSettings)
	mux.HandleFunc("POST /sim/tokens/revoke", s.handleRevoke)
	mux.HandleFunc("DELETE /sim/state", s.handleReset)
	// A page of another site must not act through a visitor's browser.
	return http.NewCrossOriginProtection().Handler(mux)
}

func (s *Sim) handleConversations(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var list []Conversation
	switch {
	case q.Has("email"):
		list = s.ConversationsOf(q.Get("email"))
	case q.Has("mailbox"):
		id, err := strconv.ParseInt(q.Get("mailbox"), 10, 64)
		if err != nil {
			reply(w, nil, fmt.Errorf("mailbox: %w", ErrInvalid))
			return
		}
		list = s.ConversationsIn(id)
	default:
		list = s.Conversations()
	}
	reply(w, map[string]any{"conversations": list}, nil)
}

func (s *Sim) handleConversation(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	conv, found := s.Conversation(id)
	if !found {
		reply(w, nil, ErrNotFound)
		return
	}
	reply(w, conv, nil)
}

func (s *Sim) handleHistory(w http.ResponseWriter, r *http.Request) {
	since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	reply(w, map[string]any{"events": some(s.journal.since(since))}, nil)
}

func (s *Sim) handleUsage(w http.ResponseWriter, _ *http.Request) { reply(w, s.Usage(), nil) }

// maxWait bounds a long poll.
const maxWait = 5 * time.Minute

// handleWait answers once the customer's conversations have the given number of threads in total, or with reached
// false when the time is over.
func (s *Sim) handleWait(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	email := q.Get("email")
	threads, err := strconv.Atoi(q.Get("threads"))
	if err != nil || email == "" {
		reply(w, nil, fmt.Errorf("email and threads are required: %w", ErrInvalid))
		return
	}
	timeout := 10 * time.Second
	if ms, err := strconv.Atoi(q.Get("timeout_ms")); err == nil {
		timeout = min(max(time.Duration(ms), 0)*time.Millisecond, maxWait)
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	err = s.Wait(ctx, func(s *Sim) bool { return s.Threads(email) >= threads })
	reply(w, map[string]any{"reached": err == nil, "threads": s.Threads(email)}, nil)
}

// handleEvents streams the history as it happens, from the event after Last-Event-ID or ?since= on, else from now.
func (s *Sim) handleEvents(w http.ResponseWriter, r *http.Request) {
	seq, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil {
		seq, err = strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	}
	if err != nil {
		seq = s.journal.last()
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	stream := http.NewResponseController(w)
	for {
		stream.Flush() // if the client is gone, its context says so
		var news []Event
		if s.Wait(r.Context(), func(s *Sim) bool { news = s.journal.since(seq); return len(news) > 0 }) != nil {
			return
		}
		for _, e := range news {
			data, err := json.Marshal(e)
			if err != nil {
				return
			}
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, data)
			seq = e.Seq
		}
	}
}

// act makes a handler of an action on the conversation in the path. An empty body is an empty T.
func act[T any](do func(id int64, in T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			reply(w, nil, ErrNotFound)
			return
		}
		if r.ContentLength != 0 {
			if err := readJSON(r, &in); err != nil {
				reply(w, nil, err)
				return
			}
		}
		out, err := do(id, in)
		reply(w, out, err)
	}
}

func (s *Sim) doReply(id int64, in Reply) (any, error) {
	thread, err := s.AgentReply(id, in)
	return map[string]int64{"thread_id": thread}, err
}

func (s *Sim) doPublish(id int64, in struct {
	ThreadID int64 `json:"thread_id"`
}) (any, error) {
	return nil, s.PublishDraft(id, in.ThreadID)
}

func (s *Sim) doEdit(id int64, in struct {
	ThreadID int64  `json:"thread_id"`
	Text     string `json:"text"`
}) (any, error) {
	return nil, s.EditThread(id, in.ThreadID, in.Text)
}

func (s *Sim) doHide(id int64, in struct {
	ThreadID int64 `json:"thread_id"`
	Show     bool  `json:"show"` // again
}) (any, error) {
	return nil, s.HideThread(id, in.ThreadID, !in.Show)
}

func (s *Sim) doNote(id int64, in struct {
	Text   string `json:"text"`
	UserID int64  `json:"user_id"` // default: the usual agent
}) (any, error) {
	thread, err := s.note(id, in.UserID, in.Text)
	return map[string]int64{"thread_id": thread}, err
}

func (s *Sim) doMerge(id int64, in struct {
	Into int64 `json:"into"`
}) (any, error) {
	return nil, s.Merge(id, in.Into)
}

func (s *Sim) doDelete(id int64, _ struct{}) (any, error) { return nil, s.Delete(id) }

func (s *Sim) doMove(id int64, in struct {
	MailboxID int64 `json:"mailbox_id"`
}) (any, error) {
	return nil, s.Move(id, in.MailboxID)
}

func (s *Sim) doStatus(id int64, in struct {
	Status string `json:"status"`
}) (any, error) {
	return nil, s.SetStatus(id, in.Status)
}

func (s *Sim) doCustomer(id int64, in struct {
	Email string `json:"email"`
}) (any, error) {
	return nil, s.ChangeCustomer(id, in.Email)
}

func (s *Sim) doLock(id int64, in struct {
	Status int `json:"status"`
}) (any, error) {
	return nil, s.Lock(id, in.Status)
}

func (s *Sim) handleSetPhones(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Phones []string `json:"phones"`
	}
	err := readJSON(r, &in)
	if err == nil {
		err = s.SetPhones(r.PathValue("customer"), in.Phones...)
	}
	reply(w, nil, err)
}

func (s *Sim) handleFaults(w http.ResponseWriter, _ *http.Request) { reply(w, s.faults.Get(), nil) }

func (s *Sim) handleSetFaults(w http.ResponseWriter, r *http.Request) {
	var switches fault.Switches
	if err := readJSON(r, &switches); err != nil {
		reply(w, nil, err)
		return
	}
	if err := switches.Validate(); err != nil {
		reply(w, nil, fmt.Errorf("%w: %w", ErrInvalid, err))
		return
	}
	s.faults.Set(switches)
	reply(w, s.faults.Get(), nil)
}

// settingsJSON is Settings in milliseconds. What a PUT leaves out stays as it is.
type settingsJSON struct {
	RateLimit  int   `json:"rate_limit"`
	ListLagMS  int64 `json:"list_lag_ms"`
	LatencyMS  int64 `json:"latency_ms"`
	Duplicates int   `json:"duplicates"`
	Shuffle    bool  `json:"shuffle"`
}

func (s *Sim) settingsJSON() settingsJSON {
	set := s.Settings()
	return settingsJSON{set.RateLimit, set.ListLag.Milliseconds(), set.Latency.Milliseconds(), set.Duplicates, set.Shuffle}
}

func (s *Sim) handleSettings(w http.ResponseWriter, _ *http.Request) { reply(w, s.settingsJSON(), nil) }

func (s *Sim) handleSetSettings(w http.ResponseWriter, r *http.Request) {
	set := s.settingsJSON()
	if err := readJSON(r, &set); err != nil {
		reply(w, nil, err)
		return
	}
	s.SetSettings(Settings{
		RateLimit:  set.RateLimit,
		ListLag:    time.Duration(set.ListLagMS) * time.Millisecond,
		Latency:    time.Duration(set.LatencyMS) * time.Millisecond,
		Duplicates: set.Duplicates,
		Shuffle:    set.Shuffle,
	})
	reply(w, s.settingsJSON(), nil)
}

func (s *Sim) handleRevoke(w http.ResponseWriter, _ *http.Request) {
	s.RevokeTokens()
	reply(w, nil, nil)
}

func (s *Sim) handleReset(w http.ResponseWriter, _ *http.Request) { reply(w, nil, s.Reset()) }

func readJSON(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, bodyLimit))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// reply sends a result or an error; without either, 204.
func reply(w http.ResponseWriter, body any, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if body == nil && err == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	status := http.StatusOK
	if err != nil {
		status, body = controlStatus(err), map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // addresses are there to be copied
	enc.Encode(body)         // a client that went away is no concern of the simulator
}

func controlStatus(err error) int {
	i := slices.IndexFunc([]error{ErrNotFound, ErrGone, ErrInvalid}, func(e error) bool { return errors.Is(err, e) })
	if i < 0 {
		return http.StatusInternalServerError
	}
	return []int{http.StatusNotFound, http.StatusGone, http.StatusBadRequest}[i]
}
