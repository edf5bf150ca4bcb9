package helpscoutsim

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

var (
	//go:embed desk.html
	deskHTML string
	//go:embed desk.js
	deskJS []byte

	deskTemplate    = template.Must(template.Must(inboxTemplate.Clone()).New("desk").Parse(deskHTML))
	threadsTemplate = deskTemplate.Lookup("conversation")
)

// deskPage is what desk.html shows: one conversation as an agent sees it, with the sidebar apps.
type deskPage struct {
	Conversation
	Mailbox string
	Users   []User
	User    User   // who looks
	Context string // what the apps' scripts may ask for, in JSON
	Frames  []frame
}

// frame is a sidebar app.
type frame struct {
	App
	Address string // signed
	Origin  string // of the address
	HTML    string // of a legacy app
}

// handleDesk shows a conversation to a user.
func (s *Sim) handleDesk(w http.ResponseWriter, r *http.Request) {
	page, err := s.doDesk(r)
	if err != nil {
		http.Error(w, err.Error(), controlStatus(err))
		return
	}
	page.Frames = s.frames(r.Context(), page.Conversation, page.User)
	s.show(w, deskTemplate, page, page.policy())
}

// handleDeskThreads shows only what of the page can change while somebody looks.
func (s *Sim) handleDeskThreads(w http.ResponseWriter, r *http.Request) {
	page, err := s.doDesk(r)
	if err != nil {
		http.Error(w, err.Error(), controlStatus(err))
		return
	}
	s.show(w, threadsTemplate, page, "default-src 'none'")
}

// doDesk returns the page without the apps. The user is that of ?user=, or the usual agent.
func (s *Sim) doDesk(r *http.Request) (deskPage, error) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	userID, err := numberIn(r, "user", s.agentID())
	if err != nil {
		return deskPage{}, err
	}
	conv, found := s.Conversation(id)
	user, known := s.user(userID)
	switch {
	case !found:
		return deskPage{}, fmt.Errorf("conversation %d: %w", id, ErrNotFound)
	case conv.gone():
		return deskPage{}, fmt.Errorf("conversation %d: %w", id, ErrGone)
	case !known:
		return deskPage{}, fmt.Errorf("user %d: %w", userID, ErrNotFound)
	}
	told, err := json.Marshal(s.appContext(conv, user))
	return deskPage{
		Conversation: conv, Mailbox: s.mailbox(conv.MailboxID).Name, Users: *s.users.Load(), User: user,
		Context: string(told),
	}, err
}

// frames are the apps beside a conversation. Legacy apps are asked now.
func (s *Sim) frames(ctx context.Context, conv Conversation, user User) []frame {
	var frames []frame
	for _, a := range s.cfg.Apps {
		address, err := s.SidebarURL(a.ID, conv.ID, user.ID)
		if err != nil {
			continue // not installed here
		}
		f := frame{App: a, Address: address, Origin: origin(address)}
		if a.Legacy {
			f.HTML = s.legacyPage(ctx, a, conv, user)
		}
		frames = append(frames, f)
	}
	return frames
}

// legacyPage is the document in which the HTML of a legacy app is shown. The frame around it lets nothing run.
func (s *Sim) legacyPage(ctx context.Context, a App, conv Conversation, user User) string {
	html, err := s.LegacySidebar(ctx, a.ID, conv.ID, user.ID)
	if err != nil {
		html = "<p>" + template.HTMLEscapeString(err.Error()) + "</p>"
	}
	return `<!doctype html><meta name="color-scheme" content="light dark"><base target="_blank">` + html
}

// policy lets the page frame its apps, and nothing else from elsewhere.
func (p deskPage) policy() string {
	var origins []string
	for _, f := range p.Frames {
		if !f.Legacy && f.Origin != "" && !slices.Contains(origins, f.Origin) {
			origins = append(origins, f.Origin)
		}
	}
	if len(origins) == 0 {
		origins = []string{"'none'"}
	}
	return "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src " +
		strings.Join(origins, " ") + "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

func handleScript(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Write(deskJS)
}

func (s *Sim) handleDeskReply(w http.ResponseWriter, r *http.Request) {
	s.handleDeskWrite(w, r, func(id, user int64, html string) error {
		_, err := s.AgentReply(id, Reply{Text: html, UserID: user})
		return err
	})
}

func (s *Sim) handleDeskNote(w http.ResponseWriter, r *http.Request) {
	s.handleDeskWrite(w, r, func(id, user int64, html string) error {
		_, err := s.note(id, user, html)
		return err
	})
}

// handleDeskWrite takes the page's form and shows the page again. That nothing was written is no error.
func (s *Sim) handleDeskWrite(w http.ResponseWriter, r *http.Request, write func(id, user int64, html string) error) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	user, _ := strconv.ParseInt(r.PostFormValue("user"), 10, 64)
	if html := written(r.PostFormValue("text")); html != "" {
		if err := write(id, user, html); err != nil {
			http.Error(w, err.Error(), controlStatus(err))
			return
		}
	}
	query := url.Values{"user": {strconv.FormatInt(user, 10)}}
	http.Redirect(w, r, "/sim/inbox/"+strconv.FormatInt(id, 10)+"?"+query.Encode(), http.StatusSeeOther)
}

// written is a text that was typed into a form, in HTML.
func written(text string) string {
	text = template.HTMLEscapeString(strings.TrimSpace(text))
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "<br>")
}
