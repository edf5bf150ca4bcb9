package twiliosim

import (
	"crypto/subtle"
	"errors"
	"net/http"
)

// handler serves a route of the API. An error that it returns is a *problem and becomes the answer.
type handler func(http.ResponseWriter, *http.Request) error

const account = "/2010-04-01/Accounts/{account}"

// routes are all there are; each handler names its vendor route. Twilio has a host for each product, the simulator one for all.
func (s *Sim) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /2010-04-01/Accounts/{file}", s.api(s.fetchAccount))
	mux.Handle("GET "+account+"/Balance.json", s.api(s.fetchBalance))
	mux.Handle("POST "+account+"/Messages.json", s.api(s.createMessage))
	mux.Handle("GET "+account+"/Messages.json", s.api(s.listMessages))
	mux.Handle("GET "+account+"/Messages/{file}", s.api(s.fetchMessage))
	mux.Handle("POST "+account+"/Messages/{file}", s.api(s.updateMessage))
	mux.Handle("DELETE "+account+"/Messages/{file}", s.api(s.deleteMessage))
	mux.Handle("GET "+account+"/Messages/{message}/Media.json", s.api(s.listMedia))
	mux.Handle("GET "+account+"/Messages/{message}/Media/{file}", s.api(s.fetchMedia))
	mux.Handle("DELETE "+account+"/Messages/{message}/Media/{file}", s.api(s.deleteMedia))
	mux.Handle("GET "+account+"/IncomingPhoneNumbers.json", s.api(s.listNumbers))
	mux.Handle("GET "+account+"/IncomingPhoneNumbers/{file}", s.api(s.fetchNumber))
	mux.Handle("POST "+account+"/IncomingPhoneNumbers/{file}", s.api(s.updateNumber))
	mux.Handle("POST "+account+"/Calls.json", s.api(s.createCall))
	mux.Handle("GET "+account+"/Calls.json", s.api(s.listCalls))
	mux.Handle("GET "+account+"/Calls/{file}", s.api(s.fetchCall))
	mux.Handle("POST "+account+"/Calls/{file}", s.api(s.updateCall))
	mux.Handle("DELETE "+account+"/Calls/{file}", s.api(s.deleteCall))
	mux.Handle("GET "+account+"/Calls/{call}/Recordings.json", s.api(s.listRecordings))
	mux.Handle("GET "+account+"/Calls/{call}/Recordings/{file}", s.api(s.fetchCallRecording))
	mux.Handle("DELETE "+account+"/Calls/{call}/Recordings/{file}", s.api(s.deleteRecording))
	mux.Handle("GET "+account+"/Recordings.json", s.api(s.listRecordings))
	mux.Handle("GET "+account+"/Recordings/{file}", s.api(s.fetchRecording))
	mux.Handle("DELETE "+account+"/Recordings/{file}", s.api(s.deleteRecording))
	mux.Handle("GET "+account+"/Recordings/{recording}/Transcriptions.json", s.api(s.listTranscriptions))
	mux.Handle("GET "+account+"/Recordings/{recording}/Transcriptions/{file}", s.api(s.fetchTranscription))
	mux.Handle("DELETE "+account+"/Recordings/{recording}/Transcriptions/{file}", s.api(s.deleteTranscription))
	mux.Handle("GET "+account+"/Transcriptions.json", s.api(s.listTranscriptions))
	mux.Handle("GET "+account+"/Transcriptions/{file}", s.api(s.fetchTranscription))
	mux.Handle("DELETE "+account+"/Transcriptions/{file}", s.api(s.deleteTranscription))
	s.serviceRoutes(mux)
	s.studioRoutes(mux)
	// anybody with the link: stands for the CDN that media URLs lead to.
	mux.Handle("GET /cdn/{media}", http.HandlerFunc(s.serveCDN))
	mux.Handle("/", s.api(func(_ http.ResponseWriter, r *http.Request) error { return notFound(r) }))
	return mux
}

// api checks the credentials and turns errors into answers.
func (s *Sim) api(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.authenticate(r)
		if err == nil {
			err = s.mayChange(r)
		}
		if err == nil {
			err = h(w, r)
		}
		if err == nil {
			return
		}
		note(r, "", err)
		p, ok := errors.AsType[*problem](err)
		if !ok {
			p = &problem{Code: 20500, Message: err.Error(), Status: http.StatusInternalServerError}
		}
		if p.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
		}
		writeJSON(w, p.Status, p)
	})
}

func (s *Sim) authenticate(r *http.Request) error {
	sid, token, _ := r.BasicAuth()
	if !equal(sid, s.cfg.AccountSID) || !equal(token, s.cfg.AuthToken) {
		return refuse(20003, "Authentication Error - invalid username")
	}
	if path := r.PathValue("account"); path != "" && path != s.cfg.AccountSID {
		return notFound(r)
	}
	return nil
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// message returns the stored message that the path names. It needs the lock.
func (s *Sim) message(r *http.Request, sid string) (*record, error) {
	found := s.store.find(sid)
	if found == nil {
		return nil, notFound(r)
	}
	note(r, sid, nil)
	return found, nil
}
