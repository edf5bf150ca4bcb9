// Package storetest holds what the switchboard's store must do on every database. Each test begins with an empty one.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
)

// Run runs the suite. open returns an empty store, and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) *sqlstore.Store) {
	for _, test := range []struct {
		name string
		run  func(book)
	}{
		{"Invite", invite}, {"InviteAgain", inviteAgain}, {"TakeOnce", takeOnce}, {"Operators", operators}, {"Sessions", sessions}, {"Remove", remove},
		{"OpenAgainstRemove", openAgainstRemove}, {"Limits", limits}, {"Audit", audit}, {"Tidy", tidy},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(book{open(t), t, t.Context()}) })
	}
}

// start is when the tests begin; databases keep microseconds.
var start = time.Date(2026, 3, 4, 5, 6, 7, 89000, time.UTC)

// anHourBefore is since when links and sessions count that were made at the start.
var anHourBefore = start.Add(-time.Hour)

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

func hashed(name string) string { return "hash of " + name }

// add invites somebody and lets them choose a password.
func (b book) add(name, password string) {
	b.t.Helper()
	b.ok(b.Invite(b.ctx, name, sqlstore.Viewer, "link of "+name, start))
	_, err := b.TakeInvitation(b.ctx, "link of "+name, anHourBefore, password, hashed)
	b.ok(err)
}

func invite(b book) {
	b.ok(b.Invite(b.ctx, "anna", sqlstore.Operator, "L", start))
	o, err := b.FindOperator(b.ctx, "anna")
	b.ok(err)
	if o.Name != "anna" || o.Role != sqlstore.Operator || o.Password != "" || !o.InvitedAt.Equal(start) || !o.SeenAt.IsZero() {
		b.t.Errorf("%+v", o)
	}
	if name, err := b.Invitation(b.ctx, "L", anHourBefore); name != "anna" || err != nil {
		b.t.Error(name, err)
	}
	_, err = b.Invitation(b.ctx, "L", start)
	b.notFound("a link that is too old", err)
	_, err = b.TakeInvitation(b.ctx, "L", start, "p", hashed)
	b.notFound("a link that is too old", err)
	_, err = b.Invitation(b.ctx, "M", anHourBefore)
	b.notFound("a link that nobody has made", err)
	_, err = b.FindOperator(b.ctx, "ben")
	b.notFound("somebody who was not invited", err)
}

// A new link replaces the one before; the password counts until another is chosen, and then nobody is signed in with the old one.
func inviteAgain(b book) {
	b.add("anna", "old")
	b.ok(b.OpenSession(b.ctx, "S", "anna", "old", start))
	b.ok(b.Invite(b.ctx, "anna", sqlstore.Operator, "first", start))
	b.ok(b.Invite(b.ctx, "anna", sqlstore.Operator, "second", start))
	_, err := b.Invitation(b.ctx, "first", anHourBefore)
	b.notFound("the link before", err)
	o, seen, err := b.SessionOperator(b.ctx, "S", anHourBefore, anHourBefore)
	if err != nil || o.Role != sqlstore.Operator || o.Password != "old" || !seen.Equal(start) {
		b.t.Errorf("%+v, %v, %v", o, seen, err)
	}
	if name, err := b.TakeInvitation(b.ctx, "second", anHourBefore, "new", hashed); name != "anna" || err != nil {
		b.t.Fatal(name, err)
	}
	_, _, err = b.SessionOperator(b.ctx, "S", anHourBefore, anHourBefore)
	b.notFound("a session with the old password", err)
	b.notFound("the old password", b.OpenSession(b.ctx, "S2", "anna", "old", start))
	b.ok(b.OpenSession(b.ctx, "S3", "anna", "new", start))
	for name, role := range map[string]string{"anna": sqlstore.Operator, "ben": sqlstore.Viewer} { // known, and not
		b.ok(b.Invite(b.ctx, name, "", "third of "+name, start))
		if o, err := b.FindOperator(b.ctx, name); err != nil || o.Role != role {
			b.t.Errorf("%s, invited without a role: %+v, %v", name, o, err)
		}
		if whose, err := b.Invitation(b.ctx, "third of "+name, anHourBefore); whose != name || err != nil {
			b.t.Error(whose, err)
		}
	}
}

