package mobilecommons

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// Profile is what Mobile Commons knows of a person.
type Profile struct {
	ID                  string
	Phone               phone.Number
	FirstName, LastName string
	OptedOutAt          time.Time         // zero: they have not
	Campaigns           []string          // of all subscriptions, those that have ended too
	Columns             map[string]string // custom columns, those without a value too
	Messages            []Message         // newest first
}

// Message is a message to or from a person, as their profile has it.
type Message struct {
	ID       string
	Type     string // opt_in, reply, generic, ...
	Status   string // sent, or a sentence about what came in
	Body     string
	At       time.Time
	Campaign string
}

// Profile looks somebody up; false if nobody has the number. The error is a *carrier.Error.
//
// The documentation has GET for this, with the number in the address. The original posted it, and so does this.
func (c *Client) Profile(ctx context.Context, who phone.Number, includeMessages bool) (p Profile, found bool, err error) {
	form := url.Values{"phone_number": {string(who)}}
	if includeMessages {
		form.Set("include_messages", "1")
	}
	answer, err := c.post(ctx, "profile", form)
	if e, ok := errors.AsType[*carrier.Error](err); ok && e.Outcome == carrier.Refused && e.Code == invalidPhoneNumber {
		return Profile{}, false, nil
	}
	if err != nil {
		return Profile{}, false, err
	}
	e, ok := answer.child("profile")
	if ok {
		p, err = profile(e)
	}
	if !ok || err != nil || p.ID == "" {
		return Profile{}, false, unreadable()
	}
	return p, true, nil
}

func profile(e element) (p Profile, err error) {
	p = Profile{
		ID: e.get("id"), Phone: number(e.get("phone_number")), FirstName: e.get("first_name"), LastName: e.get("last_name"),
		Columns: map[string]string{},
	}
	if p.OptedOutAt, err = moment(e.get("opted_out_at")); err != nil {
		return p, err
	}
	for _, s := range e.all("subscriptions", "subscription") {
		if id := s.campaign(); !slices.Contains(p.Campaigns, id) {
			p.Campaigns = append(p.Campaigns, id)
		}
	}
	for _, column := range e.all("custom_columns", "custom_column") {
		p.Columns[column.get("name")] = column.get()
	}
	for _, m := range e.all("messages", "message") {
		at, err := moment(m.get("when"))
		if err != nil {
			return p, err
		}
		p.Messages = append(p.Messages, Message{
			ID: m.get("id"), Type: m.get("message_type"), Status: m.get("status"), Body: m.get("body"), At: at, Campaign: m.campaign(),
		})
	}
	slices.SortStableFunc(p.Messages, func(a, b Message) int { return b.At.Compare(a.At) })
	return p, nil
}

// OptOut is somebody's wish to get no more texts of a campaign.
type OptOut struct {
	Phone    phone.Number
	Campaign string
	At       time.Time // to the second
}

// OptOuts returns who opted out of a campaign from one time to another, on a page of its subscriptions that began or ended then; few of
// a page may be opt-outs. Who has subscribed anew since is among them. Pages, errors and what cannot be read are as for Received.
func (c *Client) OptOuts(ctx context.Context, campaign string, from, to time.Time, page int) (outs []OptOut, last bool, err error) {
	list, err := c.list(ctx, "campaign_subscribers", "subscriptions", window(campaign, "from", from, "to", to, onPage, page))
	if err != nil {
		return nil, false, err
	}
	items := list.items("sub")
	for _, s := range items {
		at, err := moment(s.get("opted_out_at"))
		out := OptOut{Phone: number(s.get("phone_number")), Campaign: campaign, At: at}
		switch {
		case err != nil || out.Phone == "":
			c.unread.Add(1)
		case !at.IsZero() && !at.Before(from.Truncate(time.Second)):
			outs = append(outs, out)
		}
	}
	return outs, isLast(list, len(items), onPage, page), nil
}

// OptOut opts somebody out of a campaign, or of all of them if it is empty. Doing it again changes nothing. The error is a *carrier.Error.
func (c *Client) OptOut(ctx context.Context, who phone.Number, campaign string) error {
	form := url.Values{"phone_number": {string(who)}}
	if campaign != "" {
		form.Set("campaign_id", campaign)
	}
	_, err := c.post(ctx, "profile_opt_out", form)
	return err
}
