package telnyxsim

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// How an outbound message stands: https://developers.telnyx.com/api-reference/callbacks/delivery-update.
const (
	Queued        = "queued"
	Sent          = "sent"
	Delivered     = "delivered"
	Unconfirmed   = "delivery_unconfirmed" // it may have arrived
	Undelivered   = "delivery_failed"
	SendingFailed = "sending_failed" // it has never left
)

// Message is a message from or to a person.
type Message struct {
	ID       string
	Inbound  bool
	From, To string
	Text     string
	Media    []Media
	Status   string // of an outbound one
	Code     int    // the error code, if it failed
	Arrived  bool   // the phone has it
	Told     bool   // nothing more is told of it
	System   bool   // Telnyx's own answer to STOP and its like
	Keyword  string // STOP, START or HELP, if a text from a person was taken for one

	ReceivedAt  time.Time // by Telnyx
	SentAt      time.Time
	CompletedAt time.Time

	hooks hooks
	also  hooks // the profile's, if they are used too
}

// Media is a file.
type Media struct {
	ContentType string
	Data        []byte
	URL         string // where it is fetched from
}

// hooks are where a webhook goes, and where if that fails.
type hooks struct{ url, failover string }

// object is JSON.
type object map[string]any

// wire is a message as the API and the webhooks have it.
func (m *Message) wire() object {
	kind, direction, status, fromStatus := "SMS", "outbound", m.Status, ""
	if m.Inbound {
		direction, status, fromStatus = "inbound", "webhook_delivered", "received"
	}
	media, problems := []object{}, []object{}
	for _, file := range m.Media {
		kind = "MMS"
		one := object{"url": file.URL, "content_type": nil, "size": nil}
		if m.Inbound {
			sum := sha256.Sum256(file.Data)
			one = object{"url": file.URL, "content_type": file.ContentType, "size": len(file.Data), "hash_sha256": hex.EncodeToString(sum[:])}
		}
		media = append(media, one)
	}
	if m.Code != 0 {
		problems = append(problems, newError(m.Code, ""))
	}
	return object{
		"record_type": "message", "direction": direction, "id": m.ID, "type": kind, "text": m.Text, "subject": nil, "parts": 1,
		"from":  object{"phone_number": m.From, "status": fromStatus, "carrier": "", "line_type": "Wireless"},
		"to":    []object{{"phone_number": m.To, "status": status, "carrier": "", "line_type": "Wireless"}},
		"cc":    []object{},
		"media": media, "errors": problems, "autoresponse_type": orNull(m.Keyword),
		"webhook_url": orNull(m.hooks.url), "webhook_failover_url": orNull(m.hooks.failover),
		"received_at": date(m.ReceivedAt), "sent_at": date(m.SentAt), "completed_at": date(m.CompletedAt),
	}
}

// titles are of the error codes that the simulator answers: https://developers.telnyx.com/docs/messaging/messages/error-codes.
var titles = map[int]string{
	10003: "Invalid URL", 10004: "Missing required parameter", 10005: "Resource not found", 10009: "Authentication failed",
	10014: "Unsupported Media Type", 10015: "Bad Request", 40300: "Blocked due to STOP message", 40305: "Invalid 'from' address",
	40310: "Invalid 'to' address", 40316: "No content provided for message", 40317: "Invalid MMS content",
}

func newError(code int, detail string) object {
	return object{"code": fmt.Sprint(code), "title": titles[code], "detail": detail}
}

// date writes a time as Telnyx does; null for none.
func date(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.Format("2006-01-02T15:04:05.000-07:00")
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// newID returns a random UUID.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
