// Package storetest holds what the dialer's store must do on every database. Each test begins with an empty one.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

// Run runs the suite. open returns an empty store, and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) *sqlstore.Store) {
	for _, test := range []struct {
		name string
		run  func(book)
	}{
		{"Agents", agents}, {"EnrolOnce", enrolOnce}, {"Memberships", memberships}, {"Sessions", sessions}, {"ChangePhone", changePhone}, {"Revoke", revoke},
		{"Tries", tries}, {"UseOnce", useOnce}, {"Limits", limits}, {"Tidy", tidy}, {"Calls", calls}, {"Audit", audit},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(book{open(t), t, t.Context()}) })
	}
}

// start is when the tests begin; databases keep microseconds.
var start = time.Date(2026, 3, 4, 5, 6, 7, 89000, time.UTC)

// book is a store under test.
type book struct {
	*sqlstore.Store
	t   *testing.T
	ctx context.Context
}

func (b book) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b book) notFound(what string, err error) {
	b.t.Helper()
	if !errors.Is(err, sqlstore.ErrNotFound) {
		b.t.Errorf("%s: %v", what, err)
	}
}

func agent(id int64, index string) sqlstore.AgentRow {
	return sqlstore.AgentRow{UserID: id, Name: fmt.Sprint("Agent ", id), Phone: []byte{0, 1, byte(id), 255}, PhoneIndex: index, EnrolledAt: start}
}

func (b book) enrol(id int64, index string, mailbox int64) bool {
	b.t.Helper()
	ok, err := b.Enrol(b.ctx, agent(id, index), mailbox)
	b.ok(err)
	return ok
}

func agents(b book) {
	b.enrol(7, "a", 1)
	b.enrol(8, "b", 1)
	got, err := b.FindAgent(b.ctx, 7)
	b.ok(err)
	byPhone, err := b.AgentByPhone(b.ctx, "a")
	b.ok(err)
	for _, a := range []sqlstore.AgentRow{got, byPhone} {
		if a.UserID != 7 || a.Name != "Agent 7" || string(a.Phone) != "\x00\x01\x07\xff" || !a.EnrolledAt.Equal(start) {
			b.t.Errorf("%+v", a)
		}
	}
	all, err := b.Agents(b.ctx)
	b.ok(err)
	if len(all) != 2 || all[0].UserID != 7 || all[1].UserID != 8 {
		b.t.Errorf("%+v", all)
	}
	_, err = b.FindAgent(b.ctx, 9)
	b.notFound("an agent who is not there", err)
	_, err = b.AgentByPhone(b.ctx, "c")
	b.notFound("a phone that nobody has", err)
	b.ok(b.Reseal(b.ctx, agent(7, "z"), []byte("late"), "e")) // it was changed since
	b.ok(b.Reseal(b.ctx, agent(7, "a"), []byte("anew"), "d"))
	if ok, err := b.Enrol(b.ctx, agent(9, "new"), 1, "new", "d"); ok || err != nil {
		b.t.Error("another agent's phone, under another key", ok, err)
	}
	if ok, err := b.Enrol(b.ctx, agent(7, "new"), 1, "new", "d"); !ok || err != nil {
		b.t.Error("the own phone, under another key", ok, err)
	}
	if got, err = b.AgentByPhone(b.ctx, "d"); err != nil || string(got.Phone) != "anew" {
		b.t.Errorf("%+v, %v", got, err)
	}
}

