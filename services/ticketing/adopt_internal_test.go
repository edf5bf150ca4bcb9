package ticketing

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// former is a conversation of a supporter of the original's: i is who they are.
func former(i int, created time.Time) helpscoutsim.Former {
	return helpscoutsim.Former{
		MailboxID: 206906, Email: fmt.Sprintf("617555%04d@sms.example.org", i), Phone: fmt.Sprintf("617-555-%04d", i), CreatedAt: created, Texts: []string{"hello"},
	}
}

// adoptAll adopts page by page until it is done, and returns how it went and what was adopted.
func (s *swept) adoptAll(t *testing.T, r *ticketingv1.AdoptConversationsRequest) (*ticketingv1.Adoption, []*ticketingv1.AdoptedConversation) {
	t.Helper()
	r = proto.CloneOf(r)
	r.MailboxId = 206906
	var all []*ticketingv1.AdoptedConversation
	for range 1000 {
		res, err := adopter{Service: s.Service}.AdoptConversations(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, res.GetConversations()...)
		if res.GetAdoption().GetDone() {
			return res.GetAdoption(), all
		}
		r.Begin, r.Again = false, false
		if r.GetDryRun() {
			r.After = res.GetAdoption()
		}
	}
	t.Fatal("it has no end")
	return nil, nil
}

// next is where the next text of a lane goes.
func (s *swept) next(t *testing.T, i int) int64 {
	t.Helper()
	var id int64
	if err := s.DB.Read.QueryRow(`SELECT conversation_id FROM lane WHERE id = $1`, fmt.Sprintf("206906|617555%04d@sms.example.org", i)).Scan(&id); err != nil {
		t.Errorf("lane %d: %v", i, err)
	}
	return id
}

// Every supporter gets their newest conversation, although conversations come, are deleted and change while the pages are read, and although
// the creation of many is not told apart by the second. It begins again where it was, each time with a new service.
func TestAdoptWhileChanging(t *testing.T) {
	eachSwept(t, 0, -1, func(t *testing.T, s *swept) {
		const people = 230
		var all []helpscoutsim.Former
		for i := range people {
			created := s.now.Add(-time.Duration(1+i) * time.Hour)
			if i >= 100 && i < 190 { // these were brought in at once, as were the last ones
				created = s.now.Add(-100 * time.Hour)
			}
			all = append(all, former(i, created.Truncate(time.Second)))
			if i%10 == 0 { // and an older one
				all = append(all, former(i, created.Add(-1000*time.Hour)))
			}
		}
		other := func(mailbox int64, email string) helpscoutsim.Former {
			return helpscoutsim.Former{MailboxID: mailbox, Email: email, Phone: "x", CreatedAt: s.now.Add(-time.Minute), Texts: []string{"hello"}}
		}
		all = append(all, other(206906, "ada@example.org"), other(206906, "12345678@sms.example.org"), other(206906, "7911123456@sms.example.org"),
			other(206906, "e164-447911123456@sms.example.org"), other(206907, "6175559999@sms.example.org"))
		ids, err := s.sim.AddFormer(all...)
		if err != nil {
			t.Fatal(err)
		}
		dry, would := s.adoptAll(t, &ticketingv1.AdoptConversationsRequest{DryRun: true})
		if a, err := s.store.Adoption(t.Context(), 206906); err != nil || !a.StartedAt.IsZero() {
			t.Errorf("a dry run leaves %+v, %v", a, err)
		}
		if len(would) != people+people/10+1 || dry.GetForeign() != 1 || dry.GetUnclear() != 2 {
			t.Errorf("%d would be adopted: %v", len(would), dry)
		}
		newest := map[string]int64{}
		for i, f := range all {
			if newest[f.Email] == 0 {
				newest[f.Email] = ids[i]
			}
		}
		gone, lists := map[int]bool{}, 0
		s.list = func() {
			lists++
			// One that has been read goes, and one of the crowd; one comes, one changes.
			for _, i := range []int{lists * 3, 100 + 2*lists} {
				if f := former(i, s.now); i < people && !gone[i] {
					gone[i] = true
					if err := s.sim.Delete(newest[f.Email]); err != nil {
						t.Error(err)
					}
				}
			}
			if _, err := s.sim.AddFormer(former(1000+lists, s.now.Add(time.Second))); err != nil {
				t.Error(err)
			}
			if err := s.sim.SetTags(newest[former(229, s.now).Email], fmt.Sprint(lists)); err != nil {
				t.Error(err)
			}
		}
		a, _ := s.adoptAll(t, &ticketingv1.AdoptConversationsRequest{Begin: true})
		s.list = func() {}
		for i := range people {
			email := former(i, s.now).Email
			if !gone[i] && s.next(t, i) != newest[email] {
				t.Errorf("%s: their next text goes to %d, not to %d", email, s.next(t, i), newest[email])
			}
		}
		if a.GetLeft() != 0 || a.GetForeign() != 1 || a.GetUnclear() != 2 || lists < 10 {
			t.Errorf("after %d pages: %v", lists, a)
		}
		// One that was created before it began is in the list only now, as lists lag.
		late, err := s.sim.AddFormer(former(5000, s.now.Add(-sweepLag/2)))
		if err != nil {
			t.Fatal(err)
		}
		// It is over, until somebody begins; then only what has come since is looked at.
		before := lists
		s.list = func() { lists++ }
		if again, adopted := s.adoptAll(t, &ticketingv1.AdoptConversationsRequest{}); !proto.Equal(again, a) || len(adopted) > 0 || lists != before {
			t.Errorf("it goes on although it is over: %v", again)
		}
		s.now = s.now.Add(time.Hour)
		if since, adopted := s.adoptAll(t, &ticketingv1.AdoptConversationsRequest{Begin: true}); int(since.GetTotal()) > len(adopted)+4 || len(adopted) != before+1 || s.next(t, 5000) != late[0] {
			t.Errorf("%d of those that came meanwhile, want %d: %v", len(adopted), before+1, since)
		}
		if all, adopted := s.adoptAll(t, &ticketingv1.AdoptConversationsRequest{Again: true}); len(adopted) > 0 || all.GetKnown() < people/2 {
			t.Errorf("adopted twice: %v", all)
		}
	})
}

