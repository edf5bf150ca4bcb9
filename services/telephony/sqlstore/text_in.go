package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
)

// The states of an incoming text.
const (
	Pending  = "pending"  // to be delivered to ticketing
	Done     = "done"     // in the ticket
	Refused  = "refused"  // kept out of the ticket for a reason
	Unrouted = "unrouted" // its number belongs to no hotline; kept until it does
	Dead     = "dead"     // cannot be delivered; somebody must look
)

// Media is a file that came with a text.
type Media struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"`
}

// What comes in as a text does, besides texts.
const (
	VoicemailIn = "voicemail"
	MissedCall  = "missed"
)

// TextInRow is an incoming text, or what goes into the ticket as one does.
type TextInRow struct {
	Seq        int64
	Kind       string // empty (a text), VoicemailIn, MissedCall
	MessageSID string // of a voicemail the RecordingSid, of a missed call the CallSid
	CallSID    string // of a voicemail or missed call
	Lane       string
	Hotline    phone.Number // the number it was sent to
	Supporter  string       // the sender as the carrier gave it
	Body       string
	Media      []Media
	Trace      string
	ReceivedAt time.Time
	Attempts   int
	// Carrier is who brought it. Default: Twilio, which all calls are with.
	Carrier hotline.Transport
	// Wish is what the text says of texts and calls to its sender: OptOut, OptIn, NoCalls, CallsAgain or nothing. Opt is what that has
	// changed.
	Wish, Opt string
	// Dated says that ReceivedAt is the carrier's own time, so that a wish counts by it: what was said later stands.
	Dated bool
	// FirstContact says that nothing of this supporter was in a ticket before.
	FirstContact bool
	// Unanswered is why we did not answer of our own accord, although an answer was due.
	Unanswered string
	// FoundAt is when it was found in the carrier's list, if nobody had told us of it; something newer may be in the ledger already.
	FoundAt time.Time
	// Loaded says that it is from before the hotline was ours, and was brought in: nobody gets an answer of our own accord.
	Loaded bool
}

// Event sets what somebody with a withheld number did apart from all else.
func (t *TextInRow) Event() string { return cmp.Or(t.CallSID, t.MessageSID) }

// RecordTexts writes texts that came in and wakes their lanes, all in one commit. For each it reports whether it is
// new; one that is known already (Twilio repeats webhooks) changes nothing.
func (s *Store) RecordTexts(ctx context.Context, texts []TextInRow) (fresh []bool, err error) {
	ordered := slices.Clone(texts)
	// By lane, so that two commits that touch the same lanes cannot wait for each other; within a lane as received.
	slices.SortStableFunc(ordered, func(a, b TextInRow) int { return cmp.Compare(a.Lane, b.Lane) })
	var inserted map[string]bool
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		var lanes []string
		for _, t := range ordered {
			lanes = append(lanes, t.Lane)
		}
		if err := s.Wake(ctx, tx, TextIn, slices.Compact(lanes)...); err != nil {
			return err
		}
		if inserted, err = insertTexts(ctx, tx, ordered); err != nil {
			return err
		}
		if err := noteFound(ctx, tx, ordered, inserted); err != nil {
			return err
		}
		return applyWishes(ctx, tx, ordered, inserted)
	})
	if err != nil {
		return nil, fmt.Errorf("recording %d texts: %w", len(texts), err)
	}
	fresh = make([]bool, len(texts))
	for i, t := range texts {
		fresh[i] = inserted[t.MessageSID]
		delete(inserted, t.MessageSID) // a double within the batch is no news
	}
	return fresh, nil
}

func insertTexts(ctx context.Context, tx *sql.Tx, texts []TextInRow) (map[string]bool, error) {
	var values strings.Builder
	var args []any
	for i, t := range texts {
		media, err := json.Marshal(t.Media)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			values.WriteString(", ")
		}
		n := len(args)
		fmt.Fprintf(&values, "($%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, 'pending')", n+1, n+2, n+3, n+4, n+5, n+6, n+7, n+8, n+9, n+10, n+11, n+12, n+13, n+14)
		args = append(args, t.Kind, t.MessageSID, t.CallSID, t.Lane, string(t.Hotline), t.Supporter, t.Body, string(media), t.Trace, t.ReceivedAt.UnixMicro(), micros(t.FoundAt),
			!t.FoundAt.IsZero(), t.Loaded, string(cmp.Or(t.Carrier, hotline.Twilio))) // what was found is listed
	}
	rows, err := tx.QueryContext(ctx, `
		INSERT INTO text_in (kind, message_sid, call_sid, lane, hotline, supporter, body, media, trace, received_at, found_at, listed, loaded, carrier, state)
		VALUES `+values.String()+`
		ON CONFLICT (message_sid) DO NOTHING
		RETURNING message_sid`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	inserted := map[string]bool{}
	for rows.Next() {
		var sid string
		if err := rows.Scan(&sid); err != nil {
			return nil, err
		}
		inserted[sid] = true
	}
	return inserted, rows.Err()
}

