package ticketing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/telemetry"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// maxNote is the longest note in characters.
const maxNote = 20_000

// FileNote accepts a note. It is posted by postNote.
func (s *Service) FileNote(ctx context.Context, r *ticketingv1.FileNoteRequest) (*ticketingv1.FileNoteResponse, error) {
	var check errs.Check
	checkKey(&check, "key", r.GetKey())
	s.checkParty(&check, r.GetParty())
	check.That(strings.TrimSpace(r.GetText()) != "" && utf8.RuneCountInString(r.GetText()) <= maxNote, "text", "must have 1 to 20000 characters")
	if err := check.Err(); err != nil {
		return nil, err
	}
	who := s.supporter(r.GetParty())
	known, err := s.store.QueueNote(ctx, who.lane.ID, sqlstore.Entry{
		Key: r.GetKey(), Body: strings.ReplaceAll(r.GetText(), "\x00", ""), ConversationID: r.GetConversationId(),
		Actions: actions{r.GetAddTag(), r.GetRemoveTag(), r.GetReopen()}.String(), Trace: telemetry.Carry(ctx),
	}, s.Now())
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the note could not be stored; file it again")
	}
	if !known {
		return nil, errs.New(errs.NotFound, "this supporter has no conversation")
	}
	return &ticketingv1.FileNoteResponse{}, nil
}

// actions are what a note does to its conversation besides.
type actions struct {
	Add    []string `json:"add,omitempty"`
	Remove []string `json:"remove,omitempty"`
	Reopen bool     `json:"reopen,omitempty"`
}

func (a actions) String() string {
	if len(a.Add) == 0 && len(a.Remove) == 0 && !a.Reopen {
		return ""
	}
	b, _ := json.Marshal(a) // it has strings only
	return string(b)
}

// tag changes a conversation's tags. Doing it again changes nothing more.
func (s *Service) tag(ctx context.Context, conversationID int64, a actions) error {
	if len(a.Add) == 0 && len(a.Remove) == 0 {
		return nil
	}
	v, err := s.desk.Conversation(ctx, conversationID)
	if err != nil {
		return err
	}
	var before, after []string
	for _, t := range v.Tags {
		before = append(before, t.Tag)
		if !slices.Contains(a.Remove, t.Tag) {
			after = append(after, t.Tag)
		}
	}
	for _, t := range a.Add {
		if !slices.Contains(after, t) {
			after = append(after, t)
		}
	}
	if slices.Equal(before, after) {
		return nil
	}
	return s.desk.SetTags(ctx, conversationID, after)
}

// maxNoteAttempts is how often a note may fail for a reason of ours before it is put aside.
const maxNoteAttempts = 100

// postNote posts the oldest note of a lane that is not posted yet.
func (s *Service) postNote(ctx context.Context, lane string) (more bool, err error) {
	key, err := s.store.NextNote(ctx, lane)
	if err != nil || key == "" {
		return false, err
	}
	e, _, err := s.store.FindEntry(ctx, key)
	if err != nil {
		return false, err
	}
	ctx, end := telemetry.Resume(helpscout.WithClass(ctx, helpscout.Note), e.Trace, "post note")
	defer func() { end(err) }()
	who := supporter{lane: sqlstore.Lane{ID: lane}}
	e, err = s.once(ctx, who, e, func(ctx context.Context, lane *sqlstore.Lane, e *sqlstore.Entry) ([]sqlstore.Entry, error) {
		return nil, s.putNote(ctx, who, lane, e)
	})
	if err == nil && e.State == sqlstore.Dead {
		s.Log.ErrorContext(ctx, "note is dead: it cannot be posted", "key", e.Key, "reason", e.Reason)
	}
	return true, err
}

// putNote posts a note to the conversation it was meant for, or to the lane's, or to what that was merged into.
func (s *Service) putNote(ctx context.Context, who supporter, lane *sqlstore.Lane, e *sqlstore.Entry) error {
	target := e.ConversationID
	if target == 0 {
		target = lane.ConversationID
	}
	if e.State == sqlstore.Posting {
		found, err := s.readBack(ctx, who, lane, e, "note", e.Body)
		if err != nil || found {
			return err
		}
	}
	if e.Attempts >= maxNoteAttempts {
		e.State, e.Reason = sqlstore.Dead, "it failed too often"
		return nil
	}
	var also actions
	if e.Actions != "" {
		if err := json.Unmarshal([]byte(e.Actions), &also); err != nil {
			return fmt.Errorf("reading a note's actions: %w", err)
		}
	}
	for range 3 {
		if target == 0 {
			e.State, e.Reason = sqlstore.Dead, "the supporter has no conversation"
			return nil
		}
		// The tags come first: a note that is there is never looked at again.
		if err := s.tag(ctx, target, also); err != nil && !gone(err) {
			if status := helpscout.StatusOf(err); status != 400 && status != 412 && status != 423 {
				return err
			}
			s.Log.WarnContext(ctx, "a conversation's tags cannot be changed", "conversation", target, "err", err)
			e.Steps = append(e.Steps, sqlstore.Step{What: "its conversation's tags cannot be changed", Detail: failure(err).Detail, Trouble: true})
		}
		if err := s.intend(ctx, lane, e, target); err != nil {
			return err
		}
		id, err := s.desk.AddNote(ctx, target, helpscout.HTML(e.Body), also.Reopen)
		switch status := helpscout.StatusOf(err); {
		case err == nil:
			e.State, e.ConversationID, e.ThreadID = sqlstore.Done, target, id
			if target == lane.ConversationID {
				lane.Threads++
			}
			return nil
		case status == 412 || status == 423:
			e.State, e.Reason = sqlstore.Dead, "the conversation takes no more threads"
			if strings.HasPrefix(e.Key, "next:") {
				e.State = sqlstore.Refused // which is why there is a next one: nobody needs to look
			}
			return nil
		case status != 404:
			return s.failed(e, err)
		}
		e.State = sqlstore.Pending
		v, err := s.current(ctx, target)
		switch {
		case helpscout.StatusOf(err) == 404:
			e.State, e.Reason = sqlstore.Dead, "the conversation was deleted"
			return nil
		case err != nil:
			return err
		}
		e.Steps = append(e.Steps, elsewhere(target, v.ID)...)
		target = v.ID
	}
	return errs.New(errs.Unavailable, "the conversation changes faster than it can be followed")
}

// gone reports whether a conversation was merged into another or deleted.
func gone(err error) bool {
	status := helpscout.StatusOf(err)
	return status == 301 || status == 404
}
