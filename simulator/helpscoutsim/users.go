package helpscoutsim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// SetUser adds a user to the account, or replaces the one with the same id. Users are not in the state file: a simulator
// starts with those of its Config.
func (s *Sim) SetUser(u User) {
	u.Mailboxes = slices.Clone(u.Mailboxes)
	s.changeUsers(func(users []User) []User {
		if i := slices.IndexFunc(users, func(known User) bool { return known.ID == u.ID }); i >= 0 {
			users[i] = u
			return users
		}
		return append(users, u)
	})
}

// RemoveUser takes a user from the account, as when somebody leaves. What they wrote stays, and so does the app's owner,
// whoever asks.
func (s *Sim) RemoveUser(id int64) {
	s.changeUsers(func(users []User) []User {
		return append(users[:1], slices.DeleteFunc(users[1:], func(u User) bool { return u.ID == id })...)
	})
}

// changeUsers replaces the users by what f makes of a copy.
func (s *Sim) changeUsers(f func([]User) []User) {
	s.mu.Lock()
	users := f(slices.Clone(*s.users.Load()))
	s.users.Store(&users)
	s.mu.Unlock()
	s.changed.send()
}

// user finds a user of the account; the zero id is the app's owner.
func (s *Sim) user(id int64) (User, bool) {
	if id == 0 {
		return s.owner(), true
	}
	users := *s.users.Load()
	i := slices.IndexFunc(users, func(u User) bool { return u.ID == id })
	if i < 0 {
		return User{}, false
	}
	return users[i], true
}

// owner is the user who owns the app.
func (s *Sim) owner() User { return (*s.users.Load())[0] }

// agentID is the user who acts unless another one is named: the second, or the owner who is alone.
func (s *Sim) agentID() int64 {
	users := *s.users.Load()
	return users[min(1, len(users)-1)].ID
}

// worksIn reports whether a user has access to a mailbox.
func (u User) worksIn(mailbox int64) bool {
	return len(u.Mailboxes) == 0 || slices.Contains(u.Mailboxes, mailbox)
}

// initials are the first letters of a user's names.
func (u User) initials() string {
	text := ""
	for _, name := range []string{u.First, u.Last} {
		if name != "" {
			first, _ := utf8.DecodeRuneInString(name)
			text += string(first)
		}
	}
	return text
}

// usersPerPage is fixed by Help Scout.
const usersPerPage = 50

// userJSON is a user as the API shows them.
// See https://developer.helpscout.com/mailbox-api/endpoints/users/get/.
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
	// What nobody has.
	PhotoURL        string   `json:"photoUrl"`
	JobTitle        string   `json:"jobTitle"`
	Phone           string   `json:"phone"`
	AlternateEmails []string `json:"alternateEmails"`
}

// usersSince is when all users and mailboxes were added. Nobody asks.
var usersSince = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)

func (u User) json() userJSON {
	return userJSON{
		ID: u.ID, FirstName: u.First, LastName: u.Last, Email: u.Email, Role: "user", Timezone: "America/New_York",
		CreatedAt: stamp(usersSince), UpdatedAt: stamp(usersSince), Type: "user", Mention: strings.ToLower(u.First),
		Initials: u.initials(), AlternateEmails: []string{},
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
	return s.page(r, "users", len(found), usersPerPage, func(i int) any { return found[i].json() })
}

func userFilter(q url.Values) (keep func(User) bool, err error) {
	if err := onlyParameters(q, "email", "mailbox", "page"); err != nil {
		return nil, err
	}
	email, mailbox := q.Get("email"), int64(0)
	if text := q.Get("mailbox"); text != "" {
		if mailbox, err = strconv.ParseInt(text, 10, 64); err != nil || mailbox <= 0 {
			return nil, badQuery("mailbox", "must be a mailbox's id")
		}
	}
	return func(u User) bool {
		return (email == "" || emailKey(u.Email) == emailKey(email)) && (mailbox == 0 || u.worksIn(mailbox))
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

// GET /v2/users/me
//
// https://developer.helpscout.com/mailbox-api/endpoints/users/me/
func (s *Sim) getOwner(*http.Request) (answer, error) { return ok(s.owner().json()), nil }

// handleSetUser adds or replaces a user. Their id is that of the path.
func (s *Sim) handleSetUser(w http.ResponseWriter, r *http.Request) {
	var u User
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		reply(w, nil, ErrNotFound)
		return
	}
	if err := readJSON(r, &u); err != nil {
		reply(w, nil, err)
		return
	}
	u.ID = id
	s.SetUser(u)
	reply(w, nil, nil)
}

// handleRemoveUser removes a user, if there is one.
func (s *Sim) handleRemoveUser(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	s.RemoveUser(id)
	reply(w, nil, nil)
}