// applyWishes notes who does not want texts any more, or wants them again, from the moment in which the text that says so
// is accepted.
func applyWishes(ctx context.Context, tx *sql.Tx, texts []TextInRow, inserted map[string]bool) error {
	for _, t := range texts {
		if t.Wish == "" || !inserted[t.MessageSID] {
			continue
		}
		say, not := optOut, OptOut
		if t.Wish == NoCalls || t.Wish == CallsAgain {
			say, not = noCalls, NoCalls
		}
		changed, err := say(ctx, tx, t.Hotline, t.Supporter, t.Wish == not, t.ReceivedAt, t.MessageSID, t.Dated || !t.FoundAt.IsZero())
		if err != nil {
			return err
		}
		if changed {
			if _, err := tx.ExecContext(ctx, `UPDATE text_in SET opt = $1 WHERE message_sid = $2`, t.Wish, t.MessageSID); err != nil {
				return err
			}
		}
	}
	return nil
}

// NextText returns the oldest text of a lane that is not delivered yet, or nil.
func (s *Store) NextText(ctx context.Context, lane string) (*TextInRow, error) {
	var t TextInRow
	var media string
	var at, found int64
	err := s.db.Read.QueryRowContext(ctx, `
		SELECT seq, kind, message_sid, call_sid, lane, hotline, supporter, body, media, trace, received_at, found_at, attempts, opt, loaded
		FROM text_in WHERE lane = $1 AND state = 'pending' AND `+unpaused+` ORDER BY seq LIMIT 1`, lane).
		Scan(&t.Seq, &t.Kind, &t.MessageSID, &t.CallSID, &t.Lane, &t.Hotline, &t.Supporter, &t.Body, &media, &t.Trace, &at, &found, &t.Attempts, &t.Opt, &t.Loaded)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading next text: %w", err)
	}
	t.ReceivedAt, t.FoundAt = time.UnixMicro(at), fromMicros(found)
	if err := json.Unmarshal([]byte(media), &t.Media); err != nil {
		return nil, fmt.Errorf("reading media of a text: %w", err)
	}
	return &t, nil
}

// LoadedPending returns how many texts that were loaded are not in the ticket yet, as far as limit, but for those that wait for the end of a pause.
func (s *Store) LoadedPending(ctx context.Context, limit int) (n int, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM text_in WHERE loaded AND state = 'pending' AND `+unpaused+` LIMIT $1) t`, limit).Scan(&n)
	return n, err
}

// TextDone notes that a text is in the ticket, hands its media on, and queues the automatic answer if there is one. Nothing follows from a text
// that is not pending any more.
func (s *Store) TextDone(ctx context.Context, t *TextInRow, conversationID int64, now time.Time, answer *TextOutRow, messages ...Message) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE text_in SET state = 'done', conversation_id = $1, done_at = $2, first_contact = $3, unanswered = $4 WHERE seq = $5 AND state = 'pending'`,
			conversationID, now.UnixMicro(), t.FirstContact, t.Unanswered, t.Seq)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if len(t.Media) > 0 {
			if err := s.insertMedia(ctx, tx, t); err != nil {
				return err
			}
		}
		if t.Kind == VoicemailIn {
			if err := s.inTicket(ctx, tx, t, conversationID); err != nil {
				return err
			}
		}
		if answer != nil {
			return s.insertTextOut(ctx, tx, answer, messages...)
		}
		return nil
	})
}

// TextEnded notes that a text goes no further: it is refused, unrouted or dead, for a reason.
func (s *Store) TextEnded(ctx context.Context, t *TextInRow, state, reason string, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE text_in SET state = $1, reason = $2, done_at = $3 WHERE seq = $4 AND state = 'pending'`, state, reason, now.UnixMicro(), t.Seq)
		return err
	})
}

// Traffic is what went on between a supporter and a hotline lately.
type Traffic struct {
	Automatic time.Time // when we last answered of our own accord; zero: never
	Agent     time.Time // when an agent last wrote; zero: never
	Minute    int       // how many texts came in the last minute
	Same      int       // how many texts with the same words came in the last hour
}

// Traffic returns what went on in a text's lane until now.
func (s *Store) Traffic(ctx context.Context, t *TextInRow, now time.Time) (c Traffic, err error) {
	var automatic, agent sql.NullInt64
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT (SELECT max(created_at) FROM text_out WHERE lane = $1 AND kind = 'auto'),
			(SELECT max(created_at) FROM text_out WHERE lane = $1 AND kind = 'agent'),
			(SELECT count(*) FROM text_in WHERE lane = $1 AND received_at > $2),
			(SELECT count(*) FROM text_in WHERE lane = $1 AND received_at > $3 AND body = $4)`,
		t.Lane, now.Add(-time.Minute).UnixMicro(), now.Add(-time.Hour).UnixMicro(), t.Body).
		Scan(&automatic, &agent, &c.Minute, &c.Same)
	if err != nil {
		return c, fmt.Errorf("reading traffic: %w", err)
	}
	c.Automatic, c.Agent = fromMicros(automatic.Int64), fromMicros(agent.Int64)
	return c, nil
}

// OnlyMissed reports whether all that was in a ticket of a text's supporter before it are missed calls.
func (s *Store) OnlyMissed(ctx context.Context, t *TextInRow) (only bool, err error) {
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM text_in WHERE lane = $1 AND seq < $2 AND state = 'done' AND kind = 'missed' AND first_contact)
			AND NOT EXISTS (SELECT 1 FROM text_in WHERE lane = $1 AND seq < $2 AND state = 'done' AND kind <> 'missed')`, t.Lane, t.Seq).Scan(&only)
	return only, err
}

// TextFailed counts a failed attempt to deliver a text.
func (s *Store) TextFailed(ctx context.Context, t *TextInRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE text_in SET attempts = attempts + 1 WHERE seq = $1`, t.Seq)
		return err
	})
}
