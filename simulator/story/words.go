package story

import (
	"bytes"
	"cmp"
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// form reads a body as a form. One that was cut off has what is left of it.
func (x Exchange) form() url.Values {
	form, _ := url.ParseQuery(string(x.Sent))
	return form
}

// words says what an exchange is.
func words(x Exchange) string {
	path := x.Request.URL.Path
	if i := strings.Index(path, "/bling/"); i >= 0 { // a webhook
		if x.Vendor == "Twilio" {
			return webhookWords(strings.TrimPrefix(path[i:], "/bling/"), x)
		}
		return cmp.Or(x.Request.Header.Get("X-HelpScout-Event"), path)
	}
	for _, w := range calls {
		if w.method == x.Request.Method && w.path.MatchString(path) {
			return w.words(x)
		}
	}
	return x.Request.Method + " " + path
}

// webhookWords says what Twilio wants to tell or to know.
func webhookWords(door string, x Exchange) string {
	form := x.form()
	if len(form) == 0 {
		form = x.Request.URL.Query()
	}
	door, _, _ = strings.Cut(door, "/")
	if door == "file" {
		return "fetch a file"
	}
	switch door {
	case "twilio_sms":
		return "text: " + quote(form.Get("Body"))
	case "twilio_sms_fallback":
		return "text that could not be delivered: " + quote(form.Get("Body"))
	case "twilio_status":
		return strings.TrimSpace("the text is " + form.Get("MessageStatus") + " " + form.Get("ErrorCode"))
	case "twilio_call", "twilio_leg", "twilio_agent_status", "twilio_agent_leg":
		return "the call to " + form.Get("To") + " is " + form.Get("CallStatus")
	case "twilio_recording":
		return "a voicemail is " + form.Get("RecordingStatus")
	case "twilio_transcription":
		return "the voicemail says: " + quote(form.Get("TranscriptionText"))
	}
	what := map[string]string{
		"twilio_voice": "somebody calls", "twilio_ask": "a volunteer has picked up", "twilio_key": "a volunteer pressed " + form.Get("Digits"),
		"twilio_round": strings.TrimSpace("the ringing is over: " + form.Get("DialCallStatus")), "twilio_agent_ask": "the agent has picked up", "twilio_agent_key": "the agent pressed " + form.Get("Digits"),
	}[door]
	return cmp.Or(what, strings.ReplaceAll(strings.TrimPrefix(door, "twilio_"), "_", " ")) + verbs(x.Got)
}

var verb = regexp.MustCompile(`<(Say|Play|Dial|Gather|Record|Hangup|Reject|Redirect|Message)\b`)

// verbs are those of a TwiML document.
func verbs(document []byte) string {
	var found []string
	for _, m := range verb.FindAllSubmatch(document, -1) {
		if name := string(m[1]); !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return " → " + strings.Join(found, ", ")
}

// calls are what a hotline asks of the vendors.
var calls = []struct {
	method string
	path   *regexp.Regexp
	words  func(Exchange) string
}{
	{http.MethodPost, regexp.MustCompile(`/Messages\.json$`), func(x Exchange) string {
		f := x.form()
		return "send to " + f.Get("To") + ": " + quote(f.Get("Body"))
	}},
	{http.MethodGet, regexp.MustCompile(`/Messages\.json$`), say("look for a text")},
	{http.MethodGet, regexp.MustCompile(`/Messages/\w+/Media`), say("fetch a picture or file")},
	{http.MethodPost, regexp.MustCompile(`/Calls\.json$`), func(x Exchange) string { return "call " + x.form().Get("To") }},
	{http.MethodPost, regexp.MustCompile(`/Calls/`), say("change a call")},
	{http.MethodGet, regexp.MustCompile(`/Calls`), say("look for a call")},
	{http.MethodGet, regexp.MustCompile(`/Recordings\.json$`), say("look for voicemails")},
	{http.MethodGet, regexp.MustCompile(`/Recordings/`), say("fetch a voicemail")},
	{http.MethodDelete, regexp.MustCompile(`/Recordings/`), say("delete a voicemail")},
	{http.MethodPost, regexp.MustCompile(`/oauth2/token$`), say("log in")},
	{http.MethodGet, regexp.MustCompile(`/v2/conversations$`), say("look for the conversation")},
	{http.MethodPost, regexp.MustCompile(`/v2/conversations$`), say("open a conversation")},
	{http.MethodPost, regexp.MustCompile(`/notes$`), text("note")},
	{http.MethodPost, regexp.MustCompile(`/(customer|phone|chat)$`), text("add")},
	{http.MethodPost, regexp.MustCompile(`/attachments$`), say("attach a file")},
	{http.MethodPut, regexp.MustCompile(`/tags$`), say("tag the conversation")},
	{http.MethodPatch, regexp.MustCompile(`/v2/conversations/\d+$`), say("change the conversation")},
	{http.MethodGet, regexp.MustCompile(`/v2/conversations/\d+`), say("read the conversation")},
	{http.MethodGet, regexp.MustCompile(`/v2/customers`), say("look for the customer")},
	{http.MethodGet, regexp.MustCompile(`/v2/users`), say("ask who works there")},
}

func say(words string) func(Exchange) string { return func(Exchange) string { return words } }

// text says what the text of a thread is.
func text(what string) func(Exchange) string {
	return func(x Exchange) string {
		var body struct {
			Text string `json:"text"`
		}
		if json.Unmarshal(x.Sent, &body) != nil {
			return what
		}
		return what + ": " + quote(html.UnescapeString(tag.ReplaceAllString(body.Text, " ")))
	}
}

var tag = regexp.MustCompile(`<[^>]*>`)

// quote is a text on one line that is not too long.
func quote(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > 120 {
		s = string([]rune(s)[:119]) + "…"
	}
	return "“" + s + "”"
}

func readableForm(data []byte) string {
	form, err := url.ParseQuery(string(data))
	if err != nil {
		return string(data)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			b.WriteString(name + ": " + value + "\n")
		}
	}
	return b.String()
}

func readableJSON(data []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, data, "", "  ") != nil {
		return strings.ToValidUTF8(string(data), "�")
	}
	return b.String()
}
