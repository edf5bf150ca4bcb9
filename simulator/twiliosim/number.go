package twiliosim

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Number is a number of the account.
type Number struct {
	PhoneNumber string `json:"phone_number"`
	// SMSURL is asked about each text to the number. Its fragment may set time limits and retries, see
	// https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides. Without it texts are lost.
	SMSURL string `json:"sms_url"`
	// SMSFallbackURL is asked when SMSURL fails. Optional.
	SMSFallbackURL string `json:"sms_fallback_url"`
	// VoiceURL is asked what to do with each call to the number. Optional: a call then hears that there is an error.
	VoiceURL string `json:"voice_url"`
	// VoiceFallbackURL is asked when VoiceURL fails, or a URL that a call was sent on to. Optional.
	VoiceFallbackURL string `json:"voice_fallback_url"`
	// StatusCallback is told of the end of each call to the number. Optional.
	StatusCallback string `json:"status_callback"`
	// VoiceMethod, VoiceFallbackMethod and StatusCallbackMethod are GET or POST. Default: POST.
	VoiceMethod          string `json:"voice_method,omitempty"`
	VoiceFallbackMethod  string `json:"voice_fallback_method,omitempty"`
	StatusCallbackMethod string `json:"status_callback_method,omitempty"`
	// SMSApplicationSID, VoiceApplicationSID and TrunkSID override the URLs. As there are no applications and no trunks here, texts
	// are lost and calls hear that there is an error.
	SMSApplicationSID   string `json:"sms_application_sid,omitempty"`
	VoiceApplicationSID string `json:"voice_application_sid,omitempty"`
	TrunkSID            string `json:"trunk_sid,omitempty"`
}

// line is a number as the store keeps it.
type line struct {
	Sid     string            `json:"sid"`
	Number  string            `json:"phone_number"`
	Created time.Time         `json:"date_created"`
	Updated time.Time         `json:"date_updated"`
	Props   map[string]string `json:"properties"` // by the names in lineProps
	// Service is the SID of the Messaging Service that the number is in, since Joined. Empty: none.
	Service string    `json:"service_sid,omitempty"`
	Joined  time.Time `json:"date_joined,omitzero"`
}

// lineProps are what can be set of a number. The name and VoiceCallerIdLookup change nothing here.
var lineProps = []string{
	"SmsUrl", "SmsFallbackUrl", "SmsMethod", "SmsFallbackMethod", "SmsApplicationSid", "VoiceUrl", "VoiceMethod",
	"VoiceFallbackUrl", "VoiceFallbackMethod", "VoiceApplicationSid", "VoiceCallerIdLookup", "StatusCallback",
	"StatusCallbackMethod", "FriendlyName", "TrunkSid",
}

// SetNumber adds a number to the account, or changes its webhooks.
func (s *Sim) SetNumber(n Number) {
	s.mu.Lock()
	s.setLine(n)
	s.mu.Unlock()
	s.noteChange()
}

// SetNumbers makes these the account's numbers, and takes all others from it.
func (s *Sim) SetNumbers(numbers []Number) {
	s.mu.Lock()
	s.store.lines = slices.DeleteFunc(s.store.lines, func(l *line) bool {
		return !slices.ContainsFunc(numbers, func(n Number) bool { return n.PhoneNumber == l.Number })
	})
	for _, n := range numbers {
		s.setLine(n)
	}
	s.mu.Unlock()
	s.noteChange()
}

// setLine needs the lock.
func (s *Sim) setLine(n Number) {
	l := s.store.lineOf(n.PhoneNumber)
	if l == nil {
		l = &line{Sid: "PN" + s.store.randomHex(), Number: n.PhoneNumber, Created: s.now(), Props: map[string]string{
			"FriendlyName": n.PhoneNumber, "SmsMethod": "POST", "SmsFallbackMethod": "POST", "VoiceCallerIdLookup": "false",
		}}
		s.store.lines = append(s.store.lines, l)
	}
	l.Props["SmsUrl"], l.Props["SmsFallbackUrl"] = n.SMSURL, n.SMSFallbackURL
	l.Props["VoiceUrl"], l.Props["VoiceMethod"] = n.VoiceURL, cmp.Or(n.VoiceMethod, http.MethodPost)
	l.Props["VoiceFallbackUrl"], l.Props["VoiceFallbackMethod"] = n.VoiceFallbackURL, cmp.Or(n.VoiceFallbackMethod, http.MethodPost)
	l.Props["StatusCallback"], l.Props["StatusCallbackMethod"] = n.StatusCallback, cmp.Or(n.StatusCallbackMethod, http.MethodPost)
	l.Props["SmsApplicationSid"], l.Props["VoiceApplicationSid"], l.Props["TrunkSid"] = n.SMSApplicationSID, n.VoiceApplicationSID, n.TrunkSID
	l.Updated = s.now()
}

