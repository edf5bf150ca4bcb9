package twiliosim

import (
	"slices"
	"strconv"
	"time"
)

// Service is a Messaging Service: a pool of numbers, whose texts go where it says. It is in the state file.
type Service struct {
	// Sid is set by the simulator for a new one.
	Sid          string `json:"sid"`
	FriendlyName string `json:"friendly_name"`
	// InboundRequestURL is asked about each text to its numbers. Without it such texts are not even logged.
	InboundRequestURL string `json:"inbound_request_url"`
	// FallbackURL is asked when InboundRequestURL fails. Optional.
	FallbackURL string `json:"fallback_url"`
	// UseInboundWebhookOnNumber leaves it to each number where its texts go.
	UseInboundWebhookOnNumber bool `json:"use_inbound_webhook_on_number"`
	// PhoneNumbers are those that are in it. A number is in one service at most.
	PhoneNumbers []string `json:"phone_numbers"`
}

// service is a Messaging Service as the store keeps it. Its numbers name it, see line.Service.
type service struct {
	Sid     string            `json:"sid"`
	Created time.Time         `json:"date_created"`
	Updated time.Time         `json:"date_updated"`
	Props   map[string]string `json:"properties"` // by the names in serviceDefaults
}

// defers reports whether the service leaves it to each number where its texts go.
func (svc *service) defers() bool { return svc.Props["UseInboundWebhookOnNumber"] == "true" }

// discards reports whether texts to the service's numbers are not received at all.
func (svc *service) discards() bool { return !svc.defers() && svc.Props["InboundRequestUrl"] == "" }

func (st *store) service(sid string) *service {
	if i := slices.IndexFunc(st.services, func(svc *service) bool { return svc.Sid == sid }); i >= 0 {
		return st.services[i]
	}
	return nil
}

// serviceOf returns the service that a number is in, or nil.
func (st *store) serviceOf(number string) *service {
	if l := st.lineOf(number); l != nil {
		return st.service(l.Service)
	}
	return nil
}

// pool returns the numbers of the service that a number is in, or the number alone.
func (st *store) pool(number string) []string {
	svc := st.serviceOf(number)
	if svc == nil {
		return []string{number}
	}
	var all []string
	for _, l := range st.members(svc.Sid) {
		all = append(all, l.Number)
	}
	return all
}

// members returns the numbers in a service.
func (st *store) members(sid string) []*line {
	var all []*line
	for _, l := range st.lines {
		if l.Service == sid {
			all = append(all, l)
		}
	}
	return all
}

// SetService adds a Messaging Service, or changes the one with its SID, which it returns. Numbers that the account does not
// have are overlooked.
func (s *Sim) SetService(svc Service) (sid string) {
	s.mu.Lock()
	stored := s.store.service(svc.Sid)
	if stored == nil {
		stored = s.newService(svc.Sid)
	}
	stored.Props["FriendlyName"], stored.Props["UseInboundWebhookOnNumber"] = svc.FriendlyName, strconv.FormatBool(svc.UseInboundWebhookOnNumber)
	stored.Props["InboundRequestUrl"], stored.Props["FallbackUrl"] = svc.InboundRequestURL, svc.FallbackURL
	stored.Updated = s.now()
	for _, l := range s.store.lines {
		switch in := slices.Contains(svc.PhoneNumbers, l.Number); {
		case in && l.Service != stored.Sid:
			l.Service, l.Joined = stored.Sid, s.now()
		case !in && l.Service == stored.Sid:
			l.Service, l.Joined = "", time.Time{}
		}
	}
	s.mu.Unlock()
	s.noteChange()
	return stored.Sid
}

// newService stores a service with the defaults. It needs the lock. An empty SID makes a new one.
func (s *Sim) newService(sid string) *service {
	if sid == "" {
		sid = "MG" + s.store.randomHex()
	}
	svc := &service{Sid: sid, Created: s.now(), Updated: s.now(), Props: map[string]string{}}
	for name, value := range serviceDefaults {
		svc.Props[name] = value
	}
	s.store.services = append(s.store.services, svc)
	return svc
}

// Services returns the account's Messaging Services, oldest first.
func (s *Sim) Services() []Service {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := []Service{}
	for _, svc := range s.store.services {
		one := Service{
			Sid: svc.Sid, FriendlyName: svc.Props["FriendlyName"], InboundRequestURL: svc.Props["InboundRequestUrl"],
			FallbackURL: svc.Props["FallbackUrl"], UseInboundWebhookOnNumber: svc.defers(), PhoneNumbers: []string{},
		}
		for _, l := range s.store.members(svc.Sid) {
			one.PhoneNumbers = append(one.PhoneNumbers, l.Number)
		}
		all = append(all, one)
	}
	return all
}
