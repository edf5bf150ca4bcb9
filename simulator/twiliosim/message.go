package twiliosim

import (
	"slices"
	"time"
)

// The states of a message. See https://www.twilio.com/docs/messaging/api/message-resource#message-status-values.
const (
	StatusQueued      = "queued"
	StatusSending     = "sending"
	StatusSent        = "sent"
	StatusDelivered   = "delivered"
	StatusUndelivered = "undelivered"
	StatusFailed      = "failed"
	StatusCanceled    = "canceled"
	StatusReceived    = "received"
)

// The directions of a message; a call has two of them, and OutboundDial.
const (
	Inbound       = "inbound"        // from a supporter
	OutboundAPI   = "outbound-api"   // made with POST Messages.json; of a call, with POST Calls.json
	OutboundReply = "outbound-reply" // made by the answer of a webhook
)

// Message is a message of the account.
type Message struct {
	Sid            string  `json:"sid"`
	From           string  `json:"from"`
	To             string  `json:"to"`
	Body           string  `json:"body"`
	Media          []Media `json:"media,omitempty"`
	Direction      string  `json:"direction"`
	Status         string  `json:"status"`
	ErrorCode      int     `json:"error_code,omitempty"`
	StatusCallback string  `json:"status_callback,omitempty"`
	// MessagingServiceSid is the service that our number was in when a text came in.
	MessagingServiceSid string    `json:"messaging_service_sid,omitempty"`
	DateCreated         time.Time `json:"date_created"` // of an outbound message: when the call was accepted
	DateUpdated         time.Time `json:"date_updated"`
	DateSent            time.Time `json:"date_sent,omitzero"` // zero while it waits
	// System marks Twilio's own answer to STOP and its like, which is not from the account: phones get it, the API does
	// not show it.
	System bool `json:"system,omitempty"`
	// Deleted marks a message that was removed through the API. The phone that got it keeps it.
	Deleted bool `json:"deleted,omitempty"`
	// Unlogged marks a text that Twilio did not even keep: its number is in a Messaging Service without an InboundRequestUrl.
	Unlogged bool `json:"unlogged,omitempty"`
}

// Media is a file of a message.
type Media struct {
	// Sid is set by the simulator.
	Sid         string `json:"sid,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	// Data is the file. Copies of a message share it: it must not be changed. An outbound message has it from when its
	// file was fetched, which is before it arrives.
	Data []byte `json:"data,omitempty"`
	// URL is where a file of an outbound message comes from.
	URL string `json:"url,omitempty"`
}

// record is a message as the store keeps it.
type record struct {
	Message
	// Token is the idempotency token of an inbound message's webhook.
	Token string `json:"token,omitempty"`
	// mediaCode is how a message ends whose files could not be fetched; 0 otherwise.
	mediaCode int
	// taken says that the carrier may have an outbound message: the call that made it has its answer.
	taken bool
	// settled is closed when the status callbacks of an outbound message have been posted.
	settled chan struct{}
}

// hidden says that the API does not show the message.
func (r *record) hidden() bool { return r.System || r.Deleted || r.Unlogged }

// copy needs the store's lock, its result does not.
func (r *record) copy() Message {
	m := r.Message
	m.Media = slices.Clone(m.Media)
	return m
}

func copies(records []*record) []Message {
	all := make([]Message, len(records))
	for i, r := range records {
		all[i] = r.copy()
	}
	return all
}
