package twiliosim

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// callJSON is a leg in the API. See https://www.twilio.com/docs/voice/api/call-resource#call-properties.
type callJSON struct {
	AccountSid      string            `json:"account_sid"`
	AnsweredBy      *string           `json:"answered_by"`
	APIVersion      string            `json:"api_version"`
	CallerName      *string           `json:"caller_name"`
	DateCreated     string            `json:"date_created"`
	DateUpdated     string            `json:"date_updated"`
	Direction       string            `json:"direction"`
	Duration        *string           `json:"duration"`
	EndTime         *string           `json:"end_time"`
	ForwardedFrom   *string           `json:"forwarded_from"`
	From            string            `json:"from"`
	FromFormatted   string            `json:"from_formatted"`
	GroupSid        *string           `json:"group_sid"`
	ParentCallSid   *string           `json:"parent_call_sid"`
	PhoneNumberSid  *string           `json:"phone_number_sid"`
	Price           *string           `json:"price"`
	PriceUnit       string            `json:"price_unit"`
	QueueTime       string            `json:"queue_time"`
	Sid             string            `json:"sid"`
	StartTime       *string           `json:"start_time"`
	Status          string            `json:"status"`
	SubresourceURIs map[string]string `json:"subresource_uris"`
	To              string            `json:"to"`
	ToFormatted     string            `json:"to_formatted"`
	TrunkSid        *string           `json:"trunk_sid"`
	URI             string            `json:"uri"`
}

// callJSON needs the exchange's lock. Formatted numbers are as they are.
func (s *Sim) callJSON(l *leg) callJSON {
	uri := s.uri("/Calls/" + l.Sid)
	j := callJSON{
		AccountSid: s.cfg.AccountSID, APIVersion: apiVersion, DateCreated: rfc2822(l.created), DateUpdated: rfc2822(l.updated),
		Direction: l.Direction, From: l.From, FromFormatted: l.From, PriceUnit: "USD", QueueTime: "0", Sid: l.Sid, Status: l.Status,
		SubresourceURIs: map[string]string{"recordings": uri + "/Recordings.json"}, To: l.To, ToFormatted: l.To, URI: uri + ".json",
	}
	if l.AnsweredBy != "" {
		j.AnsweredBy = new(l.AnsweredBy)
	}
	if l.ParentSid != "" {
		j.ParentCallSid = new(l.ParentSid)
	}
	if l.Status != StatusQueued {
		j.StartTime = new(rfc2822(l.Began))
	}
	if l.ended() {
		j.EndTime, j.Duration = new(rfc2822(l.Ended)), new(strconv.Itoa(l.seconds(l.endedAt)))
	}
	return j
}

// fetchCall returns one call.
//
// GET /2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json
// https://www.twilio.com/docs/voice/api/call-resource#fetch-a-call-resource
func (s *Sim) fetchCall(w http.ResponseWriter, r *http.Request) error {
	var answer callJSON
	err := s.legOf(r, func(_ *exchange, l *leg) error {
		answer = s.callJSON(l)
		return nil
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

var listCallsParams = paramRules{known: append([]string{
	"To", "From", "ParentCallSid", "Status", "StartTime", "StartTime<", "StartTime>", "EndTime", "EndTime<", "EndTime>",
}, pageParams...)}

// listCalls lists calls, newest first. Those younger than the list lag are not there yet.
//
// GET /2010-04-01/Accounts/{AccountSid}/Calls.json
// https://www.twilio.com/docs/voice/api/call-resource#read-multiple-call-resources
func (s *Sim) listCalls(w http.ResponseWriter, r *http.Request) error {
	query, err := listCallsParams.query(r)
	if err != nil {
		return err
	}
	page, err := pageOf(query)
	if err != nil {
		return err
	}
	began, err := spanOf(query, "StartTime")
	if err != nil {
		return err
	}
	ended, err := spanOf(query, "EndTime")
	if err != nil {
		return err
	}
	visible := s.listed()
	is := func(name, value string) bool { return query.Get(name) == "" || query.Get(name) == value }
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	found, last, more := pageBack(s.calls.order, page, func(l *leg) string { return l.Sid }, func(l *leg) bool {
		return is("To", l.To) && is("From", l.From) && is("ParentCallSid", l.ParentSid) && is("Status", l.Status) &&
			began.has(l.Began) && ended.has(l.Ended) && !l.created.After(visible) && !l.Deleted
	})
	calls := make([]callJSON, len(found))
	for i, l := range found {
		calls[i] = s.callJSON(l)
	}
	answer := page.describe(s.uri("/Calls.json"), query, len(calls), last, more)
	answer["calls"] = calls
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// listed is when something must have been created at the latest to be in lists.
func (s *Sim) listed() time.Time {
	return s.now().Add(-time.Duration(s.Settings().ListLagMS) * time.Millisecond)
}

// pageBack goes back from the newest until the page is full. last is the SID of the last one on it, more says whether
// another follows.
func pageBack[T any](all []T, p page, sid func(T) string, match func(T) bool) (found []T, last string, more bool) {
	skip, started := p.number*p.size, p.after == ""
	for i := len(all) - 1; i >= 0; i-- {
		one := all[i]
		switch {
		case !started:
			started = sid(one) == p.after
		case !match(one):
		case p.after == "" && skip > 0:
			skip--
		case len(found) == p.size:
			return found, last, true
		default:
			found, last = append(found, one), sid(one)
		}
	}
	return found, last, false
}

// span bounds a time, to the second. Its zero value has all times.
type span struct{ first, until time.Time }

func (s span) has(at time.Time) bool {
	if s.first.IsZero() && s.until.IsZero() {
		return true
	}
	at = at.Truncate(time.Second)
	return !at.IsZero() && !at.Before(s.first) && (s.until.IsZero() || !at.After(s.until))
}

// spanOf reads the bounds that a list is asked for, such as StartTime, StartTime< and StartTime>.
func spanOf(query url.Values, name string) (span, error) {
	var s span
	for _, bound := range []string{"", "<", ">"} {
		value := query.Get(name + bound)
		if value == "" {
			continue
		}
		at, err := parseDate(value)
		switch {
		case err != nil:
			return s, refuse(20001, "%s %q is neither YYYY-MM-DD nor RFC 3339", name+bound, value)
		case bound == "<":
			s.until = at
		case bound == ">":
			s.first = at
		default: // a day, whatever the time
			s.first = at.Truncate(24 * time.Hour)
			s.until = s.first.Add(24*time.Hour - time.Second)
		}
	}
	return s, nil
}
