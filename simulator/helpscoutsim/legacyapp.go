package helpscoutsim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/bling-hotline/bling/internal/signature"
)

// Help Scout's legacy dynamic apps: it asks by POST what to show. Drafts, whose ticket is false, are not simulated.

// legacyQuestion is what a dynamic app is asked. Missing values are left out. Which ids are written as numbers and which
// as text is not documented in full (U).
type legacyQuestion struct {
	Ticket   legacyTicket    `json:"ticket"`
	Customer *legacyCustomer `json:"customer,omitempty"`
	User     *legacyUser     `json:"user,omitempty"`
	Mailbox  legacyMailbox   `json:"mailbox"`
}

type legacyTicket struct {
	ID      string `json:"id"`
	Number  string `json:"number"`
	Subject string `json:"subject,omitempty"`
}

type legacyCustomer struct {
	ID     string   `json:"id"`
	First  string   `json:"fname,omitempty"`
	Last   string   `json:"lname,omitempty"`
	Email  string   `json:"email,omitempty"`
	Emails []string `json:"emails,omitempty"`
}

type legacyUser struct {
	ID    int64  `json:"id"`
	First string `json:"fname,omitempty"`
	Last  string `json:"lname,omitempty"`
	Role  string `json:"role"`
}

type legacyMailbox struct {
	ID    int64  `json:"id"`
	Email string `json:"email,omitempty"`
}

// legacyAnswerLimit bounds what a dynamic app may answer.
const legacyAnswerLimit = 1 << 20

// LegacySidebar asks a dynamic app what to show while a user looks at a conversation, as a signed POST whose redirects are
// not followed, and returns the HTML. It asks any app, whether it is marked as Legacy or not. User 0 is left out.
func (s *Sim) LegacySidebar(ctx context.Context, app, conversation, user int64) (html string, err error) {
	a, conv, err := s.installed(app, conversation)
	if err != nil {
		return "", err
	}
	body, err := encode(s.legacyQuestion(conv, user), s.cfg.PayloadPlain)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-HelpScout-Signature", signature.HelpScout(a.Secret, body))
	resp, err := s.courier.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	return legacyHTML(resp)
}

func (s *Sim) legacyQuestion(conv Conversation, user int64) legacyQuestion {
	q := legacyQuestion{
		Ticket: legacyTicket{
			ID: strconv.FormatInt(conv.ID, 10), Number: strconv.FormatInt(conv.Number, 10), Subject: conv.Subject,
		},
		Mailbox: legacyMailbox{ID: conv.MailboxID, Email: s.mailbox(conv.MailboxID).email()},
	}
	if c := conv.Customer; c != nil {
		q.Customer = &legacyCustomer{ID: strconv.FormatInt(c.ID, 10), First: c.First, Last: c.Last, Email: c.Email()}
		for _, e := range c.Emails {
			q.Customer.Emails = append(q.Customer.Emails, e.Value)
		}
	}
	if user != 0 {
		u, _ := s.user(user)
		q.User = &legacyUser{ID: user, First: u.First, Last: u.Last, Role: "user"}
	}
	return q
}

// legacyHTML reads the answer of a dynamic app.
func legacyHTML(resp *http.Response) (string, error) {
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the app answered %d", resp.StatusCode)
	}
	var answer struct {
		HTML *string `json:"html"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, legacyAnswerLimit)).Decode(&answer); err != nil {
		return "", fmt.Errorf("the app's answer: %w", err)
	}
	if answer.HTML == nil {
		return "", errors.New("the app's answer has no html")
	}
	return *answer.HTML, nil
}
