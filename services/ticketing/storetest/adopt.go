package storetest

import (
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// found is a conversation of a lane that is in Help Scout, created so many seconds after start.
func found(id string, conversation int64, created float64) sqlstore.Adopted {
	l := lane(id)
	l.ConversationID, l.Threads, l.Supporter = conversation, 7, "+16175550142"
	return sqlstore.Adopted{Lane: l, Conversation: conversation, CreatedAt: at(created)}
}

// adopt adopts a conversation as a run of its own, and reports whether the lane has got it.
func (b *book) adopt(a sqlstore.Adopted, now time.Time) bool {
	b.t.Helper()
	before, err := b.Adoption(b.ctx, a.MailboxID)
	b.ok(err)
	next := before
	next.StartedAt, next.Till, next.Page = now, now, before.Page+1
	after, adopted, err := b.Adopt(b.ctx, before, next, []sqlstore.Adopted{a}, now, false)
	b.ok(err)
	if n := after.Adopted + after.Known - before.Adopted - before.Known; n != 1 || int64(len(adopted)) != after.Adopted-before.Adopted {
		b.t.Errorf("%d counted, %d adopted: %+v", n, len(adopted), after)
	}
	return len(adopted) == 1
}

// wantAt fails unless the next text of a lane goes there.
func (b *book) wantAt(id string, conversation int64, known bool) {
	b.t.Helper()
	if l := b.look(id); l.ConversationID != conversation || l.Known != known {
		b.t.Errorf("lane %s: conversation %d, known %v; want %d, %v", id, l.ConversationID, l.Known, conversation, known)
	}
}

// Whoever has a conversation is known, will not be searched for, and their conversation is looked at before it is used. Answers reach them.
func adopting(b *book) {
	if !b.adopt(found("a", 1001, 5), start) {
		b.t.Error("not adopted")
	}
	people, err := b.ContactsOf(b.ctx, 1001)
	b.ok(err)
	if len(people) != 1 || people[0].Supporter != "+16175550142" {
		b.t.Errorf("contacts %+v", people)
	}
	l := b.look("a")
	if l.ConversationID != 1001 || l.Threads != 7 || !l.Known || !l.Searched || !l.Stale() {
		b.t.Errorf("%+v", l)
	}
}

// Of several conversations of one supporter the newest counts, in whatever order they come, until something of ours is in one.
func adoptingNewest(b *book) {
	for _, step := range []struct {
		conversation int64
		created      float64
		adopted      bool
	}{{1002, 20, true}, {1001, 10, false}, {1002, 20, false}, {1003, 20, false}, {900, 30, true}} {
		if adopted := b.adopt(found("a", step.conversation, step.created), start); adopted != step.adopted {
			b.t.Errorf("%d is adopted: %v", step.conversation, adopted)
		}
	}
	b.wantAt("a", 900, true) // which leaves an entry there
	if b.adopt(found("a", 1004, 40), start) {
		b.t.Error("taken away from where our text is")
	}
	b.wantAt("a", 900, true)
}

// A lane that has found its conversation is left as it is, or that has none although it was looked for; so is one that somebody works on.
func adoptingOurs(b *book) {
	b.open("ours", "SM1", 2001, 1)
	if b.adopt(found("ours", 1001, 5), start) {
		b.t.Error("ours is taken away")
	}
	b.wantAt("ours", 2001, true)

	l, e := b.hold("looked", text("SM2"), start)
	if b.adopt(found("looked", 1002, 5), start) {
		b.t.Error("adopted while somebody looks")
	}
	l.Searched = true
	b.ok(b.Release(b.ctx, l, e, start))
	if b.adopt(found("looked", 1002, 5), start) {
		b.t.Error("adopted what was looked for")
	}

	b.hold("waits", text("SM3"), start) // whoever held it is gone, before they could look
	if b.adopt(found("waits", 1003, 5), at(leaseFor-1)) {
		b.t.Error("adopted while somebody has the lease")
	}
	if !b.adopt(found("waits", 1003, 5), at(leaseFor+1)) {
		b.t.Error("not adopted after the lease")
	}
	b.wantAt("waits", 1003, true)
}

// Whose newest conversation was deleted is known all the same. Whoever was erased is not brought back.
func adoptingGone(b *book) {
	deleted := found("deleted", 1002, 20)
	deleted.ConversationID, deleted.Threads = 0, 0
	if !b.adopt(deleted, start) || b.adopt(found("deleted", 1001, 10), start) {
		b.t.Error("the older one counts")
	}
	b.wantAt("deleted", 0, true)

	_, err := b.EraseConversation(b.ctx, 1003, start)
	b.ok(err)
	if b.adopt(found("erased", 1003, 30), start) {
		b.t.Error("they were erased")
	}
	if people, err := b.ContactsAt(b.ctx, "erased"); err != nil || len(people) > 0 {
		b.t.Errorf("%+v, %v", people, err)
	}
}

// How far it is is kept with what was adopted, both or neither. Of two who read the same page one counts. A dry run changes nothing.
func adoptingPages(b *book) {
	next := sqlstore.Adoption{
		MailboxID: 206906, StartedAt: at(100), From: at(1), Till: at(50), Page: 2, Total: 1 << 40, Left: 1<<40 - 3, Unclear: 1, Foreign: 2,
	}
	page := []sqlstore.Adopted{found("a", 1001, 60), found("b", 1002, 55), found("a", 1000, 51)}
	none, err := b.Adoption(b.ctx, 206906)
	b.ok(err)
	dry, would, err := b.Adopt(b.ctx, none, next, page, at(100), true)
	b.ok(err)
	if again, err := b.Adoption(b.ctx, 206906); err != nil || !reflect.DeepEqual(again, none) || again.Page != 0 {
		b.t.Errorf("after a dry run: %+v, %v", again, err)
	}
	if people, err := b.ContactsAt(b.ctx, "a"); err != nil || len(people) > 0 {
		b.t.Errorf("after a dry run: %+v, %v", people, err)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 4 {
		group.Go(func() {
			after, adopted, err := b.Adopt(b.ctx, none, next, page, at(100), false)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, sqlstore.ErrBusy):
			case err != nil:
				b.t.Error(err)
			default:
				won++
				if !reflect.DeepEqual(adopted, would) || !reflect.DeepEqual(after, dry) || after.Adopted != 2 || after.Known != 1 {
					b.t.Errorf("adopted %+v, %+v; the dry run said %+v, %+v", adopted, after, would, dry)
				}
			}
		})
	}
	group.Wait()
	got, err := b.Adoption(b.ctx, 206906)
	b.ok(err)
	for _, t := range []*time.Time{&got.StartedAt, &got.From, &got.Till} {
		*t = t.UTC()
	}
	if won != 1 || !reflect.DeepEqual(got, dry) {
		b.t.Errorf("%d have won; it is at %+v, want %+v", won, got, dry)
	}
	done := got
	done.Done = true
	if _, _, err := b.Adopt(b.ctx, got, done, nil, at(100), false); err != nil {
		b.t.Error(err)
	}
	// Who was slow comes back with the page that was read before it was over.
	if _, _, err := b.Adopt(b.ctx, got, done, []sqlstore.Adopted{found("c", 1009, 5)}, at(100), false); !errors.Is(err, sqlstore.ErrBusy) {
		b.t.Errorf("the last page counts twice: %v", err)
	}
	if people, err := b.ContactsAt(b.ctx, "c"); err != nil || len(people) > 0 {
		b.t.Errorf("adopted with a page that does not count: %+v, %v", people, err)
	}
}

