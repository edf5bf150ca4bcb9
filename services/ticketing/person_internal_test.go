package ticketing

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// A conversation that agents have given to somebody else is still theirs who texted it, but not if that somebody has written in it, too.
func TestShared(t *testing.T) {
	const kim, lee, ben = "6175550142@sms.example.org", "6175550188@sms.example.org", "ben@example.org"
	thread := func(id int64, email, source string) (t helpscout.Thread) {
		t.Type, t.Source.Type, t.Customer.ID, t.Customer.Email = "customer", source, id, email
		return t
	}
	eachSwept(t, 0, -1, func(t *testing.T, s *swept) {
		for name, test := range map[string]struct {
			threads       []helpscout.Thread
			shared, given bool
		}{
			"theirs":               {[]helpscout.Thread{thread(1, kim, "api"), thread(1, kim, "email")}, false, false},
			"given away":           {[]helpscout.Thread{thread(2, ben, "api"), thread(2, ben, "api")}, false, true},
			"somebody's mail":      {[]helpscout.Thread{thread(2, ben, "email")}, true, false},
			"mail after texts":     {[]helpscout.Thread{thread(2, ben, "api"), thread(2, ben, "email")}, true, false},
			"theirs and another's": {[]helpscout.Thread{thread(1, kim, "api"), thread(2, ben, "api")}, true, false},
			"two others'":          {[]helpscout.Thread{thread(2, ben, "api"), thread(3, "eve@example.org", "api")}, true, false},
			"who texts us, too":    {[]helpscout.Thread{thread(4, lee, "api")}, true, false},
			"nobody's":             {[]helpscout.Thread{thread(0, "", "email")}, false, false},
		} {
			e := &erasure{Service: s.Service, who: phone.Parse("+16175550142"), address: kim, known: true, contact: helpscout.Contact{ID: 1}, left: map[string]int64{}}
			shared, given, err := e.shared(t.Context(), sqlstore.Whereabouts{ConversationID: 7}, helpscout.Conversation{ID: 7}, test.threads)
			if shared != test.shared || given != test.given || err != nil || len(e.left) > 0 {
				t.Errorf("%s: shared %v, given %v, left %v, %v", name, shared, given, e.left, err)
			}
		}
	})
}

// sender is telephony that has got every text.
type sender struct {
	telephonyv1.TelephonyServiceClient
}

func (sender) GetText(context.Context, *telephonyv1.GetTextRequest, ...grpc.CallOption) (*telephonyv1.GetTextResponse, error) {
	return &telephonyv1.GetTextResponse{}, nil
}

// Replies of which nobody knows whose they are, and which are sent all the same, are forgotten with the mailbox's.
func TestNobodysRepliesAreForgotten(t *testing.T) {
	eachSwept(t, 0, -1, func(t *testing.T, s *swept) {
		s.Telephony = sender{}
		v := helpscout.Listed{Conversation: helpscout.Conversation{ID: 7, MailboxID: 206906, Type: "phone"}}
		if err := s.refuse(t.Context(), v.Conversation, sqlstore.Reply{ThreadID: 1, ConversationID: v.ID}, "why"); err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(time.Hour)
		reply := helpscout.Thread{ID: 2, Type: "message", State: "published", Body: "yes", CreatedAt: s.now.Add(-10 * time.Minute)}
		reply.Source.Type, reply.Source.Via, reply.CreatedBy.Type = "web", "user", "user"
		note := helpscout.Thread{ID: 3, Type: "note", Body: "Delivered to 617-555-0142. “yes”", CreatedAt: reply.CreatedAt}
		note.Source.Type = "api"
		v.Embedded.Threads = []helpscout.Thread{note, reply}
		if err := s.lostReplies(t.Context(), s.Hotlines[0], v, s.now.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		handled := func() string {
			first, err1 := s.store.ReplyHandled(t.Context(), 1)
			second, err2 := s.store.ReplyHandled(t.Context(), 2)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(first, second)
		}
		if got := handled(); got != "true true" {
			t.Fatalf("at first they are %s", got)
		}
		s.Hotlines[0].Keep.Records = 20 * 24 * time.Hour
		s.now = s.now.AddDate(0, 0, 21)
		if err := s.forgetOld(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := handled(); got != "false false" {
			t.Errorf("they are still %s", got)
		}
	})
}

// Events of mailboxes that are nobody's hotline are kept as long as the hotline's that keeps them longest.
func TestForeignEventsAreForgotten(t *testing.T) {
	const day = 24 * time.Hour
	eachSwept(t, 0, -1, func(t *testing.T, s *swept) {
		other := s.Hotlines[0]
		other.MailboxID = 206908
		s.Hotlines = append(s.Hotlines, other)
		if err := s.store.Claim(t.Context(), s.now, other.MailboxID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.RecordEvent(t.Context(), sqlstore.Event{Hash: "x", Name: "convo.moved", MailboxID: 206907, ConversationID: 7, Moved: true}, s.now); err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(21 * day)
		for _, test := range []struct {
			first, second time.Duration
			left          bool
		}{{20 * day, 0, true}, {20 * day, 30 * day, true}, {0, 10 * day, true}, {20 * day, 10 * day, false}} {
			s.Hotlines[0].Keep.Records, s.Hotlines[1].Keep.Records = test.first, test.second
			if err := s.forgetOld(t.Context()); err != nil {
				t.Fatal(err)
			}
			if left := s.found(t)[7]; left != test.left {
				t.Errorf("kept for %s and %s: it is there: %v", test.first, test.second, left)
			}
		}
	})
}

// Who may not ask because Help Scout has not answered anybody yet can tell that from a budget that is spent.
func TestBudgetBeforeAnAnswer(t *testing.T) {
	b := newBudget(nil, nil, time.Now)
	<-b.first // somebody asks
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Take(ctx, helpscout.Live, 1); !errors.Is(err, helpscout.ErrNoAnswer) {
		t.Error(err)
	}
}
