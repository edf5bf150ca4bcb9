package storetest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// trouble is a failed attempt.
func trouble(what, detail string) sqlstore.Step {
	return sqlstore.Step{What: what, Detail: detail, Trouble: true}
}

// steps are an item's steps in short.
func (b *book) steps(item string) (all []string) {
	b.t.Helper()
	steps, err := b.Steps(b.ctx, item)
	b.ok(err)
	for _, step := range steps {
		mark := ""
		if step.Trouble {
			mark = "!"
		}
		all = append(all, fmt.Sprintf("%v-%v %dx %s%s (%s)", step.At.Sub(start), step.Until.Sub(start), step.Times, mark, step.What, step.Detail))
	}
	return all
}

func (b *book) wantSteps(item string, want ...string) {
	b.t.Helper()
	if got := strings.Join(b.steps(item), "\n"); got != strings.Join(want, "\n") {
		b.t.Errorf("steps of %s:\n%s\nwant:\n%s", item, got, strings.Join(want, "\n"))
	}
}

// What goes well leaves nothing behind but its row.
func noSteps(b *book) {
	b.open("a", "SM1", 7, 70)
	l, e := b.hold("a", text("SM2"), at(1))
	e.State, e.ThreadID = sqlstore.Done, 71
	b.ok(b.Release(b.ctx, l, e, at(2)))
	b.queue("a", "N")
	b.end("a", "N", sqlstore.Done)
	for _, item := range []string{"SM1", "SM2", "N"} {
		b.wantSteps(item)
	}
}

// An hour of trouble is one step that grows, with the newest that is known of it. Anything else in between ends it, and what is no trouble is
// the same only if all of it is.
func stepsGrow(b *book) {
	for i, steps := range [][]sqlstore.Step{
		{trouble("down", "status 503")}, {trouble("down", "status 502")}, {trouble("down", "")}, // it was not asked
		{{What: "looked", Detail: "thread 1"}, {What: "looked", Detail: "thread 2"}},
		{trouble("down", "status 500")},
		{},
		{trouble("down", "status 503"), trouble("lost", "")},
	} {
		l, e := b.hold("a", text("SM1"), at(float64(i)))
		e.State, e.Steps = sqlstore.Pending, steps
		b.ok(b.Release(b.ctx, l, e, at(float64(i))))
	}
	b.wantSteps("SM1",
		"0s-2s 3x !down (status 502)",
		"3s-3s 1x looked (thread 1)",
		"3s-3s 1x looked (thread 2)",
		"4s-6s 2x !down (status 503)",
		"6s-6s 1x !lost ()")
	b.wantSteps("SM2")
}

// A thing that goes wrong in a new way each time does not fill the database: the newest steps stay.
func stepsBounded(b *book) {
	l, e := b.hold("a", text("SM1"), start)
	e.State = sqlstore.Pending
	for i := range 250 {
		e.Steps = append(e.Steps, sqlstore.Step{What: "looked", Detail: fmt.Sprint(i)})
	}
	b.ok(b.Release(b.ctx, l, e, start))
	all := b.steps("SM1")
	if len(all) != 200 || !strings.HasSuffix(all[0], "(50)") || !strings.HasSuffix(all[199], "(249)") {
		b.t.Errorf("%d steps, from %s to %s", len(all), all[0], all[len(all)-1])
	}
}

// Who lost the lane has nothing to say of the entry either.
func stepsNeedLease(b *book) {
	former, e := b.hold("a", text("SM1"), start)
	b.hold("a", text("SM1"), at(leaseFor+1))
	e.Steps = []sqlstore.Step{trouble("late", "")}
	if b.Release(b.ctx, former, e, at(leaseFor+2)) == nil {
		b.t.Error("released without a lease")
	}
	b.wantSteps("SM1")
}

