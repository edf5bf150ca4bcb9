// Package hotline says which hotlines there are: the numbers people write to, the Help Scout mailbox they belong to,
// the texts, the hours, and what becomes of calls. telephony and ticketing read the same configuration: hotlines.yaml (file.go) or the
// simple form in BLING_MAILBOXES.
package hotline

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/phone"
)

// The texts when none are configured. They name no organisation.
const (
	DefaultWelcome = "Thank you for your message. We have received it and will answer you here as soon as we can."
	DefaultFailure = "Sorry, we could not receive your message just now. Please try again in a few minutes or call us."

	DefaultVoicemailFailure = "Sorry, we could not receive your voicemail. Please call again in a few minutes or text us."
)

// maxText is how many characters a text may have: https://www.twilio.com/docs/api/errors/21617.
const maxText = 1600

// Hotline is one mailbox and the numbers that belong to it.
type Hotline struct {
	Name              string // for people who read logs; may be empty
	Transport         Transport
	Number            phone.Number   // what people text and call; of Mobile Commons, which has campaigns, see Campaign
	MoreNumbers       []phone.Number // further numbers of the same mailbox; a reply goes out from the one last written to
	MailboxID         int64
	Language          string             // of Texts, as in BCP 47: en, pt-BR
	Texts             Texts              // what is said unless a variant is chosen
	Languages         map[string]Variant // by language; no word is in two of them
	Spoken            []Spoken           // further languages that callers hear, in their order; Calls.Says has their sentences too
	Hours             *Hours             // nil: always open
	AutoReplyEvery    time.Duration      // no automatic text twice within this time to one supporter
	SegmentsPerSecond float64            // how fast each number may send; 0: as fast as the carrier takes it
	MMS               bool               // whether pictures may be sent
	Tags              []string           // put on new conversations
	Calls             Calls
	CallBack          CallBack
	Keep              Keep
}

// Texts are what supporters are told. An empty one is not sent.
type Texts struct {
	Welcome    string // the first answer to a new supporter
	AfterHours string // the answer while closed
	Failure    string // when a text really could not be received
	Stopped    string // after STOP; usually empty, since Twilio confirms it itself
	Started    string // after START; the same
	// VoicemailFailure follows a voicemail that really is lost.
	VoicemailFailure string
}

// Variant is a hotline's texts in a further language.
type Variant struct {
	Words []string // a text that has one of them is answered in this language
	Texts Texts    // complete: what the file leaves out is taken from the main texts
}

// Spoken is what callers hear in a further language.
type Spoken struct {
	Language string // as in BCP 47
	Voice    string // as in Calls
	Says     Says   // what callers hear, of which some may be left out
}

// Hotlines are all hotlines of an installation.
type Hotlines []Hotline

// New returns a Twilio hotline for which nothing else is configured.
func New(number phone.Number, mailboxID int64) Hotline { return newAt(Twilio, number, mailboxID) }

func newAt(t Transport, number phone.Number, mailboxID int64) Hotline {
	can := t.Can()
	h := Hotline{
		Transport:      t,
		Number:         number,
		MailboxID:      mailboxID,
		Language:       "en",
		Texts:          Texts{Welcome: DefaultWelcome, Failure: DefaultFailure, VoicemailFailure: DefaultVoicemailFailure},
		AutoReplyEvery: 24 * time.Hour,
		MMS:            can.Pictures > 0,
		Calls:          defaultCalls(),
		CallBack:       defaultCallBack(),
		Keep:           defaultKeep(),
	}
	h.CallBack.Countries = ownCountries(number)
	h.CallBack.Off = !can.Calls
	return h
}

// FromEnv reads hotlines.yaml, which BLING_CONFIG names, or BLING_MAILBOXES and BLING_WELCOME_TEXT. Problems go to r.
func FromEnv(r *env.Reader) Hotlines {
	path, mailboxes := r.String("BLING_CONFIG", ""), r.String("BLING_MAILBOXES", "")
	welcome, welcomeSet := r.Lookup("BLING_WELCOME_TEXT")
	if path == "" {
		return simple(r, mailboxes, welcome, welcomeSet)
	}
	if mailboxes != "" {
		r.Problem("BLING_CONFIG", "and BLING_MAILBOXES are both set; use one of them")
	}
	if welcomeSet {
		r.Problem("BLING_WELCOME_TEXT", "belongs to BLING_MAILBOXES; with BLING_CONFIG the file has the texts")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		r.Problem("BLING_CONFIG", "%v", err)
		return nil
	}
	return Load(data, func(line int, problem string) { r.Problem("BLING_CONFIG", "%s:%d: %s", path, line, problem) })
}

