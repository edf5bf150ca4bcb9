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

	EventCustomerUpdated = "customer.updated"
	EventCustomerDeleted = "customer.deleted"
)

// eventNames are all events a webhook may ask for; most are never emitted.
// See https://developer.helpscout.com/webhooks/.
var eventNames = []string{
	EventAgentReply, EventAssigned, EventCreated, "convo.custom-fields", EventCustomerReply, EventDeleted, EventMerged,
	EventMoved, EventNote, EventStatus, EventTags, "convo.ai-answers.created",
	"customer.created", EventCustomerUpdated, EventCustomerDeleted, "satisfaction.ratings",
	"beacon.chat.created", "beacon.chat.customer.replied", "tag.created", "tag.updated", "tag.deleted",
	"message.survey.response.received", "organization.created", "organization.updated", "organization.deleted",
	"user.status.changed",
}

// event is something to be sent to webhooks.
type event struct {
	name           string
	conversationID int64 // 0: about a customer
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
	told := func(w *Webhook) bool { return t.sim.cfg.IgnoreMailboxes || w.covers(mailboxes) }
	t.tell(name, rec.ID, told, func(rd renderer) any {
		if name == EventDeleted {
			return map[string]int64{"id": rec.ID}
		}
		return rd.webhookBody(rec.Conversation, threadID)
	})
}

// emitCustomer notes an event about a customer. Customers belong to no mailbox, so webhooks that are limited to
// mailboxes are told as well (U). The body is the customer as the API shows it, in all versions; of one who was deleted, the id.
func (t *tx) emitCustomer(name string, c *Customer) {
	t.tell(name, 0, func(*Webhook) bool { return true }, func(rd renderer) any {
		if name == EventCustomerDeleted {
			return map[string]int64{"id": c.ID}
		}
		return rd.customerResource(c)
	})
}

// tell notes an event for those of the webhooks in question that asked for it, once for each version of its body.
func (t *tx) tell(name string, conversationID int64, inQuestion func(*Webhook) bool, body func(renderer) any) {
	for _, version := range []string{"V1", "V2", "V3"} {
		e := event{name: name, conversationID: conversationID}
		for _, w := range t.webhooksInOrder() {
			if w.PayloadVersion == version && w.State == "enabled" && slices.Contains(w.Events, name) && inQuestion(w) {
				e.webhooks = append(e.webhooks, w.ID)
			}
		}
		if len(e.webhooks) == 0 {
			continue
		}
		e.body = body(renderer{state: t.state, sim: t.sim, base: "https://api.helpscout.net", version: version})
		t.events = append(t.events, e)
	}
}

func (w *Webhook) covers(mailboxes []int64) bool {
	return len(w.MailboxIDs) == 0 || slices.ContainsFunc(mailboxes, func(id int64) bool {
		return slices.Contains(w.MailboxIDs, id)
	})
}

// webhookBody is the conversation with those of its threads that the embed mode asks for.
func (rd renderer) webhookBody(c Conversation, threadID int64) any {
	embed := rd.sim.cfg.Embed
	var embedded []Thread
	for _, thread := range c.Threads {
		wanted := rd.version == "V1" || thread.Type != "lineitem"
		if wanted && embed != EmbedNone && (embed != EmbedNew || thread.ID == threadID) {
			embedded = append(embedded, thread)
		}
	}
	if embed == EmbedFirst {
		embedded = embedded[max(0, len(embedded)-threadsPerPage):]
	}
	if rd.version == "V1" {
		return rd.firstConversation(c, embedded)
	}
	j := rd.conversation(c)
	if embed != EmbedNone {
		j.Embedded = rd.threads(c, embedded)
	}
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
