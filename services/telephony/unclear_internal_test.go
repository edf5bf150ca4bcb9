package telephony

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// fake is a carrier that answers as a test wants.
type fake struct {
	carrier.Carrier
	send func(context.Context) (string, error)
	find func(context.Context) ([]carrier.Message, error)
	sent int
}

func (f *fake) Send(ctx context.Context, _ carrier.NewMessage) (string, error) {
	f.sent++
	return f.send(ctx)
}

func (f *fake) Find(ctx context.Context, _, _ phone.Number, _ time.Time) ([]carrier.Message, error) {
	return f.find(ctx)
}

func failsWith(outcome carrier.Outcome) error {
	return &carrier.Error{Carrier: "X", Outcome: outcome, Cause: errors.New("no")}
}

// What a carrier has answered is written down, even if the step is over by then; and it has to answer before that.
func TestOutcomeIsNoted(t *testing.T) {
	unclear := func(context.Context) (string, error) { return "", failsWith(carrier.Unclear) }
	for name, test := range map[string]struct {
		send  func(context.Context) (string, error)
		list  []carrier.Message
		looks int
		want  sqlstore.OutState
	}{
		"accepted": {func(context.Context) (string, error) { return "SM1", nil }, nil, 0, sqlstore.Accepted},
		"refused":  {func(context.Context) (string, error) { return "", failsWith(carrier.Refused) }, nil, 0, sqlstore.Failed},
		"not done": {func(context.Context) (string, error) { return "", failsWith(carrier.NotDone) }, nil, 0, sqlstore.Queued},
		"found":    {unclear, []carrier.Message{{ID: "SM1", Body: "hi 👋", Outbound: true}}, 1, sqlstore.Accepted},
		"absent":   {unclear, nil, looks, sqlstore.Queued},
	} {
		t.Run(name, func(t *testing.T) {
			eachHouse(t, func(t *testing.T, h *house) {
				h.at(hotline.Twilio)
				ends := func(ctx context.Context, over func()) {
					if end, ok := ctx.Deadline(); !ok || time.Until(end) > time.Minute-reserve {
						t.Errorf("it may take until %v", end)
					}
					over()
				}
				over := func() {}
				f := &fake{}
				f.send = func(c context.Context) (string, error) { ends(c, over); return test.send(c) }
				f.find = func(c context.Context) ([]carrier.Message, error) { ends(c, over); return test.list, nil }
				h.carry[hotline.Twilio] = f
				_, err := h.SendText(t.Context(), &telephonyv1.SendTextRequest{Key: "K", Hotline: ours, To: caller, Body: "hi 👋"})
				fatal(t, err)
				for range test.looks + 1 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					over = cancel
					h.send(ctx, lane(ours, caller)) //nolint:errcheck // see below
					cancel()
					h.now = h.now.Add(time.Minute)
				}
				_, messages, _, err := h.store.FindTextOut(t.Context(), "K")
				fatal(t, err)
				if messages[0].State != test.want || f.sent != 1 {
					t.Errorf("it is %s, and was sent %d times", messages[0].State, f.sent)
				}
			})
		})
	}
}

// A carrier whose list never comes is not asked for ever: then nobody knows, and the ticket says so.
func TestSlowList(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.at(hotline.Twilio)
		f := &fake{send: func(context.Context) (string, error) { return "", failsWith(carrier.Unclear) }}
		f.find = func(ctx context.Context) ([]carrier.Message, error) {
			<-ctx.Done()
			return nil, failsWith(carrier.Unclear)
		}
		h.carry[hotline.Twilio] = f
		h.reply("reply:1")
		for range 3 {
			h.now = h.now.Add(askFor - time.Minute)
			ctx, cancel := context.WithTimeout(t.Context(), reserve+10*time.Millisecond)
			h.send(ctx, lane(ours, caller)) //nolint:errcheck // see below
			cancel()
		}
		_, err := h.tell(t.Context(), lane(ours, caller))
		fatal(t, err)
		if notes := h.desk.took(); f.sent != 1 || len(notes) != 1 || !strings.Contains(notes[0], "It is not known whether this text reached") {
			t.Errorf("sent %d times; the ticket has %q", f.sent, notes)
		}
	})
}

// Promise 3, where nobody tells whether a text has arrived: the list may have its words otherwise, or be late. Any message that is no other one's
// is taken for it, and none is no proof that it was not sent. Where there are callbacks too, the list is believed.
func TestUnclearWithoutStatus(t *testing.T) {
	reworded := carrier.Message{ID: "9", Body: "hi. Reply STOP to quit", Outbound: true}
	theirs := carrier.Message{ID: "8", Body: "hi 👋"}
	for name, test := range map[string]struct {
		by    hotline.Transport
		list  []carrier.Message
		want  sqlstore.OutState
		sends int
	}{
		"other words":            {hotline.MobileCommons, []carrier.Message{theirs, reworded}, sqlstore.Sent, 1},
		"nothing":                {hotline.MobileCommons, nil, sqlstore.Unknown, 1},
		"theirs":                 {hotline.MobileCommons, []carrier.Message{theirs}, sqlstore.Unknown, 1},
		"other words, at Twilio": {hotline.Twilio, []carrier.Message{reworded}, sqlstore.Failed, attempts},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t)
			number := phone.Number(campaign)
			a.Hotlines[0].Transport = test.by
			f := &fake{send: func(context.Context) (string, error) { return "", failsWith(carrier.Unclear) }}
			f.find = func(context.Context) ([]carrier.Message, error) { return test.list, nil }
			a.carry[test.by] = f
			_, err := a.SendText(t.Context(), &telephonyv1.SendTextRequest{Key: "K", Hotline: string(campaign), To: caller, Body: "hi 👋"})
			fatal(t, err)
			for range 30 {
				a.send(t.Context(), lane(number, caller)) //nolint:errcheck // see below
				a.now = a.now.Add(time.Minute)
			}
			_, messages, _, err := a.store.FindTextOut(t.Context(), "K")
			fatal(t, err)
			if m := messages[0]; m.State != test.want || f.sent != test.sends || (m.MessageSID == "9") != (test.want == sqlstore.Sent) {
				t.Errorf("it is %s (%q), and was sent %d times", m.State, m.MessageSID, f.sent)
			}
		})
	}
}

// One carrier that gets too much stops its own texts, and those of others only if there are none.
func TestTooMuchForOne(t *testing.T) {
	a := newArchive(t)
	f := &fake{send: func(context.Context) (string, error) {
		return "", &carrier.Error{Carrier: "X", Outcome: carrier.NotDone, Status: 429, RetryAfter: 42 * time.Second, Cause: errors.New("no")}
	}}
	a.carry[hotline.MobileCommons] = f
	_, err := a.SendText(t.Context(), &telephonyv1.SendTextRequest{Key: "K", Hotline: string(campaign), To: caller, Body: "hi"})
	fatal(t, err)
	for _, want := range []errs.Kind{errs.Unavailable, errs.RateLimited} {
		if _, err := a.send(t.Context(), lane(phone.Number(campaign), caller)); errs.KindOf(err) != want || errs.RetryAfter(err) != 42*time.Second {
			t.Errorf("%v after %v, want %v", errs.KindOf(err), errs.RetryAfter(err), want)
		}
		a.Hotlines = a.Hotlines[:1]
	}
}
