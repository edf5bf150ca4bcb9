package twiliosim

import "errors"

// Carrier is how texts to one phone end. The zero value is the usual end: they arrive, and that is reported. Of Refuse,
// Fail, Undelivered and Silent the first that is set counts. What a carrier says goes before what a magic number says,
// but for the refusals of the API. It is not in the state file.
type Carrier struct {
	// Refuse is the code of the error that the call answers which would send a text: 21610, 21614, 21211, 21408, ...
	Refuse int `json:"refuse,omitempty"`
	// Fail is the code with which texts that were accepted end as failed; they never leave Twilio: 30001, 30008, ...
	Fail int `json:"fail,omitempty"`
	// Undelivered is the code with which texts end as undelivered, after sent: 30003, 30005, 30006, 30007, 30034, ...
	Undelivered int `json:"undelivered,omitempty"`
	// Silent lets texts reach the phone without their delivery ever being reported: sent is the last status.
	Silent bool `json:"silent,omitempty"`
	// Next limits the four above to so many texts, and counts down. Zero: all texts.
	Next int `json:"next,omitempty"`
	// Held keeps texts queued until it is taken back. What then becomes of them is decided then.
	Held bool `json:"held,omitempty"`
}

// SetCarrier says how texts to a phone end from now on, those that are queued included. The zero Carrier takes it back.
func (s *Sim) SetCarrier(number string, c Carrier) {
	s.mu.Lock()
	s.store.setCarrier(number, c)
	s.mu.Unlock()
	s.carrier.wake()
	s.changed.send()
}

// Carrier returns how texts to a phone end, with Next as far down as it has got.
func (s *Sim) Carrier(number string) Carrier {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.store.carriers[number]
}

func (c Carrier) check() error {
	ends := 0
	for _, set := range []bool{c.Refuse != 0, c.Fail != 0, c.Undelivered != 0, c.Silent} {
		if set {
			ends++
		}
	}
	for _, code := range []int{c.Refuse, c.Fail, c.Undelivered} {
		if code < 0 || code > 99_999 {
			return errors.New("a code must be from 1 to 99999")
		}
	}
	switch {
	case ends > 1:
		return errors.New("only one of refuse, fail, undelivered and silent can be")
	case c.Next < 0 || c.Next > 0 && ends == 0:
		return errors.New("next must not be negative, and needs one of refuse, fail, undelivered and silent")
	}
	return nil
}

func (st *store) setCarrier(number string, c Carrier) {
	if c == (Carrier{}) {
		delete(st.carriers, number)
		return
	}
	st.carriers[number] = c
}

// spend counts a text that ends as the phone's carrier says.
func (st *store) spend(number string) {
	c := st.carriers[number]
	if c.Next == 0 {
		return
	}
	if c.Next--; c.Next == 0 {
		c = Carrier{Held: c.Held}
	}
	st.setCarrier(number, c)
}

// refused returns the code with which the next text to a phone is refused, and counts it; 0 if it is not refused.
func (st *store) refused(number string) int {
	code := st.carriers[number].Refuse
	if code != 0 {
		st.spend(number)
	}
	return code
}

// lifeOf says what a message goes through after it was queued, and counts it for the phone's carrier.
func (st *store) lifeOf(rec *record) []step {
	if rec.mediaCode != 0 {
		return []step{{status: StatusFailed, code: rec.mediaCode}}
	}
	var life []step
	c := st.carriers[rec.To]
	switch {
	case c.Refuse != 0: // was accepted before that
		return usualLife
	case c.Fail != 0:
		life = failed(c.Fail)
	case c.Undelivered != 0:
		life = undelivered(c.Undelivered)
	case c.Silent:
		life = silentLife
	case magicLife[rec.To] != nil:
		return magicLife[rec.To]
	default:
		return usualLife
	}
	st.spend(rec.To)
	return life
}
