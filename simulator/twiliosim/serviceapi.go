package twiliosim

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// serviceDefaults are what can be set of a Messaging Service, and what it is at first. Only the name and what decides where texts
// go mean something here. Advanced Opt-Out is not among them: the API neither shows nor changes it.
var serviceDefaults = map[string]string{
	"FriendlyName": "", "InboundRequestUrl": "", "InboundMethod": "POST", "FallbackUrl": "", "FallbackMethod": "POST",
	"StatusCallback": "", "StickySender": "true", "MmsConverter": "true", "SmartEncoding": "true", "FallbackToLongCode": "true",
	"AreaCodeGeomatch": "true", "ScanMessageContent": "inherit", "SynchronousValidation": "false", "ValidityPeriod": "36000",
	"Usecase": "undeclared", "UseInboundWebhookOnNumber": "false",
}

var serviceParams = paramRules{known: slices.Collect(maps.Keys(serviceDefaults))}

// serviceRoutes are those of https://messaging.twilio.com.
func (s *Sim) serviceRoutes(mux *http.ServeMux) {
	mux.Handle("GET /v1/Services", s.api(s.listServices))
	mux.Handle("POST /v1/Services", s.api(s.createService))
	mux.Handle("GET /v1/Services/{service}", s.api(s.fetchService))
	mux.Handle("POST /v1/Services/{service}", s.api(s.updateService))
	mux.Handle("DELETE /v1/Services/{service}", s.api(s.deleteService))
	mux.Handle("GET /v1/Services/{service}/PhoneNumbers", s.api(s.listMembers))
	mux.Handle("POST /v1/Services/{service}/PhoneNumbers", s.api(s.addMember))
	mux.Handle("GET /v1/Services/{service}/PhoneNumbers/{number}", s.api(s.fetchMember))
	mux.Handle("DELETE /v1/Services/{service}/PhoneNumbers/{number}", s.api(s.removeMember))
}

// listServices lists Messaging Services, newest first.
//
// GET /v1/Services
// https://www.twilio.com/docs/messaging/services/api
func (s *Sim) listServices(w http.ResponseWriter, r *http.Request) error {
	query, page, err := pageQuery(r)
	if err != nil {
		return err
	}
	s.mu.RLock()
	found, last, more := pageBack(s.store.services, page, func(svc *service) string { return svc.Sid }, func(*service) bool { return true })
	rows := make([]map[string]any, len(found))
	for i, svc := range found {
		rows[i] = s.serviceJSON(svc)
	}
	base := s.publicURL
	s.mu.RUnlock()
	writeJSON(w, http.StatusOK, map[string]any{"services": rows, "meta": page.meta(base+"/v1/Services", query, "services", last, more)})
	return nil
}

// pageQuery reads the query of a list that has no filters.
func pageQuery(r *http.Request) (url.Values, page, error) {
	query, err := paramRules{known: pageParams}.query(r)
	if err != nil {
		return nil, page{}, err
	}
	p, err := pageOf(query)
	return query, p, err
}

// createService makes a Messaging Service without numbers.
//
// POST /v1/Services
// https://www.twilio.com/docs/messaging/services/api
func (s *Sim) createService(w http.ResponseWriter, r *http.Request) error {
	form, err := serviceForm(w, r)
	if err != nil {
		return err
	}
	if form.Get("FriendlyName") == "" {
		return refuse(20001, "Missing required parameter FriendlyName in the post body")
	}
	s.mu.Lock()
	svc := s.newService("")
	answer := s.setService(svc, form)
	s.mu.Unlock()
	s.noteChange()
	note(r, svc.Sid, nil)
	writeJSON(w, http.StatusCreated, answer)
	return nil
}

func serviceForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	form, err := serviceParams.form(w, r)
	if err != nil {
		return nil, err
	}
	for name := range form {
		if err := checkServiceParam(name, form.Get(name)); err != nil {
			return nil, err
		}
	}
	return form, nil
}

