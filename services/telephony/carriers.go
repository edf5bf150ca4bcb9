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

// transport is who carries a number now. One that is no hotline's any more was Twilio's, most likely.
func (s *Service) transport(number phone.Number) hotline.Transport {
	h, _ := s.Hotlines.ByNumber(number)
	return cmp.Or(h.Transport, hotline.Twilio)
}

// carrierOf is the client of who carries a number now. What is already at a carrier is asked of that one: see carrierNamed.
func (s *Service) carrierOf(number phone.Number) carrier.Carrier {
	return s.carrierNamed(s.transport(number))
}

// carrierNamed is the client of a carrier, also of one that no hotline is at any more. Without an account it can do nothing but explain what
// was.
func (s *Service) carrierNamed(t hotline.Transport) carrier.Carrier {
	if c, known := s.carry[t]; known {
		return c
	}
	switch t {
	case hotline.Telnyx:
		return gone{&telnyx.Client{}}
	case hotline.MobileCommons:
		return gone{&mobilecommons.Client{}}
	}
	return gone{&twilio.Client{}}
}

// gone is a carrier whose account is not set any more.
type gone struct{ carrier.Carrier }

func (g gone) Send(context.Context, carrier.NewMessage) (string, error) {
	return "", &carrier.Error{Carrier: g.Name(), Outcome: carrier.Refused, Cause: errors.New("its account is not set")}
}

func (g gone) FetchMedia(context.Context, string, int64) ([]byte, string, error) {
	return nil, "", carrier.MediaError("it is at " + g.Name() + ", whose account is not set any more")
}

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
