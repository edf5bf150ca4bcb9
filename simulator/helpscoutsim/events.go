package helpscoutsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// The events that the simulator emits.
const (
	EventAgentReply    = "convo.agent.reply.created"
	EventAssigned      = "convo.assigned"
	EventCreated       = "convo.created"
	EventCustomerReply = "convo.customer.reply.created"
	EventDeleted       = "convo.deleted"
	EventMerged        = "convo.merged"
	EventMoved         = "convo.moved"
	EventNote          = "convo.note.created"
	EventStatus        = "convo.status"
	EventTags          = "convo.tags"
)

// eventNames are all events a webhook may ask for; most are never emitted.
// See https://developer.helpscout.com/webhooks/.
var eventNames = []string{
	EventAgentReply, EventAssigned, EventCreated, "convo.custom-fields", EventCustomerReply, EventDeleted, EventMerged,
	EventMoved, EventNote, EventStatus, EventTags, "convo.ai-answers.created",
	"customer.created", "customer.updated", "customer.deleted", "satisfaction.ratings",
	"beacon.chat.created", "beacon.chat.customer.replied", "tag.created", "tag.updated", "tag.deleted",
	"message.survey.response.received", "organization.created", "organization.updated", "organization.deleted",
	"user.status.changed",
}

// event is something to be sent to webhooks.
type event struct {
	name           string
	conversationID int64
	webhooks       []int64
	body           any
}

// eventOf returns the event that a new thread causes.
func eventOf(t Thread) string {
	switch t.Type {
	case "note":
		return EventNote
	case "message", "reply":
		return EventAgentReply
	}
	return EventCustomerReply
}

// emit notes an event for the webhooks that asked for it, with the body as things are now. threadID is the thread
// that caused it, or 0; alsoIn are mailboxes besides the conversation's own whose webhooks are told.
func (t *tx) emit(name string, rec *record, threadID int64, alsoIn ...int64) {
	mailboxes := append(alsoIn, rec.MailboxID)
	e := event{name: name, conversationID: rec.ID}
	for _, w := range t.webhooksInOrder() {
		if w.State == "enabled" && slices.Contains(w.Events, name) && (t.sim.cfg.IgnoreMailboxes || w.covers(mailboxes)) {
			e.webhooks = append(e.webhooks, w.ID)
		}
	}
	if len(e.webhooks) == 0 {
		return
	}
	if name == EventDeleted {
		e.body = map[string]int64{"id": rec.ID}
	} else {
		e.body = t.webhookBody(rec.Conversation, threadID)
	}
	t.events = append(t.events, e)
}

func (w *Webhook) covers(mailboxes []int64) bool {
	return len(w.MailboxIDs) == 0 || slices.ContainsFunc(mailboxes, func(id int64) bool {
		return slices.Contains(w.MailboxIDs, id)
	})
}

// webhookBody is the conversation with those of its threads that the embed mode asks for.
func (t *tx) webhookBody(c Conversation, threadID int64) conversationJSON {
	rd := renderer{t.state, t.sim, "https://api.helpscout.net"}
	j := rd.conversation(c)
	var embedded []Thread
	for _, thread := range c.Threads {
		if thread.Type != "lineitem" && (t.sim.cfg.Embed != EmbedNew || thread.ID == threadID) {
			embedded = append(embedded, thread)
		}
	}
	switch t.sim.cfg.Embed {
	case EmbedNone:
		return j
	case EmbedFirst:
		embedded = embedded[max(0, len(embedded)-threadsPerPage):]
	}
	j.Embedded = rd.threads(c, embedded)
	return j
}

// encode writes a webhook body, in the style of PHP's json_encode unless plain.
func encode(body any, plain bool) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if plain {
		return text, nil
	}
	return phpStyle(text), nil
}

// phpStyle rewrites JSON as PHP writes it: a backslash before every slash, and everything beyond ASCII escaped,
// as two surrogates where need be. In JSON both stand within strings only.
func phpStyle(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/8)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '/':
			out = append(out, '\\', '/')
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r > 0xFFFF:
			high, low := 0xD800+(r-0x10000)>>10, 0xDC00+(r-0x10000)&0x3FF
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}