// When the budget's share is spent it says when to come back, and has lost nothing. Live calls still get through.
func TestAdoptLeavesTheBudget(t *testing.T) {
	eachSwept(t, 0, 20, func(t *testing.T, s *swept) {
		var all []helpscoutsim.Former
		for i := range 400 {
			all = append(all, former(i, s.now.Add(-time.Duration(1+i)*time.Hour)))
		}
		if _, err := s.sim.AddFormer(all...); err != nil {
			t.Fatal(err)
		}
		waits, done := 0, false
		for !done {
			res, err := adopter{Service: s.Service}.AdoptConversations(t.Context(), &ticketingv1.AdoptConversationsRequest{MailboxId: 206906})
			switch wait := errs.RetryAfter(err); {
			case err == nil:
				done = res.GetAdoption().GetDone()
				if done && res.GetAdoption().GetAdopted() != 400 {
					t.Errorf("%v", res.GetAdoption())
				}
			case errs.KindOf(err) != errs.RateLimited || wait <= 0 || wait > time.Minute || waits > 10:
				t.Fatal(err)
			default:
				waits++
				for range 3 { // what is live
					if _, err := s.desk.Search(t.Context(), 206906, "x@sms.example.org"); err != nil {
						t.Error(err)
					}
				}
				s.now = s.now.Add(wait)
			}
		}
		if waits == 0 || s.sim.Usage().Limited > 0 {
			t.Errorf("waited %d times, was refused %d times", waits, s.sim.Usage().Limited)
		}
	})
}

