package twiliosim

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// recordingJSON is a recording of the account. It needs the exchange's lock.
// See https://www.twilio.com/docs/voice/api/recording#recording-properties.
func (s *Sim) recordingJSON(t *take) map[string]any {
	uri := s.uri("/Recordings/" + t.Sid)
	j := s.recordingBase(t, uri)
	j["media_url"] = s.publicBase() + uri
	j["subresource_uris"] = map[string]string{"transcriptions": uri + "/Transcriptions.json"}
	return j
}

// callRecordingJSON is a recording in the list of a call, which differs. It needs the exchange's lock.
// See https://www.twilio.com/docs/voice/api/recording#get-recording-resources.
func (s *Sim) callRecordingJSON(t *take) map[string]any {
	j := s.recordingBase(t, s.uri("/Calls/"+t.CallSid+"/Recordings/"+t.Sid))
	j["track"] = "inbound"
	return j
}

func (s *Sim) recordingBase(t *take, uri string) map[string]any {
	j := map[string]any{
		"sid": t.Sid, "account_sid": s.cfg.AccountSID, "api_version": apiVersion, "call_sid": t.CallSid, "conference_sid": nil,
		"channels": 1, "date_created": rfc2822(t.created), "date_updated": rfc2822(t.created), "start_time": rfc2822(t.created),
		"duration": t.seconds(), "encryption_details": nil, "error_code": nil, "price": nil, "price_unit": "USD",
		"source": t.Source, "status": t.Status, "uri": uri + ".json",
	}
	if t.Status == "in-progress" {
		j["duration"] = "-1"
	}
	return j
}

var listRecordingsParams = paramRules{
	known:       append([]string{"CallSid", "DateCreated", "DateCreated<", "DateCreated>"}, pageParams...),
	unsimulated: []string{"ConferenceSid", "IncludeSoftDeleted"},
}

// listRecordings lists recordings, newest first: all, or those of a call.
//
// GET /2010-04-01/Accounts/{AccountSid}/Recordings.json
// GET /2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Recordings.json
// https://www.twilio.com/docs/voice/api/recording#read-multiple-recording-resources
func (s *Sim) listRecordings(w http.ResponseWriter, r *http.Request) error {
	query, err := listRecordingsParams.query(r)
	if err != nil {
		return err
	}
	page, err := pageOf(query)
	if err != nil {
		return err
	}
	created, err := spanOf(query, "DateCreated")
	if err != nil {
		return err
	}
	path, call, render := "/Recordings.json", query.Get("CallSid"), s.recordingJSON
	if sid := r.PathValue("call"); sid != "" {
		path, call, render = "/Calls/"+sid+"/Recordings.json", sid, s.callRecordingJSON
	}
	visible := s.listed()
	x := s.calls
	x.mu.Lock()
	defer x.mu.Unlock()
	found, last, more := pageBack(x.taken, page, func(t *take) string { return t.Sid }, func(t *take) bool {
		return (call == "" || t.CallSid == call) && created.has(t.created) && x.takes[t.Sid] == t && !t.created.After(visible)
	})
	recordings := make([]map[string]any, len(found))
	for i, t := range found {
		recordings[i] = render(t)
	}
	answer := page.describe(s.uri(path), query, len(found), last, more)
	answer["recordings"] = recordings
	writeJSON(w, http.StatusOK, answer)
	return nil
}

var fetchRecordingParams = paramRules{known: []string{"RequestedChannels"}, unsimulated: []string{"IncludeSoftDeleted"}}

// fetchRecording returns a recording's description, or without .json the sound itself: WAV, unless it is .mp3. The
// sound is there a while after the end of the recording only.
//
// GET /2010-04-01/Accounts/{AccountSid}/Recordings/{Sid}[.json|.wav|.mp3]
// https://www.twilio.com/docs/voice/api/recording#fetch-a-recordings-media-file
func (s *Sim) fetchRecording(w http.ResponseWriter, r *http.Request) error {
	sid, kind, _ := strings.Cut(r.PathValue("file"), ".")
	if _, err := fetchRecordingParams.query(r); err != nil {
		return err
	}
	t, ready, described := s.recording(sid)
	switch {
	case t.Sid == "":
		return notFound(r)
	case kind == "json":
		note(r, sid, nil)
		writeJSON(w, http.StatusOK, described)
		return nil
	case !ready:
		return notFound(r)
	case r.URL.Query().Get("RequestedChannels") == "2":
		return refuse(20001, "The recording %s has one channel.", sid)
	case kind != "" && kind != "wav" && kind != "mp3":
		return notFound(r)
	}
	note(r, sid, nil)
	serveSound(w, r, t, kind)
	return nil
}

// fetchCallRecording returns a recording's description by way of its call.
//
// GET /2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Recordings/{Sid}.json
// https://www.twilio.com/docs/voice/api/recording#fetch-a-recording-resource
func (s *Sim) fetchCallRecording(w http.ResponseWriter, r *http.Request) error {
	sid, err := jsonFile(r)
	if err != nil {
		return err
	}
	var answer map[string]any
	err = s.calls.try(func() error {
		t := s.calls.takes[sid]
		if t == nil || t.CallSid != r.PathValue("call") {
			return notFound(r)
		}
		answer = s.callRecordingJSON(t)
		return nil
	})
	if err != nil {
		return err
	}
	note(r, sid, nil)
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// recording returns a recording that was not deleted, whether its sound can be had, and its description.
func (s *Sim) recording(sid string) (rec Recording, ready bool, described map[string]any) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	t := s.calls.takes[sid]
	if t == nil {
		return Recording{}, false, nil
	}
	return t.Recording, t.ready, s.recordingJSON(t)
}