func simple(r *env.Reader, mailboxes, welcome string, welcomeSet bool) Hotlines {
	welcome = strings.TrimSpace(welcome)
	if !utf8.ValidString(welcome) {
		r.Problem("BLING_WELCOME_TEXT", "is not UTF-8")
	}
	if n := utf8.RuneCountInString(welcome); n > maxText {
		r.Problem("BLING_WELCOME_TEXT", "has %d characters; a text has at most %d", n, maxText)
	}
	all, errs := Parse(mailboxes)
	for _, err := range errs {
		r.Problem("BLING_MAILBOXES", "%v", err)
	}
	if len(all) == 0 && len(errs) == 0 {
		r.Problem("BLING_MAILBOXES", "names no hotline, and BLING_CONFIG is not set")
	}
	for i := range all {
		if welcomeSet {
			all[i].Texts.Welcome = welcome
		}
	}
	return all
}

// Parse reads the simple form: "transport:value:mailboxId", comma-separated, where value is a number, or for mobilecommons a campaign.
// Space is tolerated anywhere and empty entries are skipped, as in the original.
// Unlike there every other mistake is an error that names its entry.
func Parse(s string) (all Hotlines, errs []error) {
	numbers, mailboxes := map[phone.Number]bool{}, map[int64]bool{}
	for entry := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		h, err := parseEntry(entry)
		switch {
		case err != nil:
		case numbers[h.Number] && Campaign(h.Number) != "":
			err = fmt.Errorf("the campaign is there twice")
		case numbers[h.Number]:
			err = fmt.Errorf("the number is there twice")
		case mailboxes[h.MailboxID]:
			err = fmt.Errorf("mailbox %d is there twice", h.MailboxID)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("entry %q: %w", strings.TrimSpace(entry), err))
			continue
		}
		numbers[h.Number], mailboxes[h.MailboxID] = true, true
		all = append(all, h)
	}
	return all, errs
}

func parseEntry(entry string) (h Hotline, err error) {
	parts := strings.Split(withoutSpace(entry), ":")
	if len(parts) != 3 {
		return h, fmt.Errorf("has %d parts, want transport:value:mailboxId", len(parts))
	}
	mailbox, err := parseMailbox(parts[2])
	if err != nil {
		return h, err
	}
	transport, err := parseTransport(parts[0])
	if err != nil {
		return h, err
	}
	read := parseNumber
	if transport == MobileCommons {
		read = parseCampaign
	}
	number, err := read(parts[1])
	return newAt(transport, number, mailbox), err
}

func parseTransport(s string) (Transport, error) {
	if _, known := transports[Transport(s)]; !known {
		return "", fmt.Errorf("unknown transport %q, want %s, %s or %s", s, Twilio, Telnyx, MobileCommons)
	}
	return Transport(s), nil
}

func parseCampaign(s string) (phone.Number, error) {
	if s == "" {
		return "", fmt.Errorf("the campaign is empty")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) || len(s) > 18 {
		return "", fmt.Errorf("%q is not the id of a campaign", s)
	}
	return OfCampaign(s), nil
}

func parseMailbox(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%q is not a mailbox id", s)
	}
	return id, nil
}

func parseNumber(s string) (phone.Number, error) {
	id := phone.Parse(s)
	if id.Kind != phone.Full && id.Kind != phone.ShortCode {
		return "", fmt.Errorf("%q is not a phone number", s)
	}
	return id.Number, nil
}

func withoutSpace(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// Numbers are all numbers of the hotline, the main one first.
func (h Hotline) Numbers() []phone.Number {
	return append([]phone.Number{h.Number}, h.MoreNumbers...)
}

// TextsFor returns the texts to answer with: those of the variant whose word is the first in the text that came in,
// or the main ones.
func (h Hotline) TextsFor(body string) Texts {
	if len(h.Languages) == 0 {
		return h.Texts
	}
	variants := map[string]Variant{}
	for _, v := range h.Languages {
		for _, word := range v.Words {
			variants[fold(word)] = v
		}
	}
	for _, word := range words(fold(body)) {
		if v, ok := variants[word]; ok {
			return v.Texts
		}
	}
	return h.Texts
}

// fold makes two spellings of a word the same that differ in case, or in how an accent is written.
func fold(s string) string { return cases.Fold().String(norm.NFKC.String(s)) }

// words splits a text. Vowel signs and joiners are parts of words, as Arabic, Persian and Hindi need it.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.Join_Control)
	})
}

// ByNumber finds the hotline with a number.
func (all Hotlines) ByNumber(n phone.Number) (Hotline, bool) {
	for _, h := range all {
		if n != "" && (h.Number == n || slices.Contains(h.MoreNumbers, n)) {
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
