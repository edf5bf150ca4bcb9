package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/provision"
	telephony "github.com/bling-hotline/bling/services/telephony/provision"
	"github.com/bling-hotline/bling/services/telephony/twilio"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	ticketing "github.com/bling-hotline/bling/services/ticketing/provision"
)

// accountsFromEnv reads what a command needs, and reports every problem at once.
func accountsFromEnv(environ []string, command string, take numbers, renew bool) (vendorAccounts, error) {
	r := env.New(environ)
	process.Known(r)
	a := vendorAccounts{environment: provision.FromEnv(r), publicURL: r.URL("BLING_PUBLIC_URL", "")}
	var hotlines hotline.Hotlines
	secret := ""
	peek := env.New(environ)
	at := hotline.FromEnv(peek) // bling destroy can do without
	if peek.Failed("BLING_CONFIG") || peek.Failed("BLING_MAILBOXES") {
		at = nil
	}
	if command != "destroy" {
		hotlines, secret = hotline.FromEnv(r), webhookSecret(r)
		for _, n := range take {
			if h, ok := hotlines.ByNumber(n); !ok {
				r.Problem("-take", "%s is no number of a hotline", n)
			} else if h.Transport != hotline.Twilio {
				r.Problem("-take", "%s is at %s, where nothing is taken", n, h.Transport)
			}
		}
	}
	phones, desk := twilioFromEnv(r, at), helpScoutFromEnv(r)
	sidebar := len(r.Optional("HELPSCOUT_APP_SECRET")) > 0
	if err := r.Err(); err != nil {
		return a, fmt.Errorf("configuration:\n%w", err)
	}
	if phones != nil {
		a.twilio = telephony.New(telephony.Config{Hotlines: hotlines, PublicURL: a.publicURL, Environment: a.environment, Take: take}, phones)
	}
	a.notes = telephony.ByHand(hotlines, a.publicURL)
	a.helpScout = ticketing.New(ticketing.Config{
		Hotlines: hotlines, PublicURL: a.publicURL, Environment: a.environment, Secret: secret, RenewSecret: renew, Sidebar: sidebar,
	}, desk)
	return a, nil
}

// twilioFromEnv is the Twilio account's client; problems go to r. If no hotline is there the account need not be set, and the client is nil.
func twilioFromEnv(r *env.Reader, all hotline.Hotlines) *twilio.Client {
	sid, token := first(all.Secrets(r, hotline.Twilio, "TWILIO_ACCOUNT_SID")), first(all.Secrets(r, hotline.Twilio, "TWILIO_AUTH_TOKEN"))
	c, err := twilio.New(r.URL("TWILIO_API_URL", "https://api.twilio.com"), sid, token)
	if err != nil {
		r.Problem("TWILIO_API_URL", "%v", err)
	}
	if sid == "" || token == "" {
		return nil
	}
	return c
}

// helpScoutFromEnv is the Help Scout account's client; problems go to r.
func helpScoutFromEnv(r *env.Reader) *helpscout.Client {
	return helpscout.New(r.URL("HELPSCOUT_API_URL", "https://api.helpscout.net"), r.Require("HELPSCOUT_API_CLIENT_ID"), r.Require("HELPSCOUT_API_CLIENT_SECRET"), helpscout.Unlimited{})
}

// accountsToChooseFrom are those that the environment has credentials of.
func accountsToChooseFrom(environ []string) (from accounts) {
	atTwilio, atHelpScout := env.New(environ), env.New(environ)
	process.Known(atTwilio)
	process.Known(atHelpScout)
	if phones := twilioFromEnv(atTwilio, nil); atTwilio.Err() == nil {
		from.Numbers = func(ctx context.Context) (names []string, err error) {
			list, err := phones.Numbers(ctx)
			for _, n := range list {
				names = append(names, string(n.Number))
			}
			return names, err
		}
	}
	if desk := helpScoutFromEnv(atHelpScout); atHelpScout.Err() == nil {
		from.Mailboxes = func(ctx context.Context) (boxes []Mailbox, err error) {
			list, err := desk.Mailboxes(ctx)
			for _, m := range list {
				boxes = append(boxes, Mailbox{m.ID, m.Name})
			}
			return boxes, err
		}
	}
	return from
}

// webhookSecret is the secret that Help Scout is to sign with: the first one, while it changes.
func webhookSecret(r *env.Reader) string {
	const longest = 40 // https://developer.helpscout.com/mailbox-api/endpoints/webhooks/create/
	secret := first(r.List("HELPSCOUT_WEBHOOK_SECRET"))
	if len(secret) > longest {
		r.Problem("HELPSCOUT_WEBHOOK_SECRET", "is longer than the %d characters that Help Scout takes", longest)
	}
	return secret
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// numbers is a flag that may be given several times.
type numbers []phone.Number

func (n *numbers) String() string { return "" }

func (n *numbers) Set(value string) error {
	id := phone.Parse(value)
	if id.Kind != phone.Full {
		return errors.New("not a phone number")
	}
	*n = append(*n, id.Number)
	return nil
}
