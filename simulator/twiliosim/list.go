package twiliosim

import (
	"net/http"
	"net/url"
	"time"
)

var listParams = paramRules{known: append([]string{"To", "From", "DateSent", "DateSent<", "DateSent>"}, pageParams...)}

// listMessages lists texts, newest first. Those younger than the list lag are not there yet.
//
// GET /2010-04-01/Accounts/{AccountSid}/Messages.json
// https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
func (s *Sim) listMessages(w http.ResponseWriter, r *http.Request) error {
	query, err := listParams.query(r)
	if err != nil {
		return err
	}
	filter, err := filterOf(query)
	if err != nil {
		return err
	}
	page, err := pageOf(query)
	if err != nil {
		return err
	}
	messages, more := s.messagesOn(page, filter)
	found := make([]messageJSON, len(messages))
	for i, m := range messages {
		found[i] = s.messageJSON(m)
	}
	last := ""
	if len(messages) > 0 {
		last = messages[len(messages)-1].Sid
	}
	answer := page.describe(s.uri("/Messages.json"), query, len(found), last, more)
	answer["messages"] = found
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// messagesOn goes back from the newest message until the page is full. more says whether another follows it.
func (s *Sim) messagesOn(p page, f filter) (found []Message, more bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	visible := s.now().Add(-time.Duration(s.settings.ListLagMS) * time.Millisecond)
	all := s.store.between(f.from, f.to)
	skip, started := p.number*p.size, p.after == ""
	for i := len(all) - 1; i >= 0; i-- {
		m := all[i]
		switch {
		case !started:
			started = m.Sid == p.after
		case m.hidden() || m.DateCreated.After(visible) || !f.match(m.Message):
		case p.after == "" && skip > 0:
			skip--
		case len(found) == p.size:
			return found, true
		default:
			found = append(found, m.copy())
		}
	}
	return found, false
}

// filter selects messages of a list. Its zero value selects all.
type filter struct {
	from, to     string
	first, until time.Time // bounds of the date of sending; zero: none
}

func (f filter) match(m Message) bool {
	if f.from != "" && m.From != f.from || f.to != "" && m.To != f.to {
		return false
	}
	if f.first.IsZero() && f.until.IsZero() {
		return true
	}
	sent := m.DateSent.Truncate(time.Second) // as precise as the API shows it
	return !m.DateSent.IsZero() && !sent.Before(f.first) && (f.until.IsZero() || !sent.After(f.until))
}

func filterOf(query url.Values) (filter, error) {
	f := filter{from: query.Get("From"), to: query.Get("To")}
	for _, name := range []string{"DateSent", "DateSent<", "DateSent>"} {
		value := query.Get(name)
		if value == "" {
			continue
		}
		at, err := parseDate(value)
		if err != nil {
			return f, refuse(20001, "%s %q is neither YYYY-MM-DD nor RFC 3339", name, value)
		}
		switch name {
		case "DateSent":
			f.first = at.Truncate(24 * time.Hour)
			f.until = f.first.Add(24*time.Hour - time.Second)
		case "DateSent<":
			f.until = at
		case "DateSent>":
			f.first = at
		}
	}
	return f, nil
}

// parseDate reads the documented form, and the one that twilio-go sends. A date stands for its midnight in GMT.
func parseDate(value string) (time.Time, error) {
	if at, err := time.Parse(time.DateOnly, value); err == nil {
		return at, nil
	}
	at, err := time.Parse(time.RFC3339, value)
	return at.UTC(), err
}