// Where it would cost a commit, the same trouble is written down once a minute; other trouble at once.
func stepsOncePerMinute(b *book) {
	for second := range 150 {
		b.ok(b.NoteStep(b.ctx, of("event", trouble("down", "")), at(float64(second))))
	}
	b.wantSteps("event", "0s-2m0s 3x !down ()")
	b.ok(b.NoteStep(b.ctx, of("event", trouble("telephony is down", "")), at(150)))
	b.ok(b.NoteStep(b.ctx, of("event", trouble("down", "")), at(151)))
	b.wantSteps("event", "0s-2m0s 3x !down ()", "2m30s-2m30s 1x !telephony is down ()", "2m31s-2m31s 1x !down ()")
}

// A failed attempt at an event is counted and says why; the end says when.
func eventSteps(b *book) {
	b.event(sqlstore.Event{Hash: "1", Name: "convo.agent.reply.created", Body: payload, ConversationID: 7, Replies: true})
	for i := range 3 {
		b.ok(b.EventFailed(b.ctx, "1", trouble("unreadable", ""), at(float64(i+1))))
	}
	if e, err := b.NextEvent(b.ctx, "7"); err != nil || e.Attempts != 3 {
		b.t.Errorf("%+v, %v", e, err)
	}
	b.wantSteps("1", "1s-3s 3x !unreadable ()")
	b.ok(b.EventDead(b.ctx, "1", "unreadable", at(4)))
	if e, err := b.NextEvent(b.ctx, "7"); err != nil || e != nil {
		b.t.Errorf("a dead event is next: %+v, %v", e, err)
	}
	if i, found, err := b.FindItem(b.ctx, "1"); err != nil || !found || i.State != sqlstore.Dead || i.Reason != "unreadable" || !i.EndedAt.Equal(at(4)) || i.Attempts != 3 {
		b.t.Errorf("%+v, %v, %v", i, found, err)
	}
}

// A text that is dead is for whoever comes with it again as if it were new: nothing of the attempt before decides, neither that it would have
// been the first one nor how often it failed. Its steps still know. A note is not: whoever files it again only repeats himself.
func deadBeginsAnew(b *book) {
	for _, kind := range []string{sqlstore.Text, sqlstore.Attachment, sqlstore.Note} {
		l, e := b.hold(kind, sqlstore.Entry{Key: kind, Kind: kind}, start)
		e.State, e.Reason, e.FirstContact, e.Attempts = sqlstore.Dead, "status 413", true, 3
		b.ok(b.Release(b.ctx, l, e, at(1)))
		b.open(kind, "SM of "+kind, 7, 70)

		l, e, err := b.Hold(b.ctx, lane(kind), sqlstore.Entry{Key: kind, Kind: kind}, at(5), at(15), limit)
		b.ok(err)
		if kind == sqlstore.Note {
			if l != nil || e.State != sqlstore.Dead {
				b.t.Errorf("a dead note is held: %+v", e)
			}
			b.wantSteps(kind)
			continue
		}
		for _, e := range []sqlstore.Entry{e, b.entry(kind)} {
			if l == nil || e.Reason != "" || e.FirstContact || e.Attempts != 0 || !e.EndedAt.IsZero() || e.State != map[string]string{sqlstore.Text: sqlstore.Posting, sqlstore.Attachment: sqlstore.Pending}[kind] {
				b.t.Errorf("%s: %+v", kind, e)
			}
		}
		b.wantSteps(kind, "1s-1s 1x !given up (status 413)", "5s-5s 1x tried again ()")
		b.wantBusy(kind, text("other"), at(6))
		e.State = sqlstore.Done
		b.ok(b.Release(b.ctx, l, e, at(7)))
		if l, _, err := b.Hold(b.ctx, lane(kind), sqlstore.Entry{Key: kind, Kind: kind}, at(8), at(18), limit); l != nil && !errors.Is(err, sqlstore.ErrBusy) {
			b.t.Errorf("%s is done and held", kind)
		}
	}
}

// of is a step of an item.
func of(item string, step sqlstore.Step) sqlstore.Step {
	step.Item = item
	return step
}
