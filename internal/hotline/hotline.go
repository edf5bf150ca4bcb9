// Package hotline says which hotlines there are: the number people write to and the Help Scout mailbox it
// belongs to. telephony and ticketing read the same configuration.
package hotline

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/phone"
)

// Transport is the carrier of a hotline.
type Transport string

const (
	Twilio        Transport = "twilio"
	MobileCommons Transport = "mobilecommons"
)

// DefaultWelcome is the welcome text when none is configured. It names no organisation.
const DefaultWelcome = "Thank you for your message. We have received it and will answer you here as soon as we can."

// Hotline is one phone number and its mailbox.
type Hotline struct {
	Transport Transport
	Number    phone.Number // what people write to; empty for Mobile Commons, which has campaigns
	Campaign  string       // Mobile Commons only
	MailboxID int64
	Welcome   string // the first answer to a new supporter; empty: none
}

// Hotlines are all hotlines of an installation.
type Hotlines []Hotline

// FromEnv reads BLING_MAILBOXES and BLING_WELCOME_TEXT. Problems go to r.
func FromEnv(r *env.Reader) Hotlines {
	if r.String("BLING_CONFIG", "") != "" {
		r.Problem("BLING_CONFIG", "hotlines.yaml is not supported by this version; use BLING_MAILBOXES")
	}
	welcome, set := r.Lookup("BLING_WELCOME_TEXT")
	if !set {
		welcome = DefaultWelcome
	}
	if n := len([]rune(welcome)); n > 1600 {
		r.Problem("BLING_WELCOME_TEXT", "has %d characters; a text has at most 1600", n)
	}
	all, errs := Parse(r.String("BLING_MAILBOXES", ""))
	for _, err := range errs {
		r.Problem("BLING_MAILBOXES", "%v", err)
	}
	if len(all) == 0 && len(errs) == 0 {
		r.Problem("BLING_MAILBOXES", "names no hotline")
	}
	for i := range all {
		all[i].Welcome = welcome
		if all[i].Transport == MobileCommons {
			r.Problem("BLING_MAILBOXES", "campaign %s: Mobile Commons is not supported by this version", all[i].Campaign)
		}
	}
	return all
}

// Parse reads the simple form: "transport:value:mailboxId", comma-separated, where value is a number for twilio
// and a campaign for mobilecommons. Space is tolerated anywhere and empty entries are skipped, as in the original.
// Unlike there every other mistake is an error that names its entry.
func Parse(s string) (all Hotlines, errs []error) {
	numbers, campaigns, mailboxes := map[phone.Number]bool{}, map[string]bool{}, map[int64]bool{}
	for entry := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		h, err := parseEntry(entry)
		switch {
		case err != nil:
		case numbers[h.Number]:
			err = fmt.Errorf("the number is there twice")
		case campaigns[h.Campaign]:
			err = fmt.Errorf("the campaign is there twice")
		case mailboxes[h.MailboxID]:
			err = fmt.Errorf("mailbox %d is there twice", h.MailboxID)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("entry %q: %w", strings.TrimSpace(entry), err))
			continue
		}
		if h.Number != "" {
			numbers[h.Number] = true
		}
		if h.Campaign != "" {
			campaigns[h.Campaign] = true
		}
		mailboxes[h.MailboxID] = true
		all = append(all, h)
	}
	return all, errs
}

func parseEntry(entry string) (h Hotline, err error) {
	parts := strings.Split(withoutSpace(entry), ":")
	if len(parts) != 3 {
		return h, fmt.Errorf("has %d parts, want transport:value:mailboxId", len(parts))
	}
	h.Transport = Transport(parts[0])
	h.MailboxID, err = strconv.ParseInt(parts[2], 10, 64)
	if err != nil || h.MailboxID <= 0 {
		return h, fmt.Errorf("%q is not a mailbox id", parts[2])
	}
	switch h.Transport {
	case Twilio:
		id := phone.Parse(parts[1])
		if id.Kind != phone.Full && id.Kind != phone.ShortCode {
			return h, fmt.Errorf("%q is not a phone number", parts[1])
		}
		h.Number = id.Number
	case MobileCommons:
		if parts[1] == "" {
			return h, fmt.Errorf("the campaign is empty")
		}
		h.Campaign = parts[1]
	default:
		return h, fmt.Errorf("unknown transport %q, want %s or %s", parts[0], Twilio, MobileCommons)
	}
	return h, nil
}

func withoutSpace(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// ByNumber finds the hotline with a number.
func (all Hotlines) ByNumber(n phone.Number) (Hotline, bool) {
	for _, h := range all {
		if h.Number == n && n != "" {
			return h, true
		}
	}
	return Hotline{}, false
}

// ByMailbox finds the hotline of a mailbox.
func (all Hotlines) ByMailbox(id int64) (Hotline, bool) {
	for _, h := range all {
		if h.MailboxID == id {
			return h, true
		}
	}
	return Hotline{}, false
}