// Numbers returns the account's numbers.
func (s *Sim) Numbers() []Number {
	s.mu.RLock()
	defer s.mu.RUnlock()
	numbers := make([]Number, len(s.store.lines))
	for i, l := range s.store.lines {
		numbers[i] = Number{
			PhoneNumber: l.Number, SMSURL: l.Props["SmsUrl"], SMSFallbackURL: l.Props["SmsFallbackUrl"],
			VoiceURL: l.Props["VoiceUrl"], VoiceFallbackURL: l.Props["VoiceFallbackUrl"], StatusCallback: l.Props["StatusCallback"],
			VoiceMethod: notPost(l.Props["VoiceMethod"]), VoiceFallbackMethod: notPost(l.Props["VoiceFallbackMethod"]),
			StatusCallbackMethod: notPost(l.Props["StatusCallbackMethod"]), SMSApplicationSID: l.Props["SmsApplicationSid"],
			VoiceApplicationSID: l.Props["VoiceApplicationSid"], TrunkSID: l.Props["TrunkSid"],
		}
	}
	return numbers
}

// notPost leaves the default out.
func notPost(method string) string {
	if method == http.MethodPost {
		return ""
	}
	return method
}

func (st *store) lineOf(number string) *line {
	return st.lineWhere(func(l *line) bool { return l.Number == number })
}

func (st *store) lineWhere(is func(*line) bool) *line {
	if i := slices.IndexFunc(st.lines, is); i >= 0 {
		return st.lines[i]
	}
	return nil
}

var listNumbersParams = paramRules{
	known: append([]string{"PhoneNumber"}, pageParams...), unsimulated: []string{"FriendlyName", "Beta", "Origin"},
}

