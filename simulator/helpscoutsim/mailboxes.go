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

// sees reports whether the app has access to a mailbox, which is that of its owner. Without it a mailbox is not listed, and what is
// in it answers 403 (U).
func (s *Sim) sees(mailbox int64) bool { return s.owner().worksIn(mailbox) }

func noAccess() *problem { return refuse(http.StatusForbidden, "Forbidden") }

// GET /v2/mailboxes
//
// https://developer.helpscout.com/mailbox-api/endpoints/mailboxes/list/
func (s *Sim) listMailboxes(r *http.Request) (answer, error) {
	if err := onlyParameters(r.URL.Query(), "page"); err != nil {
		return answer{}, err
	}
	seen := slices.DeleteFunc(s.Mailboxes(), func(m Mailbox) bool { return !s.sees(m.ID) })
	return s.page(r, "mailboxes", len(seen), 50, func(i int) any { return seen[i].json(baseURL(r)) })
}

// GET /v2/mailboxes/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/mailboxes/get/
func (s *Sim) getMailbox(r *http.Request) (answer, error) {
	id, err := pathID(r, "id")
	switch {
	case err != nil:
		return answer{}, err
	case !s.hasMailbox(id):
		return answer{}, notFound()
	case !s.sees(id):
		return answer{}, noAccess()
	}
	return ok(s.mailbox(id).json(baseURL(r))), nil
}

func (m Mailbox) slug() string { return strings.ToLower(strings.Join(strings.Fields(m.Name), "-")) }

func (m Mailbox) email() string { return cmp.Or(m.slug(), "inbox") + "@example.org" }
