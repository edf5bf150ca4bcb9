package helpscoutsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// PATCH /v2/customers/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/customers/update/
//
// A list of operations: replace and remove on a customer's own fields and on an e-mail address or a number, add on their lists. All
// are done, or none.
func (s *Sim) patchCustomer(r *http.Request) (answer, error) {
	in, err := decode[[]patchInput](r)
	if err != nil {
		return answer{}, err
	}
	return noContent(), s.changeCustomer(r, func(t *tx, customer *Customer) error {
		for i, patch := range in {
			if err := t.patchCustomer(customer, patch, "["+strconv.Itoa(i)+"]."); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) patchCustomer(customer *Customer, patch patchInput, path string) error {
	parts := strings.Split(strings.TrimPrefix(patch.Path, "/"), "/")
	for _, e := range []contactKind{emailContacts, phoneContacts} {
		if parts[0] == e.name {
			return t.patchContact(e, customer, patch, parts[1:], path)
		}
	}
	var c checks
	field := customer.field(parts[0])
	switch {
	case field == nil || len(parts) > 1:
		c.add(path+"path", "unknown or not simulated", "InvalidValue")
	case patch.Op == "remove":
		*field = ""
	case patch.Op == "replace":
		*field = text(&c, patch)
	default:
		c.add(path+"op", "must be replace or remove", "InvalidValue")
	}
	in := customerInput{
		PhotoURL: &customer.PhotoURL, JobTitle: &customer.JobTitle, Background: &customer.Background, Location: &customer.Location,
		Organization: &customer.Organization,
	}
	c.length(path+"firstName", &customer.First, 0, 40)
	c.length(path+"lastName", &customer.Last, 0, 40)
	in.checkLengths(&c, path)
	return c.err()
}

// field is what the API calls by this name; nil if there is no such field.
func (c *Customer) field(name string) *string {
	return map[string]*string{
		"firstName": &c.First, "lastName": &c.Last, "photoUrl": &c.PhotoURL, "photoType": &c.PhotoType, "jobTitle": &c.JobTitle,
		"background": &c.Background, "location": &c.Location, "organization": &c.Organization, "gender": &c.Gender, "age": &c.Age,
	}[name]
}

// patchContact is an operation on /emails, /emails/{id}, or its type or value.
func (t *tx) patchContact(e contactKind, customer *Customer, patch patchInput, parts []string, path string) error {
	list := e.of(customer)
	if patch.Op == "add" && len(parts) == 0 {
		contact, err := e.decode(t, customer, patch.Value)
		if err != nil {
			return err
		}
		contact.ID = next(&t.ids.Contact)
		*list = append(*list, contact)
		return nil
	}
	at := slices.IndexFunc(*list, func(c Contact) bool { return len(parts) > 0 && strconv.FormatInt(c.ID, 10) == parts[0] })
	if at < 0 {
		var c checks
		c.add(path+"path", "does not exist", "NotFound")
		return c.err()
	}
	switch known := (*list)[at]; {
	case patch.Op == "remove" && len(parts) == 1:
		*list = slices.Delete(*list, at, at+1)
		return nil
	case patch.Op == "replace" && len(parts) == 1:
		contact, err := e.decode(t, customer, patch.Value)
		contact.ID = known.ID
		(*list)[at] = contact
		return err
	case patch.Op == "replace" && len(parts) == 2 && (parts[1] == "value" || parts[1] == "type"):
		var c checks
		in := contactInput{Type: known.Type, Value: &known.Value}
		if changed := text(&c, patch); parts[1] == "value" {
			in.Value = &changed
		} else {
			in.Type = changed
		}
		if err := c.err(); err != nil {
			return err
		}
		contact, err := e.read(t, customer, in)
		contact.ID = known.ID
		(*list)[at] = contact
		return err
	}
	var c checks
	c.add(path+"path", "no such operation", "InvalidValue")
	return c.err()
}

func (e contactKind) decode(t *tx, customer *Customer, raw json.RawMessage) (Contact, error) {
	var in contactInput
	if err := decodeStrictly(raw, &in); err != nil {
		return Contact{}, refuse(http.StatusBadRequest, "Bad request")
	}
	return e.read(t, customer, in)
}
