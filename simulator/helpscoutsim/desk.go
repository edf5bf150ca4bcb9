package helpscoutsim

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

var (
	//go:embed desk.html
	deskHTML string
	//go:embed desk.js
	deskJS []byte

	deskTemplate = template.Must(template.Must(inboxTemplate.Clone()).New("desk").Parse(deskHTML))
)

// deskPage is what desk.html shows: one conversation as an agent sees it, with the sidebar apps.
type deskPage struct {
	Conversation
	Mailbox string
	Users   []User
	User    User
	Frames  []frame
}

// frame is a sidebar app.
type frame struct {
	App
	Src    string
	Origin string
	HTML   string // of a legacy app
}

// handleDesk shows a conversation to the user of ?user=.
func (s *Sim) handleDesk(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	v, found := s.Conversation(id)
	if !found {
		http.NotFound(w, r)
		return
	}
	userID, err := strconv.ParseInt(r.URL.Query().Get("user"), 10, 64)
	if err != nil {
		userID = s.agentID()
	}
	page := deskPage{Conversation: v, Users: *s.users.Load()}
	page.User, _ = s.user(userID)
	for _, m := range s.cfg.Mailboxes {
		if m.ID == v.MailboxID {
			page.Mailbox = m.Name
		}
	}
	origins := []string{"'self'"}
	for _, a := range s.cfg.Apps {
		src, err := s.SidebarURL(a.ID, id, page.User.ID)
		if err != nil {
			continue
		}
		f := frame{App: a, Src: src, Origin: origin(src)}
		if a.Legacy {
			if f.HTML, err = s.LegacySidebar(r.Context(), a.ID, id, page.User.ID); err != nil {
				f.HTML = "<p>The app does not answer.</p>"
			}
		}
		page.Frames, origins = append(page.Frames, f), append(origins, f.Origin)
	}
	var b bytes.Buffer
	if err := deskTemplate.ExecuteTemplate(&b, "desk", page); err != nil {
		s.cfg.Logger.Error("rendering a conversation failed", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src "+strings.Join(origins, " ")+
		"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.Write(b.Bytes())
}

func handleScript(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Write(deskJS)
}

// handleDeskWrite takes the form of the page: an answer, or a note.
func (s *Sim) handleDeskWrite(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	userID, _ := strconv.ParseInt(r.FormValue("user"), 10, 64)
	text := template.HTMLEscapeString(strings.TrimSpace(r.FormValue("text")))
	var err error
	switch {
	case text == "":
	case r.FormValue("as") == "note":
		_, err = s.AgentNote(id, text)
	default:
		_, err = s.AgentReply(id, Reply{Text: text, UserID: userID})
	}
	if err != nil {
		http.Error(w, err.Error(), controlStatus(err))
		return
	}
	http.Redirect(w, r, "/sim/inbox/"+strconv.FormatInt(id, 10)+"?user="+strconv.FormatInt(userID, 10), http.StatusSeeOther)
}
