package dialer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer/pages"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

// What codes are asked for.
const (
	toEnrol       = "enrol"
	toSignIn      = "sign-in"
	toChangePhone = "phone"
)

// codeLife is how long codes work.
const codeLife = 10 * time.Minute

// How many codes are given in an hour: to one agent, to one phone, from one source, and to all. Each costs a text. A source may be a
// whole office. Numbers that nobody has are counted by source alone.
const (
	maxByUser   = 6
	maxByPhone  = 5
	maxBySource = 60
	maxGuesses  = 30
	maxCodes    = 200
)

// code is what somebody is to type in.
type code struct {
	sqlstore.CodeRow
	text, note string
}

// newCode makes codes for a number, and one for a note if note is true.
func (s *Service) newCode(r *http.Request, purpose string, userID int64, number phone.Number, note bool) code {
	c := code{text: sixDigits(), CodeRow: sqlstore.CodeRow{
		ID: rand.Text(), Purpose: purpose, UserID: userID, Phone: s.ring.seal(number, userID), PhoneIndex: s.ring[0].indexOf(number),
		Ending: ending(number), Source: source(r), CreatedAt: s.Now(),
	}}
	c.TextHash = s.ring.hashCode(c.ID+" text", c.text)
	if note {
		c.note = sixDigits()
		c.NoteHash = s.ring.hashCode(c.ID+" note", c.note)
	}
	return c
}

func sixDigits() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return fmt.Sprintf("%06d", n)
}

// ending is what may be shown of a number.
func ending(n phone.Number) string { return string(n[max(0, len(n)-2):]) }

// ask notes that codes are asked for. If that is too often it returns an errs.RateLimited error.
func (s *Service) ask(ctx context.Context, c code) error {
	return s.store.AskCode(ctx, c.CodeRow, func(a sqlstore.Asked) error {
		guess := c.UserID == 0
		if guess && a.Guesses > maxGuesses || !guess && (a.ByUser > maxByUser || a.ByPhone > maxByPhone || a.BySource > maxBySource || a.All > maxCodes) {
			return errs.New(errs.RateLimited, "Too many codes were asked for. Please try again in an hour.")
		}
		return nil
	})
}

// textCode sends the code that proves whose phone it is.
func (s *Service) textCode(ctx context.Context, h hotline.Hotline, number phone.Number, c code) error {
	_, err := s.Telephony.SendText(ctx, &telephonyv1.SendTextRequest{
		Key: "dialer-code:" + c.ID, Hotline: string(h.Number), To: string(number), Private: true,
		Body: fmt.Sprintf("%s is your code for calling back from %s. Nobody of us will ever ask you for it.", c.text, called(h)),
	})
	return err
}

// stopped says why a phone cannot be texted a code, in words for people; empty if it can.
func (s *Service) stopped(ctx context.Context, h hotline.Hotline, number phone.Number) string {
	known, err := s.CallBacks.GetSupporter(ctx, &telephonyv1.GetSupporterRequest{Hotline: string(h.Number), Supporter: string(number)})
	if err != nil || !known.GetOptedOut() {
		return ""
	}
	return "This phone has told " + called(h) + " to STOP texts. Text START to " + hotline.Display(h.Number) + " from it first."
}

// noteCode puts the code into the ticket that proves who works there.
func (s *Service) noteCode(ctx context.Context, who *ticketingv1.Party, c code) error {
	_, err := s.Ticketing.FileNote(ctx, &ticketingv1.FileNoteRequest{
		Key: "dialer-code:" + c.ID, Party: who, ConversationId: c.ConversationID,
		Text: fmt.Sprintf("%s is being set up to call back, with a phone whose number ends in %s. The code for that is %s. It works for ten minutes, once.\n"+
			"If you are not %s, do not pass it on: whoever types it in calls in %s's name.", c.Name, c.Ending, c.note, c.Name, c.Name),
	})
	return err
}

// called is what a hotline is called.
func called(h hotline.Hotline) string {
	if h.Name != "" {
		return h.Name
	}
	return "the hotline " + hotline.Display(h.Number)
}

// giveCodes takes codes, and does what they were asked for.
func (s *Service) giveCodes(w http.ResponseWriter, r *http.Request) {
	id, next := r.FormValue("id"), local(r.FormValue("next"))
	c, err := s.store.TryCode(r.Context(), id, s.Now().Add(-codeLife))
	if errors.Is(err, sqlstore.ErrNotFound) {
		s.stale(w, r)
		return
	}
	if err != nil {
		s.trouble(w, r, err)
		return
	}
	right := s.ring.isCode(id+" text", digitsOf(r.FormValue("text_code")), c.TextHash)
	if c.NoteHash != "" {
		right = s.ring.isCode(id+" note", digitsOf(r.FormValue("note_code")), c.NoteHash) && right
	}
	if !right {
		s.note(r.Context(), sqlstore.AuditRow{UserID: c.UserID, Name: c.Name, Action: codeRefused, Detail: c.Purpose, ConversationID: c.ConversationID, Source: source(r)})
		p := codesPage(c, next)
		p.Problem = "That is not right. After five tries you need new codes."
		if c.NoteHash == "" {
			p.Problem = "That is not the code. After five tries you need a new one."
		}
		s.show(w, r, http.StatusUnprocessableEntity, p)
		return
	}
	if mine, err := s.store.UseCode(r.Context(), id); err != nil || !mine {
		s.stale(w, r)
		return
	}
	switch c.Purpose {
	case toEnrol:
		s.finishEnrolment(w, r, c)
	case toSignIn:
		s.finishSignIn(w, r, c, next)
	case toChangePhone:
		s.finishPhone(w, r, c, next)
	}
}

func codesPage(c sqlstore.CodeRow, next string) pages.Codes {
	return pages.Codes{ID: c.ID, Note: c.NoteHash != "", Ending: c.Ending, Next: next}
}

// digitsOf takes a code as people type or paste it.
func digitsOf(s string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, s)
}

func (s *Service) stale(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusGone, pages.Message{
		Title: "This code does not work any more", Text: "Codes work once, for ten minutes, and may be mistyped five times. Ask for a new one.",
		Href: "/dialer/sign-in", Link: "Sign in",
	})
}