// A link works once, however many use it at the same time, and clears the limit of whoever it is of.
func takeOnce(b book) {
	b.ok(b.Invite(b.ctx, "anna", sqlstore.Viewer, "L", start))
	for _, name := range []string{"anna", "ben"} {
		b.ok(b.Attempt(b.ctx, sqlstore.AttemptRow{NameHash: hashed(name), Source: "here", At: start}, anHourBefore, func(int, int) error { return nil }))
	}
	var all sync.WaitGroup
	var took atomic.Int32
	for i := range 8 {
		all.Go(func() {
			_, err := b.TakeInvitation(b.ctx, "L", anHourBefore, fmt.Sprint(i), hashed)
			if err == nil {
				took.Add(1)
			} else if !errors.Is(err, sqlstore.ErrNotFound) {
				b.t.Error(err)
			}
		})
	}
	all.Wait()
	if took.Load() != 1 {
		b.t.Errorf("the link worked %d times", took.Load())
	}
	b.ok(b.Attempt(b.ctx, sqlstore.AttemptRow{NameHash: hashed("anna"), Source: "here", At: start}, anHourBefore, func(byName, bySource int) error {
		if byName != 1 || bySource != 2 {
			b.t.Errorf("%d by name, %d from here; want 1 and 2", byName, bySource)
		}
		return nil
	}))
}

func operators(b book) {
	b.add("ben", "p")
	b.add("anna", "p")
	all, err := b.Operators(b.ctx)
	b.ok(err)
	if len(all) != 2 || all[0].Name != "anna" || all[1].Name != "ben" {
		b.t.Errorf("%+v", all)
	}
}

func sessions(b book) {
	b.add("anna", "p")
	b.ok(b.OpenSession(b.ctx, "S", "anna", "p", start))
	session := func(opened, seen time.Time) error {
		_, _, err := b.SessionOperator(b.ctx, "S", opened, seen)
		return err
	}
	b.ok(session(anHourBefore, anHourBefore))
	b.notFound("a session that is too old", session(start, anHourBefore))
	b.notFound("a session that was not used", session(anHourBefore, start))
	later := start.Add(time.Hour)
	b.ok(b.SawSession(b.ctx, "S", later))
	b.ok(session(anHourBefore, start))
	if o, err := b.FindOperator(b.ctx, "anna"); err != nil || !o.SeenAt.Equal(later) {
		b.t.Errorf("seen at %v, %v", o.SeenAt, err)
	}
	_, _, err := b.SessionOperator(b.ctx, "x", anHourBefore, anHourBefore)
	b.notFound("nobody's session", err)
	b.ok(b.CloseSession(b.ctx, "S"))
	b.notFound("a session that was closed", session(anHourBefore, anHourBefore))
	b.notFound("a session of nobody", b.OpenSession(b.ctx, "T", "ben", "p", start))
	b.notFound("a session with a wrong password", b.OpenSession(b.ctx, "T", "anna", "q", start))
}

func remove(b book) {
	b.add("anna", "p")
	b.ok(b.OpenSession(b.ctx, "S", "anna", "p", start))
	b.ok(b.Invite(b.ctx, "anna", sqlstore.Viewer, "L", start))
	if was, err := b.Remove(b.ctx, "anna"); !was || err != nil {
		b.t.Fatal(was, err)
	}
	_, _, err := b.SessionOperator(b.ctx, "S", anHourBefore, anHourBefore)
	b.notFound("the session of somebody who was removed", err)
	_, err = b.TakeInvitation(b.ctx, "L", anHourBefore, "p", hashed)
	b.notFound("the link of somebody who was removed", err)
	_, err = b.FindOperator(b.ctx, "anna")
	b.notFound("somebody who was removed", err)
	if was, err := b.Remove(b.ctx, "anna"); was || err != nil {
		b.t.Error("removed twice", err)
	}
	b.add("anna", "p") // somebody new of the same name
	_, _, err = b.SessionOperator(b.ctx, "S", anHourBefore, anHourBefore)
	b.notFound("the session of the one before", err)
}

