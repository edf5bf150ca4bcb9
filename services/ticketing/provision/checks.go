package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
)

// Checks look at the account. Together they cost three units of its budget, and one more for each further 50 mailboxes or webhooks.
func (a *Account) Checks() []check.Check {
	return []check.Check{
		{Name: "help scout account", Do: a.checkAccount},
		{Name: "help scout mailboxes", Do: a.checkMailboxes},
		{Name: "help scout webhook", Do: a.checkWebhook},
	}
}

// askLess is what to do when the account's budget does not last.
const askLess = "Find out which apps and users ask so much, or get a plan with a higher limit; texts wait meanwhile, and none is lost."

// silent is what a check finds whose question has failed. That the credentials are wrong is for checkAccount to say.
func silent(err error) []check.Finding {
	switch {
	case refused(err):
		return nil
	case spent(err):
		return check.Warn(askLess, "%s.", trouble(err))
	}
	return check.Fail("See https://status.helpscout.com, and whether this machine reaches Help Scout.", "%s.", trouble(err))
}

// checkAccount finds out whether the credentials work, and what others leave of the account's budget.
func (a *Account) checkAccount(ctx context.Context) []check.Finding {
	me, rate, err := a.client.Me(ctx)
	switch {
	case err != nil && refused(err):
		return check.Fail("Set HELPSCOUT_API_CLIENT_ID and HELPSCOUT_API_CLIENT_SECRET to the app's (in Help Scout: your profile, My apps); "+
			"its user must be active and may use the API.", "%s.", trouble(err))
	case err != nil:
		return silent(err)
	}
	found := check.Fine("We act as %s %s, user %d.", me.FirstName, me.LastName, me.ID)
	budget := check.Fine("%d of the account's %d requests of this minute are left.", rate.Left, rate.Limit)
	switch {
	case rate.Limit == 0:
		return found
	case rate.Left < rate.Limit/4:
		budget = check.Warn(askLess, "%s", budget[0].Says)
	}
	budget[0].Name = "help scout budget"
	return append(found, budget...)
}

func (a *Account) checkMailboxes(ctx context.Context) []check.Finding {
	mailboxes, err := a.client.Mailboxes(ctx)
	if err != nil {
		return silent(err)
	}
	var missing []string
	for _, h := range a.Hotlines {
		if !slices.ContainsFunc(mailboxes, func(m helpscout.Mailbox) bool { return m.ID == h.MailboxID }) {
			missing = append(missing, fmt.Sprint(h.MailboxID))
		}
	}
	if len(missing) > 0 {
		return check.Fail("Correct the configuration, or let the app's user see them.", "There is no mailbox %s, or the app's user may not see it.",
			strings.Join(missing, ", "))
	}
	return check.Fine("All mailboxes are there.")
}

// checkWebhook finds what was changed by hand, or by Help Scout, which switches off what we do not answer.
func (a *Account) checkWebhook(ctx context.Context) []check.Finding {
	if a.PublicURL == "" {
		return check.Warn("Set BLING_PUBLIC_URL here too.", "Whether the webhook comes to us cannot be seen without our address.")
	}
	webhooks, err := a.client.Webhooks(ctx)
	if err != nil {
		return silent(err)
	}
	if others := a.conflicts(webhooks); len(others) > 0 {
		return check.Fail("See bling plan.", "%s", strings.Join(others, " "))
	}
	ours := a.ours(webhooks)
	if len(ours) == 0 {
		return check.Fail("Run bling apply.", "There is none: agents' replies do not reach us.")
	}
	var wrong []string
	level := check.OK
	for _, f := range differences(ours[0], a.webhook()) {
		problem := fmt.Sprintf("%s is %q, should be %q", f.Name, f.Is, f.Should)
		if f.Name == "state" {
			problem = "it is switched off, and agents' replies do not reach us"
		}
		wrong = append(wrong, problem)
		if f.Name == "label" { // the replies come all the same
			level = max(level, check.Warning)
		} else {
			level = check.Failure
		}
	}
	switch {
	case level != check.OK:
		return []check.Finding{{Level: level, Says: strings.Join(wrong, "; ") + ".", Fix: "Run bling apply; bling plan shows what it would change."}}
	case len(ours) > 1:
		return check.Warn("See bling plan.", "There are %d of them, one would do.", len(ours))
	}
	return check.Fine("It is on, and tells us what we need.")
}
