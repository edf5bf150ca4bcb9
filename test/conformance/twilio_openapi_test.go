package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// twilioDeviations are where the simulator does not do what Twilio's description says, and why: fields of resources, and the
// parameters of operations.
var twilioDeviations = map[string]string{
	"/IncomingPhoneNumbers: sms_application_sid":   emptySID,
	"/IncomingPhoneNumbers: voice_application_sid": emptySID,
}

const emptySID = "empty, where the description wants a SID or null: Twilio's own examples have it so"

// twilioUnsimulated are the parameters that are refused, with error 20001, as the simulator does not do what they ask for.
var twilioUnsimulated = map[string]string{
	"GET /IncomingPhoneNumbers.json":        "Beta, FriendlyName, Origin",
	"GET /Recordings.json":                  "ConferenceSid, IncludeSoftDeleted",
	"GET /Recordings/{Sid}.json":            "IncludeSoftDeleted",
	"POST /Calls.json":                      "ApplicationSid, Byoc, CallerId, ClientNotificationUrl, Record, RecordingChannels, RecordingStatusCallback, RecordingStatusCallbackEvent, RecordingStatusCallbackMethod, RecordingTrack, SipAuthPassword, SipAuthUsername, Trim",
	"POST /IncomingPhoneNumbers/{Sid}.json": "AccountSid, AddressSid, ApiVersion, BundleSid, EmergencyAddressSid, EmergencyStatus, IdentitySid, VoiceReceiveMode",
	"POST /Messages.json":                   "ApplicationSid, ContentSid, ContentVariables, FallbackFrom, MessagingServiceSid, ScheduleType, SendAt",
}

// TestTwilioDescription does the same once more, and checks each request that succeeds and each answer by what Twilio publishes.
// See facts.go for how that was recorded.
func TestTwilioDescription(t *testing.T) {
	d := newDescription(t)
	for _, c := range twilioCases {
		t.Run(c.name, func(t *testing.T) {
			c.run(newAccount(t, clockFor(c.clock), func(next http.RoundTripper) http.RoundTripper { return checker{d, next} }))
		})
	}
	for path, item := range d.doc.Paths.Map() {
		for method := range item.Operations() {
			if operation := method + " " + short(path); !d.called[operation] {
				t.Errorf("%s was not called", operation)
			}
		}
	}
	compareDeviations(t, d.found, twilioDeviations)
}

// description is what Twilio publishes, and what was seen that differs.
type description struct {
	doc    *openapi3.T
	router routers.Router

	mu     sync.Mutex
	found  map[string]string // deviations, with what the library says of the first one
	called map[string]bool   // operations
}

func newDescription(t *testing.T) *description {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("testdata/twilio_api.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	tighten(doc)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &description{doc: doc, router: router, found: map[string]string{}, called: map[string]bool{}}
}

// tighten makes the description stricter than it is published: it knows of no further fields, and answers have all of theirs, as
// they do in its examples.
func tighten(doc *openapi3.T) {
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			if operation.RequestBody != nil {
				for _, content := range operation.RequestBody.Value.Content {
					content.Schema.Value.AdditionalProperties.Has = new(false)
				}
			}
			for _, response := range operation.Responses.Map() {
				for _, content := range response.Value.Content {
					tightenAnswer(content.Schema.Value)
				}
			}
		}
	}
}

func tightenAnswer(schema *openapi3.Schema) {
	if schema.Items != nil {
		tightenAnswer(schema.Items.Value)
	}
	if len(schema.Properties) == 0 || schema.AdditionalProperties.Has != nil { // a map, or done
		return
	}
	schema.AdditionalProperties.Has = new(false)
	schema.Required = slices.Sorted(maps.Keys(schema.Properties))
	for _, property := range schema.Properties {
		tightenAnswer(property.Value)
	}
}

// formats are those that Twilio names and OpenAPI does not.
var formats = map[string]openapi3.StringFormatValidator{
	"phone-number":       openapi3.NewRegexpFormatValidator(`^\+[1-9][0-9]{6,14}$`),
	"endpoint":           openapi3.NewRegexpFormatValidator(`^\+[1-9][0-9]{6,14}$`),
	"currency":           openapi3.NewRegexpFormatValidator(`^[A-Z]{3}$`),
	"http-method":        openapi3.NewRegexpFormatValidator(`^(GET|POST)$`),
	"twiml":              openapi3.NewRegexpFormatValidator(`^<Response`),
	"date-time-rfc-2822": openapi3.NewCallbackValidator(func(text string) error { _, err := mail.ParseDate(text); return err }),
	"uri":                openapi3.NewCallbackValidator(func(text string) error { _, err := url.Parse(text); return err }),
}

// checker passes requests on, and compares.
type checker struct {
	*description
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (c checker) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := read(&r.Body)
	if err != nil {
		return nil, err
	}
	answer, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := read(&answer.Body)
	if err != nil {
		return nil, err
	}
	// Errors are not described, nor is what leads to them.
	if answer.StatusCode < http.StatusBadRequest {
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
		c.check(r, answer, got)
	}
	return answer, nil
}

