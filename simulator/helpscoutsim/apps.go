package helpscoutsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bling-hotline/bling/internal/signature"
)

// DefaultAppSecret signs for those Apps that have no secret of their own. It protects nothing.
const DefaultAppSecret = "bling-sim-app-secret"

// App is an app that Help Scout shows beside conversations. See https://developer.helpscout.com/apps/.
type App struct {
	ID         int64 // default: its place in Config.Apps, from 1
	Name       string
	URL        string  // where its content comes from
	Secret     string  // default: DefaultAppSecret
	MailboxIDs []int64 // where it is installed; empty: in all
	Legacy     bool    // a dynamic app of old, which is asked by POST and answers with HTML
}

// installed finds an app that is shown beside a conversation, and the conversation.
func (s *Sim) installed(id, conversationID int64) (App, Conversation, error) {
	conv, found := s.Conversation(conversationID)
	if !found || conv.gone() {
		return App{}, conv, fmt.Errorf("conversation %d: %w", conversationID, ErrNotFound)
	}
	i := slices.IndexFunc(s.cfg.Apps, func(a App) bool { return a.ID == id })
	if i < 0 || !s.cfg.Apps[i].covers(conv.MailboxID) {
		return App{}, conv, fmt.Errorf("app %d in mailbox %d: %w", id, conv.MailboxID, ErrNotFound)
	}
	return s.cfg.Apps[i], conv, nil
}

func (a App) covers(mailbox int64) bool {
	return len(a.MailboxIDs) == 0 || slices.Contains(a.MailboxIDs, mailbox)
}

// SidebarURL returns the signed address from which Help Scout loads an app while a user looks at a conversation. What the
// app's own address has in its query stays and is not signed. The user need not exist: that is the app's to find out.
func (s *Sim) SidebarURL(app, conversation, user int64) (string, error) {
	a, conv, err := s.installed(app, conversation)
	if err != nil {
		return "", err
	}
	query := fmt.Sprintf("conversation-id=%d&conversation-number=%d&customer-id=%d&mailbox-id=%d&user-id=%d",
		conv.ID, conv.Number, conv.CustomerID, conv.MailboxID, user)
	query += "&X-HelpScout-Signature=" + url.QueryEscape(signature.App(a.Secret, query))
	if strings.Contains(a.URL, "?") {
		return a.URL + "&" + query, nil
	}
	return a.URL + "?" + query, nil
}

// handleSidebar tells scripts an app's address, by default that of the first app for the usual agent.
func (s *Sim) handleSidebar(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	app, err := numberIn(r, "app", 1)
	if err != nil {
		reply(w, nil, err)
		return
	}
	user, err := numberIn(r, "user", s.agentID())
	if err != nil {
		reply(w, nil, err)
		return
	}
	address, err := s.SidebarURL(app, id, user)
	reply(w, map[string]string{"url": address}, err)
}

// numberIn reads a number from the query.
func numberIn(r *http.Request, name string, missing int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s %q: %w", name, text, ErrInvalid)
	}
	return n, nil
}
