package helpscoutsim

import (
	"cmp"
	"net/http"
	"strings"
)

// mailboxJSON is an inbox as the API shows it.
type mailboxJSON struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Slug  string `json:"slug"`
	Email string `json:"email"`
}

// GET /v2/mailboxes
//
// https://developer.helpscout.com/mailbox-api/endpoints/mailboxes/list/
func (s *Sim) listMailboxes(r *http.Request) (answer, error) {
	return s.page(r, "mailboxes", len(s.cfg.Mailboxes), 50, func(i int) any {
		m := s.cfg.Mailboxes[i]
		return mailboxJSON{ID: m.ID, Name: m.Name, Slug: m.slug(), Email: m.email()}
	})
}

func (m Mailbox) slug() string { return strings.ToLower(strings.Join(strings.Fields(m.Name), "-")) }

func (m Mailbox) email() string { return cmp.Or(m.slug(), "inbox") + "@example.org" }
