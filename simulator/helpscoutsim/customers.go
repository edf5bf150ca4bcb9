package helpscoutsim

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// customerInput names a customer by id or e-mail address, and describes one who is new.
type customerInput struct {
	ID           *int64  `json:"id"`
	Email        *string `json:"email"`
	FirstName    *string `json:"firstName"`
	LastName     *string `json:"lastName"`
	Phone        *string `json:"phone"`
	PhotoURL     *string `json:"photoUrl"`
	PhotoType    *string `json:"photoType"`
	JobTitle     *string `json:"jobTitle"`
	Background   *string `json:"background"`
	Location     *string `json:"location"`
	Organization *string `json:"organization"`
	Gender       *string `json:"gender"`
	Age          *string `json:"age"`
	// Emails and Phones count for a customer who is created alone. Chats, social profiles, websites, addresses and
	// organizations are not simulated.
	Emails []contactInput `json:"emails"`
	Phones []contactInput `json:"phones"`
}

// check checks what can be checked without the state. With an id, the e-mail address is ignored.
func (in *customerInput) check(c *checks, path string) {
	if in.ID == nil {
		if in.Email == nil || *in.Email == "" {
			c.add(path+"email", "id or email is required", "NotEmpty")
		} else {
			c.email(path+"email", *in.Email)
		}
	}
	in.checkLengths(c, path)
}

// checkLengths holds the limits of https://developer.helpscout.com/mailbox-api/endpoints/customers/create/.
func (in *customerInput) checkLengths(c *checks, path string) {
	c.length(path+"firstName", in.FirstName, 1, 40)
	c.length(path+"lastName", in.LastName, 1, 40)
	c.length(path+"photoUrl", in.PhotoURL, 0, 200)
	c.length(path+"jobTitle", in.JobTitle, 0, 60)
	c.length(path+"background", in.Background, 0, 200)
	c.length(path+"location", in.Location, 0, 60)
	c.length(path+"organization", in.Organization, 0, 60)
}

// checkCustomer checks that an id stands for a customer.
func (t *tx) checkCustomer(c *checks, path string, in *customerInput) {
	if in != nil && in.ID != nil {
		c.exists(path+"id", t.customers[*in.ID] != nil)
	}
}

// resolve finds the customer of a checked input. An unknown e-mail address makes a new customer; the fields of a
// known one stay as they are.
func (t *tx) resolve(in *customerInput) *Customer {
	if in.ID != nil {
		return t.customers[*in.ID]
	}
	if known := t.customerOf(*in.Email); known != nil {
		return known
	}
	return t.newCustomer(in, []Contact{{Type: "other", Value: *in.Email}}, nil)
}

// newCustomer stores a new customer.
func (t *tx) newCustomer(in *customerInput, emails, phones []Contact) *Customer {
	if in.Phone != nil && *in.Phone != "" && !hasContact(phones, *in.Phone) {
		phones = append(phones, Contact{Type: "other", Value: *in.Phone})
	}
	c := &Customer{ID: next(&t.ids.Customer), CreatedAt: t.now, UpdatedAt: t.now, Emails: t.number(emails), Phones: t.number(phones)}
	in.describe(c)
	t.indexCustomer(c)
	return c
}

// describe sets what is a customer's own. What the input leaves out is emptied.
func (in *customerInput) describe(c *Customer) {
	c.First, c.Last, c.PhotoURL, c.PhotoType = value(in.FirstName), value(in.LastName), value(in.PhotoURL), value(in.PhotoType)
	c.JobTitle, c.Background, c.Location = value(in.JobTitle), value(in.Background), value(in.Location)
	c.Organization, c.Gender, c.Age = value(in.Organization), value(in.Gender), value(in.Age)
}

func hasContact(contacts []Contact, value string) bool {
	return slices.ContainsFunc(contacts, func(c Contact) bool { return c.Value == value })
}