func checkServiceParam(name, value string) error {
	usual := serviceDefaults[name]
	isURL := strings.HasSuffix(name, "Url") || name == "StatusCallback"
	choices := map[string][]string{
		"ScanMessageContent": {"inherit", "enable", "disable"},
		"Usecase":            {"notifications", "marketing", "verification", "discussion", "poll", "undeclared"},
	}[name]
	switch {
	case name == "FriendlyName" && (value == "" || utf8.RuneCountInString(value) > 64):
		return refuse(20001, "FriendlyName must have 1 to 64 characters")
	case isURL && value != "" && !isWebURL(value):
		return refuse(20001, "%s %q is no absolute http or https URL", name, value)
	case strings.HasSuffix(name, "Method") && value != http.MethodPost:
		return refuse(20001, "%s %q is not simulated: webhooks of messages are sent with POST", name, value)
	case (usual == "true" || usual == "false") && value != "true" && value != "false":
		return refuse(20001, "%s %q is neither true nor false", name, value)
	case choices != nil && !slices.Contains(choices, value):
		return refuse(20001, "%s %q is none of %s", name, value, strings.Join(choices, ", "))
	case name == "ValidityPeriod":
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 36000 {
			return refuse(20001, "ValidityPeriod %q is not from 1 to 36000", value)
		}
	}
	return nil
}

// setService changes a service, and returns it as the API shows it. It needs the lock.
func (s *Sim) setService(svc *service, form url.Values) map[string]any {
	for name := range form {
		svc.Props[name] = form.Get(name)
	}
	if len(form) > 0 {
		svc.Updated = s.now()
	}
	return s.serviceJSON(svc)
}

// fetchService returns a Messaging Service.
//
// GET /v1/Services/{Sid}
// https://www.twilio.com/docs/messaging/services/api
func (s *Sim) fetchService(w http.ResponseWriter, r *http.Request) error {
	return s.withService(w, r, nil)
}

// updateService changes a Messaging Service.
//
// POST /v1/Services/{Sid}
// https://www.twilio.com/docs/messaging/services/api
func (s *Sim) updateService(w http.ResponseWriter, r *http.Request) error {
	form, err := serviceForm(w, r)
	if err != nil {
		return err
	}
	return s.withService(w, r, form)
}

