package ticketing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// erasure is one go at erasing somebody: as much as there is time for. It takes up what another one has left: what our tables have of a
// conversation is deleted when it is not in Help Scout any more.
type erasure struct {
	*Service
	who     phone.Identity
	address string   // of the contact
	names   []string // the lanes that may be theirs
	lanes   []string // those that there are
	contact helpscout.Contact
	known   bool // there is a contact
	deleted map[string]int64
	left    map[string]int64 // what somebody must look at

	seen   map[int64]bool
	listed map[int64]bool // the contact's conversations in Help Scout's list
	gone   []int64        // conversations that are not in Help Scout any more
	// unsure says that the contact may have taken part in a conversation that was not looked at.
	unsure bool
}

// mergedFor is how long Help Scout tells what a conversation was merged into.
const mergedFor = 60 * 24 * time.Hour

// What is left for somebody to look at, in the answer.
const (
	leftShared  = "conversations left, because they hold others' texts"
	leftDenied  = "conversations left, because Help Scout does not let us at them"
	leftContact = "contacts left, because they have other addresses"
)

// run does what it can. What is left to be done by somebody else is no error.
func (e *erasure) run(ctx context.Context) error {
	for _, h := range e.Hotlines {
		e.names = append(e.names, e.laneOf(h.MailboxID, e.who))
		e.unsure = e.unsure || h.Keep.Records > 0 // then we may have forgotten some
	}
	var err error
	if e.lanes, err = e.store.LanesOf(ctx, string(e.who.Number), e.names); err != nil {
		return err
	}
	held, err := e.hold(ctx)
	defer func() {
		for _, lane := range held {
			if err := e.store.FreeLane(context.WithoutCancel(ctx), lane); err != nil {
				e.Log.WarnContext(ctx, "a lane could not be given back", "err", err)
			}
		}
	}()
	if err != nil {
		return err
	}
	if e.contact, e.known, err = e.desk.FindContact(ctx, e.address); err != nil {
		return err
	}
	if err := e.conversations(ctx); err != nil {
		return err
	}
	if err := e.eraseContact(ctx); err != nil {
		return err
	}
	return e.eraseLanes(ctx, held)
}

// hold takes the lanes, so that nobody posts to them.
func (e *erasure) hold(ctx context.Context) (held []*sqlstore.Lane, err error) {
	for _, id := range e.lanes {
		for {
			now := e.Now()
			lane, err := e.store.HoldLane(ctx, id, now, now.Add(leaseFor))
			if err == nil && lane != nil {
				held = append(held, lane)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, sqlstore.ErrBusy) || !wait(ctx) {
				return held, err
			}
		}
	}
	return held, nil
}

