// Package provision sets up a Help Scout account for the hotlines, and says whether it is: the webhook that tells us of agents' replies,
// and the mailboxes it is for.
//
// bling plan, apply and destroy call Plan and Teardown; bling doctor, and ticketing while it runs, call Checks. A webhook is ours by its label,
// which names the environment: two environments with one mailbox would both text the same people, so that is a conflict.
package provision

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/provision"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
)

// Config says how the account should be.
type Config struct {
	Hotlines hotline.Hotlines
	// PublicURL is the gateway's address as Help Scout sees it.
	PublicURL string
	// Environment is in the webhook's label.
	Environment provision.Environment
	// Secret is what Help Scout is to sign with, of 40 characters at most. Checks and Teardown need none.
	Secret string
	// RenewSecret writes the secret although nothing else differs: whether it does cannot be seen.
	RenewSecret bool
	// Sidebar says that there is a secret of a sidebar app, and so, it may be hoped, the app.
	Sidebar bool
}

// Account is a Help Scout account that is to be as its Config says.
type Account struct {
	Config
	client *helpscout.Client
}

// New returns an account. Nothing is asked or changed yet.
func New(c Config, client *helpscout.Client) *Account { return &Account{c, client} }

// events are what a hotline wants to hear of. customer.updated tells when somebody edits a supporter's phone.
// See https://developer.helpscout.com/webhooks/.
var events = []string{
	"convo.agent.reply.created", "convo.merged", "convo.moved", "convo.deleted", "convo.status", "customer.updated",
}

const path = "/bling/helpscout_webhook"

// webhook is the webhook as it should be.
func (a *Account) webhook() helpscout.Webhook {
	w := helpscout.Webhook{
		URL: a.PublicURL + path, Events: events, Secret: a.Secret, PayloadVersion: "V2", Label: a.Environment.Label(), State: enabled,
	}
	for _, h := range a.Hotlines {
		w.MailboxIDs = append(w.MailboxIDs, h.MailboxID)
	}
	return w
}

const enabled = "enabled"

// Plan is what differs from the configuration.
func (a *Account) Plan(ctx context.Context) (plan provision.Plan, err error) {
	mailboxes, err := a.client.Mailboxes(ctx)
	if err != nil {
		return plan, failed("listing the mailboxes", err)
	}
	webhooks, err := a.client.Webhooks(ctx)
	if err != nil {
		return plan, failed("listing the webhooks", err)
	}
	for _, h := range a.Hotlines {
		if !slices.ContainsFunc(mailboxes, func(m helpscout.Mailbox) bool { return m.ID == h.MailboxID }) {
			plan.Conflicts = append(plan.Conflicts, fmt.Sprintf("Help Scout mailbox %d: there is none, or the app's user may not see it. "+
				"There are %s.", h.MailboxID, list(mailboxes)))
		}
	}
	plan.Conflicts = append(plan.Conflicts, a.conflicts(webhooks)...)
	if ours := a.ours(webhooks); len(ours) == 0 {
		fields := differences(helpscout.Webhook{State: enabled}, a.webhook())
		plan.Changes = append(plan.Changes, a.put(provision.Create, append(fields, provision.Field{Name: "secret", Should: secretField.Should})))
	} else {
		a.planOurs(&plan, ours)
	}
	if !a.Sidebar {
		plan.Notes = append(plan.Notes, fmt.Sprintf("Agents cannot call back until there is a sidebar app, which only a person can make: in Help Scout, "+
			"Manage > Apps > Create App, callback URL %s/bling/sidebar, for %s; then set HELPSCOUT_APP_SECRET to its secret.", a.PublicURL, a.mailboxes()))
	}
	return plan, nil
}

// planOurs plans the first of our webhooks as it should be, and the end of the others.
func (a *Account) planOurs(plan *provision.Plan, ours []helpscout.Webhook) {
	fields := differences(ours[0], a.webhook())
	if a.RenewSecret || len(fields) > 0 {
		plan.Changes = append(plan.Changes, a.put(provision.Update, append(fields, secretField)))
	} else {
		plan.Notes = append(plan.Notes, "Help Scout tells nobody a webhook's secret: if you have changed HELPSCOUT_WEBHOOK_SECRET, run bling apply -renew-secret.")
	}
	for _, extra := range ours[1:] {
		what := fmt.Sprintf("Help Scout webhook %d, to %s: there is another one of ours. ", extra.ID, extra.URL)
		switch {
		case extra.URL != a.webhook().URL:
			plan.Conflicts = append(plan.Conflicts, what+"If somebody still listens there, both text the same people: delete it in Help Scout.")
		case extra.Label == a.Environment.Label():
			plan.Changes = append(plan.Changes, a.remove(extra))
		default:
			plan.Notes = append(plan.Notes, what+"This one was made by hand, and can be deleted in Help Scout.")
		}
	}
}

