package helpscoutsim

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bling-hotline/bling/internal/signature"
)

// DefaultAppSecret signs for those Apps that have no secret of their own. It protects nothing.
const DefaultAppSecret = "bling-sim-app-secret"

// App is a sidebar app: https://developer.helpscout.com/apps/.
type App struct {
	ID         int64 // default: its place in Config.Apps, from 1
	Name       string
	URL        string // where its content comes from
	Secret     string // default: DefaultAppSecret
	MailboxIDs []int64
	Legacy     bool // a dynamic app of old, which is asked by POST and answers with HTML
}

// app finds an app that is installed in the conversation's mailbox.
func (s *Sim) app(id, conversationID int64) (App, Conversation, error) {
	v, found := s.Conversation(conversationID)
	i := slices.IndexFunc(s.cfg.Apps, func(a App) bool { return a.ID == id })
	if !found || i < 0 || !slices.Contains(s.cfg.Apps[i].MailboxIDs, v.MailboxID) {
		return App{}, v, ErrNotFound
	}
	return s.cfg.Apps[i], v, nil
}

// SidebarURL is the address from which Help Scout loads an app beside a conversation that a user looks at. What the app's own
// address has in its query is not signed.
func (s *Sim) SidebarURL(appID, conversationID, userID int64) (string, error) {
	a, v, err := s.app(appID, conversationID)
	if err != nil {
		return "", err
	}
	query := strings.Join([]string{
		"conversation-id=" + strconv.FormatInt(v.ID, 10), "conversation-number=" + strconv.FormatInt(v.Number, 10),
		"customer-id=" + strconv.FormatInt(v.CustomerID, 10), "mailbox-id=" + strconv.FormatInt(v.MailboxID, 10), "user-id=" + strconv.FormatInt(userID, 10),
	}, "&")
	query += "&X-HelpScout-Signature=" + url.QueryEscape(signature.App(a.Secret, query))
	if strings.Contains(a.URL, "?") {
		return a.URL + "&" + query, nil
	}
	return a.URL + "?" + query, nil
}

// LegacySidebar asks a dynamic app what to show beside a conversation, and returns the HTML.
func (s *Sim) LegacySidebar(ctx context.Context, appID, conversationID, userID int64) (string, error) {
	a, v, err := s.app(appID, conversationID)
	if err != nil {
		return "", err
	}
	u, _ := s.user(userID)
	body, err := encode(map[string]any{
		"ticket":   map[string]any{"id": strconv.FormatInt(v.ID, 10), "number": strconv.FormatInt(v.Number, 10), "subject": v.Subject},
		"customer": legacyCustomer(v), "user": map[string]any{"id": u.ID, "fname": u.First, "lname": u.Last, "role": "user"},
		"mailbox": map[string]any{"id": v.MailboxID, "email": "hotline@example.org"},
	}, s.cfg.PayloadPlain)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-HelpScout-Signature", signature.HelpScout(a.Secret, body))
	client := *s.cfg.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var out struct {
		HTML *string `json:"html"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&out); res.StatusCode != http.StatusOK || err != nil || out.HTML == nil {
		return "", fmt.Errorf("the app answers %s: %w", res.Status, cmp.Or(err, errors.New("no html")))
	}
	return *out.HTML, nil
}

func legacyCustomer(v Conversation) map[string]any {
	c := map[string]any{"id": v.CustomerID}
	if v.Customer != nil {
		c["fname"], c["lname"], c["email"] = v.Customer.First, v.Customer.Last, v.Customer.Email()
		emails := []string{}
		for _, e := range v.Customer.Emails {
			emails = append(emails, e.Value)
		}
		c["emails"] = emails
	}
	return c
}

func (s *Sim) handleSidebar(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	number := func(name string, missing int64) int64 {
		if n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64); err == nil {
			return n
		}
		return missing
	}
	address, err := s.SidebarURL(number("app", 1), id, number("user", s.agentID()))
	reply(w, map[string]string{"url": address}, err)
}

// agentID is the user who answers unless another one is named.
func (s *Sim) agentID() int64 {
	users := *s.users.Load()
	return users[min(1, len(users)-1)].ID
}

// origin is the origin of an address, for a policy.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
