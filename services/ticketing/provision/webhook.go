package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/provision"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
)

// secretField stands for a webhook's secret, which nobody can read and nobody should.
var secretField = provision.Field{Name: "secret", Is: "(cannot be read)", Should: "that of HELPSCOUT_WEBHOOK_SECRET"}

// differences are what of a webhook is not as it should be. Order does not matter.
func differences(is, should helpscout.Webhook) (fields []provision.Field) {
	differ := func(name, is, should string) {
		if is != should {
			fields = append(fields, provision.Field{Name: name, Is: is, Should: should})
		}
	}
	differ("url", is.URL, should.URL)
	differ("label", is.Label, should.Label)
	differ("mailboxIds", sorted(is.MailboxIDs), sorted(should.MailboxIDs))
	differ("events", sorted(is.Events), sorted(should.Events))
	differ("payloadVersion", is.PayloadVersion, should.PayloadVersion)
	if is.Notification {
		differ("notification", "true", "false")
	}
	differ("state", is.State, should.State)
	return fields
}

// sorted joins values in an order that is always the same.
func sorted[T any](values []T) string {
	var words []string
	for _, v := range values {
		words = append(words, fmt.Sprint(v))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// put makes the webhook as it should be. Which one that is, or whether there is one, is looked up when it is done: an earlier attempt whose
// answer was lost may have made it.
func (a *Account) put(action provision.Action, fields []provision.Field) provision.Change {
	return provision.Change{
		What: fmt.Sprintf("Help Scout webhook %q", a.Environment.Label()), Action: action, Fields: fields,
		Do: func(ctx context.Context) error {
			webhooks, err := a.client.Webhooks(ctx)
			if err != nil {
				return failed("looking for it", err)
			}
			should := a.webhook()
			ours := a.ours(webhooks)
			if len(ours) == 0 {
				if _, err := a.client.CreateWebhook(ctx, should); err != nil {
					return failed("making it", err)
				}
				return nil
			}
			should.ID = ours[0].ID
			if err := a.client.UpdateWebhook(ctx, should); err != nil {
				return failed("changing it", err)
			}
			if ours[0].State == enabled {
				return nil
			}
			return a.checkOn(ctx, should.ID)
		},
	}
}

// checkOn reports a webhook that is still off after it was written, which should have switched it on. Help Scout does not document that:
// https://developer.helpscout.com/mailbox-api/endpoints/webhooks/update/.
func (a *Account) checkOn(ctx context.Context, id int64) error {
	webhooks, err := a.client.Webhooks(ctx)
	if err != nil {
		return failed("looking whether it is on", err)
	}
	if slices.ContainsFunc(webhooks, func(w helpscout.Webhook) bool { return w.ID == id && w.State != enabled }) {
		return errors.New("it is still switched off: switch it on in Help Scout, Manage > Apps > Webhooks")
	}
	return nil
}

func (a *Account) remove(w helpscout.Webhook) provision.Change {
	return provision.Change{
		What: fmt.Sprintf("Help Scout webhook %q, number %d", w.Label, w.ID), Action: provision.Delete,
		Fields: []provision.Field{{Name: "url", Is: w.URL}},
		Do: func(ctx context.Context) error {
			if err := a.client.DeleteWebhook(ctx, w.ID); err != nil {
				return failed("deleting it", err)
			}
			return nil
		},
	}
}
