package mobilecommonssim

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// element is a part of an answer.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element
}

// el makes an element with children. attrs are pairs of a name and a value.
func el(name string, attrs []string, children ...element) element {
	e := element{XMLName: xml.Name{Local: name}, Children: children}
	for pair := range slices.Chunk(attrs, 2) {
		e.Attrs = append(e.Attrs, xml.Attr{Name: xml.Name{Local: pair[0]}, Value: pair[1]})
	}
	return e
}

// text makes an element with words.
func text(name, words string, attrs ...string) element {
	e := el(name, attrs)
	e.Text = words
	return e
}

func write(w http.ResponseWriter, status int, success bool, inner element) {
	body, err := xml.Marshal(el("response", []string{"success", strconv.FormatBool(success)}, inner))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), body...)) // who does not listen is gone
}

func (p problem) element() element {
	return text("error", "", "id", strconv.Itoa(int(p)), "message", p.Error())
}

const stamp = "2006-01-02 15:04:05 UTC"

func written(at time.Time, layout string) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(layout)
}

// All below need the lock.

func (s *Sim) campaign(id string) element {
	i := slices.IndexFunc(s.cfg.Campaigns, func(c Campaign) bool { return c.ID == id })
	return el("campaign", []string{"id", id, "active", "true"}, text("name", s.cfg.Campaigns[i].Name))
}

// message is one of a list. Only what was sent has a status.
func (s *Sim) message(m Message, sent bool) element {
	attrs, at := []string{"id", m.ID, "type", m.Type}, "received_at"
	if sent {
		attrs, at = append(attrs, "status", "sent"), "sent_at"
	}
	return el("message", attrs, text("phone_number", m.Phone[1:]), text("profile", s.profiles[m.Phone].id), text("body", m.Body),
		text(at, m.At.Format(stamp)), text("mms", "false"), s.campaign(m.Campaign))
}

func (s *Sim) profile(p *profile, withMessages bool) element {
	columns, subscriptions, messages := el("custom_columns", nil), el("subscriptions", nil), el("messages", nil)
	for _, name := range slices.Sorted(maps.Keys(p.columns)) {
		columns.Children = append(columns.Children, text("custom_column", p.columns[name], "name", name))
	}
	for _, sub := range p.subscriptions {
		status := "Active"
		if !sub.optedOutAt.IsZero() {
			status = "Opted-Out"
		}
		subscriptions.Children = append(subscriptions.Children, text("subscription", "", "campaign_id", sub.campaign, "status", status,
			"activated_at", sub.activatedAt.Format(time.RFC3339), "opted_out_at", written(sub.optedOutAt, time.RFC3339), "opt_out_source", sub.source))
	}
	e := el("profile", []string{"id", p.id}, text("first_name", p.firstName), text("last_name", p.lastName), text("phone_number", p.phone[1:]),
		text("created_at", p.createdAt.Format(stamp)), text("opted_out_at", written(p.optedOutAt, stamp)), columns, subscriptions)
	if !withMessages {
		return e
	}
	for _, m := range s.all { // oldest first, as in the original's sample
		if m.Phone != p.phone {
			continue
		}
		status := "Received"
		if m.Sent {
			status = "sent"
		}
		messages.Children = append(messages.Children, el("message", []string{"id", m.ID}, text("message_type", m.Type), text("status", status),
			text("body", m.Body), text("when", m.At.Format(stamp)), s.campaign(m.Campaign)))
	}
	e.Children = append(e.Children, messages)
	return e
}

func subscriber(p *profile, sub subscription) element {
	return el("sub", nil, text("id", sub.id), text("profile_id", p.id), text("phone_number", p.phone[1:]),
		text("activated_at", written(sub.activatedAt, stamp)), text("opted_out_at", written(sub.optedOutAt, stamp)))
}
