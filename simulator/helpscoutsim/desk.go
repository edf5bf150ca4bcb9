package helpscoutsim

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
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
	visitor
	Mailbox  string
	From     string // the customer
	Statuses []string
	MaxFiles int    // in bytes, all files of a reply together
	Context  string // what the apps' scripts may ask for, in JSON
	Frames   []frame
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
	s.show(w, deskTemplate, page, policy("frame-src "+page.origins()))
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
	v, err := s.visitor(r)
	if err != nil {
		return deskPage{}, err
	}
	conv, found := s.Conversation(id)
	switch {
	case !found:
		return deskPage{}, fmt.Errorf("conversation %d: %w", id, ErrNotFound)
	case conv.gone():
		return deskPage{}, fmt.Errorf("conversation %d: %w", id, ErrGone)
	}
	told, err := json.Marshal(s.appContext(conv, v.User))
	return deskPage{
		Conversation: conv, visitor: v, Mailbox: s.mailbox(conv.MailboxID).Name, From: customerName(value(conv.Customer)),
		Statuses: statuses, MaxFiles: maxFiles, Context: string(told),
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

// origins are those of the apps, which the page may frame.
func (p deskPage) origins() string {
	var origins []string
	for _, f := range p.Frames {
		if !f.Legacy && f.Origin != "" && !slices.Contains(origins, f.Origin) {
			origins = append(origins, f.Origin)
		}
	}
	if len(origins) == 0 {
		return "'none'"
	}
	return strings.Join(origins, " ")
}