// listNumbers lists the account's numbers; PhoneNumber may be any part of one.
//
// GET /2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers.json
// https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource#read-multiple-incomingphonenumber-resources
func (s *Sim) listNumbers(w http.ResponseWriter, r *http.Request) error {
	query, err := listNumbersParams.query(r)
	if err != nil {
		return err
	}
	page, err := pageOf(query)
	if err != nil {
		return err
	}
	s.mu.RLock()
	found := []map[string]any{}
	for _, l := range s.store.lines {
		if strings.Contains(l.Number, query.Get("PhoneNumber")) {
			found = append(found, s.lineJSON(l))
		}
	}
	s.mu.RUnlock()
	first := min(page.number*page.size, len(found))
	end := min(first+page.size, len(found))
	answer := page.describe(s.uri("/IncomingPhoneNumbers.json"), query, end-first, "numbers", end < len(found))
	answer["incoming_phone_numbers"] = found[first:end]
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// fetchNumber returns one number.
//
// GET /2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers/{Sid}.json
// https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource#fetch-an-incomingphonenumber-resource
func (s *Sim) fetchNumber(w http.ResponseWriter, r *http.Request) error {
	return s.changeNumber(w, r, nil)
}

var updateNumberParams = paramRules{known: lineProps, unsimulated: []string{
	"AccountSid", "AddressSid", "ApiVersion", "BundleSid", "EmergencyAddressSid", "EmergencyStatus", "IdentitySid", "VoiceReceiveMode",
}}

// updateNumber sets where a number's webhooks go.
//
// POST /2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers/{Sid}.json
// https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource#update-an-incomingphonenumber-resource
func (s *Sim) updateNumber(w http.ResponseWriter, r *http.Request) error {
	form, err := updateNumberParams.form(w, r)
	if err != nil {
		return err
	}
	if err := checkLineForm(form); err != nil {
		return err
	}
	return s.changeNumber(w, r, form)
}

func (s *Sim) changeNumber(w http.ResponseWriter, r *http.Request, form url.Values) error {
	sid, err := jsonFile(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	l := s.store.lineWhere(func(l *line) bool { return l.Sid == sid })
	if l == nil {
		s.mu.Unlock()
		return notFound(r)
	}
	props := maps.Clone(l.Props)
	for name := range form {
		props[name] = form.Get(name)
	}
	// Setting one deletes the other.
	if form.Get("VoiceApplicationSid") != "" {
		props["TrunkSid"] = ""
	} else if form.Get("TrunkSid") != "" {
		props["VoiceApplicationSid"] = ""
	}
	if len(form) > 0 && props["SmsFallbackUrl"] != "" && props["SmsUrl"] == "" {
		s.mu.Unlock()
		return refuse(21406, "SmsFallbackUrl needs an SmsUrl")
	}
	if len(form) > 0 {
		l.Props, l.Updated = props, s.now()
	}
	answer := s.lineJSON(l)
	s.mu.Unlock()
	if len(form) > 0 {
		s.noteChange()
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// sidForms are what SIDs that a number may have look like.
var sidForms = map[string]*regexp.Regexp{
	"SmsApplicationSid": regexp.MustCompile(`^AP[0-9a-fA-F]{32}$`), "VoiceApplicationSid": regexp.MustCompile(`^AP[0-9a-fA-F]{32}$`),
	"TrunkSid": regexp.MustCompile(`^TK[0-9a-fA-F]{32}$`),
}

// checkLineForm covers what does not depend on the number. That Twilio refuses an application together with a trunk is unverified.
func checkLineForm(form url.Values) error {
	if form.Get("VoiceApplicationSid") != "" && form.Get("TrunkSid") != "" {
		return refuse(20001, "A number has a VoiceApplicationSid or a TrunkSid, not both")
	}
	for name := range form {
		value := form.Get(name)
		isURL := strings.HasSuffix(name, "Url") || name == "StatusCallback"
		sidForm := sidForms[name]
		switch {
		case sidForm != nil && value != "" && !sidForm.MatchString(value):
			return refuse(20001, "%s %q is no SID of that kind", name, value)
		case name == "FriendlyName" && utf8.RuneCountInString(value) > 64:
			return refuse(20001, "FriendlyName has more than 64 characters")
		case isURL && value != "" && !isWebURL(value):
			return refuse(21402, "%s %q is no absolute http or https URL", name, value)
		case strings.HasPrefix(name, "Sms") && strings.HasSuffix(name, "Method") && value != http.MethodPost:
			return refuse(20001, "%s %q is not simulated: webhooks of messages are sent with POST", name, value)
		case strings.HasSuffix(name, "Method") && value != http.MethodPost && value != http.MethodGet:
			return refuse(20001, "%s %q is neither GET nor POST", name, value)
		}
	}
	return nil
}

// lineJSON needs the lock.
func (s *Sim) lineJSON(l *line) map[string]any {
	answer := map[string]any{
		"sid": l.Sid, "account_sid": s.cfg.AccountSID, "phone_number": l.Number, "api_version": apiVersion,
		"date_created": rfc2822(l.Created), "date_updated": rfc2822(l.Updated), "status": "in-use", "origin": "twilio",
		"beta": false, "address_requirements": "none", "voice_receive_mode": "voice", "type": "local",
		"address_sid": nil, "bundle_sid": nil, "identity_sid": nil,
		"emergency_status": "Inactive", "emergency_address_sid": nil, "emergency_address_status": "unregistered",
		"capabilities": map[string]bool{"voice": true, "sms": true, "mms": true, "fax": false},
		"uri":          s.uri("/IncomingPhoneNumbers/" + l.Sid + ".json"),
	}
	for _, name := range lineProps {
		answer[snake(name)] = l.Props[name]
	}
	if l.Props["TrunkSid"] == "" {
		answer["trunk_sid"] = nil // the application SIDs are empty texts: so it is in Twilio's examples
	}
	answer["voice_caller_id_lookup"] = l.Props["VoiceCallerIdLookup"] == "true"
	return answer
}

// snake turns a parameter's name into that of the answer's field: SmsUrl into sms_url.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