// number gives contacts their ids.
func (t *tx) number(contacts []Contact) []Contact {
	contacts = slices.Clone(contacts)
	for i := range contacts {
		contacts[i].ID = next(&t.ids.Contact)
	}
	return contacts
}

type contactInput struct {
	Type  string  `json:"type"`
	Value *string `json:"value"`
}

var (
	emailTypes = []string{"home", "work", "other"}
	phoneTypes = []string{"work", "home", "mobile", "fax", "pager", "other"}
)

// POST /v2/customers
//
// https://developer.helpscout.com/mailbox-api/endpoints/customers/create/
func (s *Sim) createCustomer(r *http.Request) (answer, error) {
	in, err := decode[customerInput](r)
	if err != nil {
		return answer{}, err
	}
	var c checks
	c.absent("id", in.ID != nil)
	// Help Scout's PHP client repeats the first address there.
	c.absent("email", in.Email != nil && (len(in.Emails) == 0 || value(in.Emails[0].Value) != *in.Email))
	if in.FirstName == nil && in.LastName == nil && len(in.Emails) == 0 {
		c.add("firstName", "may not be empty", "NotEmpty")
	}
	in.checkLengths(&c, "")
	emails := contacts(&c, "emails", in.Emails, emailTypes)
	for i, e := range emails {
		c.email("emails["+strconv.Itoa(i)+"].value", e.Value)
	}
	phones := contacts(&c, "phones", in.Phones, phoneTypes)
	if err := c.err(); err != nil {
		return answer{}, err
	}
	var id int64
	err = s.change(func(t *tx) error {
		for _, e := range emails {
			if t.customerOf(e.Value) != nil {
				return refuse(http.StatusConflict, "Customer exists already")
			}
		}
		id = t.newCustomer(&in, emails, phones).ID
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return created(r, "/v2/customers", id), nil
}

func contacts(c *checks, path string, in []contactInput, types []string) []Contact {
	list := make([]Contact, 0, len(in))
	for i, contact := range in {
		at := path + "[" + strconv.Itoa(i) + "]."
		c.oneOf(at+"type", contact.Type, types...)
		c.required(at+"value", contact.Value)
		list = append(list, Contact{Type: contact.Type, Value: value(contact.Value)})
	}
	return list
}

// customerJSON is a customer as the API shows it.
// See https://developer.helpscout.com/mailbox-api/endpoints/customers/get/.
type customerJSON struct {
	ID                int64  `json:"id"`
	FirstName         string `json:"firstName"`
	LastName          string `json:"lastName"`
	PhotoURL          string `json:"photoUrl,omitempty"`
	PhotoType         string `json:"photoType,omitempty"`
	JobTitle          string `json:"jobTitle,omitempty"`
	Background        string `json:"background,omitempty"`
	Location          string `json:"location,omitempty"`
	Organization      string `json:"organization,omitempty"`
	Gender            string `json:"gender,omitempty"`
	Age               string `json:"age,omitempty"`
	ConversationCount int    `json:"conversationCount"`
	CreatedAt         string `json:"createdAt"`
	UpdatedAt         string `json:"updatedAt"`
	Embedded          struct {
		Emails         []Contact  `json:"emails"`
		Phones         []Contact  `json:"phones"`
		Chats          []struct{} `json:"chats"`
		SocialProfiles []struct{} `json:"social_profiles"`
		Websites       []struct{} `json:"websites"`
		Properties     []struct{} `json:"properties"`
	} `json:"_embedded"`
	Links links `json:"_links"`
}

func (rd renderer) customerResource(c *Customer) customerJSON {
	self := rd.base + "/v2/customers/" + strconv.FormatInt(c.ID, 10)
	j := customerJSON{
		ID: c.ID, FirstName: c.First, LastName: c.Last, PhotoURL: c.PhotoURL, PhotoType: c.PhotoType,
		JobTitle: c.JobTitle, Background: c.Background, Location: c.Location, Organization: c.Organization,
		Gender: c.Gender, Age: c.Age, CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.updated()),
		Links: links{"self": {Href: self}, "emails": {Href: self + "/emails"}, "phones": {Href: self + "/phones"}},
	}
	for _, id := range rd.byCustomer[c.ID] {
		if rec := rd.conversations[id]; !rec.gone() && rec.CustomerID == c.ID {
			j.ConversationCount++
		}
	}
	e := &j.Embedded
	e.Emails, e.Phones = some(c.Emails), some(c.Phones)
	e.Chats, e.SocialProfiles, e.Websites, e.Properties = []struct{}{}, []struct{}{}, []struct{}{}, []struct{}{}
	return j
}

// GET /v2/customers
//
// https://developer.helpscout.com/mailbox-api/endpoints/customers/list/
//
// The only search is (email:"..."). As with Help Scout it finds what contains the text.
func (s *Sim) listCustomers(r *http.Request) (a answer, err error) {
	part, err := customerSearch(r.URL.Query())
	if err != nil {
		return answer{}, err
	}
	s.read(func(st *state) {
		var found []*Customer
		for _, id := range slices.Sorted(maps.Keys(st.customers)) {
			c := st.customers[id]
			if part == "" || slices.ContainsFunc(c.Emails, func(e Contact) bool {
				return strings.Contains(emailKey(e.Value), part)
			}) {
				found = append(found, c)
			}
		}
		rd := s.render(st, r)
		a, err = s.page(r, "customers", len(found), 50, func(i int) any { return rd.customerResource(found[i]) })
	})
	return a, err
}

// customerSearch reads the part of an e-mail address to look for; "" finds everybody.
func customerSearch(q url.Values) (string, error) {
	if err := onlyParameters(q, "query", "page"); err != nil {
		return "", err
	}
	if q.Get("query") == "" {
		return "", nil
	}
	f := &filter{}
	if err := f.parse(q.Get("query")); err != nil {
		return "", badQuery("query", err.Error())
	}
	if len(f.emails) != 1 || len(f.tests) != 1 {
		return "", badQuery("query", "only (email:\"...\") is simulated")
	}
	return emailKey(f.emails[0]), nil
}

// GET /v2/customers/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/customers/get/
func (s *Sim) getCustomer(r *http.Request) (a answer, err error) {
	err = s.readCustomer(r, func(rd renderer, c *Customer) { a = ok(rd.customerResource(c)) })
	return a, err
}

func (s *Sim) readCustomer(r *http.Request, f func(renderer, *Customer)) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	err = notFound()
	s.read(func(st *state) {
		if c := st.customers[id]; c != nil {
			f(s.render(st, r), c)
			err = nil
		}
	})
	return err
}

// PUT /v2/customers/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/customers/overwrite/
//
// What is left out is emptied. Addresses, numbers and the like stay: they are resources of their own.
func (s *Sim) putCustomer(r *http.Request) (answer, error) {
	in, err := decode[customerInput](r)
	if err != nil {
		return answer{}, err
	}
	var c checks
	in.checkLengths(&c, "")
	return noContent(), s.changeCustomer(r, func(t *tx, customer *Customer) error {
		c.absent("id", in.ID != nil && *in.ID != customer.ID)
		if err := c.err(); err != nil {
			return err
		}
		in.describe(customer)
		return nil
	})
}

// changeCustomer lets f change a copy of the customer of the path, which is then stored and told of.
func (s *Sim) changeCustomer(r *http.Request, f func(*tx, *Customer) error) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	return s.change(func(t *tx) error {
		known := t.customers[id]
		if known == nil {
			return notFound()
		}
		changed := *known
		changed.Emails, changed.Phones = slices.Clone(known.Emails), slices.Clone(known.Phones)
		if err := f(t, &changed); err != nil {
			return err
		}
		t.replaceCustomer(&changed)
		return nil
	})
}
