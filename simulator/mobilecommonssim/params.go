package mobilecommonssim

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// problem is the id of an error, as https://github.com/controlshift/upland_mobile_commons_rest lists them in errors.rb.
type problem int

const (
	invalidCampaign        problem = 1
	invalidBody            problem = 3
	invalidPhone           problem = 5
	invalidStartTime       problem = 7
	invalidEndTime         problem = 8
	notOptedIn             problem = 11
	invalidQueryParameters problem = 16
	rateLimitExceeded      problem = 27
	missingPhone           problem = 28
	invalidDateRange       problem = 35
)

var messages = map[problem]string{
	invalidCampaign: "Invalid campaign id", invalidBody: "Invalid message body", invalidPhone: "Invalid phone number",
	invalidStartTime: "Invalid start time", invalidEndTime: "Invalid end time", notOptedIn: "Phone is not opted into this campaign",
	invalidQueryParameters: "Invalid query parameters", rateLimitExceeded: "API rate limit exceeded",
	missingPhone: "Missing phone number parameter", invalidDateRange: "Invalid date range",
}

// Error is its message.
func (p problem) Error() string { return messages[p] }

// maxRequest is how many bytes a request may have.
const maxRequest = 1 << 20

// params reads what a request asks for: the query of a GET, the form or JSON of a POST, as the original sent it. A parameter that is not
// one of the known, or is there twice, is refused; company, which chooses one of several accounts, is known to all.
func params(r *http.Request, known ...string) (url.Values, error) {
	values := r.URL.Query()
	if r.Method == http.MethodPost {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		sent, err := decode(r.Header.Get("Content-Type"), data)
		if err != nil {
			return nil, invalidQueryParameters
		}
		for name, list := range sent {
			values[name] = append(values[name], list...)
		}
	}
	for name, list := range values {
		if len(list) != 1 || name != "company" && !slices.Contains(known, name) {
			return nil, invalidQueryParameters
		}
	}
	return values, nil
}

func decode(contentType string, data []byte) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return nil, err
	case kind == "application/x-www-form-urlencoded":
		return url.ParseQuery(string(data))
	case kind != "application/json":
		return nil, fmt.Errorf("a body of type %s", kind)
	}
	var fields map[string]any
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		return nil, err
	}
	values := url.Values{}
	for name, value := range fields {
		values.Set(name, fmt.Sprint(value))
	}
	return values, nil
}

// person returns the profile that phone_number names. It needs the lock.
func (s *Sim) person(values url.Values) (*profile, error) {
	raw := values.Get("phone_number")
	if raw == "" {
		return nil, missingPhone
	}
	number, _ := normalize(raw)
	if p, ok := s.profiles[number]; ok {
		return p, nil
	}
	return nil, invalidPhone
}

// normalize returns the E.164 of a number. What is longer than ten digits has its country's code, with a plus or without.
func normalize(raw string) (number string, ok bool) {
	if len(raw) > 10 && strings.Trim(raw, "0123456789") == "" {
		raw = "+" + raw
	}
	id := phone.Parse(raw)
	return string(id.Number), id.Kind == phone.Full
}

// span is what a list is asked for.
type span struct {
	campaign    string
	from, to    time.Time // zero: open
	limit, page int
}

// span reads the parameters of a list. The ends of its time have other names in each. Limits: 1000 at most is documented, the default of
// 100 only for profiles.
func (s *Sim) span(values url.Values, begins, ends string) (sp span, err error) {
	sp = span{campaign: values.Get("campaign_id"), limit: 100, page: 1}
	if sp.campaign != "" && !s.hasCampaign(sp.campaign) {
		return sp, invalidCampaign
	}
	for name, at := range map[string]*int{"limit": &sp.limit, "page": &sp.page} {
		if raw := values.Get(name); raw != "" {
			if *at, err = strconv.Atoi(raw); err != nil || *at < 1 || name == "limit" && *at > 1000 {
				return sp, invalidQueryParameters
			}
		}
	}
	if sp.from, err = moment(values.Get(begins)); err != nil {
		return sp, invalidStartTime
	}
	if sp.to, err = moment(values.Get(ends)); err != nil {
		return sp, invalidEndTime
	}
	if !sp.to.IsZero() && sp.to.Before(sp.from) {
		return sp, invalidDateRange
	}
	return sp, nil
}

func moment(raw string) (at time.Time, err error) {
	if raw == "" {
		return at, nil
	}
	for _, layout := range []string{stamp, time.RFC3339, time.DateOnly} {
		if at, err = time.Parse(layout, raw); err == nil {
			return at, nil
		}
	}
	return at, err
}

// holds reports whether a time is in the span, both ends included (unverified).
func (sp span) holds(at time.Time) bool {
	return !at.IsZero() && !at.Before(sp.from) && (sp.to.IsZero() || !at.After(sp.to))
}

// page returns a page of a list, and how many there are.
func page(list []element, sp span) (items []element, pages int) {
	begin := min((sp.page-1)*sp.limit, len(list))
	return list[begin:min(begin+sp.limit, len(list))], (len(list) + sp.limit - 1) / sp.limit
}
