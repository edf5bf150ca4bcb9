package ticketing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sms"
	"github.com/bling-hotline/bling/internal/telemetry"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/replytext"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

const (
	// sweepAge is how old a reply must be to be looked for: a younger one is left to its webhook.
	sweepAge = 2 * time.Minute
	// sweepLag is how late a change may appear in Help Scout's list.
	sweepLag = 10 * time.Minute
	// sweepFor is what the chore has for looking; the rest of its minute is for counting.
	sweepFor = 45 * time.Second
	// sweepPages is how many pages, of 25 conversations each, are read of one time.
	sweepPages = 20
	// replyEvent is the event that tells of an agent's reply.
	replyEvent = "convo.agent.reply.created"
)

// sweeps are the chores that compare Help Scout's list with the ledger: webhooks that were discarded, or came while the webhook was switched
// off, are never delivered again (https://developer.helpscout.com/webhooks/).
//
// Each run asks for the conversations that have changed since the last one, and once more in the ten minutes before that: with 20,000
// texts a day some 200 on eight pages, so 10 units of the budget every five minutes, and never more than half of it.
func (s *Service) sweeps() []jobs.Chore {
	return []jobs.Chore{{Name: "sweep replies", Every: s.SweepEvery, Do: s.sweep}}
}

// beginSweeps notes, for each mailbox that is new, that nothing from before now is ever looked for.
func (s *Service) beginSweeps(ctx context.Context) error {
	for _, h := range s.Hotlines {
		if _, err := s.sweptTill(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

func sweptName(h hotline.Hotline) string { return fmt.Sprintf("replies %d", h.MailboxID) }

func (s *Service) sweptTill(ctx context.Context, h hotline.Hotline) (time.Time, error) {
	return s.store.LookedTill(ctx, sweptName(h), s.Now())
}

// sweep compares Help Scout's list with the ledger and counts the days.
func (s *Service) sweep(ctx context.Context) error {
	looking, cancel := context.WithTimeout(helpscout.WithClass(ctx, helpscout.Backfill), sweepFor)
	defer cancel()
	var compared []phone.Number
	var failed []error
	// In any order, so that one with much to do does not keep the others waiting each time.
	for _, i := range rand.Perm(len(s.Hotlines)) {
		h := s.Hotlines[i]
		since, err := s.sweptTill(ctx, h)
		if err != nil {
			return err
		}
		sweep := books.Sweep{
			Age: sweepAge, Lag: sweepLag,
			Look: func(ctx context.Context, from, to time.Time) (bool, error) {
				whole, err := s.look(ctx, h, from, to)
				if err = meaning(err); errs.KindOf(err) == errs.RateLimited {
					cancel() // Help Scout is down, or our share of its budget is used: the rest next time
				}
				return whole, err
			},
			Done: func(ctx context.Context, till time.Time) error { return s.store.LookedFor(ctx, sweptName(h), till) },
		}
		complete, err := sweep.Run(looking, since, s.Now())
		if err != nil {
			failed = append(failed, fmt.Errorf("comparing with Help Scout's list: %w", err))
		}
		if complete {
			compared = append(compared, first(h))
		}
	}
	return errors.Join(append(failed, s.countDays(ctx, compared))...)
}

// first is the number by which the books name a hotline here.
func first(h hotline.Hotline) phone.Number {
	if all := h.Numbers(); len(all) > 0 {
		return all[0]
	}
	return ""
}

// countDays counts the days. Of texts only what is doubled is known here; telephony has the rest.
func (s *Service) countDays(ctx context.Context, compared []phone.Number) error {
	now := s.Now()
	if err := s.store.ForgetListed(ctx, books.First(now)); err != nil {
		return err
	}
	replies, err := s.store.CountReplies(ctx, books.First(now), now)
	if err != nil {
		return err
	}
	replies.Today(now, compared)
	return errors.Join(
		s.books.Put(ctx, operatorv1.Kind_KIND_REPLY, replies, compared),
		s.books.Put(ctx, operatorv1.Kind_KIND_TEXT_IN, books.Counts{}, compared))
}

// look looks at the conversations of a mailbox that were last changed in a time. One that is changed meanwhile leaves that time, and those
// behind it move up; so the pages are read from the last to the first, and none is passed over.
func (s *Service) look(ctx context.Context, h hotline.Hotline, from, to time.Time) (whole bool, err error) {
	all, pages, err := s.desk.Modified(ctx, h.MailboxID, from, to, 1)
	if err != nil || pages > sweepPages {
		return false, err
	}
	if pages > 1 {
		all = nil
		for page := pages; page > 0; page-- {
			list, _, err := s.desk.Modified(ctx, h.MailboxID, from, to, page)
			if err != nil {
				return false, err
			}
			all = append(all, list...)
		}
	}
	since, err := s.store.Since(ctx, h.MailboxID)
	if err != nil {
		return false, err
	}
	since = since.Add(-clockSkew)
	if oldest := books.First(s.Now()); since.Before(oldest) {
		since = oldest
	}
	for _, v := range all {
		if err := s.lostReplies(ctx, h, v, since); err != nil {
			return false, err
		}
	}
	return true, s.doubledTexts(ctx, h, all, since)
}

// lostReplies looks for agents' replies in a conversation of which no webhook has told us, and has them handled as if one had.
func (s *Service) lostReplies(ctx context.Context, h hotline.Hotline, v helpscout.Listed, since time.Time) (err error) {
	var replies []sqlstore.ListedReply
	for _, t := range v.Embedded.Threads {
		if isReply(t) && !t.CreatedAt.Before(since) && s.Now().Sub(t.CreatedAt) >= sweepAge && !sentByOriginal(v.Embedded.Threads, t) {
			replies = append(replies, sqlstore.ListedReply{ThreadID: t.ID, Hotline: first(h), WrittenAt: t.CreatedAt})
		}
	}
	if len(replies) == 0 {
		return nil
	}
	if people, err := s.store.ContactsOf(ctx, v.ID); err != nil || v.Type != "phone" && len(people) == 0 {
		return err // mail, and nobody of ours
	}
	lost, err := s.store.RepliesListed(ctx, v.ID, replies)
	if err != nil {
		return err
	}
	told := toldAlready(v.Embedded.Threads, lost)
	for _, id := range told {
		s.Log.WarnContext(ctx, "a reply is told of in its ticket, but our ledger does not know it", "thread", id)
		if err := s.store.ReplySent(ctx, sqlstore.Reply{ThreadID: id, ConversationID: v.ID, Lane: nobodysLane(v.Conversation)}, s.Now()); err != nil {
			return err
		}
	}
	lost = slices.DeleteFunc(lost, func(id int64) bool { return slices.Contains(told, id) })
	if len(lost) == 0 {
		return nil
	}
	ctx, end := telemetry.Resume(ctx, "", "find replies")
	defer func() { end(err) }()
	sum := sha256.Sum256(append([]byte(replyEvent+"\n"), v.Raw...))
	hash := hex.EncodeToString(sum[:])
	fresh, err := s.store.RecordEvent(ctx, sqlstore.Event{
		Hash: hash, Name: replyEvent, Body: v.Raw, MailboxID: v.MailboxID, ConversationID: v.ID, Threads: v.Threads, Replies: true, Trace: telemetry.Carry(ctx),
	}, s.Now())
	if err != nil || !fresh {
		return err
	}
	s.Log.WarnContext(ctx, "replies found that nobody told us about", "conversation", v.ID, "replies", len(lost))
	s.books.Recovered(ctx, operatorv1.Kind_KIND_REPLY, len(lost))
	return s.store.RepliesFound(ctx, lost, hash, s.Now())
}

// toldAlready returns those of the lost replies of a conversation of which a note says what became of them. A ledger that is lost has sent
// them, as when a backup was restored; they are not sent again. Of several with the same words the oldest are told of.
func toldAlready(threads []helpscout.Thread, lost []int64) (told []int64) {
	replies := map[string][]int64{} // by their first words, as notes quote them
	for _, t := range threads {
		if words := quoted(t.Body); isReply(t) && words != "" {
			replies[words] = append(replies[words], t.ID)
		}
	}
	for words, ids := range replies {
		slices.Sort(ids)
		ended, handed := 0, 0 // a reply has one note in the end, and may have one before
		for _, t := range threads {
			switch note := helpscout.Plain(t.Body); {
			case t.Type != "note" || t.Source.Type != "api" || t.ID < ids[0] || !strings.Contains(note, "“"+words):
			case strings.HasPrefix(note, "Handed to the carrier"):
				handed++
			case !strings.HasPrefix(note, "Not sent to"):
				ended++
			}
		}
		known := slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return slices.Contains(lost, id) })
		unknown := slices.DeleteFunc(ids, func(id int64) bool { return !slices.Contains(lost, id) })
		told = append(told, unknown[:max(0, min(len(unknown), max(ended, handed)-len(known)))]...)
	}
	return told
}

// quoted is the beginning of a reply as telephony's notes quote it.
func quoted(body string) string {
	const most = 80
	words := []rune(strings.Join(strings.Fields(sms.Fold(replytext.Text(body))), " "))
	return string(words[:min(len(words), most)])
}
