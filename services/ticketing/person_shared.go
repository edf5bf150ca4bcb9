package ticketing

import (
	"context"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// shared reports whether somebody else's texts are in a conversation. If agents have given it to one other customer altogether, given, it is
// theirs all the same, unless that one is somebody who texts us, too, or has written in it in another way: by mail, say.
func (e *erasure) shared(ctx context.Context, c sqlstore.Whereabouts, v helpscout.Conversation, threads []helpscout.Thread) (shared, given bool, err error) {
	theirs, others := false, map[int64]bool{}
	for _, t := range threads {
		switch {
		case t.Type != "customer", t.Customer.ID == 0 && t.Customer.Email == "":
		case e.theirs(t):
			theirs = true
		case t.Source.Type != "api", strings.HasSuffix(strings.ToLower(t.Customer.Email), "@"+e.Domain):
			return true, false, nil // what our supporters text comes by the API
		default:
			others[t.Customer.ID] = true
		}
	}
	if len(others) > 1 || len(others) == 1 && theirs {
		return true, false, nil
	}
	for _, id := range []int64{c.ConversationID, v.ID} {
		people, err := e.store.ContactsOf(ctx, id)
		if err != nil {
			return false, false, err
		}
		if slices.ContainsFunc(people, func(p sqlstore.Contact) bool { return !slices.Contains(e.lanes, p.Lane) }) {
			return true, false, nil
		}
	}
	return false, len(others) == 1, nil
}

// theirs reports whether a thread was written by them, or to them.
func (e *erasure) theirs(t helpscout.Thread) bool {
	return e.known && t.Customer.ID == e.contact.ID || strings.EqualFold(t.Customer.Email, e.address)
}

// erasedText is what stands in place of what somebody wrote who was erased.
const erasedText = "(erased)"

// cleanShared does what can be done to a conversation that is somebody else's as well: it takes out what they wrote, what was written to them,
// and notes about them. If Help Scout does not let us change a thread, it stays.
func (e *erasure) cleanShared(ctx context.Context, v helpscout.Conversation, threads []helpscout.Thread, conversationIDs ...int64) error {
	var ours []int64
	for _, id := range conversationIDs { // what was merged is known by where it was before
		more, err := e.store.Threads(ctx, id, e.lanes)
		if err != nil {
			return err
		}
		ours = append(ours, more...)
	}
	for _, t := range threads {
		if t.Body == erasedText || !slices.Contains(ours, t.ID) && !(e.theirs(t) && (t.Type == "customer" || isAnswer(t))) {
			continue
		}
		for _, a := range t.Embedded.Attachments {
			if err := refusable(e.desk.DeleteAttachment(ctx, v.ID, a.ID)); err != nil {
				return err
			}
		}
		err := e.desk.SetThreadText(ctx, v.ID, t.ID, erasedText)
		if err == nil {
			e.deleted["texts in others' conversations"]++
		}
		if err := refusable(err); err != nil {
			return err
		}
	}
	if strings.Contains(v.Subject, e.who.Display()) {
		if err := refusable(e.desk.SetSubject(ctx, v.ID, strings.ReplaceAll(v.Subject, e.who.Display(), erasedText))); err != nil {
			return err
		}
	}
	for _, id := range conversationIDs {
		if err := e.store.ForgetEvents(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// refusable is an error unless it is that Help Scout does not let us, which somebody is told of.
func refusable(err error) error {
	switch helpscout.StatusOf(err) {
	case 400, 403, 404, 409, 412, 423:
		return nil
	}
	return err
}
