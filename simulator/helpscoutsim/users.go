package helpscoutsim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SetUser adds a user to the account, or changes the one with the same id. It is not in the state file.
func (s *Sim) SetUser(u User) {
	s.setUsers(func(all []User) []User {
		if i := slices.IndexFunc(all, func(o User) bool { return o.ID == u.ID }); i >= 0 {
			all[i] = u
			return all
		}
		return append(all, u)
	})
}

// RemoveUser takes a user from the account, as when somebody leaves. The app's owner stays.
func (s *Sim) RemoveUser(id int64) {
	s.setUsers(func(all []User) []User {
		return slices.DeleteFunc(all, func(u User) bool { return u.ID == id && u.ID != all[0].ID })
	})
}

func (s *Sim) setUsers(change func([]User) []User) {
	s.mu.Lock()
	s.users.Store(new(change(slices.Clone(*s.users.Load()))))
	s.mu.Unlock()
	s.changed.send()
}

// worksIn reports whether a user has access to a mailbox.
func (u User) worksIn(mailbox int64) bool {
	return len(u.Mailboxes) == 0 || slices.Contains(u.Mailboxes, mailbox)
}

// userJSON is a user as the API shows them.
type userJSON struct {
	ID        int64  `json:"id"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Email     string `json:"email"`
	Role      string `json:"role"`
	Timezone  string `json:"timezone"`
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
	Type      string `json:"type"`
	Mention   string `json:"mention"`
	Initials  string `json:"initials"`
}

func (u User) json() userJSON {
	since := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC).Format(timeFormat)
	initial := func(s string) string {
		for _, c := range s {
			return string(c)
		}
		return ""
	}
	return userJSON{
		ID: u.ID, FirstName: u.First, LastName: u.Last, Email: u.Email, Role: "user", Timezone: "America/New_York", CreatedAt: since, UpdatedAt: since,
		Type: "user", Mention: strings.ToLower(u.First), Initials: initial(u.First) + initial(u.Last),
	}
}

// GET /v2/users
//
// https://developer.helpscout.com/mailbox-api/endpoints/users/list/
func (s *Sim) listUsers(r *http.Request) (answer, error) {
	q := r.URL.Query()
	keep, err := userFilter(q)
	if err != nil {
		return answer{}, err
	}
	found := slices.DeleteFunc(slices.Clone(*s.users.Load()), func(u User) bool { return !keep(u) })
	return s.page(r, "users", len(found), 50, func(i int) any { return found[i].json() })
}

func userFilter(q url.Values) (keep func(User) bool, err error) {
	if err := onlyParameters(q, "email", "mailbox", "page"); err != nil {
		return nil, err
	}
	mailbox := int64(0)
	if text := q.Get("mailbox"); text != "" {
		if mailbox, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, badQuery("mailbox", "must be a number")
		}
	}
	return func(u User) bool {
		return (mailbox == 0 || u.worksIn(mailbox)) && (q.Get("email") == "" || strings.EqualFold(u.Email, q.Get("email")))
	}, nil
}

// GET /v2/users/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/users/get/
func (s *Sim) getUser(r *http.Request) (answer, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	u, found := s.user(id)
	if !found {
		return answer{}, notFound()
	}
	return ok(u.json()), nil
}

func (s *Sim) handleSetUser(w http.ResponseWriter, r *http.Request) {
	var u User
	err := readJSON(r, &u)
	if err == nil {
		if u.ID, err = strconv.ParseInt(r.PathValue("id"), 10, 64); err != nil || u.ID <= 0 {
			err = ErrNotFound
		}
	}
	if err == nil {
		s.SetUser(u)
	}
	reply(w, nil, err)
}

func (s *Sim) handleRemoveUser(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	s.RemoveUser(id)
	reply(w, nil, nil)
}
