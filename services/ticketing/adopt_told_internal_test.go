package ticketing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"

	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// What the original says that it has sent counts for the reply before it that has its words, and for no other.
func TestSentByOriginal(t *testing.T) {
	thread := func(id int64, kind, body string) helpscout.Thread {
		return helpscout.Thread{ID: id, Type: kind, State: "published", Body: body}
	}
	reply := func(id int64, words string) helpscout.Thread { return thread(id, "message", words) }
	sent := func(id int64, words string) helpscout.Thread {
		return thread(id, "phone", "SMS reply sent successfully: "+words)
	}
	for name, test := range map[string]struct {
		threads []helpscout.Thread
		want    []int64
	}{
		"nothing is said":      {[]helpscout.Thread{reply(1, "yes")}, nil},
		"sent":                 {[]helpscout.Thread{reply(1, "yes"), sent(2, "yes")}, []int64{1}},
		"newest first":         {[]helpscout.Thread{sent(2, "yes"), reply(1, "yes")}, []int64{1}},
		"listed twice":         {[]helpscout.Thread{sent(2, "yes"), reply(1, "yes"), reply(1, "yes")}, []int64{1}},
		"paragraphs":           {[]helpscout.Thread{reply(1, "<div>Tom &amp; Jerry</div><div>👋 שלום</div>"), sent(2, "Tom &amp; Jerry👋 שלום")}, []int64{1}},
		"without signature":    {[]helpscout.Thread{reply(1, "yes\n--\nAda"), sent(2, "yes")}, []int64{1}},
		"only the beginning":   {[]helpscout.Thread{reply(1, "yes, tomorrow"), sent(2, "yes")}, nil},
		"other words":          {[]helpscout.Thread{reply(1, "yes"), sent(2, "no")}, nil},
		"no words":             {[]helpscout.Thread{reply(1, "yes"), sent(2, "")}, nil},
		"before":               {[]helpscout.Thread{sent(1, "yes"), reply(2, "yes")}, nil},
		"a supporter's text":   {[]helpscout.Thread{reply(1, "yes"), thread(2, "customer", "SMS reply sent successfully: yes")}, nil},
		"an agent's note":      {[]helpscout.Thread{reply(1, "yes"), thread(2, "note", "SMS reply sent successfully: yes")}, nil},
		"each":                 {[]helpscout.Thread{reply(1, "yes"), sent(2, "yes"), reply(3, "yes"), sent(4, "yes")}, []int64{1, 3}},
		"the second":           {[]helpscout.Thread{reply(1, "yes"), reply(2, "yes"), sent(3, "yes")}, []int64{2}},
		"the second, not yet":  {[]helpscout.Thread{reply(1, "yes"), sent(2, "yes"), reply(3, "yes")}, []int64{1}},
		"both, then both told": {[]helpscout.Thread{reply(1, "yes"), reply(2, "no"), sent(3, "yes"), sent(4, "no")}, []int64{1, 2}},
	} {
		var got []int64
		for _, th := range test.threads {
			if isAnswer(th) && sentByOriginal(test.threads, th) && !slices.Contains(got, th.ID) {
				got = append(got, th.ID)
			}
		}
		if slices.Sort(got); !slices.Equal(got, test.want) {
			t.Errorf("%s: %d are told of, want %d", name, got, test.want)
		}
	}
}

// outbox takes the texts that are to be sent.
type outbox struct {
	telephonyv1.TelephonyServiceClient
	sent []*telephonyv1.SendTextRequest
}

func (o *outbox) SendText(_ context.Context, r *telephonyv1.SendTextRequest, _ ...grpc.CallOption) (*telephonyv1.SendTextResponse, error) {
	o.sent = append(o.sent, r)
	return &telephonyv1.SendTextResponse{}, nil
}