// ours are the webhooks that are ours, the best one first: that at our address, and that which is on. One at our address without an
// environment's label was made by hand.
func (a *Account) ours(webhooks []helpscout.Webhook) (ours []helpscout.Webhook) {
	should := a.webhook()
	for _, w := range webhooks {
		_, labelled := provision.Labelled(w.Label)
		if w.Label == should.Label && (w.URL == should.URL || a.sharesMailbox(w)) || w.URL == should.URL && !labelled {
			ours = append(ours, w)
		}
	}
	rank := func(w helpscout.Webhook) (n int) {
		if w.URL != should.URL {
			n += 4
		}
		if w.Label != should.Label {
			n += 2
		}
		if w.State != enabled {
			n++
		}
		return n
	}
	slices.SortStableFunc(ours, func(v, w helpscout.Webhook) int { return rank(v) - rank(w) })
	return ours
}

// conflicts are the webhooks of others by which what agents write would reach the same people twice.
func (a *Account) conflicts(webhooks []helpscout.Webhook) (conflicts []string) {
	should := a.webhook()
	for _, w := range webhooks {
		whose, labelled := provision.Labelled(w.Label)
		what := fmt.Sprintf("Help Scout webhook %d, to %s: ", w.ID, w.URL)
		switch {
		case w.Label == should.Label && w.URL != should.URL && !a.sharesMailbox(w):
			conflicts = append(conflicts, what+fmt.Sprintf("it is labelled %q, but has none of our mailboxes. If it is of another installation, "+
				"give that or this one another name (BLING_ENVIRONMENT); else delete it in Help Scout.", w.Label))
		case w.Label == should.Label:
		case labelled && (w.URL == should.URL || a.sharesMailbox(w)):
			conflicts = append(conflicts, what+fmt.Sprintf("the environment %s has a mailbox of ours, and both would text the same people. "+
				"Give one of them other mailboxes, or run bling destroy -environment %s there.", whose, whose))
		case w.URL != should.URL && strings.HasSuffix(w.URL, path) && a.sharesMailbox(w):
			conflicts = append(conflicts, what+"this is another Bling with a mailbox of ours, and both would text the same people. "+
				"If it is not needed any more, delete it in Help Scout.")
		}
	}
	return conflicts
}

// sharesMailbox reports whether a webhook tells of a mailbox that is ours.
func (a *Account) sharesMailbox(w helpscout.Webhook) bool {
	return slices.ContainsFunc(a.Hotlines, func(h hotline.Hotline) bool { return w.Covers(h.MailboxID) })
}

// Teardown takes away the environment's webhook. One at another address is not ours alone, and stays.
func (a *Account) Teardown(ctx context.Context) (plan provision.Plan, err error) {
	webhooks, err := a.client.Webhooks(ctx)
	if err != nil {
		return plan, failed("listing the webhooks", err)
	}
	for _, w := range webhooks {
		whose, labelled := provision.Labelled(w.Label)
		switch {
		case labelled && whose != a.Environment && w.URL == a.webhook().URL:
			plan.Conflicts = append(plan.Conflicts, fmt.Sprintf("Help Scout webhook %d comes to %s, but the environment %s has made it. "+
				"Is BLING_PUBLIC_URL that of the environment %s?", w.ID, a.PublicURL, whose, a.Environment))
		case w.Label != a.Environment.Label():
		case w.URL == a.webhook().URL:
			plan.Changes = append(plan.Changes, a.remove(w))
		default:
			plan.Notes = append(plan.Notes, fmt.Sprintf("Help Scout webhook %d has our label, but goes to %s: it stays.", w.ID, w.URL))
		}
	}
	return plan, nil
}

// mailboxes names our mailboxes.
func (a *Account) mailboxes() string {
	var ids []string
	for _, h := range a.Hotlines {
		ids = append(ids, fmt.Sprint(h.MailboxID))
	}
	return "mailbox " + strings.Join(ids, ", ")
}

// list names some of the account's mailboxes.
func list(mailboxes []helpscout.Mailbox) string {
	var names []string
	for _, m := range mailboxes {
		names = append(names, fmt.Sprintf("%d (%s)", m.ID, m.Name))
	}
	return provision.Some(names)
}

// failed says in words what became of a call.
func failed(doing string, err error) error {
	return fmt.Errorf("%s: %s (%w)", doing, trouble(err), err)
}

// trouble is why a call failed, for people.
func trouble(err error) string {
	switch status := helpscout.StatusOf(err); {
	case refused(err):
		return "Help Scout refuses the credentials"
	case errors.Is(err, helpscout.ErrNoAnswer):
		return "Help Scout has not answered yet"
	case spent(err):
		return "the account's requests of this minute are spent"
	case status != 0:
		return fmt.Sprintf("Help Scout answered with status %d", status)
	}
	return "Help Scout does not answer"
}

// spent reports whether a call failed because there were too many, of whomever, in this minute.
func spent(err error) bool {
	return helpscout.StatusOf(err) == http.StatusTooManyRequests || errs.KindOf(err) == errs.RateLimited && !errors.Is(err, helpscout.ErrNoAnswer)
}

// refused reports whether a call failed because of the app's credentials.
func refused(err error) bool {
	status := helpscout.StatusOf(err)
	return errors.Is(err, helpscout.ErrCredentials) || status == http.StatusUnauthorized || status == http.StatusForbidden
}
