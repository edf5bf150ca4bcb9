package twiliosim

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// fetchMessage returns one text.
//
// GET /2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json
// https://www.twilio.com/docs/messaging/api/message-resource#fetch-a-message-resource
func (s *Sim) fetchMessage(w http.ResponseWriter, r *http.Request) error {
	sid, err := jsonFile(r)
	if err != nil {
		return err
	}
	s.mu.RLock()
	rec, err := s.message(r, sid)
	if err != nil {
		s.mu.RUnlock()
		return err
	}
	m := rec.copy()
	s.mu.RUnlock()
	writeJSON(w, http.StatusOK, s.messageJSON(m))
	return nil
}

var updateParams = paramRules{known: []string{"Body", "Status"}}

// updateMessage removes the body of a text, or cancels it while it is queued.
//
// POST /2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json
// https://www.twilio.com/docs/messaging/api/message-resource#update-a-message-resource
func (s *Sim) updateMessage(w http.ResponseWriter, r *http.Request) error {
	sid, err := jsonFile(r)
	if err != nil {
		return err
	}
	form, err := updateParams.form(w, r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	rec, err := s.message(r, sid)
	if err == nil && form.Has("Body") {
		err = s.redact(rec, form.Get("Body"))
	}
	if err == nil && form.Has("Status") {
		err = s.cancelMessage(rec, form.Get("Status"))
	}
	if err != nil {
		s.mu.Unlock()
		return err
	}
	m := rec.copy()
	s.mu.Unlock()
	s.noteChange()
	writeJSON(w, http.StatusOK, s.messageJSON(m))
	return nil
}

// redact needs the lock.
func (s *Sim) redact(rec *record, body string) error {
	if body != "" {
		return refuse(20001, "Body can only be set to the empty string")
	}
	if rec.Status == StatusQueued || rec.Status == StatusSending {
		return refuse(20009, "A message that is %s cannot be redacted", rec.Status)
	}
	rec.Body, rec.DateUpdated = "", s.now()
	return nil
}

// cancelMessage needs the lock. A canceled message has no status callback to come: the carrier skips it.
func (s *Sim) cancelMessage(rec *record, status string) error {
	if status != StatusCanceled {
		return refuse(20001, "Status can only be set to canceled, not %q", status)
	}
	if rec.Status != StatusQueued {
		return refuse(30409, "A message that is %s cannot be canceled", rec.Status)
	}
	rec.Status, rec.DateUpdated = StatusCanceled, s.now()
	return nil
}

// deleteMessage removes a text from the account, with its files.
//
// DELETE /2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json
// https://www.twilio.com/docs/messaging/api/message-resource#delete-a-message-resource
func (s *Sim) deleteMessage(w http.ResponseWriter, r *http.Request) error {
	sid, err := jsonFile(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	rec, err := s.message(r, sid)
	if err == nil {
		err = s.deletable(rec)
	}
	if err != nil {
		s.mu.Unlock()
		return err
	}
	rec.Deleted = true
	s.mu.Unlock()
	s.noteChange()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// receiptWait is how long Twilio waits for a carrier to report a delivery. Until then it keeps a message that was sent, as it has said
// to others: https://github.com/code-dot-org/code-dot-org/pull/11188 (unverified).
const receiptWait = time.Hour

// deletable says why a message cannot be deleted yet. It needs the lock. See https://www.twilio.com/docs/api/errors/20009.
func (s *Sim) deletable(rec *record) error {
	age := s.now().Sub(cmp.Or(rec.DateSent, rec.DateCreated))
	waits := rec.Status == StatusQueued || rec.Status == StatusSending || rec.Status == StatusSent && age < receiptWait
	if waits || age < time.Duration(s.settings.DeleteLagMS)*time.Millisecond {
		return refuse(20009, "A message that is %s cannot be deleted yet", rec.Status)
	}
	return nil
}

// jsonFile returns the SID in the last part of a path that ends in .json.
func jsonFile(r *http.Request) (string, error) {
	sid, ok := strings.CutSuffix(r.PathValue("file"), ".json")
	if !ok {
		return "", notFound(r)
	}
	return sid, nil
}
