package ticketing

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// clockSkew is how much Help Scout's clock may be behind ours when we look for what we have just written.
const clockSkew = 2 * time.Minute

// interrupted reports whether the entry was being posted when its holder vanished: it is posting, but not since
// this very Hold.
func (s *Service) interrupted(lane *sqlstore.Lane, e *sqlstore.Entry) bool {
	return e.State == sqlstore.Posting && !e.OpenedAt.Equal(lane.HeldAt)
}

// readBack looks in Help Scout for an entry whose fate is unclear. It reports true when the entry is there, and
// false when it surely is not, so that it may be posted again; the entry is then pending. While neither is
// sure it returns an error that says when to look again.
func (s *Service) readBack(ctx context.Context, who supporter, lane *sqlstore.Lane, e *sqlstore.Entry, kind, text string) (bool, error) {
	if e.UnclearAt.IsZero() {
		e.UnclearAt = s.Now() // its holder vanished; nobody knows when
		e.Steps = append(e.Steps, sqlstore.Step{What: "the work on it broke off: Help Scout may have it", Trouble: true})
	}
	found, err := s.findThread(ctx, who, lane, e, kind, text)
	if err != nil {
		return false, err
	}
	if found {
		s.metrics.entry(ctx, e.Kind, "found")
		e.Steps = append(e.Steps, sqlstore.Step{What: "looked for it in Help Scout: it is there"})
		return true, nil
	}
	settle := min(time.Minute, s.Settle*time.Duration(1+e.Attempts))
	if e.ConversationID == 0 {
		settle = s.ListLag
	}
	if wait := e.UnclearAt.Add(settle).Sub(s.Now()); wait > 0 {
		return false, errs.New(errs.Unavailable, "it is not clear yet whether Help Scout has this entry").After(min(wait, 2*time.Second))
	}
	s.metrics.entry(ctx, e.Kind, "absent")
	e.Steps = append(e.Steps, sqlstore.Step{What: "looked for it in Help Scout: it is not there, and is posted again"})
	e.State, e.UnclearAt = sqlstore.Pending, time.Time{}
	return false, nil
}

// findThread looks for the entry's thread where it was meant to go.
func (s *Service) findThread(ctx context.Context, who supporter, lane *sqlstore.Lane, e *sqlstore.Entry, kind, text string) (bool, error) {
	if e.ConversationID == 0 {
		return s.findCreated(ctx, who, lane, e, kind, text)
	}
	v, err := s.current(ctx, e.ConversationID)
	if helpscout.StatusOf(err) == 404 {
		return false, nil // deleted, and the thread with it
	}
	if err != nil {
		return false, err
	}
	id, err := s.findIn(ctx, v.ID, e, kind, text)
	if err != nil || id == 0 {
		return false, err
	}
	if e.Kind == sqlstore.Text {
		done(lane, e, v.ID, id)
		return true, nil
	}
	e.State, e.ConversationID, e.ThreadID = sqlstore.Done, v.ID, id // a note does not say where the next text goes
	if v.ID == lane.ConversationID {
		lane.Threads++
	}
	return true, nil
}

// findCreated looks for a conversation that was made with the entry in it.
func (s *Service) findCreated(ctx context.Context, who supporter, lane *sqlstore.Lane, e *sqlstore.Entry, kind, text string) (bool, error) {
	list, err := s.desk.Search(ctx, lane.MailboxID, who.customer.Email)
	if err != nil {
		return false, err
	}
	for _, v := range list {
		if v.CreatedAt.Before(e.Since().Add(-clockSkew)) { // a conversation of history may have its time (unverified)
			continue
		}
		taken, err := s.store.ConversationTaken(ctx, v.ID)
		if err != nil {
			return false, err
		}
		if taken {
			continue
		}
		id, err := s.findIn(ctx, v.ID, e, kind, text)
		if err != nil {
			return false, err
		}
		if id != 0 {
			done(lane, e, v.ID, id)
			return true, nil
		}
	}
	return false, nil
}

// findIn returns the id of the thread in a conversation that can only be the entry's: of its kind, with its text, not
// older than the attempt, and not that of another entry. 0: there is none. Of several it is the oldest: the others are those of entries with the
// same words that come after it.
func (s *Service) findIn(ctx context.Context, conversationID int64, e *sqlstore.Entry, kind, text string) (int64, error) {
	threads, whole, err := s.threads(ctx, conversationID, e)
	if err != nil {
		return 0, err
	}
	if whole {
		if err := s.learnFirst(ctx, conversationID, threads); err != nil {
			return 0, err
		}
	}
	for _, t := range slices.Backward(threads) {
		if t.Type != kind || t.CreatedAt.Before(e.Since().Add(-clockSkew)) || !helpscout.SameText(t.Body, text) {
			continue
		}
		taken, err := s.store.ThreadTaken(ctx, t.ID)
		if err != nil {
			return 0, err
		}
		if !taken {
			return t.ID, nil
		}
	}
	return 0, nil
}

// threads are those of a conversation among which the entry's is, if it is there, newest first. History may stand deep in it. whole says that
// they are all of them.
func (s *Service) threads(ctx context.Context, conversationID int64, e *sqlstore.Entry) (all []helpscout.Thread, whole bool, err error) {
	if e.WrittenAt.IsZero() {
		all, err = s.desk.Threads(ctx, conversationID)
		return all, len(all) < helpscout.ThreadsPage, err
	}
	since := e.Since().Add(-clockSkew)
	all, err = s.desk.ThreadsSince(ctx, conversationID, since)
	return all, len(all) < helpscout.ThreadsPage || !all[len(all)-1].CreatedAt.Before(since), err
}

// thereAlready looks for a text in its supporter's conversation that a ledger before ours may have put there.
func (s *Service) thereAlready(ctx context.Context, who supporter, lane *sqlstore.Lane, e *sqlstore.Entry, text string, receivedAt time.Time) (bool, error) {
	if !e.UnclearAt.IsZero() || s.interrupted(lane, e) {
		return false, nil // that is looked for anyway
	}
	if err := s.choose(ctx, who, lane); err != nil && !errors.Is(err, errSpam) {
		return false, err
	}
	if lane.ConversationID == 0 {
		return false, nil
	}
	since := *e
	since.OpenedAt = receivedAt
	id, err := s.findIn(ctx, lane.ConversationID, &since, "customer", text)
	if err != nil || id == 0 {
		return false, err
	}
	done(lane, e, lane.ConversationID, id)
	e.Steps = append(e.Steps, sqlstore.Step{What: "it was in the ticket already: our ledger had lost it"})
	return true, nil
}

// learnFirst notes which thread a conversation began with, lest it be taken for another one with the same words. History may be older than it.
func (s *Service) learnFirst(ctx context.Context, conversationID int64, threads []helpscout.Thread) error {
	first := int64(0)
	for _, t := range threads {
		if t.Type == "customer" && (first == 0 || t.ID < first) {
			first = t.ID
		}
	}
	if first == 0 {
		return nil
	}
	return s.store.LearnFirstThread(ctx, conversationID, first)
}
