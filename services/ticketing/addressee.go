package ticketing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

const (
	whoAsks    = "we do not know the number of this conversation's customer. What to do: answer in the conversation that began with their text, or call"
	notTheirs  = "the conversation's customer is not the one who wrote these texts. What to do: set the customer back, or answer in the other one's own conversation"
	newNumber  = "the customer's phone was changed in Help Scout, and is not the number they text from. What to do: if they have a new number, ask them to text from it; else set the phone back and write it once more"
	withheld   = "they withheld their number, or it cannot be texted"
	manyPeople = "several people's texts are in this conversation, and its customer is none of them. What to do: answer in each one's own conversation"
)

// addressee finds who gets the answers of a conversation: whose texts are in it. Only what we stored when they wrote
// counts, and if Help Scout says that the customer is somebody else, nobody gets anything; reason then says why.
func (s *Service) addressee(ctx context.Context, v helpscout.Conversation) (to sqlstore.Contact, reason string, err error) {
	people, err := s.store.ContactsOf(ctx, v.ID)
	if err != nil {
		return to, "", err
	}
	email := strings.ToLower(v.PrimaryCustomer.Email)
	isCustomer := func(c sqlstore.Contact) bool { return strings.HasSuffix(c.Lane, "|"+email) }
	ours := strings.HasSuffix(email, "@"+s.Domain)
	i := slices.IndexFunc(people, isCustomer)
	switch {
	case ours && i >= 0:
		to = people[i]
	case ours && len(people) > 0:
		return people[0], notTheirs, nil
	case ours:
		// Nobody's texts are in it, but the customer is somebody who has written elsewhere, as after a merge.
		if people, err = s.store.ContactsAt(ctx, fmt.Sprintf("%d|%s", v.MailboxID, email)); err != nil || len(people) == 0 {
			return to, whoAsks, err
		}
		to = people[0]
	case len(people) == 1: // the customer may have got an address of their own, or be somebody else
		to = people[0]
		theirs, err := s.isTheirs(ctx, v.PrimaryCustomer.ID, to)
		if err != nil || !theirs {
			return to, notTheirs, err
		}
	case len(people) > 1:
		return people[0], manyPeople, nil
	default:
		return to, whoAsks, nil
	}
	if phone.Parse(to.Supporter).Kind != phone.Full {
		return to, withheld, nil
	}
	if to.Hotline == "" {
		h, _ := s.Hotlines.ByMailbox(v.MailboxID)
		to.Hotline = string(h.Number)
	}
	if to.Edited {
		same, err := s.hasPhone(ctx, v.PrimaryCustomer.ID, to)
		if err != nil || !same {
			return to, newNumber, err
		}
	}
	return to, "", nil
}

// hasPhone asks Help Scout whether a contact's phone is still the number they text from.
func (s *Service) hasPhone(ctx context.Context, customerID int64, to sqlstore.Contact) (bool, error) {
	p, err := s.desk.Contact(ctx, customerID)
	if helpscout.StatusOf(err) == 404 {
		return false, nil
	}
	if err != nil || !knows(p.Phones(), to.Supporter) {
		return false, err
	}
	return true, s.store.SetEdited(ctx, to.Lane, false)
}

// isTheirs asks Help Scout whether a customer is the one we know: by the contact address that we gave them, or by phone.
func (s *Service) isTheirs(ctx context.Context, customerID int64, to sqlstore.Contact) (bool, error) {
	if customerID == 0 {
		return false, nil
	}
	p, err := s.desk.Contact(ctx, customerID)
	if helpscout.StatusOf(err) == 404 {
		return false, nil
	}
	ours := slices.ContainsFunc(p.Emails(), func(email string) bool { return strings.HasSuffix(to.Lane, "|"+strings.ToLower(email)) })
	return ours || knows(p.Phones(), to.Supporter), err
}

func knows(phones []string, supporter string) bool {
	number := phone.Parse(supporter).Number
	return slices.ContainsFunc(phones, func(p string) bool { return phone.Parse(p).Number == number })
}
