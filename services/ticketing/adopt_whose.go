package ticketing

import (
	"regexp"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// whose says whose a conversation is that was there before us.
type whose int

const (
	supporters whose = iota // somebody's whose number we know by their address
	unclear                 // somebody's whose number the address does not tell
	strangers               // ordinary mail
)

// adoptable returns what adoption is to know of a conversation of a hotline's mailbox, and whose it is.
func (s *Service) adoptable(h hotline.Hotline, v helpscout.Conversation) (sqlstore.Adopted, whose) {
	address := strings.ToLower(v.PrimaryCustomer.Email)
	local, ours := strings.CutSuffix(address, "@"+s.Domain)
	if !ours {
		return sqlstore.Adopted{}, strangers
	}
	number := numberAt(local, h)
	who := s.supporter(&ticketingv1.Party{MailboxId: h.MailboxID, Supporter: number})
	if number == "" || who.customer.Email != address {
		return sqlstore.Adopted{}, unclear
	}
	a := sqlstore.Adopted{Lane: who.lane, Conversation: v.ID, CreatedAt: v.CreatedAt}
	if v.State != "deleted" {
		a.ConversationID, a.Threads = v.ID, v.Threads
	}
	return a, supporters
}

var tenDigits = regexp.MustCompile(`^[0-9]{10}$`)

// numberAt returns the number for which the local part of a contact address stands, or "": phone.Identity.Address the other way round.
//
// Ten digits are a number of North America. But the original cut off every country code: of a hotline elsewhere, and where there is no such
// number, nobody knows which one it is.
func numberAt(local string, h hotline.Hotline) string {
	if digits, ok := strings.CutPrefix(local, "e164-"); ok {
		return "+" + digits
	}
	if code, ok := strings.CutPrefix(local, "short-"); ok {
		return code
	}
	number := phone.Parse(string(first(h))) // a campaign, which has none, is American
	elsewhere := number.Kind == phone.Full && !number.NorthAmerican()
	if !tenDigits.MatchString(local) || elsewhere || phone.Parse("+1"+local).Country() == "" {
		return ""
	}
	return "+1" + local
}

func adoptionToProto(a sqlstore.Adoption) *ticketingv1.Adoption {
	p := &ticketingv1.Adoption{
		MailboxId: a.MailboxID, Page: int32(a.Page), Total: a.Total, Left: a.Left,
		Adopted: a.Adopted, Known: a.Known, Unclear: a.Unclear, Foreign: a.Foreign, Done: a.Done,
	}
	if !a.StartedAt.IsZero() {
		p.StartedAt, p.Till = timestamppb.New(a.StartedAt), timestamppb.New(a.Till)
	}
	if !a.From.IsZero() {
		p.From = timestamppb.New(a.From)
	}
	return p
}

func adoptionFromProto(p *ticketingv1.Adoption) sqlstore.Adoption {
	a := sqlstore.Adoption{
		MailboxID: p.GetMailboxId(), StartedAt: p.GetStartedAt().AsTime(), Till: p.GetTill().AsTime(), Page: int(p.GetPage()), Total: p.GetTotal(), Left: p.GetLeft(),
		Adopted: p.GetAdopted(), Known: p.GetKnown(), Unclear: p.GetUnclear(), Foreign: p.GetForeign(), Done: p.GetDone(),
	}
	if p.GetFrom() != nil {
		a.From = p.GetFrom().AsTime()
	}
	return a
}
