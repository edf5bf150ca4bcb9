package provision

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/provision"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// addresses are the settings of a number that are addresses.
var addresses = []string{"SmsUrl", "SmsFallbackUrl", "VoiceUrl", "VoiceFallbackUrl", "StatusCallback"}

// overrides are the settings of a number that silently count more than its addresses.
// See https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
var overrides = []string{"SmsApplicationSid", "VoiceApplicationSid", "TrunkSid"}

// settings are how a number should be set, given its flow's address. The fragments say how often and how fast Twilio tries again:
// https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
func (a *Account) settings(flowURL string) []provision.Field {
	return []provision.Field{
		{Name: "SmsUrl", Should: a.PublicURL + "/bling/twilio_sms#rc=3&rp=5xx,ct,rt"},
		{Name: "SmsMethod", Should: http.MethodPost},
		{Name: "SmsFallbackUrl", Should: flowURL},
		{Name: "SmsFallbackMethod", Should: http.MethodPost},
		{Name: "SmsApplicationSid"},
		{Name: "VoiceUrl", Should: a.PublicURL + "/bling/twilio_voice#rc=3&rp=5xx,ct,rt&rt=4000"},
		{Name: "VoiceMethod", Should: http.MethodPost},
		{Name: "VoiceFallbackUrl", Should: flowURL},
		{Name: "VoiceFallbackMethod", Should: http.MethodPost},
		{Name: "VoiceApplicationSid"},
		{Name: "TrunkSid"},
		{Name: "StatusCallback", Should: a.PublicURL + "/bling/twilio_call#rc=5&rp=5xx,ct,rt"},
		{Name: "StatusCallbackMethod", Should: http.MethodPost},
	}
}

// differences are the settings of a number that are not as they should be.
func (a *Account) differences(n twilio.Number, flowURL string) (fields []provision.Field) {
	for _, f := range a.settings(flowURL) {
		if f.Is = n.Settings[f.Name]; f.Is != f.Should {
			fields = append(fields, f)
		}
	}
	return fields
}

// unmade stands for the address of a flow that is not there yet.
const unmade = "(the flow's address)"

// planNumber plans the settings of a hotline's number, or says why they are not ours to change.
func (a *Account) planNumber(plan *provision.Plan, has content, number phone.Number, flow *twilio.Flow) {
	what := fmt.Sprintf("Twilio number %s: ", number)
	if phone.Parse(string(number)).Kind == phone.ShortCode {
		plan.Notes = append(plan.Notes, what+"short codes are set up by hand, see docs/configuration.md.")
		return
	}
	i := slices.IndexFunc(has.numbers, func(n twilio.Number) bool { return n.Number == number })
	if i < 0 {
		plan.Conflicts = append(plan.Conflicts, what+"the account does not have it. It has "+list(has.numbers)+".")
		return
	}
	n := has.numbers[i]
	if whose := a.others(n, has.flows); whose != "" && !slices.Contains(a.Take, number) {
		plan.Conflicts = append(plan.Conflicts, what+whose+fmt.Sprintf(". To take the number all the same: -take %s", number))
		return
	}
	if missing := cannot(n); missing != "" {
		plan.Notes = append(plan.Notes, what+missing)
	}
	flowURL := flow.URL
	if flowURL == "" {
		flowURL = unmade
	}
	if fields := a.differences(n, flowURL); len(fields) > 0 {
		plan.Changes = append(plan.Changes, a.setNumber(n, fields, flow))
	}
}

// cannot says what a number is not able to do, and nothing if that is nothing.
func cannot(n twilio.Number) string {
	switch {
	case !n.Texts && !n.Calls:
		return "it can receive neither texts nor calls."
	case !n.Texts:
		return "it cannot receive texts."
	case !n.Calls:
		return "it cannot receive calls."
	}
	return ""
}

