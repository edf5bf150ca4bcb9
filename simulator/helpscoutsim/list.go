package helpscoutsim

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conversationsPerPage is fixed by Help Scout.
const conversationsPerPage = 25

// GET /v2/conversations
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/list/
//
// The list shows everything as it was ListLag ago.
func (s *Sim) listConversations(r *http.Request) (a answer, err error) {
	q := r.URL.Query()
	f, err := listFilter(q)
	if err != nil {
		return answer{}, err
	}
	order, err := listOrder(q)
	if err != nil {
		return answer{}, err
	}
	now, lag := s.cfg.Now().UTC(), s.Settings().ListLag
	s.read(func(st *state) {
		found := slices.DeleteFunc(st.find(f, now, lag), func(c *Conversation) bool { return !s.sees(c.MailboxID) })
		slices.SortFunc(found, func(a, b *Conversation) int { return order(st, a, b) })
		rd := s.render(st, r)
		a, err = s.page(r, "conversations", len(found), conversationsPerPage, func(i int) any {
			j := rd.conversation(*found[i])
			if q.Get("embed") == "threads" {
				j.Embedded = rd.threads(*found[i], found[i].Threads)
			}
			return j
		})
	})
	return a, err
}

// find returns what lists show now.
func (st *state) find(f *filter, now time.Time, lag time.Duration) []*Conversation {
	var found []*Conversation
	for _, id := range f.candidates(st) {
		if c := st.conversations[id].listed(now, lag); c != nil && f.holds(st, c) {
			found = append(found, c)
		}
	}
	return found
}

// listFilter reads everything of the query that narrows the list.
func listFilter(q url.Values) (*filter, error) {
	err := onlyParameters(q, "mailbox", "status", "query", "tag", "number", "assigned_to", "modifiedSince",
		"sortField", "sortOrder", "page", "embed")
	if err != nil {
		return nil, err
	}
	if embed := q.Get("embed"); embed != "" && embed != "threads" {
		return nil, badQuery("embed", "must be threads")
	}
	f := &filter{}
	if err := f.addStatus(q.Get("status")); err != nil {
		return nil, err
	}
	if tag := q.Get("tag"); tag != "" {
		if strings.Contains(tag, ",") {
			return nil, badQuery("tag", "several tags are not simulated")
		}
		f.byTag(tag)
	}
	if err := f.addNumbers(q); err != nil {
		return nil, err
	}
	if since := q.Get("modifiedSince"); since != "" {
		t, err := time.Parse(timeFormat, since)
		if err != nil {
			return nil, badQuery("modifiedSince", "must be a UTC time like 2026-01-31T12:00:00Z")
		}
		f.add(func(_ *state, c *Conversation) bool { return !c.UpdatedAt.Before(t) })
	}
	if query := q.Get("query"); query != "" {
		if err := f.parse(query); err != nil {
			return nil, badQuery("query", err.Error())
		}
	}
	return f, nil
}

// addStatus applies the status parameter. Without it only active conversations are listed.
func (f *filter) addStatus(status string) error {
	switch status {
	case "":
		f.byStatus("active")
	case "active", "closed", "pending", "spam":
		f.byStatus(status)
	case "open":
		f.byStatus("active", "pending")
	case "all":
	default:
		return badQuery("status", "must be one of active, all, open, closed, pending, spam")
	}
	return nil
}

func (f *filter) addNumbers(q url.Values) error {
	for name, apply := range map[string]func(...int64){
		"mailbox":     f.byMailbox,
		"number":      func(n ...int64) { f.byNumber(n[0]) },
		"assigned_to": f.byAssignee,
	} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		var numbers []int64
		for part := range strings.SplitSeq(text, ",") {
			n, err := strconv.ParseInt(part, 10, 64)
			if err != nil {
				return badQuery(name, "must be a number")
			}
			numbers = append(numbers, n)
		}
		if len(numbers) > 1 && name != "mailbox" {
			return badQuery(name, "must be one number")
		}
		apply(numbers...)
	}
	return nil
}

func (f *filter) byAssignee(ids ...int64) {
	f.add(func(_ *state, c *Conversation) bool { return c.AssigneeID == ids[0] })
}

// comparison orders two conversations as cmp.Compare does.
type comparison func(st *state, a, b *Conversation) int

// comparisons are the sort fields; score is not simulated.
var comparisons = map[string]comparison{
	"createdAt":     func(_ *state, a, b *Conversation) int { return a.CreatedAt.Compare(b.CreatedAt) },
	"modifiedAt":    func(_ *state, a, b *Conversation) int { return a.UpdatedAt.Compare(b.UpdatedAt) },
	"mailboxid":     func(_ *state, a, b *Conversation) int { return cmp.Compare(a.MailboxID, b.MailboxID) },
	"number":        func(_ *state, a, b *Conversation) int { return cmp.Compare(a.Number, b.Number) },
	"status":        func(_ *state, a, b *Conversation) int { return cmp.Compare(a.Status, b.Status) },
	"subject":       func(_ *state, a, b *Conversation) int { return cmp.Compare(a.Subject, b.Subject) },
	"waitingSince":  func(_ *state, a, b *Conversation) int { return cmp.Compare(waiting(*a).Time, waiting(*b).Time) },
	"customerEmail": byCustomer(Customer.Email),
	"customerName":  byCustomer(func(c Customer) string { return c.Last + " " + c.First }),
}

func byCustomer(key func(Customer) string) comparison {
	return func(st *state, a, b *Conversation) int {
		return cmp.Compare(key(value(st.customers[a.CustomerID])), key(value(st.customers[b.CustomerID])))
	}
}

// listOrder reads the sorting; equal ones go by id.
func listOrder(q url.Values) (comparison, error) {
	field := cmp.Or(q.Get("sortField"), "createdAt")
	compare, ok := comparisons[field]
	if !ok {
		return nil, badQuery("sortField", "unknown or not simulated")
	}
	sign := -1
	switch q.Get("sortOrder") {
	case "", "desc":
	case "asc":
		sign = 1
	default:
		return nil, badQuery("sortOrder", "must be asc or desc")
	}
	return func(st *state, a, b *Conversation) int {
		return sign * cmp.Or(compare(st, a, b), cmp.Compare(a.ID, b.ID))
	}, nil
}
