package twilio

import (
	"context"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/bling-hotline/bling/internal/phone"
)

// Number is a number of the account.
type Number struct {
	SID    string
	Number phone.Number
	Texts  bool // whether it can receive texts
	Calls  bool // whether it can receive calls
	// Settings say what becomes of texts and calls, by Twilio's names of them. One that is not set is empty.
	Settings map[string]string
}

// setting is something that can be set of a number.
// See https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
type setting struct {
	name string
	get  func(api.ApiV2010IncomingPhoneNumber) *string
	set  func(*api.UpdateIncomingPhoneNumberParams, string) *api.UpdateIncomingPhoneNumberParams
}

type (
	number = api.ApiV2010IncomingPhoneNumber
	update = api.UpdateIncomingPhoneNumberParams
)

var settings = []setting{
	{"SmsUrl", func(n number) *string { return n.SmsUrl }, (*update).SetSmsUrl},
	{"SmsMethod", func(n number) *string { return n.SmsMethod }, (*update).SetSmsMethod},
	{"SmsFallbackUrl", func(n number) *string { return n.SmsFallbackUrl }, (*update).SetSmsFallbackUrl},
	{"SmsFallbackMethod", func(n number) *string { return n.SmsFallbackMethod }, (*update).SetSmsFallbackMethod},
	{"SmsApplicationSid", func(n number) *string { return n.SmsApplicationSid }, (*update).SetSmsApplicationSid},
	{"VoiceUrl", func(n number) *string { return n.VoiceUrl }, (*update).SetVoiceUrl},
	{"VoiceMethod", func(n number) *string { return n.VoiceMethod }, (*update).SetVoiceMethod},
	{"VoiceFallbackUrl", func(n number) *string { return n.VoiceFallbackUrl }, (*update).SetVoiceFallbackUrl},
	{"VoiceFallbackMethod", func(n number) *string { return n.VoiceFallbackMethod }, (*update).SetVoiceFallbackMethod},
	{"StatusCallback", func(n number) *string { return n.StatusCallback }, (*update).SetStatusCallback},
	{"StatusCallbackMethod", func(n number) *string { return n.StatusCallbackMethod }, (*update).SetStatusCallbackMethod},
	{"VoiceApplicationSid", func(n number) *string { return n.VoiceApplicationSid }, (*update).SetVoiceApplicationSid},
	{"TrunkSid", func(n number) *string { return n.TrunkSid }, (*update).SetTrunkSid},
}

// Numbers returns the account's numbers. Short codes are not among them. The error is always a *carrier.Error.
func (c *Client) Numbers(ctx context.Context) (found []Number, err error) {
	params := &api.ListIncomingPhoneNumberParams{}
	params.SetPageSize(1000)
	call, service := c.call(ctx)
	defer call.cancel()
	list, err := service.ListIncomingPhoneNumber(params)
	if err != nil {
		return nil, call.failed(err)
	}
	for _, n := range list {
		one := Number{SID: word(n.Sid), Number: phone.Number(word(n.PhoneNumber)), Settings: map[string]string{}}
		if can := n.Capabilities; can != nil {
			one.Texts, one.Calls = can.Sms, can.Voice
		}
		for _, s := range settings {
			one.Settings[s.name] = word(s.get(n))
		}
		found = append(found, one)
	}
	return found, nil
}

// SetNumber changes these settings of a number, all at once, and leaves the others. The error is always a *carrier.Error.
func (c *Client) SetNumber(ctx context.Context, sid string, to map[string]string) error {
	params := &api.UpdateIncomingPhoneNumberParams{}
	for _, s := range settings {
		if value, ok := to[s.name]; ok {
			s.set(params, value)
		}
	}
	call, service := c.call(ctx)
	defer call.cancel()
	if _, err := service.UpdateIncomingPhoneNumber(sid, params); err != nil {
		return call.failed(err)
	}
	return nil
}
