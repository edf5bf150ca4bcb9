package helpscoutsim

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Trace is a place in Help Scout where somebody can still be found.
type Trace struct {
	// Kind is customer, conversation, thread or attachment.
	Kind string `json:"kind"`
	ID   int64  `json:"id"`
	// ConversationID is where a thread or an attachment is.
	ConversationID int64 `json:"conversation_id,omitempty"`
	// Where is the field that names them.
	Where string `json:"where"`
}

// Traces returns every place where a phone number or an e-mail address still occurs in what Help Scout shows, however the number is
// punctuated. A conversation that is a customer's is not a place of its own: the customer is.
//
// Not looked at are conversations that were deleted or merged, which lists may show for a while (see [Config].ListLag) and
// [Sim.Conversation] returns for ever; the account's users; and the simulator's own history and deliveries.
func (s *Sim) Traces(person string) []Trace {
	f := traceFinder{spelled: spellings(person)}
	s.read(func(st *state) {
		for _, id := range slices.Sorted(maps.Keys(st.customers)) {
			f.customer(st.customers[id])
		}
		for _, id := range st.order {
			if rec := st.conversations[id]; !rec.gone() {
				f.conversation(rec.Conversation)
			}
		}
	})
	return f.found
}

type traceFinder struct {
	spelled *regexp.Regexp
	found   []Trace
}

// look adds a place for each of the fields that has the person, which are pairs of a name and a value.
func (f *traceFinder) look(at Trace, fields ...string) {
	for i := 0; i < len(fields); i += 2 {
		if f.spelled.MatchString(fields[i+1]) {
			at.Where = fields[i]
			f.found = append(f.found, at)
		}
	}
}

func (f *traceFinder) customer(c *Customer) {
	at := Trace{Kind: "customer", ID: c.ID}
	f.look(at, "name", c.First+" "+c.Last, "photoUrl", c.PhotoURL, "jobTitle", c.JobTitle, "background", c.Background,
		"location", c.Location, "organization", c.Organization)
	for _, e := range c.Emails {
		f.look(at, "emails", e.Value)
	}
	for _, p := range c.Phones {
		f.look(at, "phones", p.Value)
	}
}

func (f *traceFinder) conversation(c Conversation) {
	f.look(Trace{Kind: "conversation", ID: c.ID}, "subject", c.Subject, "tags", strings.Join(c.Tags, "\n"), "createdBy", c.CreatedBy.names())
	for _, t := range c.Threads {
		at := Trace{Kind: "thread", ID: t.ID, ConversationID: c.ID}
		f.look(at, "body", t.Body+"\n"+plainText(t.Body), "to", strings.Join(t.To, "\n"), "cc", strings.Join(slices.Concat(t.CC, t.BCC), "\n"),
			"createdBy", t.CreatedBy.names())
		for _, a := range t.Attachments {
			f.look(Trace{Kind: "attachment", ID: a.ID, ConversationID: c.ID}, "fileName", a.FileName, "data", string(a.Data))
		}
	}
}

func (p Person) names() string { return p.First + " " + p.Last + "\n" + p.Email }

// spellings finds somebody in a text: an address in any case; a number with and without its country's +1, with anything usual between
// the digits, and not as a part of a longer one.
func spellings(person string) *regexp.Regexp {
	if strings.Contains(person, "@") {
		return regexp.MustCompile(`(?i)` + regexp.QuoteMeta(person))
	}
	digits := strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, person)
	if digits == "" {
		return regexp.MustCompile(`^\z.`) // nobody
	}
	const between = `[-. ()/\x{a0}]*`
	prefix := ""
	if national := strings.TrimPrefix(digits, "1"); len(national) == 10 {
		digits, prefix = national, `(?:\+?1`+between+`)?`
	}
	return regexp.MustCompile(`(?:^|[^0-9])` + prefix + strings.Join(strings.Split(digits, ""), between) + `(?:[^0-9]|$)`)
}
