package helpscoutsim

import (
	"net/http"
	"slices"
)

// contactKind is a kind of contact that a customer has several of.
type contactKind struct {
	name  string // of the route, and of the list in answers
	types []string
	of    func(*Customer) *[]Contact
	// check checks a value. Optional.
	check func(c *checks, path, value string)
	// taken reports whether another customer has this value. Optional.
	taken func(t *tx, c *Customer, value string) bool
}

var (
	emailContacts = contactKind{
		name: "emails", types: emailTypes, of: func(c *Customer) *[]Contact { return &c.Emails }, check: (*checks).email,
		taken: func(t *tx, c *Customer, value string) bool {
			other := t.customerOf(value)
			return other != nil && other.ID != c.ID
		},
	}
	phoneContacts = contactKind{name: "phones", types: phoneTypes, of: func(c *Customer) *[]Contact { return &c.Phones }}
)

// contactRoutes are those of one kind.
//
// https://developer.helpscout.com/mailbox-api/endpoints/customers/emails/list/ and its siblings
func (s *Sim) contactRoutes(api func(string, handler), e contactKind) {
	path := "/v2/customers/{id}/" + e.name
	api("GET "+path, s.listContacts(e))
	api("POST "+path, s.createContact(e))
	api("PUT "+path+"/{entry}", s.putContact(e))
	api("DELETE "+path+"/{entry}", s.deleteContact(e))
}

// GET /v2/customers/{id}/emails
// GET /v2/customers/{id}/phones
func (s *Sim) listContacts(e contactKind) handler {
	return func(r *http.Request) (a answer, err error) {
		err = s.readCustomer(r, func(_ renderer, c *Customer) {
			body := map[string]any{"_links": links{"self": {Href: baseURL(r) + r.URL.Path}}}
			if list := *e.of(c); len(list) > 0 || s.cfg.EmptyList {
				body["_embedded"] = map[string]any{e.name: some(list)}
			}
			a = ok(body)
		})
		return a, err
	}
}

// POST /v2/customers/{id}/emails
// POST /v2/customers/{id}/phones
func (s *Sim) createContact(e contactKind) handler {
	return func(r *http.Request) (answer, error) {
		in, err := decode[contactInput](r)
		if err != nil {
			return answer{}, err
		}
		var id int64
		err = s.changeCustomer(r, func(t *tx, c *Customer) error {
			contact, err := e.read(t, c, in)
			if err != nil {
				return err
			}
			id = next(&t.ids.Contact)
			contact.ID = id
			*e.of(c) = append(*e.of(c), contact)
			return nil
		})
		if err != nil {
			return answer{}, err
		}
		return created(r, r.URL.Path, id), nil
	}
}

// PUT /v2/customers/{id}/emails/{entry}
// PUT /v2/customers/{id}/phones/{entry}
func (s *Sim) putContact(e contactKind) handler {
	return func(r *http.Request) (answer, error) {
		in, err := decode[contactInput](r)
		if err != nil {
			return answer{}, err
		}
		return noContent(), s.changeContact(r, e, func(t *tx, c *Customer, at int) error {
			contact, err := e.read(t, c, in)
			if err != nil {
				return err
			}
			contact.ID = (*e.of(c))[at].ID
			(*e.of(c))[at] = contact
			return nil
		})
	}
}

// DELETE /v2/customers/{id}/emails/{entry}
// DELETE /v2/customers/{id}/phones/{entry}
func (s *Sim) deleteContact(e contactKind) handler {
	return func(r *http.Request) (answer, error) {
		return noContent(), s.changeContact(r, e, func(_ *tx, c *Customer, at int) error {
			*e.of(c) = slices.Delete(*e.of(c), at, at+1)
			return nil
		})
	}
}

// changeContact runs f with the place of the entry that the path names.
func (s *Sim) changeContact(r *http.Request, e contactKind, f func(*tx, *Customer, int) error) error {
	id, err := pathID(r, "entry")
	if err != nil {
		return err
	}
	return s.changeCustomer(r, func(t *tx, c *Customer) error {
		at := slices.IndexFunc(*e.of(c), func(known Contact) bool { return known.ID == id })
		if at < 0 {
			return notFound()
		}
		return f(t, c, at)
	})
}

// read checks an entry.
func (e contactKind) read(t *tx, customer *Customer, in contactInput) (Contact, error) {
	var c checks
	c.oneOf("type", in.Type, e.types...)
	c.required("value", in.Value)
	if e.check != nil && in.Value != nil {
		e.check(&c, "value", *in.Value)
	}
	if err := c.err(); err != nil {
		return Contact{}, err
	}
	if e.taken != nil && e.taken(t, customer, *in.Value) {
		return Contact{}, refuse(http.StatusConflict, "Another customer has this value")
	}
	return Contact{Type: in.Type, Value: *in.Value}, nil
}