// An address that stands for a number gives just this number back, or none; ten digits are one of North America.
func TestNumberAt(t *testing.T) {
	american, british := hotline.New("+15017122661", 1), hotline.New("+442071838750", 1)
	for local, want := range map[string][2]string{ // at an American hotline, at a British one
		"6175550142": {"+16175550142", ""}, "7911123456": {}, "0612345678": {}, "12345678": {}, "617555014": {}, "16175550142": {}, "": {}, "ada": {}, "12345": {},
		"e164-447911123456": {"+447911123456", "+447911123456"}, "short-12345": {"12345", "12345"}, "e164-": {"+", "+"}, "e164-6175550142": {"+6175550142", "+6175550142"},
		"٦١٧٥٥٥٠١٤٢": {}, "withheld-0011223344556677": {}, "unknown-0011223344556677": {}, "👋": {}, "e164-👋": {"+👋", "+👋"}, "+16175550142": {},
	} {
		for i, h := range []hotline.Hotline{american, british} {
			if got := numberAt(local, h); got != want[i] {
				t.Errorf("%q: %q, want %q", local, got, want[i])
			}
		}
		if got := numberAt(local, hotline.New(hotline.OfCampaign("7"), 1)); got != want[0] {
			t.Errorf("%q at a campaign: %q, want %q", local, got, want[0])
		}
	}
	s := &Service{Config: Config{Domain: "sms.example.org"}}
	for _, number := range []string{"+16175550142", "+447911123456", "+4712345678", "+390612345678", "+61412345678", "12345"} {
		v := helpscout.Conversation{ID: 7, Threads: 3}
		v.PrimaryCustomer.Email = strings.ToUpper(phone.Parse(number).Address("") + "@sms.example.org")
		if a, who := s.adoptable(american, v); who != supporters || a.Supporter != number || a.ConversationID != 7 || a.Threads != 3 {
			t.Errorf("%s: %v %+v", number, who, a)
		}
		v.State = "deleted"
		if a, who := s.adoptable(american, v); who != supporters || a.ConversationID != 0 || a.Conversation != 7 {
			t.Errorf("%s, deleted: %v %+v", number, who, a)
		}
	}
	for address, want := range map[string]whose{
		"e164-👋@sms.example.org": unclear, "e164-16175550142@sms.example.org": unclear, "e164-@sms.example.org": unclear,
		"6175550142@sms.example.org.evil.org": strangers, "6175550142@example.org": strangers, "": strangers, "@sms.example.org": unclear,
	} {
		v := helpscout.Conversation{ID: 7}
		v.PrimaryCustomer.Email = address
		if _, who := s.adoptable(american, v); who != want {
			t.Errorf("%s: %v, want %v", address, who, want)
		}
	}
}

// Who is adopted can be erased, though nothing of ours is in their conversation, and a page that was read before does not bring them back.
func TestAdoptedIsErased(t *testing.T) {
	eachSwept(t, 0, -1, func(t *testing.T, s *swept) {
		s.Telephony = sender{}
		ids, err := s.sim.AddFormer(former(142, s.now.Add(-time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		s.adoptAll(t, &ticketingv1.AdoptConversationsRequest{Begin: true})
		page, _, _, err := s.desk.Created(t.Context(), 206906, time.Time{}, s.now, 1)
		if err != nil || len(page) != 1 {
			t.Fatal(page, err)
		}
		res, err := s.ErasePerson(t.Context(), &operatorv1.ErasePersonRequest{Number: "+16175550142"})
		if err != nil || !res.GetDone() {
			t.Fatal(res, err)
		}
		if c, there := s.sim.Conversation(ids[0]); there && c.State != "deleted" {
			t.Errorf("the conversation is still there: %+v", c)
		}
		late, _ := s.adoptable(s.Hotlines[0], page[0])
		stands, err := s.store.Adoption(t.Context(), 206906)
		if err == nil {
			_, _, err = s.store.Adopt(t.Context(), stands, stands, []sqlstore.Adopted{late}, s.now, false)
		}
		lanes, laneErr := s.store.LanesOf(t.Context(), "+16175550142", nil)
		if err := errors.Join(err, laneErr); err != nil || len(lanes) > 0 {
			t.Errorf("they are back: %q, %v", lanes, err)
		}
	})
}
