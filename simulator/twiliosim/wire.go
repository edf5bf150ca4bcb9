package twiliosim

import (
	"strconv"
	"time"
)

// messageJSON is a message in the API. See https://www.twilio.com/docs/messaging/api/message-resource#message-properties.
type messageJSON struct {
	AccountSid          string            `json:"account_sid"`
	APIVersion          string            `json:"api_version"`
	Body                string            `json:"body"`
	DateCreated         string            `json:"date_created"`
	DateSent            *string           `json:"date_sent"`
	DateUpdated         string            `json:"date_updated"`
	Direction           string            `json:"direction"`
	ErrorCode           *int              `json:"error_code"`
	ErrorMessage        *string           `json:"error_message"`
	From                string            `json:"from"`
	MessagingServiceSid *string           `json:"messaging_service_sid"`
	NumMedia            string            `json:"num_media"`
	NumSegments         string            `json:"num_segments"`
	Price               *string           `json:"price"`
	PriceUnit           string            `json:"price_unit"`
	Sid                 string            `json:"sid"`
	Status              string            `json:"status"`
	SubresourceURIs     map[string]string `json:"subresource_uris"`
	To                  string            `json:"to"`
	URI                 string            `json:"uri"`
}

const apiVersion = "2010-04-01"

func (s *Sim) messageJSON(m Message) messageJSON {
	uri := s.uri("/Messages/" + m.Sid)
	j := messageJSON{
		AccountSid: s.cfg.AccountSID, APIVersion: apiVersion,
		Body: m.Body, Direction: m.Direction, From: m.From, To: m.To, Sid: m.Sid, Status: m.Status,
		DateCreated: rfc2822(m.DateCreated), DateUpdated: rfc2822(m.DateUpdated),
		NumMedia: strconv.Itoa(len(m.Media)), NumSegments: strconv.Itoa(segments(m.Body)), PriceUnit: "USD",
		SubresourceURIs: map[string]string{"media": uri + "/Media.json"}, URI: uri + ".json",
	}
	if m.MessagingServiceSid != "" {
		j.MessagingServiceSid = &m.MessagingServiceSid
	}
	if !m.DateSent.IsZero() {
		j.DateSent = new(rfc2822(m.DateSent))
	}
	if m.ErrorCode != 0 {
		j.ErrorCode, j.ErrorMessage = &m.ErrorCode, new(errorText(m.ErrorCode))
	}
	return j
}

// mediaJSON is a file in the API. See https://www.twilio.com/docs/messaging/api/media-resource#media-properties.
type mediaJSON struct {
	AccountSid  string `json:"account_sid"`
	ContentType string `json:"content_type"`
	DateCreated string `json:"date_created"`
	DateUpdated string `json:"date_updated"`
	ParentSid   string `json:"parent_sid"`
	Sid         string `json:"sid"`
	URI         string `json:"uri"`
}

func (s *Sim) mediaJSON(m Message, file Media) mediaJSON {
	return mediaJSON{
		AccountSid: s.cfg.AccountSID, ContentType: file.ContentType, ParentSid: m.Sid, Sid: file.Sid,
		DateCreated: rfc2822(m.DateCreated), DateUpdated: rfc2822(m.DateCreated),
		URI: s.uri("/Messages/" + m.Sid + "/Media/" + file.Sid + ".json"),
	}
}

// uri is a path within the account, as answers carry it.
func (s *Sim) uri(path string) string {
	return "/" + apiVersion + "/Accounts/" + s.cfg.AccountSID + path
}

func rfc2822(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }
