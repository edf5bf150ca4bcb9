package telephony

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// answers are what the keys of automatic texts begin with; the rest is the id of what they answer.
var answers = []string{"welcome", "after-hours", "stopped", "started", "lost"}

// textStory tells what became of a text, a voicemail, or the entry of a missed call.
func (s *Service) textStory(ctx context.Context, t *timeline) error {
	story, err := s.store.TextStory(ctx, t.item.ID)
	if err != nil {
		return err
	}
	t.add(t.item.At, "accepted", "")
	if said, ok := saidOf[story.Opt]; ok {
		t.add(t.item.At, said, "")
	}
	if story.Behind != "" {
		t.add(t.item.At, "waits for its turn", "behind "+story.Behind)
	}
	switch t.item.State {
	case sqlstore.ItemDone:
		t.add(t.item.EndedAt, "in the ticket", fmt.Sprintf("conversation %d", t.item.ConversationID))
	case sqlstore.ItemRefused:
		t.add(t.item.EndedAt, "kept out of the ticket", t.item.Reason)
	case sqlstore.ItemUnrouted:
		t.trouble(t.item.EndedAt, "put aside", t.item.Reason)
	case sqlstore.ItemDead:
		t.trouble(t.item.EndedAt, "given up", t.item.Reason)
	}
	if t.item.Kind == sqlstore.ItemTextIn {
		t.counted(story.Characters, "character")
	}
	t.counted(story.Files, "file")
	t.counted(story.Transcript, "transcribed character")
	for n := range story.Files {
		if err := s.fileOf(ctx, t, n); err != nil {
			return err
		}
	}
	if story.CallSID != "" {
		if _, err := s.relate(ctx, t, story.CallSID, sqlstore.ItemCall); err != nil {
			return err
		}
	}
	return s.answerTo(ctx, t, story)
}

// saidOf is what a text has changed.
var saidOf = map[string]string{
	sqlstore.OptOut: "it says that they want no more texts", sqlstore.OptIn: "it says that they want texts again",
	sqlstore.NoCalls: "it says that they want no calls", sqlstore.CallsAgain: "it says that they may be called again",
}

func (s *Service) fileOf(ctx context.Context, t *timeline, n int) error {
	file, err := s.relate(ctx, t, fmt.Sprintf("%s/%d", t.item.ID, n), sqlstore.ItemMedia)
	if err != nil || file == nil {
		return err
	}
	switch file.State {
	case sqlstore.ItemDone:
		t.add(file.EndedAt, fmt.Sprintf("file %d is attached", n), "")
	case sqlstore.ItemRefused, sqlstore.ItemDead:
		t.trouble(file.EndedAt, fmt.Sprintf("file %d is not attached", n), file.Reason)
	}
	return nil
}

// answerTo tells of the automatic text that followed, or why there was none.
func (s *Service) answerTo(ctx context.Context, t *timeline, story sqlstore.TextStory) error {
	for _, kind := range answers {
		answer, err := s.relate(ctx, t, kind+":"+t.item.ID, sqlstore.ItemTextOut)
		if err != nil {
			return err
		}
		if answer != nil {
			t.add(answer.At, "an automatic text follows", kind)
			return nil
		}
	}
	switch {
	case t.item.State != sqlstore.ItemDone || t.item.Kind == sqlstore.ItemMissed:
	case story.Unanswered != "":
		t.add(t.item.EndedAt, "no automatic text follows", story.Unanswered)
	case !story.FirstContact:
		t.add(t.item.EndedAt, "no automatic text follows", "it is not the first that is heard of them")
	}
	return nil
}

// origins are who sent a text.
var origins = map[string]string{
	sqlstore.FromAgent: "an agent's reply", sqlstore.Automatic: "automatic", sqlstore.Confirm: "confirms what they said of texts",
	sqlstore.Other: "of another service", sqlstore.Private: "private",
}

// textOutStory tells what became of a text to a supporter.
func (s *Service) textOutStory(ctx context.Context, t *timeline) error {
	text, _, _, err := s.store.FindTextOut(ctx, t.item.ID)
	if err != nil {
		return err
	}
	parts, err := s.store.TextOutStory(ctx, t.item.ID)
	if err != nil {
		return err
	}
	t.add(t.item.At, "accepted", origins[text.Kind])
	files := 0
	for _, p := range parts {
		files += len(p.Media)
		s.partStory(t, p, len(parts))
	}
	if text.Kind != sqlstore.Private {
		t.counted(utf8.RuneCountInString(text.Body), "character")
	}
	t.counted(files, "file")
	t.counted(len(parts), "message")
	if t.item.State == sqlstore.ItemWaiting {
		next, err := s.store.NextMessageOut(ctx, text.Lane)
		if err != nil {
			return err
		}
		if next != nil && next.TextKey != t.item.ID {
			t.add(t.item.At, "waits for its turn", "behind "+next.TextKey)
		}
	}
	kind, id, _ := strings.Cut(t.item.ID, ":")
	if !slices.Contains(answers, kind) {
		return nil
	}
	_, err = s.relate(ctx, t, id, sqlstore.ItemTextIn, sqlstore.ItemVoicemail, sqlstore.ItemMissed)
	return err
}

// partStory tells what became of one of the messages of a text.
func (s *Service) partStory(t *timeline, p sqlstore.PartStory, parts int) {
	of := ""
	if parts > 1 {
		of = fmt.Sprintf("message %d: ", p.Part)
	}
	if p.NotBefore.Sub(p.CreatedAt) > time.Second {
		t.add(p.NotBefore, of+"its turn at the number's pace", "")
	}
	last := ""
	for _, a := range p.Attempts {
		last = a.Outcome
		c := s.carrierNamed(a.Carrier)
		asked := ""
		if a.Looks > 0 {
			asked = fmt.Sprintf("it was asked %d times", a.Looks)
		}
		switch a.Outcome {
		case sqlstore.AttemptAccepted:
			t.add(a.StartedAt, of+c.Name()+" has it", a.MessageSID)
		case sqlstore.AttemptRefused:
			t.trouble(a.StartedAt, of+c.Name()+" refuses it", carrierError(c, p.ErrorCode))
		case sqlstore.AttemptAbsent:
			if a.Looks > 0 { // or it did not take it, which was noted
				t.trouble(a.StartedAt, of+c.Name()+"'s answer was lost, and it does not have it", asked)
			}
		case sqlstore.AttemptUnknown:
			t.trouble(a.StartedAt, of+c.Name()+"'s answer was lost, and nobody can know whether it has it", "it is not sent again")
		default:
			t.trouble(a.StartedAt, of+c.Name()+"'s answer is not known yet", asked)
		}
	}
	c := s.carrierNamed(p.Carrier)
	if !p.SentAt.IsZero() {
		t.add(p.SentAt, of+c.Name()+" has passed it on", "")
	}
	switch {
	case p.State == sqlstore.Delivered:
		t.add(p.EndedAt, of+"it is on the phone", "")
	case p.State != sqlstore.Failed || last == sqlstore.AttemptRefused:
	case p.Refused != "":
		t.add(p.EndedAt, of+"kept back", p.Refused)
	case p.ErrorCode == 0:
		t.trouble(p.EndedAt, of+"given up", "")
	default:
		t.trouble(p.EndedAt, of+"not delivered", carrierError(c, p.ErrorCode))
	}
}

// carrierError is one of a carrier's errors in words, if there are any.
func carrierError(c carrier.Carrier, code int) string {
	if code == 0 {
		return ""
	}
	why, _, _ := strings.Cut(c.Explain(code), " What to do:")
	return strings.TrimSuffix(fmt.Sprintf("error %d: %s", code, why), ": ")
}

