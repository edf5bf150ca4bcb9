package dialer

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// ticket is what the sidebar hands the dialer: what Help Scout has signed, and until when we believe that. It is not a login. It
// only says about which conversation, and as whom, somebody may ask for codes.
type ticket struct {
	Conversation int64 `json:"c"`
	Mailbox      int64 `json:"m"`
	User         int64 `json:"u"`
	Until        int64 `json:"t"` // Unix seconds
}

// ticketLife is how long a sidebar may stand open before its button is pressed.
const ticketLife = 8 * time.Hour

func (r keyring) ticket(t ticket) string {
	b, _ := json.Marshal(t) // it has numbers only
	body := base64.RawURLEncoding.EncodeToString(b)
	return body + "." + base64.RawURLEncoding.EncodeToString(mac(r[0].ticket, body))
}

// readTicket returns what a ticket says, if it is ours and still good.
func (r keyring) readTicket(s string, now time.Time) (t ticket, ok bool) {
	body, sum, _ := strings.Cut(s, ".")
	got, err := base64.RawURLEncoding.Strict().DecodeString(sum)
	if err != nil {
		return t, false
	}
	for _, k := range r {
		ok = hmac.Equal(mac(k.ticket, body), got) || ok
	}
	b, err := base64.RawURLEncoding.DecodeString(body)
	if !ok || err != nil || json.Unmarshal(b, &t) != nil {
		return ticket{}, false
	}
	return t, now.Unix() < t.Until
}