// handle handles all events that there are, and returns what is sent.
func (s *swept) handle(t *testing.T, conversation int64) (sent []string) {
	t.Helper()
	o := &outbox{}
	s.Telephony = o
	for more := true; more; {
		var err error
		if more, err = s.handleReplies(t.Context(), fmt.Sprint(conversation)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range o.sent {
		sent = append(sent, r.GetTo()+" "+r.GetBody())
	}
	return sent
}

// Replies from before we came are never sent by us, nor are those that the original has answered while both were there, although their
// supporters are adopted: neither when the sweep finds them, nor when a later reply's event has them in it. What nobody has answered since is
// sent, once.
func TestAdoptedRepliesAreNotSentAgain(t *testing.T) {
	eachSwept(t, 0, -1, func(t *testing.T, s *swept) {
		installed := s.now
		reply := func(id int64, words string, told bool) {
			t.Helper()
			_, err := s.sim.AgentReply(id, helpscoutsim.Reply{Text: "<p>" + words + "</p>"})
			if err == nil && told {
				err = s.sim.TellSent(id, words)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		s.now = installed.Add(-time.Hour)
		ids, err := s.sim.AddFormer(former(142, s.now.Add(-time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		id := ids[0]
		reply(id, "before, answered", true)
		reply(id, "before, not answered", false)
		s.now = installed.Add(time.Minute)
		s.adoptAll(t, &ticketingv1.AdoptConversationsRequest{Begin: true})
		reply(id, "answered", true)
		s.now = installed.Add(10 * time.Minute)
		if err := s.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if found := s.found(t); len(found) > 0 {
			t.Errorf("the sweep finds replies: %v", found)
		}
		// The number and Help Scout's webhook are ours now.
		reply(id, "by Bling", false)
		v, err := s.desk.Conversation(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"id":%d,"type":"phone","mailboxId":206906,"threads":%d,"primaryCustomer":{"id":%d,"email":%q}}`, id, v.Threads, v.PrimaryCustomer.ID, v.PrimaryCustomer.Email)
		_, err = s.store.RecordEvent(t.Context(), sqlstore.Event{
			Hash: "1", Name: replyEvent, Body: []byte(body), MailboxID: 206906, ConversationID: id, Threads: v.Threads, Replies: true,
		}, s.now)
		if err != nil {
			t.Fatal(err)
		}
		if sent := s.handle(t, id); !slices.Equal(sent, []string{"+16175550142 by Bling"}) {
			t.Errorf("sent %q", sent)
		}
		reply(id, "lost", false)
		s.now = s.now.Add(10 * time.Minute)
		if err := s.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if sent := s.handle(t, id); !slices.Equal(sent, []string{"+16175550142 lost"}) {
			t.Errorf("sent %q", sent)
		}
	})
}

// What becomes of a conversation after it was adopted, while nobody tells us yet, is found out before it is used: spam is kept out, and what
// was merged or deleted is not written to. Nobody is new.
func TestAdoptedIsLookedAt(t *testing.T) {
	eachSwept(t, 0, -1, func(t *testing.T, s *swept) {
		const spam, merged, deleted, as = 0, 1, 2, 3
		ids, err := s.sim.AddFormer(former(spam, s.now), former(merged, s.now), former(deleted, s.now), former(as, s.now), former(as, s.now.Add(-time.Hour)), former(merged, s.now.Add(-time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		s.adoptAll(t, &ticketingv1.AdoptConversationsRequest{Begin: true})
		if err := errors.Join(s.sim.SetStatus(ids[spam], "spam"), s.sim.Merge(ids[merged], ids[5]), s.sim.Delete(ids[deleted])); err != nil {
			t.Fatal(err)
		}
		text := func(i int, key string) *ticketingv1.RecordInboundTextResponse {
			t.Helper()
			res, err := s.RecordInboundText(t.Context(), &ticketingv1.RecordInboundTextRequest{
				Key: key, Body: "again", Party: &ticketingv1.Party{MailboxId: 206906, Supporter: fmt.Sprintf("+1617555%04d", i), Hotline: "+15017122661"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if res.GetFirstContact() {
				t.Errorf("%d is new", i)
			}
			return res
		}
		if res := text(spam, "SM0"); res.GetRefused() == "" {
			t.Errorf("spam is let in: %v", res)
		}
		if err := s.sim.SetStatus(ids[spam], "active"); err != nil {
			t.Fatal(err)
		}
		for i, want := range map[int]int64{spam: ids[spam], merged: ids[5], as: ids[as]} {
			if res := text(i, fmt.Sprint("SM1", i)); res.GetConversationId() != want {
				t.Errorf("%d goes to %d, want %d", i, res.GetConversationId(), want)
			}
		}
		if res := text(deleted, "SM2"); res.GetConversationId() == ids[deleted] {
			t.Error("it goes to a deleted one")
		}
	})
}