// wait waits a moment; false: there is no time.
func wait(ctx context.Context) bool {
	select {
	case <-time.After(50 * time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}

// conversations deletes theirs: those that we know, and those that Help Scout finds.
func (e *erasure) conversations(ctx context.Context) error {
	known, err := e.store.Conversations(ctx, e.lanes)
	if err != nil {
		return err
	}
	found, err := e.search(ctx) // while the list has all of them
	for all := append(known, found...); err == nil && len(all) > 0; all, err = e.search(ctx) {
		for _, c := range all {
			if err := e.conversation(ctx, c); err != nil {
				return err
			}
		}
	}
	return err
}

// search returns the conversations of the contact's that were not looked at yet: those of all mailboxes, or if the contact belongs to more than
// the hotline, those of the hotline's.
func (e *erasure) search(ctx context.Context) (all []sqlstore.Whereabouts, err error) {
	if !e.known {
		return nil, nil
	}
	found, err := e.desk.ConversationsOf(ctx, e.contact.ID)
	for _, v := range found {
		e.listed[v.ID] = true
		if _, ours := e.Hotlines.ByMailbox(v.MailboxID); (ours || e.oursAlone()) && !e.seen[v.ID] {
			all = append(all, sqlstore.Whereabouts{ConversationID: v.ID, LastAt: e.Now()})
		}
	}
	return all, err
}

// conversation deletes one, here and there, unless somebody else has written in it.
func (e *erasure) conversation(ctx context.Context, c sqlstore.Whereabouts) error {
	if e.seen[c.ConversationID] {
		return nil
	}
	e.seen[c.ConversationID] = true
	v, err := e.current(ctx, c.ConversationID)
	switch helpscout.StatusOf(err) {
	case 404:
		if e.Now().Sub(c.LastAt) > mergedFor {
			e.unsure, e.gone = true, append(e.gone, c.ConversationID) // what it was merged into, if it was, nobody says any more
			return nil
		}
		return e.forget(ctx, c.ConversationID)
	case 403:
		e.left[leftDenied]++
		e.unsure = true
		return nil
	}
	if err != nil {
		return err
	}
	if e.seen[v.ID] && v.ID != c.ConversationID {
		return e.forget(ctx, c.ConversationID)
	}
	e.seen[v.ID] = true
	if e.known && v.PrimaryCustomer.ID == e.contact.ID && !e.listed[v.ID] {
		e.unsure = true // the list lags: there may be others that are not in it
	}
	threads, err := e.desk.AllThreads(ctx, v.ID)
	if helpscout.StatusOf(err) == 404 {
		return e.forget(ctx, c.ConversationID, v.ID)
	}
	if err != nil {
		return err
	}
	shared, given, err := e.shared(ctx, c, v, threads)
	if err != nil {
		return err
	}
	if given {
		e.left[leftContact] = 1
	}
	if shared {
		e.left[leftShared]++
		e.unsure = true
		return e.cleanShared(ctx, v, threads, c.ConversationID, v.ID)
	}
	if err := e.settle(ctx, c.ConversationID, v.ID); err != nil {
		return err
	}
	if err := e.desk.DeleteConversation(ctx, v.ID); err != nil {
		return err
	}
	e.deleted["conversations"]++
	return e.forget(ctx, c.ConversationID, v.ID)
}

// settle drops what waits in their lanes, and the replies in conversations, and waits for what is being worked on.
func (e *erasure) settle(ctx context.Context, conversationIDs ...int64) error {
	if err := e.store.DropWaiting(ctx, e.lanes, conversationIDs, e.Now()); err != nil {
		return err
	}
	return e.forgetJobs(ctx, conversationIDs...)
}

// forgetJobs deletes the jobs of their lanes and of conversations, and waits for those that are being worked on.
func (e *erasure) forgetJobs(ctx context.Context, conversationIDs ...int64) error {
	for {
		busy, err := e.queue.Forget(ctx, func(lane string) bool {
			return slices.Contains(e.lanes, lane) || slices.Contains(e.names, lane) || slices.ContainsFunc(conversationIDs, func(id int64) bool { return strconv.FormatInt(id, 10) == lane })
		})
		if err != nil || !busy {
			return err
		}
		if !wait(ctx) {
			return errs.New(errs.Precondition, "something of theirs is being worked on; erase them in a moment")
		}
	}
}

func (e *erasure) forget(ctx context.Context, conversationIDs ...int64) error {
	for _, id := range conversationIDs {
		n, err := e.store.EraseConversation(ctx, id, e.Now())
		if err != nil {
			return err
		}
		if n > 0 {
			e.deleted["records"] += n
		}
	}
	return nil
}

// eraseContact deletes the contact, or if it cannot be ruled out that others' conversations would go with it, all that names them in it. One
// that agents have given other addresses belongs to more than the hotline: it keeps those.
func (e *erasure) eraseContact(ctx context.Context) error {
	if !e.known {
		return nil
	}
	c := e.contact
	oursAlone := e.oursAlone()
	if oursAlone && !e.unsure {
		later, err := e.desk.DeleteContact(ctx, c.ID)
		if later {
			return errs.New(errs.Precondition, "Help Scout is deleting them; look again in a minute")
		}
		if err == nil {
			e.deleted["contacts"]++
		}
		if helpscout.StatusOf(err) != 403 {
			return err
		}
	}
	var patches []helpscout.Patch
	if oursAlone || c.FirstName == e.who.Display() {
		patches = append(patches, helpscout.Patch{Op: "replace", Path: "/firstName", Value: "Erased"})
	}
	if oursAlone {
		for _, field := range []string{"lastName", "photoUrl", "jobTitle", "background", "location", "organization"} {
			patches = append(patches, helpscout.Patch{Op: "remove", Path: "/" + field})
		}
	}
	for _, m := range c.Embedded.Emails {
		if strings.EqualFold(m.Value, e.address) {
			patches = append(patches, helpscout.Patch{Op: "remove", Path: fmt.Sprintf("/emails/%d", m.ID)})
		}
	}
	for _, p := range c.Embedded.Phones {
		if oursAlone || phone.Parse(p.Value).Number == e.who.Number {
			patches = append(patches, helpscout.Patch{Op: "remove", Path: fmt.Sprintf("/phones/%d", p.ID)})
		}
	}
	if err := e.desk.ChangeContact(ctx, c.ID, patches); err != nil {
		return err
	}
	e.deleted["contacts emptied"]++
	if !oursAlone {
		e.left[leftContact] = 1
	}
	return nil
}

// oursAlone reports whether nobody has given the contact an address besides ours.
func (e *erasure) oursAlone() bool {
	return !slices.ContainsFunc(e.contact.Emails(), func(m string) bool { return !strings.HasSuffix(strings.ToLower(m), "@"+e.Domain) })
}

// eraseLanes deletes what is left in our tables. Who writes from now on is somebody new.
func (e *erasure) eraseLanes(ctx context.Context, held []*sqlstore.Lane) error {
	if err := e.settle(ctx); err != nil {
		return err
	}
	for _, id := range e.lanes {
		i := slices.IndexFunc(held, func(l *sqlstore.Lane) bool { return l.ID == id })
		erase := func() (int64, error) { return e.store.EraseEntries(ctx, id) }
		if i >= 0 {
			erase = func() (int64, error) { return e.store.EraseLane(ctx, held[i]) }
		}
		n, err := erase()
		if err != nil {
			return err
		}
		if n > 0 {
			e.deleted["records"] += n
		}
	}
	if err := e.forget(ctx, e.gone...); err != nil {
		return err
	}
	return e.forgetJobs(ctx)
}