// Whoever is removed while they sign in is not signed in.
func openAgainstRemove(b book) {
	for round := range 10 {
		b.add("anna", "p")
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				if err := b.OpenSession(b.ctx, fmt.Sprint(round, " ", i), "anna", "p", start); err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
					b.t.Error(err)
				}
			})
		}
		all.Go(func() {
			if _, err := b.Remove(b.ctx, "anna"); err != nil {
				b.t.Error(err)
			}
		})
		all.Wait()
		b.ok(b.Invite(b.ctx, "anna", sqlstore.Viewer, "L", start)) // a session that is left would be hers
		for i := range 6 {
			_, _, err := b.SessionOperator(b.ctx, fmt.Sprint(round, " ", i), anHourBefore, anHourBefore)
			b.notFound("a session that was opened while she was removed", err)
		}
		_, err := b.Remove(b.ctx, "anna")
		b.ok(err)
	}
}

// Limits are exact, however many try at once; what was refused does not count.
func limits(b book) {
	errLimit := errors.New("limit")
	try := func(name, source string, at time.Time) error {
		return b.Attempt(b.ctx, sqlstore.AttemptRow{NameHash: name, Source: source, At: at}, at.Add(-time.Minute), func(byName, bySource int) error {
			if byName > 3 || bySource > 5 {
				return errLimit
			}
			return nil
		})
	}
	var all sync.WaitGroup
	var tried atomic.Int32
	for range 12 {
		all.Go(func() {
			if err := try("anna", "here", start); err == nil {
				tried.Add(1)
			} else if !errors.Is(err, errLimit) {
				b.t.Error(err)
			}
		})
	}
	all.Wait()
	if tried.Load() != 3 {
		b.t.Errorf("%d attempts", tried.Load())
	}
	b.ok(try("ben", "here", start))
	b.ok(try("carla", "here", start))
	if err := try("dora", "here", start); !errors.Is(err, errLimit) {
		b.t.Errorf("the sixth from here: %v", err)
	}
	b.ok(try("ben", "there", start))
	b.ok(try("anna", "there", start.Add(2*time.Minute)))
	b.ok(b.Forget(b.ctx, "anna"))
	for range 3 {
		b.ok(try("anna", "here", start))
	}
}

func audit(b book) {
	var seqs []int64
	for i := range 4 {
		seq, err := b.AddAudit(b.ctx, sqlstore.AuditRow{At: start.Add(time.Duration(i) * time.Microsecond), Who: "anna", Action: fmt.Sprint("did ", i), Subject: "SM1", Detail: "…", Source: "here"})
		b.ok(err)
		seqs = append(seqs, seq)
	}
	b.ok(b.EndAudit(b.ctx, seqs[2], "done"))
	b.ok(b.EndAudit(b.ctx, seqs[2], "done twice"))
	all, err := b.Audit(b.ctx, 0, 3)
	b.ok(err)
	if len(all) != 3 || all[0].Action != "did 3" || all[0].Outcome != "" || all[1].Outcome != "done" {
		b.t.Fatalf("%+v", all)
	}
	if a := all[0]; a.Seq != seqs[3] || !a.At.Equal(start.Add(3*time.Microsecond)) || a.Who != "anna" || a.Subject != "SM1" || a.Detail != "…" || a.Source != "here" {
		b.t.Errorf("%+v", a)
	}
	older, err := b.Audit(b.ctx, all[2].Seq, 10)
	b.ok(err)
	if len(older) != 1 || older[0].Action != "did 0" {
		b.t.Errorf("%+v", older)
	}
}

func tidy(b book) {
	b.add("anna", "p")
	b.ok(b.OpenSession(b.ctx, "S", "anna", "p", start))
	b.ok(b.Invite(b.ctx, "anna", sqlstore.Viewer, "L", start))
	_, err := b.AddAudit(b.ctx, sqlstore.AuditRow{At: start, Who: "anna"})
	b.ok(err)
	there := func() (there int) {
		if _, _, err := b.SessionOperator(b.ctx, "S", anHourBefore, anHourBefore); err == nil {
			there++
		}
		if _, err := b.Invitation(b.ctx, "L", anHourBefore); err == nil {
			there++
		}
		return there
	}
	b.ok(b.Tidy(b.ctx, start.Add(23*time.Hour)))
	if n := there(); n != 2 {
		b.t.Errorf("%d of session and link are left after 23 hours", n)
	}
	b.ok(b.Tidy(b.ctx, start.Add(25*time.Hour)))
	if n := there(); n != 0 {
		b.t.Errorf("%d of session and link are left after 25 hours", n)
	}
	if all, err := b.Audit(b.ctx, 0, 10); len(all) != 1 || err != nil {
		b.t.Error("the audit log was tidied up", err)
	}
}