// callStory tells what became of a call: whose phones rang, who took it, how it ended.
func (s *Service) callStory(ctx context.Context, t *timeline) error {
	legs, err := s.store.Legs(ctx, t.item.ID)
	if err != nil {
		return err
	}
	t.add(t.item.At, "the call began", "")
	for _, l := range legs {
		who, round := s.volunteer(t.item.Hotline, l.Phone), fmt.Sprintf("round %d", l.Round)
		if !l.At.IsZero() {
			t.add(l.At, who+" picked up", round)
		}
		if !l.AcceptedAt.IsZero() {
			t.add(l.AcceptedAt, who+" pressed 1 and has the call", round)
		}
		if !l.EndedAt.IsZero() {
			t.add(l.EndedAt, who+" "+legEnd(l), round)
		}
	}
	if !t.item.EndedAt.IsZero() {
		t.add(t.item.EndedAt, "the call ended", callOutcomes[t.item.Word])
		t.counted(int(t.item.EndedAt.Sub(t.item.At)/time.Second), "second")
	}
	left, err := s.store.Items(ctx, sqlstore.ItemFilter{ID: t.item.ID, Kinds: []string{sqlstore.ItemVoicemail, sqlstore.ItemMissed}, Limit: 10})
	t.related = append(t.related, left...)
	return err
}

var callOutcomes = map[string]string{
	sqlstore.Talked: "somebody took it", sqlstore.Voicemail: "there is a voicemail", sqlstore.Missed: "nobody took it, and there is no voicemail",
	sqlstore.Rejected: "it was not answered, on purpose",
}

// volunteer is the name of the volunteer with a phone.
func (s *Service) volunteer(number, of phone.Number) string {
	h, _ := s.Hotlines.ByNumber(number)
	for _, p := range slices.Concat(h.Calls.Phones, h.Calls.Fallback) {
		if p.Number == of {
			return p.Name
		}
	}
	return "somebody who is not in the configuration any more"
}

// legEnd is how a volunteer's leg ended, by Twilio's word for it: https://www.twilio.com/docs/voice/api/call-resource#call-status-values.
func legEnd(l sqlstore.LegRow) string {
	switch l.Status {
	case "busy":
		return "was busy, or declined"
	case "no-answer":
		return "did not answer"
	case "canceled":
		return "was not rung any more"
	case "failed":
		return "could not be reached"
	}
	return "hung up"
}

// callBackStory tells what became of a call back.
func (s *Service) callBackStory(ctx context.Context, t *timeline) error {
	c, err := s.store.FindCallBack(ctx, t.item.ID)
	if errors.Is(err, sqlstore.ErrNoCallBack) { // it is gone since it was read
		return nil
	}
	if err != nil {
		return err
	}
	t.add(c.CreatedAt, "asked for", c.AgentName)
	if !c.AttemptedAt.IsZero() {
		t.add(c.AttemptedAt, "Twilio calls the agent", c.AgentSID)
	}
	if !c.ConnectedAt.IsZero() {
		t.add(c.ConnectedAt, "the supporter answered", "")
	}
	if c.State == sqlstore.CallBackEnded {
		t.addStep(c.EndedAt, "it ended", strings.ReplaceAll(c.Result, "_", " "), t.item.State == sqlstore.ItemFailed)
	}
	t.counted(c.TalkedSeconds, "second")
	return nil
}

// mediaStory tells what became of a file.
func (s *Service) mediaStory(ctx context.Context, t *timeline) error {
	t.add(t.item.At, "came with a text", "")
	switch t.item.State {
	case sqlstore.ItemDone:
		t.add(t.item.EndedAt, "attached", "")
	case sqlstore.ItemRefused, sqlstore.ItemDead:
		t.trouble(t.item.EndedAt, "not attached", t.item.Reason)
	}
	id, _, _ := strings.Cut(t.item.ID, "/")
	_, err := s.relate(ctx, t, id, sqlstore.ItemTextIn, sqlstore.ItemVoicemail)
	return err
}
