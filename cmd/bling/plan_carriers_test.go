package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator"
)

// Without a hotline at Twilio nobody asks for an account there, and Help Scout is set up all the same. What is to be done by hand is said.
func TestPlanElsewhere(t *testing.T) {
	for mailboxes, byHand := range map[string]string{
		"telnyx:" + simulator.Hotline + ":206906": "Note: Telnyx is set up by hand, in its portal: the messaging profile of +15017122661 needs https://hotline.example.org/bling/telnyx_sms ",
		"mobilecommons:189358:206906":             "",
	} {
		b := newAccounts(t)
		b.environ = append(without(b.environ, "TWILIO_"), "BLING_MAILBOXES="+mailboxes)
		said, err := b.run("", "apply", "-yes")
		if err != nil || len(b.helpScout.Webhooks()) != 1 {
			t.Errorf("%s: %v, webhooks %+v", mailboxes, err, b.helpScout.Webhooks())
		}
		contains(t, said, byHand, "Done: 1 change.\n")
		said, err = b.run("", "plan")
		if err != nil || !strings.HasSuffix(said, "Nothing to do.\n") || byHand == "" && strings.Contains(said, "by hand") {
			t.Errorf("%v\n%s", err, said)
		}
		contains(t, said, byHand)
		if _, err := b.run("", "destroy", "-yes"); err != nil || !b.empty() {
			t.Errorf("%s: destroy: %v", mailboxes, err)
		}
		if n := len(b.twilio.History()); n > 0 {
			t.Errorf("%d requests to Twilio", n)
		}
	}
}

// A hotline of each carrier: at Twilio only its own number is looked at, and taken.
func TestPlanMixed(t *testing.T) {
	b := newAccounts(t)
	const other = "+15017122662"
	b.environ = append(b.environ, "BLING_MAILBOXES=twilio:"+simulator.Hotline+":206906,telnyx:"+other+":206907")
	said, err := b.run("", "apply", "-yes")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, said, "updated Twilio number +15017122661\n", "Done: 3 changes.\n")
	_, err = b.run("", "plan", "-take", other)
	if want := fmt.Sprintf("-take: %s is at telnyx, where nothing is taken", other); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	// Who moves all to another carrier takes away at Twilio what is there, as long as the account is known.
	b.environ = append(b.environ, "BLING_MAILBOXES=telnyx:"+simulator.Hotline+":206906")
	said, err = b.run("", "plan")
	if err == nil { // the webhook is for one mailbox fewer
		t.Error("nothing is to be done")
	}
	contains(t, said, "Note: Twilio number +15017122661 points here, but no hotline at Twilio has it.")
	if _, err := b.run("", "destroy", "-yes"); err != nil || !b.empty() {
		t.Errorf("destroy: %v", err)
	}
	// And whoever forgets the account of a hotline that is there is told, as is who destroys what a file that cannot be read may have.
	b.environ = without(b.environ, "TWILIO_", "BLING_MAILBOXES=")
	for _, c := range []struct{ command, mailboxes string }{
		{"plan", "twilio:" + simulator.Hotline + ":206906"}, {"destroy", "twilio:" + simulator.Hotline + ":206906"}, {"destroy", "telnyx:" + other + ":206906,misspelt"},
	} {
		b.environ = append(b.environ, "BLING_MAILBOXES="+c.mailboxes)
		if _, err := b.run("production\n", c.command); err == nil || !strings.Contains(err.Error(), "TWILIO_ACCOUNT_SID: is not set") {
			t.Errorf("%s with %s: %v", c.command, c.mailboxes, err)
		}
	}
}
