package helpscoutsim

import (
	"net/url"
	"strings"
)

// appContext is what Help Scout's page tells a sidebar app's script about the conversation, the person who looks at it and
// so on. See the type Context of https://www.npmjs.com/package/@helpscout/javascript-sdk. It has what the simulator knows.
type appContext struct {
	Conversation contextConversation `json:"conversation"`
	Customer     *contextCustomer    `json:"customer,omitempty"`
	Mailbox      contextMailbox      `json:"mailbox"`
	User         contextUser         `json:"user"`
	UIState      struct {
		IsSidePanelOpen bool `json:"isSidePanelOpen"`
	} `json:"uiState"`
}

type contextConversation struct {
	ID           int64       `json:"id"`
	Number       int64       `json:"number"`
	Status       string      `json:"status"`
	Subject      string      `json:"subject"`
	MailboxID    int64       `json:"mailboxId"`
	CustomerID   int64       `json:"customerId"`
	Assignee     *personJSON `json:"assignee,omitempty"`
	Tags         []tagJSON   `json:"tags"`
	CustomFields []struct{}  `json:"customFields"`
}

type contextCustomer struct {
	ID        int64     `json:"id"`
	FirstName string    `json:"firstName"`
	LastName  string    `json:"lastName"`
	Emails    []Contact `json:"emails"`
	Phones    []Contact `json:"phones"`
}

type contextMailbox struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

type contextUser struct {
	ID        int64  `json:"id"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Email     string `json:"email"`
	Initials  string `json:"initials"`
	IsAdmin   bool   `json:"isAdmin"`
}

// appContext returns the context of a copy of a conversation as a user sees it.
func (s *Sim) appContext(conv Conversation, u User) appContext {
	m := s.mailbox(conv.MailboxID)
	ctx := appContext{
		Conversation: contextConversation{
			ID: conv.ID, Number: conv.Number, Status: conv.Status, Subject: conv.Subject,
			MailboxID: conv.MailboxID, CustomerID: conv.CustomerID, CustomFields: []struct{}{},
		},
		Mailbox: contextMailbox{ID: m.ID, Name: m.Name, Email: m.email()},
		User:    contextUser{ID: u.ID, FirstName: u.First, LastName: u.Last, Email: u.Email, Initials: u.initials()},
	}
	if c := conv.Customer; c != nil {
		ctx.Customer = &contextCustomer{
			ID: c.ID, FirstName: c.First, LastName: c.Last, Emails: some(c.Emails), Phones: some(c.Phones),
		}
	}
	s.read(func(st *state) {
		rd := renderer{state: st, sim: s}
		ctx.Conversation.Assignee, ctx.Conversation.Tags = rd.assignee(conv.AssigneeID), rd.tagList(conv.Tags)
	})
	return ctx
}

// origin returns the origin of a web address, which is what messages of its pages bear; "" if it has none.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	host := u.Host
	if u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443" {
		host = strings.TrimSuffix(host, ":"+u.Port())
	}
	return u.Scheme + "://" + strings.ToLower(host)
}