// A phone is one agent's, and an agent has one, also when many are set up at once.
func enrolOnce(b book) {
	var all sync.WaitGroup
	var in atomic.Int32
	for id := range int64(6) {
		all.Go(func() {
			if ok, err := b.Enrol(b.ctx, agent(id+1, "a"), 1); ok && err == nil {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		b.t.Errorf("%d agents have one phone", in.Load())
	}
	b.enrol(20, "b", 1)
	if b.enrol(20, "c", 2) {
		b.t.Error("an agent is set up with a second phone")
	}
	if member, err := b.Member(b.ctx, 20, 2, time.Time{}); member || err != nil {
		b.t.Errorf("a proof that was refused counts: %v, %v", member, err)
	}
}

func memberships(b book) {
	b.enrol(7, "a", 1)
	later := agent(7, "a")
	later.EnrolledAt = start.Add(time.Hour)
	if ok, err := b.Enrol(b.ctx, later, 2); !ok || err != nil {
		b.t.Fatal(ok, err)
	}
	for _, test := range []struct {
		user, mailbox int64
		since         time.Time
		want          bool
	}{
		{7, 1, start.Add(-time.Second), true}, {7, 1, start.Add(time.Second), false}, {7, 2, start.Add(time.Second), true}, {7, 3, start, false}, {8, 1, start, false},
	} {
		if got, err := b.Member(b.ctx, test.user, test.mailbox, test.since); got != test.want || err != nil {
			b.t.Errorf("%+v: %v, %v", test, got, err)
		}
	}
	if id, err := b.Mailbox(b.ctx, 7); id != 2 || err != nil {
		b.t.Errorf("mailbox %d, %v", id, err)
	}
	_, err := b.Mailbox(b.ctx, 8)
	b.notFound("nobody's mailbox", err)
}

func (b book) open(hash string) error {
	_, _, err := b.SessionAgent(b.ctx, hash, start.Add(-time.Hour), start.Add(-time.Minute))
	return err
}

func sessions(b book) {
	b.enrol(7, "a", 1)
	b.ok(b.OpenSession(b.ctx, "h", 7, start))
	a, seen, err := b.SessionAgent(b.ctx, "h", start.Add(-time.Hour), start.Add(-time.Minute))
	if err != nil || a.UserID != 7 || !seen.Equal(start) {
		b.t.Errorf("%+v, %v, %v", a, seen, err)
	}
	_, _, err = b.SessionAgent(b.ctx, "h", start.Add(time.Second), start.Add(-time.Minute))
	b.notFound("a session that is too old", err)
	_, _, err = b.SessionAgent(b.ctx, "h", start.Add(-time.Hour), start.Add(time.Second))
	b.notFound("a session that was not used", err)
	b.ok(b.SawSession(b.ctx, "h", start.Add(time.Hour)))
	_, _, err = b.SessionAgent(b.ctx, "h", start.Add(-time.Hour), start.Add(time.Second))
	b.ok(err)
	b.notFound("nobody's session", b.open("x"))
	b.ok(b.CloseSession(b.ctx, "h"))
	b.notFound("a session that was closed", b.open("h"))
}

func changePhone(b book) {
	b.enrol(7, "a", 1)
	b.enrol(8, "b", 1)
	for _, hash := range []string{"here", "there"} {
		b.ok(b.OpenSession(b.ctx, hash, 7, start))
	}
	b.ok(b.OpenSession(b.ctx, "other", 8, start))
	if ok, err := b.ChangePhone(b.ctx, 7, []byte("x"), "b", "here"); ok || err != nil {
		b.t.Errorf("another agent's phone: %v, %v", ok, err)
	}
	b.ok(b.open("there"))
	if ok, err := b.ChangePhone(b.ctx, 7, []byte("x"), "c", "here"); !ok || err != nil {
		b.t.Fatal(ok, err)
	}
	b.ok(b.open("here"))
	b.ok(b.open("other"))
	b.notFound("the other session", b.open("there"))
	_, err := b.AgentByPhone(b.ctx, "a")
	b.notFound("the old phone", err)
}

func revoke(b book) {
	b.enrol(7, "a", 1)
	b.ok(b.OpenSession(b.ctx, "h", 7, start))
	b.askCode("C", "sign-in", 7)
	if was, err := b.Revoke(b.ctx, 7); !was || err != nil {
		b.t.Fatal(was, err)
	}
	b.notFound("a revoked agent's session", b.open("h"))
	_, err := b.FindAgent(b.ctx, 7)
	b.notFound("a revoked agent", err)
	_, err = b.TryCode(b.ctx, "C", start.Add(-time.Minute))
	b.notFound("a revoked agent's code", err)
	if member, err := b.Member(b.ctx, 7, 1, time.Time{}); member || err != nil {
		b.t.Error("a revoked agent works here", err)
	}
	if was, err := b.Revoke(b.ctx, 7); was || err != nil {
		b.t.Error("revoked twice", err)
	}
}

func code(id, purpose string, user int64) sqlstore.CodeRow {
	return sqlstore.CodeRow{
		ID: id, Purpose: purpose, UserID: user, Name: "Dana", MailboxID: 1, ConversationID: 2, Phone: []byte{0, 255}, PhoneIndex: "a", Ending: "77",
		NoteHash: "n", TextHash: "t", Source: "here", CreatedAt: start,
	}
}

func (b book) askCode(id, purpose string, user int64) {
	b.t.Helper()
	b.ok(b.AskCode(b.ctx, code(id, purpose, user), func(sqlstore.Asked) error { return nil }))
}

// Five tries, however many come at once.
func tries(b book) {
	b.askCode("C", "enrol", 7)
	var all sync.WaitGroup
	var tried atomic.Int32
	for range 20 {
		all.Go(func() {
			c, err := b.TryCode(b.ctx, "C", start.Add(-time.Minute))
			switch {
			case err == nil && c.Purpose == "enrol" && c.UserID == 7 && string(c.Phone) == "\x00\xff" && c.TextHash == "t":
				tried.Add(1)
			case !errors.Is(err, sqlstore.ErrNotFound):
				b.t.Errorf("%+v, %v", c, err)
			}
		})
	}
	all.Wait()
	if tried.Load() != sqlstore.MaxTries {
		b.t.Errorf("%d tries", tried.Load())
	}
	b.askCode("D", "enrol", 7)
	_, err := b.TryCode(b.ctx, "D", start.Add(time.Second))
	b.notFound("a code that is too old", err)
}

func useOnce(b book) {
	b.askCode("C", "enrol", 7)
	var all sync.WaitGroup
	var used atomic.Int32
	for range 8 {
		all.Go(func() {
			if mine, err := b.UseCode(b.ctx, "C"); mine && err == nil {
				used.Add(1)
			}
		})
	}
	all.Wait()
	if used.Load() != 1 {
		b.t.Errorf("used %d times", used.Load())
	}
	_, err := b.TryCode(b.ctx, "C", start.Add(-time.Minute))
	b.notFound("a used code", err)
}

// Limits are exact, however many ask at once, and what was refused does not count.
func limits(b book) {
	errLimit := errors.New("limit")
	var all sync.WaitGroup
	var given atomic.Int32
	for i := range 12 {
		all.Go(func() {
			err := b.AskCode(b.ctx, code(fmt.Sprint(i), "sign-in", 7), func(a sqlstore.Asked) error {
				if a.ByUser > 3 {
					return errLimit
				}
				return nil
			})
			switch {
			case err == nil:
				given.Add(1)
			case !errors.Is(err, errLimit):
				b.t.Error(err)
			}
		})
	}
	all.Wait()
	if given.Load() != 3 {
		b.t.Errorf("%d codes given", given.Load())
	}
	nobody := code("N", "sign-in", 0)
	nobody.PhoneIndex, nobody.Source = "z", "there"
	b.ok(b.AskCode(b.ctx, nobody, func(a sqlstore.Asked) error {
		if want := (sqlstore.Asked{All: 3, Guesses: 1}); a != want {
			b.t.Errorf("%+v, want %+v", a, want)
		}
		return nil
	}))
	later := code("L", "sign-in", 7)
	later.CreatedAt = start.Add(2 * time.Hour)
	b.ok(b.AskCode(b.ctx, later, func(a sqlstore.Asked) error {
		if want := (sqlstore.Asked{ByUser: 1, ByPhone: 1, BySource: 1, All: 1}); a != want {
			b.t.Errorf("%+v, want %+v", a, want)
		}
		return nil
	}))
}

func tidy(b book) {
	b.enrol(7, "a", 1)
	b.askCode("C", "enrol", 7)
	b.ok(b.OpenSession(b.ctx, "h", 7, start))
	b.ok(b.Tidy(b.ctx, start.Add(23*time.Hour)))
	b.ok(b.open("h"))
	b.ok(b.Tidy(b.ctx, start.Add(25*time.Hour)))
	b.notFound("a session of yesterday", b.open("h"))
	_, err := b.TryCode(b.ctx, "C", time.Time{})
	b.notFound("a code of yesterday", err)
}

func calls(b book) {
	theirs, err := b.AddCall(b.ctx, "K", 7, 42, start)
	b.ok(err)
	others, err := b.AddCall(b.ctx, "K", 8, 43, start)
	b.ok(err)
	if !theirs || others {
		b.t.Errorf("theirs: %v, and another's: %v", theirs, others)
	}
	if id, err := b.CallConversation(b.ctx, "K", 7); id != 42 || err != nil {
		b.t.Error(id, err)
	}
	_, err = b.CallConversation(b.ctx, "K", 8)
	b.notFound("another's call", err)
	key, at, err := b.OpenCall(b.ctx, 7)
	if key != "K" || !at.Equal(start) || err != nil {
		b.t.Error(key, at, err)
	}
	b.ok(b.CallOver(b.ctx, "K"))
	_, _, err = b.OpenCall(b.ctx, 7)
	b.notFound("a call that is over", err)
	_, err = b.AddCall(b.ctx, "K", 7, 42, start) // the same press again
	b.ok(err)
	if key, _, err = b.OpenCall(b.ctx, 7); key != "K" || err != nil {
		b.t.Error(key, err)
	}
}

func audit(b book) {
	for i := range int64(4) {
		b.ok(b.AddAudit(b.ctx, sqlstore.AuditRow{At: start.Add(time.Duration(i)), UserID: 7 + i%2, Name: "Dana", Action: fmt.Sprint("did ", i), ConversationID: i, Detail: "…", Source: "here"}))
	}
	all, err := b.Audit(b.ctx, 0, 3)
	b.ok(err)
	if len(all) != 3 || all[0].Action != "did 3" || all[0].UserID != 8 || all[0].Detail != "…" {
		b.t.Errorf("%+v", all)
	}
	theirs, err := b.Audit(b.ctx, 7, 10)
	b.ok(err)
	if len(theirs) != 2 || theirs[0].Action != "did 2" {
		b.t.Errorf("%+v", theirs)
	}
}