// setNumber is the change of a number's settings to what they should be.
func (a *Account) setNumber(n twilio.Number, fields []provision.Field, flow *twilio.Flow) provision.Change {
	return provision.Change{
		What: fmt.Sprintf("Twilio number %s", n.Number), Action: provision.Update, Fields: fields,
		Do: func(ctx context.Context) error {
			to := map[string]string{}
			for _, f := range fields {
				if to[f.Name] = f.Should; f.Should != unmade {
					continue
				}
				if to[f.Name] = flow.URL; flow.URL == "" {
					return errors.New("its flow was not made")
				}
			}
			if err := a.client.SetNumber(ctx, n.SID, to); err != nil {
				return failed("setting it", err)
			}
			return nil
		},
	}
}

// others says where a number's texts or calls go if that is to somebody else, and nothing if not.
func (a *Account) others(n twilio.Number, flows []twilio.Flow) (whose string) {
	ours := false
	for _, name := range addresses {
		address := n.Settings[name]
		switch {
		case a.below(address, "/"):
			ours = true
		case address == "", strings.HasPrefix(address, "https://demo.twilio.com/"), a.flowIsOurs(address, flows):
		case anotherBling.MatchString(address):
			return fmt.Sprintf("%s is %s: another installation of Bling has it, and both would answer the same people", name, shown(address))
		case whose == "":
			whose = fmt.Sprintf("%s is %s, which is not ours", name, shown(address))
		}
	}
	for _, name := range overrides {
		// Of a number that points to us already it is a trap that somebody stepped into by hand.
		if sid := n.Settings[name]; sid != "" && !ours && whose == "" {
			whose = fmt.Sprintf("%s is %s: an application or a trunk has the number", name, sid)
		}
	}
	return whose
}

var (
	anotherBling = regexp.MustCompile(`^https?://[^/]+/([^?#]*/)?bling/`)
	flowAddress  = regexp.MustCompile(`/Accounts/(AC[0-9a-fA-F]{32})/Flows/(FW[0-9a-fA-F]{32})([?#]|$)`)
)

// flowIsOurs reports whether an address is of a flow of ours, or of one that is not there any more.
func (a *Account) flowIsOurs(address string, flows []twilio.Flow) bool {
	m := flowAddress.FindStringSubmatch(address)
	if m == nil || m[1] != a.client.AccountSID() {
		return false
	}
	i := slices.IndexFunc(flows, func(f twilio.Flow) bool { return f.SID == m[2] })
	return i < 0 || a.ourFlow(flows[i])
}

// shown is an address without what may be secret in it.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that cannot be read"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// list names some of the account's numbers.
func list(numbers []twilio.Number) string {
	var names []string
	for _, n := range numbers {
		names = append(names, string(n.Number))
	}
	return provision.Some(names)
}

// planServices plans that texts to our numbers reach the numbers' own addresses.
func (a *Account) planServices(plan *provision.Plan, services []twilio.MessagingService) {
	for _, s := range services {
		ours, others := a.membersOf(s)
		what := fmt.Sprintf("Twilio Messaging Service %q (%s)", s.Name, s.SID)
		switch {
		case len(ours) == 0 || s.ByNumber:
		case len(others) > 0:
			plan.Conflicts = append(plan.Conflicts, fmt.Sprintf("%s takes the texts to %s, and has numbers that are not ours as well. "+
				"Take our numbers out of it, or let it \"defer to sender's webhook\" (its Integration page) if that is right for all of them.", what, joined(ours)))
		default:
			plan.Changes = append(plan.Changes, provision.Change{
				What: what, Action: provision.Update,
				Fields: []provision.Field{{Name: "UseInboundWebhookOnNumber", Is: "false", Should: "true"}},
				Do: func(ctx context.Context) error {
					if err := a.client.LeaveToNumbers(ctx, s.SID); err != nil {
						return failed("setting it", err)
					}
					return nil
				},
			})
		}
	}
}

// membersOf are the numbers of a Messaging Service: those of our hotlines, and the others.
func (a *Account) membersOf(s twilio.MessagingService) (ours, others []phone.Number) {
	for _, n := range s.Numbers {
		if _, ok := a.Hotlines.ByNumber(n); ok {
			ours = append(ours, n)
		} else {
			others = append(others, n)
		}
	}
	return ours, others
}

func joined(numbers []phone.Number) string {
	var names []string
	for _, n := range numbers {
		names = append(names, string(n))
	}
	return strings.Join(names, ", ")
}
