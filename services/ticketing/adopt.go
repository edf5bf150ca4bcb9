package ticketing

import (
	"context"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// adoptFor is what one page may take. Whatever waits longer for the budget is told so.
const adoptFor = 5 * time.Second

// adopter serves AdoptService.
type adopter struct {
	ticketingv1.UnimplementedAdoptServiceServer
	*Service
}

// ListAdoptions tells how far all mailboxes are.
func (s adopter) ListAdoptions(ctx context.Context, _ *ticketingv1.ListAdoptionsRequest) (*ticketingv1.ListAdoptionsResponse, error) {
	res := &ticketingv1.ListAdoptionsResponse{}
	for _, h := range s.Hotlines {
		a, err := s.store.Adoption(ctx, h.MailboxID)
		if err != nil {
			return nil, meaning(err)
		}
		res.Adoptions = append(res.Adoptions, adoptionToProto(a))
	}
	return res, nil
}

// AdoptConversations adopts a page of a mailbox's conversations.
//
// They are read from the newest to the oldest, since it is the newest that a supporter's next text goes to (as in the original). Pages are not
// counted from the first one: each time those are asked for that were created up to where the last page ended, so that nothing moves when
// others come, go or are merged meanwhile, and nothing is passed over.
func (s adopter) AdoptConversations(ctx context.Context, r *ticketingv1.AdoptConversationsRequest) (*ticketingv1.AdoptConversationsResponse, error) {
	var check errs.Check
	h, ours := s.Hotlines.ByMailbox(r.GetMailboxId())
	check.That(ours, "mailbox_id", "is not a configured mailbox")
	check.That(r.GetAfter() == nil || r.GetDryRun(), "after", "is for dry runs")
	check.That(r.GetAfter() == nil || r.GetAfter().GetPage() > 0 && r.GetAfter().GetMailboxId() == r.GetMailboxId(), "after", "is not of this mailbox's dry run")
	if err := check.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(helpscout.WithClass(ctx, helpscout.Backfill), adoptFor)
	defer cancel()
	before, err := s.store.Adoption(ctx, h.MailboxID)
	if err != nil {
		return nil, meaning(err)
	}
	now := s.begin(before, r)
	if now.Done {
		return &ticketingv1.AdoptConversationsResponse{Adoption: adoptionToProto(now)}, nil
	}
	page, next, err := s.created(ctx, now)
	if err != nil {
		return nil, meaning(err)
	}
	var found []sqlstore.Adopted
	numbers := map[int64]helpscout.Conversation{}
	for _, v := range page {
		a, whose := s.adoptable(h, v)
		switch whose {
		case supporters:
			found, numbers[v.ID] = append(found, a), v
		case unclear:
			next.Unclear++
		default:
			next.Foreign++
		}
	}
	after, adopted, err := s.store.Adopt(ctx, before, next, found, s.Now(), r.GetDryRun())
	if err != nil {
		return nil, meaning(err)
	}
	res := &ticketingv1.AdoptConversationsResponse{Adoption: adoptionToProto(after)}
	for _, a := range adopted {
		v := numbers[a.Conversation]
		res.Conversations = append(res.Conversations, &ticketingv1.AdoptedConversation{
			ConversationId: v.ID, Number: v.Number, Supporter: a.Supporter, Threads: int32(v.Threads), Status: v.Status,
		})
	}
	return res, nil
}

// begin returns where adoption goes on, by where it stands.
func (s adopter) begin(stands sqlstore.Adoption, r *ticketingv1.AdoptConversationsRequest) sqlstore.Adoption {
	if r.GetAfter() != nil {
		return adoptionFromProto(r.GetAfter())
	}
	fresh := sqlstore.Adoption{MailboxID: stands.MailboxID, StartedAt: s.Now(), Till: s.Now(), Page: 1}
	switch {
	case stands.StartedAt.IsZero(), r.GetAgain():
		return fresh
	case stands.Done && r.GetBegin():
		fresh.From = stands.StartedAt.Add(-sweepLag) // the list was as it had been a moment before
		return fresh
	}
	return stands
}

// created returns the conversations that are next in an adoption, and where it is after them. Times are shown to the second: so the last
// second of a page is left to the next one, which has it whole.
func (s adopter) created(ctx context.Context, at sqlstore.Adoption) (list []helpscout.Conversation, next sqlstore.Adoption, err error) {
	next = at
	list, total, pages, err := s.desk.Created(ctx, at.MailboxID, at.From, at.Till, at.Page)
	if err != nil {
		return nil, next, err
	}
	if at.Page > 1 && total < at.Left {
		next.Page, next.Left = 1, total // some of this second went away, and the others moved up: once more
		return nil, next, nil
	}
	if at.Total == 0 {
		next.Total = total
	}
	if at.Page >= pages {
		next.Left, next.Done = 0, true
		return list, next, nil
	}
	if len(list) == 0 {
		return nil, next, errs.New(errs.Unavailable, noAnswer).After(probe)
	}
	second := func(v helpscout.Conversation) time.Time { return v.CreatedAt.Truncate(time.Second) }
	first, last := second(list[0]), second(list[len(list)-1])
	if first.Equal(last) && (at.Page == 1 || first.Equal(at.Till)) {
		next.Till, next.Page, next.Left = first, at.Page+1, total
		return list, next, nil
	}
	if at.Page > 1 { // here the second ends
		last = at.Till.Add(-time.Second)
	}
	list = slices.DeleteFunc(list, func(v helpscout.Conversation) bool { return !second(v).After(last) })
	next.Till, next.Page, next.Left = last, 1, total-int64(len(list))
	return list, next, nil
}
