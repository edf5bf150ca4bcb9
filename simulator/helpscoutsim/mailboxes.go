package helpscoutsim

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// mailboxJSON is an inbox as the API shows it.
type mailboxJSON struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Slug  string `json:"slug"`
	Email string `json:"email"`

	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
	Links     links  `json:"_links"`
}

func (m Mailbox) json(base string) mailboxJSON {
	return mailboxJSON{
		ID: m.ID, Name: m.Name, Slug: m.slug(), Email: m.email(), CreatedAt: stamp(usersSince), UpdatedAt: stamp(usersSince),
		Links: links{"self": {Href: base + "/v2/mailboxes/" + strconv.FormatInt(m.ID, 10)}},
	}
}

// GET /v2/mailboxes
//
// https://developer.helpscout.com/mailbox-api/endpoints/mailboxes/list/
func (s *Sim) listMailboxes(r *http.Request) (answer, error) {
	return s.page(r, "mailboxes", len(s.cfg.Mailboxes), 50, func(i int) any {
		return s.cfg.Mailboxes[i].json(baseURL(r))
	})
}

// GET /v2/mailboxes/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/mailboxes/get/
func (s *Sim) getMailbox(r *http.Request) (answer, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	at := slices.IndexFunc(s.cfg.Mailboxes, func(m Mailbox) bool { return m.ID == id })
	if at < 0 {
		return answer{}, notFound()
	}
	return ok(s.cfg.Mailboxes[at].json(baseURL(r))), nil
}

func (m Mailbox) slug() string { return strings.ToLower(strings.Join(strings.Fields(m.Name), "-")) }

func (m Mailbox) email() string { return cmp.Or(m.slug(), "inbox") + "@example.org" }
