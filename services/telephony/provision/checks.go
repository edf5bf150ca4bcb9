package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

const (
	// lowBalance is how much money should be left, in the account's currency.
	lowBalance = 20
	// slowClock and wrongClock are how far our clock and Twilio's may be apart. Twilio's says whole seconds.
	slowClock, wrongClock = 30 * time.Second, 5 * time.Minute
)

// Checks look at the account. Together they cost Twilio a request for each Messaging Service and each flow of ours, and five more.
func (a *Account) Checks() []check.Check {
	return []check.Check{
		{Name: "twilio account", Do: a.checkAccount},
		{Name: "twilio balance", Do: a.checkBalance},
		{Name: "twilio numbers", Do: a.checkNumbers},
		{Name: "twilio messaging services", Do: a.checkServices},
	}
}

// silent is what a check finds whose question has failed. That the credentials are wrong is for checkAccount to say.
func silent(err error) []check.Finding {
	if refused(err) {
		return nil
	}
	return check.Fail("See https://status.twilio.com, and whether this machine reaches Twilio.", "%s.", trouble(err))
}

// checkAccount finds out whether the credentials work and the account may be used, and by the way whether our clock is right.
func (a *Account) checkAccount(ctx context.Context) []check.Finding {
	account, err := a.client.Account(ctx)
	now := time.Now()
	switch {
	case err != nil && refused(err):
		return check.Fail("Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to what https://console.twilio.com shows.", "%s.", trouble(err))
	case err != nil:
		return silent(err)
	}
	found := check.Fine("The account is active.")
	switch {
	case account.Status != "active":
		found = check.Fail("See what https://console.twilio.com says of it.", "The account is %s.", account.Status)
	case account.Trial:
		found = check.Warn("Upgrade it in Twilio's console.", "This is a trial account: it texts and calls verified numbers only.")
	}
	if !account.Date.IsZero() {
		clock := checkClock(now.Sub(account.Date))
		clock[0].Name = "clock"
		found = append(found, clock...)
	}
	return found
}

func checkClock(ahead time.Duration) []check.Finding {
	const fix = "Let this machine's clock be set by NTP."
	switch off := ahead.Round(time.Second).Abs(); {
	case off > wrongClock:
		return check.Fail(fix, "This machine's clock and Twilio's are %v apart.", off)
	case off > slowClock:
		return check.Warn(fix, "This machine's clock and Twilio's are %v apart.", off)
	}
	return check.Fine("This machine's clock and Twilio's agree.")
}

func (a *Account) checkBalance(ctx context.Context) []check.Finding {
	amount, currency, known, err := a.client.Balance(ctx)
	switch {
	case err != nil:
		return silent(err)
	case !known:
		return nil
	case amount < lowBalance:
		return check.Warn("Pay in, or switch on automatic recharge: https://console.twilio.com/billing.", "%.2f %s are left.", amount, currency)
	}
	return check.Fine("%.2f %s are left.", amount, currency)
}

// checkNumbers finds what was changed by hand.
func (a *Account) checkNumbers(ctx context.Context) (found []check.Finding) {
	numbers, flows, err := a.numbersAndFlows(ctx)
	if err != nil {
		return silent(err)
	}
	for _, h := range a.Hotlines {
		url := unmade
		if i := named(flows, a.flowName(h)); i >= 0 {
			url = flows[i].URL
		}
		for _, n := range h.Numbers() {
			i := slices.IndexFunc(numbers, func(has twilio.Number) bool { return has.Number == n })
			var one []check.Finding
			switch {
			case phone.Parse(string(n)).Kind == phone.ShortCode:
				continue
			case i < 0:
				one = check.Fail("Correct the configuration, or get the number.", "The account does not have it.")
			default:
				one = a.checkNumber(numbers[i], flows, url)
			}
			one[0].Name = "twilio number " + string(n)
			found = append(found, one...)
		}
		found = append(found, a.checkFlow(flows, h)...)
	}
	return found
}

func (a *Account) checkNumber(n twilio.Number, flows []twilio.Flow, flowURL string) []check.Finding {
	var wrong []string
	level := check.OK
	for _, f := range a.differences(n, flowURL) {
		is, should := "not set", "not set"
		if f.Is != "" {
			is = fmt.Sprintf("%q", visible(f.Is))
		}
		if f.Should != "" {
			should = visible(f.Should)
		}
		wrong = append(wrong, fmt.Sprintf("%s is %s, should be %s", f.Name, is, should))
		level = max(level, weight(f.Name))
	}
	missing := cannot(n)
	switch {
	case level == check.OK && missing != "":
		return check.Warn("Get a number that can, if the hotline needs it.", "The number is set up as it should be, but %s", missing)
	case level == check.OK:
		return check.Fine("It is set up as it should be.")
	}
	fix := "Run bling apply; bling plan shows what it would change."
	if whose := a.others(n, flows); whose != "" {
		fix = fmt.Sprintf("If nobody else needs the number: bling apply -take %s; bling plan shows what it would change.", n.Number)
	}
	return []check.Finding{{Level: level, Says: strings.Join(wrong, "; ") + ".", Fix: fix}}
}

// weight is how bad it is if a setting of a number is wrong. The fallback and the status callback are not needed while all is well.
func weight(setting string) check.Level {
	switch setting {
	case "SmsFallbackUrl", "SmsFallbackMethod", "VoiceFallbackUrl", "VoiceFallbackMethod", "StatusCallback", "StatusCallbackMethod":
		return check.Warning
	}
	return check.Failure
}

// visible is a setting without what may be secret in the address of somebody else.
func visible(value string) string {
	if !strings.Contains(value, "://") {
		return value
	}
	if _, overrides, found := strings.Cut(value, "#"); found {
		return shown(value) + "#" + overrides // which may be all that differs
	}
	return shown(value)
}

// checkFlow says nothing of a flow that is not there: its numbers' addresses do.
func (a *Account) checkFlow(flows []twilio.Flow, h hotline.Hotline) []check.Finding {
	i := named(flows, a.flowName(h))
	if i < 0 || a.upToDate(flows[i], h) {
		return nil
	}
	found := check.Warn("Run bling apply.", "What people hear and read while none of our servers answers is not what is configured.")
	found[0].Name = "twilio fallback " + string(h.Number)
	return found
}

// checkServices finds the Messaging Services that keep texts from us, or let somebody's STOP to one number count for others.
// See https://www.twilio.com/docs/messaging/services#opt-out-management.
func (a *Account) checkServices(ctx context.Context) (found []check.Finding) {
	services, err := a.client.MessagingServices(ctx)
	if err != nil {
		return silent(err)
	}
	for _, s := range services {
		ours, _ := a.membersOf(s)
		if len(ours) == 0 {
			continue
		}
		one := check.Fine("Texts to %s come to us.", joined(ours))
		switch {
		case !s.ByNumber:
			one = check.Fail("Run bling apply, or let the service defer to the sender's webhook (its Integration page).",
				"Texts to %s go to the service's own address, or nowhere: they do not reach us.", joined(ours))
		case len(s.Numbers) > 1:
			one = check.Warn("Give each hotline a Messaging Service of its own if that is not what you want.",
				"Who texts STOP to one of the service's %d numbers gets texts from none of them, %s included.", len(s.Numbers), joined(ours))
		}
		one[0].Name = fmt.Sprintf("twilio messaging service %q", s.Name)
		found = append(found, one...)
	}
	return found
}
