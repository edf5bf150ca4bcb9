package telephony

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// FailedTag is on conversations in which a text to the supporter failed.
const FailedTag = "text-failed"

// tell puts into the ticket what became of a text: one note when it is known, and one before if that takes long. What is
// being told is committed first, so that after a crash the same note is filed again, under the same key.
func (s *Service) tell(ctx context.Context, lane string) (more bool, err error) {
	t, messages, err := s.store.NextToTell(ctx, lane)
	if err != nil || t == nil {
		return false, err
	}
	ctx, end := telemetry.Resume(ctx, t.Trace, "tell the ticket")
	defer func() { end(s.noted(ctx, t.Key, "the ticket is not told yet", err)) }()
	h, ok := s.Hotlines.ByNumber(t.Hotline)
	what := t.Telling
	if what == "" && about(t.State, messages) == underway {
		askCtx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		for _, m := range messages {
			if err := s.refresh(askCtx, m); err != nil {
				s.Log.WarnContext(ctx, "the carrier does not say how a text stands", "key", m.Key, "err", err)
			}
		}
		if *t, messages, _, err = s.store.FindTextOut(ctx, t.Key); err != nil {
			return false, err
		}
	}
	if what == "" {
		what = about(t.State, messages)
		if !ok {
			s.Log.ErrorContext(ctx, "no ticket to tell about a text: its number is no hotline any more", "key", t.Key, "state", t.State)
		}
		// That somebody who has just opted out does not get our welcome is no news.
		m := failed(messages)
		keptBack := t.Kind == sqlstore.Private || t.Kind == sqlstore.Automatic && m != nil && m.Refused != ""
		// One note that it is under way is enough.
		again := t.Notes > 0 && what == underway
		if !ok || keptBack || again || t.Notes >= sqlstore.MaxNotes {
			return true, s.store.Told(ctx, t.Key, t.State)
		}
		if err := s.store.Telling(ctx, t.Key, what); err != nil {
			return false, err
		}
	}
	note := s.note(what, t, messages)
	note.Key = "text:" + t.Key + ":" + what
	note.ConversationId = t.ConversationID
	note.Party = party(h.MailboxID, string(t.Supporter), "")
	_, err = s.Ticketing.FileNote(ctx, note)
	step := s.step(ctx, t.Key, "the ticket was told", what)
	switch errs.KindOf(err) {
	case "":
	case errs.NotFound, errs.Invalid, errs.Precondition:
		step.What, step.Detail, step.Trouble = "there is no ticket to tell", reason(err), true
		s.Log.WarnContext(ctx, "no ticket to tell about a text", "key", t.Key, "state", t.State, "err", err)
	default:
		return false, err
	}
	told := t.State
	if what != about(told, messages) {
		told = sqlstore.Queued // it has come further since
	}
	return true, s.store.Told(ctx, t.Key, told, step)
}

// What the ticket can be told.
const (
	underway = "underway"
	handed   = "handed" // to a carrier that tells no more
	arrived  = "delivered"
	lost     = "failed"
	unclear  = "unknown"
)

func about(state sqlstore.OutState, messages []sqlstore.MessageOutRow) string {
	switch {
	case state == sqlstore.Delivered:
		return arrived
	case state == sqlstore.Failed:
		return lost
	case state == sqlstore.Unknown:
		return unclear
	case state == sqlstore.Sent && len(messages) > 0 && !messages[0].Carrier.Can().Status:
		return handed
	default:
		return underway
	}
}

// note says in an agent's words what became of a text.
func (s *Service) note(what string, t *sqlstore.TextOutRow, messages []sqlstore.MessageOutRow) *ticketingv1.FileNoteRequest {
	to := phone.Parse(string(t.Supporter)).Display()
	var said string
	switch what {
	case arrived:
		said = "Delivered to " + to + size(messages) + "."
	case underway:
		said = "Handed to the carrier for " + to + size(messages) + ". Whether it arrived is not known yet."
		if t.State == sqlstore.Queued || t.State == sqlstore.Sending {
			said = "Not sent to " + to + " yet: the carrier does not take texts at the moment. It will be sent as soon as it does."
		}
	case handed:
		said = "Handed to " + s.carrierNamed(messages[0].Carrier).Name() + " for " + to + size(messages) + ", which does not tell whether it arrives."
	case unclear:
		said = "It is not known whether this text reached " + to + ": the carrier gave no answer. " +
			"It is not sent again, so that nobody gets it twice. What to do: ask the supporter, or write it once more."
	case lost:
		said = "NOT DELIVERED to " + to + whichPart(messages) + ": " + s.explain(messages)
	}
	n := &ticketingv1.FileNoteRequest{}
	if t.Kind == sqlstore.FromAgent {
		n.Text = said + "\n" + quote(t.Body)
		if what == lost || what == unclear {
			n.AddTag, n.Reopen = []string{FailedTag}, true
		}
	} else {
		n.Text = said + "\n" + "It was sent automatically: " + quote(t.Body)
	}
	if t.Remark != "" {
		n.Text += "\n" + strings.ToValidUTF8(t.Remark[:min(len(t.Remark), 2000)], "")
	}
	return n
}

// size says how large a text was, if it was larger than most.
func size(messages []sqlstore.MessageOutRow) string {
	segments, pictures := 0, 0
	for _, m := range messages {
		segments += m.Segments
		pictures += len(m.Media)
	}
	var parts []string
	if len(messages) > 1 {
		parts = append(parts, fmt.Sprintf("%d messages", len(messages)))
	}
	if segments > 1 {
		parts = append(parts, fmt.Sprintf("%d segments", segments))
	}
	if pictures > 0 {
		parts = append(parts, fmt.Sprintf("%d attached", pictures))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func whichPart(messages []sqlstore.MessageOutRow) string {
	if m := failed(messages); m != nil && len(messages) > 1 {
		return fmt.Sprintf(" (part %d of %d; what had not left by then is kept back)", m.Part, len(messages))
	}
	return ""
}

// failed is the first message that failed, or nil.
func failed(messages []sqlstore.MessageOutRow) *sqlstore.MessageOutRow {
	for _, m := range messages {
		if m.State == sqlstore.Failed {
			return &m
		}
	}
	return nil
}

// quote is the beginning of a text, by which agents recognise it.
func quote(body string) string {
	const most = 80
	words := []rune(strings.Join(strings.Fields(body), " "))
	if len(words) > most {
		return "“" + string(words[:most]) + "…”"
	}
	return "“" + string(words) + "”"
}

// explain says why a text failed and what to do now.
func (s *Service) explain(messages []sqlstore.MessageOutRow) string {
	m := failed(messages)
	if m == nil {
		return "the reason is not known."
	}
	switch m.Refused {
	case sqlstore.OptedOut:
		return carrier.OptedOut
	case sqlstore.IsBlocked:
		return "this number is blocked here. What to do: have it unblocked if it should get texts."
	}
	if m.ErrorCode == 0 {
		return "the carrier did not take it. What to do: write it once more, or call."
	}
	c := s.carrierNamed(m.Carrier)
	if reason := c.Explain(m.ErrorCode); reason != "" {
		return reason
	}
	return fmt.Sprintf("the error of %s is %d. What to do: write it once more, or call.", c.Name(), m.ErrorCode)
}