// read takes a body and puts it back.
func read(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	content, err := io.ReadAll(*body)
	(*body).Close()
	*body = io.NopCloser(bytes.NewReader(content))
	return content, err
}

func (d *description) check(r *http.Request, answer *http.Response, body []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	route, params, err := d.router.FindRoute(r)
	if err != nil {
		d.found[r.Method+" "+r.URL.Path] = err.Error()
		return
	}
	operation := r.Method + " " + short(route.Path)
	d.called[operation] = true
	options := &openapi3filter.Options{
		MultiError: true, IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
	for name, format := range formats {
		options.SchemaValidationOptions = append(options.SchemaValidationOptions, openapi3.WithStringFormatValidator(name, format))
	}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	d.note(operation+", request", openapi3filter.ValidateRequest(r.Context(), request))
	for name := range r.URL.Query() {
		if route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			d.found[operation+", request: "+name] = "unknown parameter"
		}
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: answer.StatusCode, Header: answer.Header, Options: options,
	}
	response.SetBodyBytes(body)
	d.note(resource(short(route.Path)), openapi3filter.ValidateResponse(r.Context(), response))
}

// note keeps what is wrong, without the values and without which one of a list it was.
func (d *description) note(where string, err error) {
	var several openapi3.MultiError
	var one *openapi3.SchemaError
	var request *openapi3filter.RequestError
	switch {
	case err == nil:
	case errors.As(err, &several):
		for _, err := range several {
			d.note(where, err)
		}
	case errors.As(err, &one):
		at := one.JSONPointer()
		if len(at) > 1 && isNumber(at[1]) { // one of a list
			at = at[2:]
		}
		at = slices.DeleteFunc(slices.Clone(at), isNumber)
		if m := unknownProperty.FindStringSubmatch(one.Reason); m != nil {
			at = append(at, m[1])
		}
		d.found[where+": "+strings.Join(at, ".")] = one.Reason
	case errors.As(err, &request) && request.Parameter != nil:
		d.found[where+": "+request.Parameter.Name] = request.Error()
	default:
		d.found[where] = err.Error()
	}
}

func isNumber(text string) bool { _, err := strconv.Atoi(text); return err == nil }

var unknownProperty = regexp.MustCompile(`^property "(.*)" is unsupported$`)

// short is a path within the account.
func short(path string) string { return strings.TrimPrefix(path, "/2010-04-01/Accounts/{AccountSid}") }

// resource is what a path leads to, be it one or a list.
func resource(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, ".json"), "/{Sid}")
}

// TestTwilioParameters asks for each parameter in the description whether the simulator knows it. It says so of those it knows,
// but does not simulate.
func TestTwilioParameters(t *testing.T) {
	d := newDescription(t)
	a := newAccount(t, nil, nil)
	unsimulated := map[string]string{}
	for path, item := range d.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			where := method + " " + short(path)
			for _, name := range parameters(operation) {
				refusal := a.refusal(method, path, name)
				switch {
				case strings.Contains(refusal, "not simulated: "+name):
					unsimulated[where] = strings.TrimPrefix(unsimulated[where]+", "+name, ", ")
				case strings.HasPrefix(refusal, "Unknown parameters"):
					t.Errorf("%s: %s", where, refusal)
				}
			}
		}
	}
	compareDeviations(t, unsimulated, twilioUnsimulated)
	for where, names := range unsimulated {
		if listed := twilioUnsimulated[where]; listed != names {
			t.Errorf("%s does not simulate %s, listed are %s", where, names, listed)
		}
	}
}

// parameters are the names of those in the query and in the body, sorted.
func parameters(operation *openapi3.Operation) []string {
	var names []string
	for _, p := range operation.Parameters {
		if p.Value.In == openapi3.ParameterInQuery {
			names = append(names, p.Value.Name)
		}
	}
	if operation.RequestBody != nil {
		for _, content := range operation.RequestBody.Value.Content {
			names = slices.AppendSeq(names, maps.Keys(content.Schema.Value.Properties))
		}
	}
	slices.Sort(names)
	return names
}

// refusal is what the simulator says of a request with one parameter.
func (a *account) refusal(method, path, parameter string) string {
	a.Helper()
	path = strings.Replace(path, "{AccountSid}", twiliosim.DefaultAccountSID, 1)
	address, body := a.address+path, url.Values{parameter: {"x"}}.Encode()
	if method == http.MethodGet {
		address, body = address+"?"+body, ""
	}
	r, err := http.NewRequestWithContext(a.Context(), method, address, strings.NewReader(body))
	must(a, r, err)
	r.SetBasicAuth(twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	must(a, answer, err)
	defer answer.Body.Close()
	var problem struct{ Message string }
	json.NewDecoder(answer.Body).Decode(&problem) //nolint:errcheck // what is no error has no message
	return problem.Message
}