// Lanes of which nothing has come since they were adopted are forgotten like all else, once that was long ago.
func forgettingAdopted(b *book) {
	used, idle := found("206906|+16175550142@sms.example.org", 1001, 5), found("206906|+16175550143@sms.example.org", 1002, 6)
	begun := sqlstore.Adoption{MailboxID: 206906, StartedAt: at(50), Till: at(50), Page: 1, Done: true}
	_, adopted, err := b.Adopt(b.ctx, sqlstore.Adoption{MailboxID: 206906}, begun, []sqlstore.Adopted{used, idle}, at(50), false)
	b.ok(err)
	b.put(206906, used.Supporter, sqlstore.Entry{Key: "SM1", Kind: sqlstore.Text, State: sqlstore.Done, ConversationID: 1001, ThreadID: 1}, at(60))
	there := func() (n int) {
		for _, a := range adopted {
			people, err := b.ContactsAt(b.ctx, a.Lane.ID)
			b.ok(err)
			n += len(people)
		}
		return n
	}
	before := there()
	for _, test := range []struct {
		at   float64
		gone int
	}{{20, 0}, {50, 0}, {55, 1}} {
		if _, err := b.ForgetRecords(b.ctx, 206906, at(test.at)); err != nil || before-there() != test.gone {
			b.t.Errorf("of %d lanes %d are there when all before %v is forgotten, %v", before, there(), test.at, err)
		}
	}
}
