package telephony

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/mobilecommons"
	"github.com/bling-hotline/bling/services/telephony/telnyx"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// makeCarriers makes the clients of the carriers whose accounts are set.
func (s *Service) makeCarriers() (err error) {
	s.carry = map[hotline.Transport]carrier.Carrier{}
	if s.twilio, err = twilio.New(s.APIURL, s.AccountSID, s.AuthToken); err != nil {
		return err
	}
	if s.AccountSID != "" {
		s.carry[hotline.Twilio] = s.twilio
	}
	if s.Telnyx.APIKey != "" {
		if s.carry[hotline.Telnyx], err = telnyx.New(s.Telnyx.URL, s.Telnyx.APIKey); err != nil {
			return err
		}
	}
	if s.MobileCommons.Username != "" {
		if s.carry[hotline.MobileCommons], err = mobilecommons.New(s.MobileCommons.URL, s.MobileCommons.Username, s.MobileCommons.Password); err != nil {
			return err
		}
	}
	for _, h := range s.Hotlines {
		if s.carry[h.Transport] == nil {
			return fmt.Errorf("a hotline is at %s, whose account is not set", h.Transport)
		}
	}
	return nil
}

// transport is who carries a number. One that is no hotline's any more was Twilio's, most likely.
func (s *Service) transport(number phone.Number) hotline.Transport {
	h, _ := s.Hotlines.ByNumber(number)
	return cmp.Or(h.Transport, hotline.Twilio)
}

// carrierOf is the client of who carries a number.
func (s *Service) carrierOf(number phone.Number) carrier.Carrier {
	if c, known := s.carry[s.transport(number)]; known {
		return c
	}
	return nobody{}
}

// nobody carries what is left of a hotline whose carrier's account is not set any more.
type nobody struct{}

func (nobody) Name() string { return "the carrier" }
func (nobody) Send(context.Context, carrier.NewMessage) (string, error) {
	return "", &carrier.Error{Carrier: "the carrier", Outcome: carrier.Refused, Cause: errors.New("its account is not set")}
}
func (nobody) FetchMedia(context.Context, string, int64) ([]byte, string, error) {
	return nil, "", carrier.MediaError("the carrier's account is not set any more")
}
func (nobody) Explain(int) string { return "" }
func (nobody) OptedOut(int) bool  { return false }

// numbers are all numbers of all hotlines.
func (s *Service) numbers() []phone.Number {
	return s.numbersOf(func(hotline.Hotline) bool { return true })
}

// numbersOf are all numbers of some hotlines.
func (s *Service) numbersOf(some func(hotline.Hotline) bool) (all []phone.Number) {
	for _, h := range s.Hotlines {
		if some(h) {
			all = append(all, h.Numbers()...)
		}
	}
	return all
}
