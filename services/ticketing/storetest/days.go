package storetest

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

const firstNumber = "+15017122661"

// Where something is looked for next is noted once, and moves on only.
func lookedTill(b *book) {
	till := func(first, want float64) {
		b.t.Helper()
		if got, err := b.LookedTill(b.ctx, "replies 7", at(first)); !got.Equal(at(want)) || err != nil {
			b.t.Errorf("%v, %v, want %v", got, err, at(want))
		}
	}
	b.ok(b.LookedFor(b.ctx, "replies 7", at(900))) // nobody has begun to look
	till(10, 10)
	till(20, 10)
	b.ok(b.LookedFor(b.ctx, "replies 7", at(60)))
	till(20, 60)
	b.ok(b.LookedFor(b.ctx, "replies 7", at(30)))
	till(20, 60)
}

// A reply that is listed is lost if it is neither handled nor about to be.
func lostReplies(b *book) {
	b.Wake = func(context.Context, *sql.Tx, string, ...string) error { return nil }
	listed := func(conversation int64, want []int64, ids ...int64) {
		b.t.Helper()
		var replies []sqlstore.ListedReply
		for _, id := range ids {
			replies = append(replies, sqlstore.ListedReply{ThreadID: id, Hotline: firstNumber, WrittenAt: at(float64(id))})
		}
		lost, err := b.RepliesListed(b.ctx, conversation, replies)
		b.ok(err)
		if !slices.Equal(lost, want) {
			b.t.Errorf("lost: %v, want %v", lost, want)
		}
	}
	days := func(now time.Time, want books.Count) {
		b.t.Helper()
		counts, err := b.CountReplies(b.ctx, books.First(now), now)
		b.ok(err)
		if got := counts[books.Page{Date: books.Date(start), Hotline: firstNumber}]; got != want {
			b.t.Errorf("at %s: %+v, want %+v", now, got, want)
		}
	}
	b.ok(b.ReplySent(b.ctx, sqlstore.Reply{ThreadID: 1, ConversationID: 7}, start))
	listed(7, []int64{2, 3}, 1, 2, 3)
	listed(7, []int64{2, 3}, 1, 2, 3)
	days(start, books.Count{Received: 3, Delivered: 1})
	days(start.Add(time.Hour), books.Count{Received: 3, Delivered: 1, Missing: 2})
	b.event(sqlstore.Event{Hash: "1", Name: "convo.agent.reply.created", Body: payload, ConversationID: 7, Replies: true})
	b.ok(b.RepliesFound(b.ctx, []int64{2, 3}, "1", at(100)))
	b.ok(b.RepliesFound(b.ctx, []int64{2, 3}, "1", at(200)))
	listed(7, nil, 1, 2, 3, 4)
	listed(8, []int64{5}, 5)
	days(start.Add(time.Hour), books.Count{Received: 5, Delivered: 1, Recovered: 2, Missing: 4})
	b.ok(b.ReplySent(b.ctx, sqlstore.Reply{ThreadID: 2, ConversationID: 7}, start))
	b.ok(b.ReplyRefused(b.ctx, sqlstore.Reply{ThreadID: 3, ConversationID: 7, Lane: "a"}, "late", sqlstore.Entry{Key: "reply:3"}, start))
	b.ok(b.EventDone(b.ctx, "1", start))
	listed(7, []int64{4}, 1, 2, 3, 4)
	days(start.Add(time.Hour), books.Count{Received: 5, Delivered: 3, Recovered: 2, Missing: 2})
	b.ok(b.ForgetListed(b.ctx, at(4)))
	days(start.Add(time.Hour), books.Count{Received: 2, Missing: 2})
	if counts, err := b.CountReplies(b.ctx, start.AddDate(0, 0, 1), start.AddDate(0, 0, 1)); len(counts) != 0 || err != nil {
		b.t.Errorf("since tomorrow: %v, %v", counts, err)
	}
}

// The entry that made a conversation does not know its thread; all others do.
func unnamedThreads(b *book) {
	l, e := b.hold("a", text("SM1"), start)
	e.State, e.OpenedAt, e.ConversationID, l.ConversationID, l.Known = sqlstore.Done, start, 7, 7, true
	b.ok(b.Release(b.ctx, l, e, start))
	l, e = b.hold("a", text("SM2"), at(60))
	e.State, e.ThreadID, l.Threads = sqlstore.Done, 71, l.Threads+1
	b.ok(b.Release(b.ctx, l, e, at(61)))
	b.queue("a", "note")
	known, err := b.ThreadsOfEntries(b.ctx, []int64{70, 71, 72, 0})
	b.ok(err)
	if len(known) != 1 || !known[71] {
		b.t.Errorf("known: %v", known)
	}
	if known, err := b.ThreadsOfEntries(b.ctx, nil); len(known) != 0 || err != nil {
		b.t.Errorf("of none: %v, %v", known, err)
	}
	posted, err := b.Unnamed(b.ctx, "a", start.Add(-time.Hour))
	b.ok(err)
	if len(posted) != 1 {
		b.t.Errorf("posted at %v", posted)
	}
	if posted, err := b.Unnamed(b.ctx, "a", at(3600)); len(posted) != 0 || err != nil {
		b.t.Errorf("posted at %v, %v", posted, err)
	}
}
