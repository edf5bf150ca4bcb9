package twiliosim

import (
	"net/http"
	"strings"
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

// deleteMessage removes a text from the account.
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
	if err == nil && (rec.Status == StatusQueued || rec.Status == StatusSending) {
		err = refuse(20009, "A message that is %s cannot be deleted", rec.Status)
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

// jsonFile returns the SID in the last part of a path that ends in .json.
func jsonFile(r *http.Request) (string, error) {
	sid, ok := strings.CutSuffix(r.PathValue("file"), ".json")
	if !ok {
		return "", notFound(r)
	}
	return sid, nil
}
