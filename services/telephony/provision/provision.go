// Package provision sets up a Twilio account for the hotlines, and says whether it is: where the numbers' texts and calls go, the
// Studio flow that answers while none of our servers does, and the Messaging Services that would keep texts from us. Of other carriers it
// says what is to be set by hand, and whether their accounts work (carriers.go).
//
// bling plan, apply and destroy call Plan and Teardown; bling doctor, and telephony while it runs, call Checks. Nothing is touched that is
// not ours: a number whose addresses are somebody else's is a conflict, and flows are ours by their name.
package provision

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/provision"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// Config says how the account should be.
type Config struct {
	// Hotlines are those that Twilio carries; others are left out.
	Hotlines hotline.Hotlines
	// PublicURL is the gateway's address as Twilio sees it.
	PublicURL string
	// Environment is in the names of what we make.
	Environment provision.Environment
	// Take are numbers that are taken although somebody else uses them.
	Take []phone.Number
}

// Account is a Twilio account that is to be as its Config says.
type Account struct {
	Config
	client *twilio.Client
}

// New returns an account. Nothing is asked or changed yet.
func New(c Config, client *twilio.Client) *Account {
	c.Hotlines = c.Hotlines.On(hotline.Twilio)
	return &Account{c, client}
}

// content is what an account has.
type content struct {
	numbers  []twilio.Number
	flows    []twilio.Flow // ours with their definitions
	services []twilio.MessagingService
}

// look asks Twilio for all that matters here.
func (a *Account) look(ctx context.Context) (has content, err error) {
	if has.numbers, has.flows, err = a.numbersAndFlows(ctx); err != nil {
		return has, err
	}
	if has.services, err = a.client.MessagingServices(ctx); err != nil {
		return has, failed("listing the Messaging Services", err)
	}
	return has, nil
}

func (a *Account) numbersAndFlows(ctx context.Context) (numbers []twilio.Number, flows []twilio.Flow, err error) {
	if numbers, err = a.client.Numbers(ctx); err != nil {
		return nil, nil, failed("listing the numbers", err)
	}
	if flows, err = a.client.Flows(ctx); err != nil {
		return nil, nil, failed("listing the Studio flows", err)
	}
	for i, f := range flows {
		if !a.ourFlow(f) {
			continue
		}
		if flows[i], err = a.client.Flow(ctx, f.SID); err != nil {
			return nil, nil, failed("reading a Studio flow", err)
		}
	}
	return numbers, flows, nil
}

// failed says in words what became of a call.
func failed(doing string, err error) error {
	return fmt.Errorf("%s: %s (%w)", doing, trouble(err), err)
}

// trouble is why a call failed, for people.
func trouble(err error) string {
	e, ok := errors.AsType[*carrier.Error](err)
	switch {
	case !ok:
		return err.Error()
	case refused(err):
		return e.Carrier + " refuses the credentials"
	case e.Status == 0:
		return e.Carrier + " does not answer"
	case e.Code == 0:
		return fmt.Sprintf("%s answered with status %d", e.Carrier, e.Status)
	case e.Carrier != "Twilio":
		return fmt.Sprintf("%s answered with status %d, code %d", e.Carrier, e.Status, e.Code)
	}
	return fmt.Sprintf("Twilio answered with status %d, see https://www.twilio.com/docs/api/errors/%d", e.Status, e.Code)
}

// refused reports whether a call failed because of our credentials.
func refused(err error) bool {
	e, ok := errors.AsType[*carrier.Error](err)
	return ok && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

// Plan is what differs from the configuration. A flow comes before the numbers that need it, and what is not needed any more goes last, so
// that a number points to something at any moment.
func (a *Account) Plan(ctx context.Context) (plan provision.Plan, err error) {
	has, err := a.look(ctx)
	if err != nil {
		return plan, err
	}
	kept := map[string]bool{} // SIDs of flows
	for _, h := range a.Hotlines {
		flow := a.planFlow(&plan, has.flows, h)
		kept[flow.SID] = true
		for _, n := range h.Numbers() {
			a.planNumber(&plan, has, n, flow)
		}
	}
	a.planServices(&plan, has.services)
	a.leftOver(&plan, has, kept)
	return plan, nil
}

// leftOver plans what becomes of what an earlier configuration has made.
func (a *Account) leftOver(plan *provision.Plan, has content, kept map[string]bool) {
	inUse := map[string]bool{}
	for _, n := range has.numbers {
		if _, ok := a.Hotlines.ByNumber(n.Number); ok {
			continue
		}
		for _, name := range addresses {
			inUse[n.Settings[name]] = true
		}
		if a.below(n.Settings["SmsUrl"], "/bling/") || a.below(n.Settings["VoiceUrl"], "/bling/") {
			plan.Notes = append(plan.Notes, fmt.Sprintf("Twilio number %s points here, but no hotline at Twilio has it. "+
				"Give it one, or empty its addresses in Twilio's console.", n.Number))
		}
	}
	for _, f := range has.flows {
		if a.ourFlow(f) && !kept[f.SID] && !inUse[f.URL] {
			plan.Changes = append(plan.Changes, a.deleteFlow(f))
		}
	}
}

// Teardown takes away what the environment has made: it empties the addresses that point to us, and deletes our flows.
func (a *Account) Teardown(ctx context.Context) (plan provision.Plan, err error) {
	numbers, flows, err := a.numbersAndFlows(ctx)
	if err != nil {
		return plan, err
	}
	for _, n := range numbers {
		var fields []provision.Field
		for _, name := range addresses {
			if is := n.Settings[name]; a.below(is, "/bling/") || slices.ContainsFunc(flows, func(f twilio.Flow) bool { return a.ourFlow(f) && f.URL == is }) {
				fields = append(fields, provision.Field{Name: name, Is: is})
			}
		}
		if whose, ok := a.environmentOf(n, flows); ok && len(fields) > 0 {
			plan.Conflicts = append(plan.Conflicts, fmt.Sprintf("Twilio number %s points to %s, but the environment %s has set it up. "+
				"Is BLING_PUBLIC_URL that of the environment %s?", n.Number, a.PublicURL, whose, a.Environment))
		} else if len(fields) > 0 {
			plan.Changes = append(plan.Changes, a.setNumber(n, fields, nil))
		}
	}
	for _, f := range flows {
		if a.ourFlow(f) {
			plan.Changes = append(plan.Changes, a.deleteFlow(f))
		}
	}
	return plan, nil
}

// environmentOf is the other environment whose flow a number has, if it has one's.
func (a *Account) environmentOf(n twilio.Number, flows []twilio.Flow) (whose provision.Environment, ok bool) {
	for _, f := range flows {
		label, _, found := strings.Cut(f.Name, flowWord)
		whose, labelled := provision.Labelled(label)
		if found && labelled && whose != a.Environment && (n.Settings["SmsFallbackUrl"] == f.URL || n.Settings["VoiceFallbackUrl"] == f.URL) {
			return whose, true
		}
	}
	return "", false
}

// below reports whether an address is below ours, and there below path.
func (a *Account) below(address, path string) bool {
	return strings.HasPrefix(address, a.PublicURL+path)
}
