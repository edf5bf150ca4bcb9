package twiliosim

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

var updateCallParams = paramRules{
	known: []string{
		"Status", "Url", "Twiml", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod", "TimeLimit",
	},
}

// updateCall ends a call or sends it elsewhere.
//
// POST /2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json
// https://www.twilio.com/docs/voice/api/call-resource#update-a-call-resource
func (s *Sim) updateCall(w http.ResponseWriter, r *http.Request) error {
	form, err := updateCallParams.form(w, r)
	if err != nil {
		return err
	}
	if err := checkCallForm(form); err != nil {
		return err
	}
	var answer callJSON
	err = s.legOf(r, func(x *exchange, l *leg) error {
		if err := x.update(l, form); err != nil {
			return err
		}
		answer = s.callJSON(l)
		return nil
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// legOf makes a step of the leg that the path names.
func (s *Sim) legOf(r *http.Request, step func(*exchange, *leg) error) error {
	sid, err := jsonFile(r)
	if err != nil {
		return err
	}
	return s.calls.try(func() error {
		l := s.calls.legs[sid]
		if l == nil || l.Deleted {
			return notFound(r)
		}
		note(r, sid, nil)
		return step(s.calls, l)
	})
}

// deleteCall removes a call from the account. Its recordings stay, and so do the calls that its Dial made: each is to be deleted by
// itself (unverified).
//
// DELETE /2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json
// https://www.twilio.com/docs/voice/api/call-resource#delete-a-call-resource
func (s *Sim) deleteCall(w http.ResponseWriter, r *http.Request) error {
	err := s.legOf(r, func(x *exchange, l *leg) error {
		lag := time.Duration(s.Settings().DeleteLagMS) * time.Millisecond
		if !l.ended() || s.now().Sub(l.Ended) < lag {
			return refuse(20009, "A call that is %s cannot be deleted yet.", l.Status)
		}
		l.Deleted = true
		return nil
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (x *exchange) update(l *leg, form url.Values) error {
	status := form.Get("Status")
	doc := target{form.Get("Url"), formOr(form, "Method", http.MethodPost)}
	elsewhere := doc.url != "" || form.Get("Twiml") != ""
	switch {
	case status != "" && status != StatusCanceled && status != CallCompleted:
		return refuse(20001, "Status %q is neither canceled nor completed.", status)
	case l.ended():
		return refuse(21220, "The call %s is not in progress.", l.Sid)
	case status == StatusCanceled && l.Status != StatusQueued && l.Status != CallRinging:
		return refuse(21220, "The call %s cannot be canceled any more.", l.Sid)
	case status == "" && elsewhere && !l.answered():
		return refuse(21220, "The call %s is not in progress.", l.Sid)
	}
	if form.Has("FallbackUrl") {
		l.fall = target{form.Get("FallbackUrl"), formOr(form, "FallbackMethod", http.MethodPost)}
	}
	if form.Has("StatusCallback") {
		l.progress = target{form.Get("StatusCallback"), formOr(form, "StatusCallbackMethod", http.MethodPost)}
	}
	if limit, err := strconv.Atoi(form.Get("TimeLimit")); err == nil {
		x.after(l.life, time.Duration(limit)*time.Second-(x.clock.now()-l.answeredAt), func() { x.end(l, CallCompleted) })
	}
	switch {
	case status != "":
		if l.Status == StatusQueued {
			l.progress = target{} // a call that never began is not reported
		}
		x.giveUp(l)
	case elsewhere:
		l.ordered.doc, l.ordered.twiml = doc, form.Get("Twiml")
		x.sendElsewhere(l)
	}
	return nil
}

// sendElsewhere takes a leg out of what it does. Whoever it was connected with goes on with their own document.
func (x *exchange) sendElsewhere(l *leg) {
	x.note(l, "redirected", l.ordered.doc.url)
	l.turn()
	l.stopGathering()
	if t := l.taking; t != nil {
		x.keep(l, t, "") // its action is not requested (unverified)
	}
	if l.dialing != nil {
		x.leaveDial(l.dialing)
	}
	if d := l.parent; d != nil {
		x.part(l)
		l.parent, l.screening = nil, false
		x.legEnded(d, l)
	}
	x.begin(l)
}