func serveSound(w http.ResponseWriter, r *http.Request, rec Recording, kind string) {
	contentType, sound := "audio/x-wav", io.ReadSeeker(rec.wav())
	if kind == "mp3" {
		contentType, sound = "audio/mpeg", bytes.NewReader(rec.MP3())
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, sound)
}

// deleteRecording removes a recording with its sound. Its transcriptions, which are resources of the account as well, stay
// (unverified): who wants them gone deletes them. What Twilio keeps for 40 days more, without the sound, is not simulated.
//
// DELETE /2010-04-01/Accounts/{AccountSid}/Recordings/{Sid}.json
// DELETE /2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Recordings/{Sid}.json
// https://www.twilio.com/docs/voice/api/recording#delete-a-recording-resource
func (s *Sim) deleteRecording(w http.ResponseWriter, r *http.Request) error {
	sid, _, _ := strings.Cut(r.PathValue("file"), ".")
	err := s.calls.try(func() error {
		t := s.calls.takes[sid]
		call := r.PathValue("call")
		switch {
		case t == nil || call != "" && t.CallSid != call:
			return notFound(r)
		case t.leg.taking == t:
			return refuse(20001, "The recording %s is in progress.", sid)
		}
		t.Status, t.ready = "deleted", false
		delete(s.calls.takes, sid)
		return nil
	})
	if err != nil {
		return err
	}
	note(r, sid, nil)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// listTranscriptions lists the texts of recordings, newest first: all, or those of a recording.
//
// GET /2010-04-01/Accounts/{AccountSid}/Transcriptions.json
// GET /2010-04-01/Accounts/{AccountSid}/Recordings/{RecordingSid}/Transcriptions.json
// https://www.twilio.com/docs/voice/api/recording-transcription#read-multiple-transcription-resources
func (s *Sim) listTranscriptions(w http.ResponseWriter, r *http.Request) error {
	query, page, err := pageQuery(r)
	if err != nil {
		return err
	}
	x, recording := s.calls, r.PathValue("recording")
	x.mu.Lock()
	defer x.mu.Unlock()
	if recording != "" && x.takes[recording] == nil {
		return notFound(r)
	}
	found, last, more := pageBack(x.scripted, page, func(t *transcription) string { return t.sid }, func(t *transcription) bool {
		return x.scripts[t.sid] == t && (recording == "" || t.take.Sid == recording)
	})
	texts := make([]map[string]any, len(found))
	for i, text := range found {
		texts[i] = s.transcriptionJSON(r, text)
	}
	answer := page.describe(s.uri(transcriptionPath(r)+".json"), query, len(found), last, more)
	answer["transcriptions"] = texts
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// transcriptionPath is where the transcriptions are that a request is about, be it by way of their recording or not.
func transcriptionPath(r *http.Request) string {
	if recording := r.PathValue("recording"); recording != "" {
		return "/Recordings/" + recording + "/Transcriptions"
	}
	return "/Transcriptions"
}

// fetchTranscription returns one text of a recording, or with .txt the mere words.
//
// GET /2010-04-01/Accounts/{AccountSid}/Transcriptions/{Sid}[.json|.txt]
// GET /2010-04-01/Accounts/{AccountSid}/Recordings/{RecordingSid}/Transcriptions/{Sid}[.json|.txt]
// https://www.twilio.com/docs/voice/api/recording-transcription#fetch-a-transcription-resource
func (s *Sim) fetchTranscription(w http.ResponseWriter, r *http.Request) error {
	return s.withTranscription(r, func(_ *exchange, text *transcription) {
		if strings.HasSuffix(r.URL.Path, ".txt") {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, text.text) //nolint:errcheck // a client that went away is no concern of the simulator
			return
		}
		writeJSON(w, http.StatusOK, s.transcriptionJSON(r, text))
	})
}

// deleteTranscription removes one text of a recording, which stays.
//
// DELETE /2010-04-01/Accounts/{AccountSid}/Transcriptions/{Sid}.json
// DELETE /2010-04-01/Accounts/{AccountSid}/Recordings/{RecordingSid}/Transcriptions/{Sid}.json
// https://www.twilio.com/docs/voice/api/recording-transcription#delete-a-transcription-resource
func (s *Sim) deleteTranscription(w http.ResponseWriter, r *http.Request) error {
	return s.withTranscription(r, func(x *exchange, text *transcription) {
		delete(x.scripts, text.sid)
		text.take.TranscriptionSid = ""
		w.WriteHeader(http.StatusNoContent)
	})
}

// withTranscription makes a step with the transcription that the path names. One of a recording that was deleted is found in the
// account only.
func (s *Sim) withTranscription(r *http.Request, step func(*exchange, *transcription)) error {
	sid, _, _ := strings.Cut(r.PathValue("file"), ".")
	recording := r.PathValue("recording")
	return s.calls.try(func() error {
		text := s.calls.scripts[sid]
		if text == nil || recording != "" && (text.take.Sid != recording || s.calls.takes[recording] == nil) {
			return notFound(r)
		}
		note(r, sid, nil)
		step(s.calls, text)
		return nil
	})
}

// transcriptionJSON needs the exchange's lock.
func (s *Sim) transcriptionJSON(r *http.Request, text *transcription) map[string]any {
	return map[string]any{
		"sid": text.sid, "account_sid": s.cfg.AccountSID, "api_version": apiVersion, "recording_sid": text.take.Sid,
		"date_created": rfc2822(text.created), "date_updated": rfc2822(text.created),
		"duration": strconv.Itoa(int(text.take.Duration.Seconds())), "price": nil, "price_unit": "USD", "status": text.status,
		"transcription_text": text.text, "type": "fast", "uri": s.uri(transcriptionPath(r) + "/" + text.sid + ".json"),
	}
}