func (s *Sim) withService(w http.ResponseWriter, r *http.Request, form url.Values) error {
	s.mu.Lock()
	svc := s.store.service(r.PathValue("service"))
	if svc == nil {
		s.mu.Unlock()
		return notFound(r)
	}
	answer := s.setService(svc, form)
	s.mu.Unlock()
	if len(form) > 0 {
		s.noteChange()
	}
	note(r, r.PathValue("service"), nil)
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// deleteService removes a Messaging Service. Its numbers stay in the account, and their own URLs count again.
//
// DELETE /v1/Services/{Sid}
// https://www.twilio.com/docs/messaging/services/api
func (s *Sim) deleteService(w http.ResponseWriter, r *http.Request) error {
	sid := r.PathValue("service")
	s.mu.Lock()
	if s.store.service(sid) == nil {
		s.mu.Unlock()
		return notFound(r)
	}
	for _, l := range s.store.members(sid) {
		l.Service, l.Joined = "", time.Time{}
	}
	s.store.services = slices.DeleteFunc(s.store.services, func(svc *service) bool { return svc.Sid == sid })
	s.mu.Unlock()
	s.noteChange()
	note(r, sid, nil)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// serviceJSON needs the lock. See https://www.twilio.com/docs/messaging/services/api.
func (s *Sim) serviceJSON(svc *service) map[string]any {
	at := s.publicURL + "/v1/Services/" + svc.Sid
	answer := map[string]any{
		"sid": svc.Sid, "account_sid": s.cfg.AccountSID, "date_created": svc.Created.Format(time.RFC3339),
		"date_updated": svc.Updated.Format(time.RFC3339), "us_app_to_person_registered": false, "url": at,
		"links": map[string]string{"phone_numbers": at + "/PhoneNumbers"},
	}
	for name, usual := range serviceDefaults {
		value := svc.Props[name]
		switch {
		case usual == "true" || usual == "false":
			answer[snake(name)] = value == "true"
		case name == "ValidityPeriod":
			answer[snake(name)], _ = strconv.Atoi(value) // was checked
		case value == "":
			answer[snake(name)] = nil
		default:
			answer[snake(name)] = value
		}
	}
	return answer
}

// listMembers lists the numbers of a Messaging Service, newest first.
//
// GET /v1/Services/{ServiceSid}/PhoneNumbers
// https://www.twilio.com/docs/messaging/api/phonenumber-resource
func (s *Sim) listMembers(w http.ResponseWriter, r *http.Request) error {
	query, page, err := pageQuery(r)
	if err != nil {
		return err
	}
	sid := r.PathValue("service")
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.store.service(sid) == nil {
		return notFound(r)
	}
	found, last, more := pageBack(s.store.lines, page, func(l *line) string { return l.Sid }, func(l *line) bool { return l.Service == sid })
	rows := make([]map[string]any, len(found))
	for i, l := range found {
		rows[i] = s.memberJSON(l)
	}
	list := s.publicURL + "/v1/Services/" + sid + "/PhoneNumbers"
	writeJSON(w, http.StatusOK, map[string]any{"phone_numbers": rows, "meta": page.meta(list, query, "phone_numbers", last, more)})
	return nil
}

var memberParams = paramRules{known: []string{"PhoneNumberSid"}}

// addMember puts a number into a Messaging Service. The statuses of its refusals are unverified, see
// https://www.twilio.com/docs/api/errors/21421 and https://www.twilio.com/docs/api/errors/21712.
//
// POST /v1/Services/{ServiceSid}/PhoneNumbers
// https://www.twilio.com/docs/messaging/api/phonenumber-resource
func (s *Sim) addMember(w http.ResponseWriter, r *http.Request) error {
	form, err := memberParams.form(w, r)
	if err != nil {
		return err
	}
	answer, err := s.join(r, form.Get("PhoneNumberSid"))
	if err != nil {
		return err
	}
	s.noteChange()
	writeJSON(w, http.StatusCreated, answer)
	return nil
}

func (s *Sim) join(r *http.Request, number string) (answer map[string]any, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sid := r.PathValue("service")
	l := s.store.lineWhere(func(l *line) bool { return l.Sid == number })
	switch {
	case s.store.service(sid) == nil:
		return nil, notFound(r)
	case number == "":
		return nil, refuse(20001, "Missing required parameter PhoneNumberSid in the post body")
	case l == nil:
		return nil, refuse(21421, "Phone Number %s is invalid", number)
	case l.Service == sid:
		return nil, refuse(21710, "Phone Number is already in the Messaging Service")
	case l.Service != "":
		return nil, refuse(21712, "Phone Number is associated with another Messaging Service")
	}
	l.Service, l.Joined = sid, s.now()
	note(r, number, nil)
	return s.memberJSON(l), nil
}

// fetchMember returns a number of a Messaging Service.
//
// GET /v1/Services/{ServiceSid}/PhoneNumbers/{Sid}
// https://www.twilio.com/docs/messaging/api/phonenumber-resource
func (s *Sim) fetchMember(w http.ResponseWriter, r *http.Request) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l := s.member(r)
	if l == nil {
		return notFound(r)
	}
	writeJSON(w, http.StatusOK, s.memberJSON(l))
	return nil
}

// removeMember takes a number out of a Messaging Service. The account keeps it, and its own URLs count again.
//
// DELETE /v1/Services/{ServiceSid}/PhoneNumbers/{Sid}
// https://www.twilio.com/docs/messaging/api/phonenumber-resource
func (s *Sim) removeMember(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	l := s.member(r)
	if l == nil {
		s.mu.Unlock()
		return notFound(r)
	}
	l.Service, l.Joined = "", time.Time{}
	s.mu.Unlock()
	s.noteChange()
	note(r, r.PathValue("number"), nil)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// member returns the number that the path names, or nil if the service does not have it. It needs the lock.
func (s *Sim) member(r *http.Request) *line {
	sid, number := r.PathValue("service"), r.PathValue("number")
	if s.store.service(sid) == nil {
		return nil
	}
	return s.store.lineWhere(func(l *line) bool { return l.Sid == number && l.Service == sid })
}

// memberJSON needs the lock. See https://www.twilio.com/docs/messaging/api/phonenumber-resource.
func (s *Sim) memberJSON(l *line) map[string]any {
	return map[string]any{
		"sid": l.Sid, "account_sid": s.cfg.AccountSID, "service_sid": l.Service, "phone_number": l.Number,
		"country_code": placeOf(l.Number).country, "capabilities": []string{"MMS", "SMS", "Voice"},
		"date_created": l.Joined.Format(time.RFC3339), "date_updated": l.Joined.Format(time.RFC3339),
		"url": s.publicURL + "/v1/Services/" + l.Service + "/PhoneNumbers/" + l.Sid,
	}
}
