package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/mobilecommons"
	"github.com/bling-hotline/bling/services/telephony/telnyx"
)

// ByHand says what is to be set at the carriers that Plan does not set up. At Mobile Commons that is nothing: nobody calls us from there.
func ByHand(all hotline.Hotlines, publicURL string) (notes []string) {
	if on := all.On(hotline.Telnyx); len(on) > 0 {
		var numbers []string
		for _, h := range on {
			numbers = append(numbers, joined(h.Numbers()))
		}
		notes = append(notes, fmt.Sprintf("Telnyx is set up by hand, in its portal: the messaging profile of %s needs %s/bling/telnyx_sms as its webhook URL, "+
			"the same as its failover URL, and API version 2.", strings.Join(numbers, ", "), publicURL))
	}
	return notes
}

// CarrierChecks look at the accounts of the carriers besides Twilio that hotlines are at: they cost Telnyx a request, and Mobile Commons one for each campaign.
func CarrierChecks(all hotline.Hotlines, clients map[hotline.Transport]carrier.Carrier) (checks []check.Check) {
	if c, made := clients[hotline.Telnyx].(*telnyx.Client); made && len(all.On(hotline.Telnyx)) > 0 {
		checks = append(checks, check.Check{Name: "telnyx account", Do: func(ctx context.Context) []check.Finding { return checkTelnyx(ctx, c) }})
	}
	if c, made := clients[hotline.MobileCommons].(*mobilecommons.Client); made && len(all.On(hotline.MobileCommons)) > 0 {
		checks = append(checks, check.Check{Name: "mobile commons account", Do: func(ctx context.Context) []check.Finding {
			return checkCampaigns(ctx, c, all.On(hotline.MobileCommons))
		}})
	}
	return checks
}

// nobodys is the id of no message.
const nobodys = "00000000-0000-0000-0000-000000000000"

// checkTelnyx asks for a message that is not there: an account whose key works says so
// (https://developers.telnyx.com/development/api-fundamentals/api-errors).
func checkTelnyx(ctx context.Context, c *telnyx.Client) []check.Finding {
	_, _, err := c.Status(ctx, nobodys)
	e, failed := errors.AsType[*carrier.Error](err)
	switch {
	case refused(err):
		return check.Fail("Set TELNYX_API_KEY to a key that https://portal.telnyx.com shows, under API Keys.", "%s.", trouble(err))
	case failed && e.Outcome != carrier.Refused:
		return check.Fail("See https://status.telnyx.com, and whether this machine reaches Telnyx.", "%s.", trouble(err))
	}
	return check.Fine("The API key works.")
}

// checkCampaigns asks for what came to each campaign in the last minute. What is answered of a campaign that is not there is not documented; one
// that cannot be read is told in any case.
func checkCampaigns(ctx context.Context, c *mobilecommons.Client, all hotline.Hotlines) (found []check.Finding) {
	for _, h := range all {
		now := time.Now()
		_, _, err := c.Received(ctx, hotline.Campaign(h.Number), now.Add(-time.Minute), now, 1)
		e, failed := errors.AsType[*carrier.Error](err)
		one := check.Fine("The account shows its texts.")
		switch {
		case refused(err): // of all campaigns alike
			return check.Fail("Set MOBILECOMMONS_USERNAME and MOBILECOMMONS_PASSWORD to those of a user who may use the API.", "%s.", trouble(err))
		case failed && e.Outcome == carrier.Refused:
			one = check.Fail("Correct the campaign in the configuration, or let the API's user see it.", "Mobile Commons does not show it: %s.", trouble(err))
		case failed:
			one = check.Fail("See whether this machine reaches Mobile Commons, and whether MOBILECOMMONS_USERNAME and MOBILECOMMONS_PASSWORD are right.", "%s.", trouble(err))
		}
		one[0].Name = "mobile commons campaign " + hotline.Campaign(h.Number)
		found = append(found, one...)
	}
	return found
}
