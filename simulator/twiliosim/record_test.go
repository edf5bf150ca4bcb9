package twiliosim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const voicemail = `<Say>Leave a message.</Say><Record maxLength="119" finishOnKey="#" action="/kept" ` +
	`recordingStatusCallback="/recording?from=x" recordingStatusCallbackEvent="in-progress completed absent" ` +
	`transcribe="true" transcribeCallback="/text"/>`

func says(words string, n int) twiliosim.Act {
	return twiliosim.Act{On: "beep", After: seconds(1), Say: words, For: seconds(n)}
}

func TestVoicemail(t *testing.T) {
	hangUp := twiliosim.Act{After: seconds(2), HangUp: true}
	for _, test := range []struct {
		name             string
		set              func(*twiliosim.Settings)
		acts             []twiliosim.Act
		digits, duration string
		status, text     string // text "-": no transcription
		at               time.Duration
	}{
		{"hung up", nil, []twiliosim.Act{says("Please call me.", 10), hangUp}, "hangup", "10", "completed", "Please call me.", 22 * time.Second},
		{"key", nil, []twiliosim.Act{says("Please call me.", 10), {Press: "1#"}}, "#", "10", "completed", "Please call me.", 20 * time.Second},
		{"silence", nil, []twiliosim.Act{says("Please", 3), {After: seconds(2), Say: "call.", For: seconds(2)}}, "", "7", "completed", "Please call.", 22 * time.Second},
		{"too long", nil, []twiliosim.Act{says("And so on.", 300)}, "", "118", "completed", "And so on.", 128 * time.Second},
		{"too short for a text", nil, []twiliosim.Act{says("Hm.", 2)}, "", "2", "completed", "-", 12 * time.Second},
		{"nothing", nil, nil, "", "0", "completed", "-", 9 * time.Second},
		{"absent", func(s *twiliosim.Settings) { s.AbsentRecordings = true }, nil, "", "0", "absent", "-", 9 * time.Second},
		{"no text", func(s *twiliosim.Settings) { s.TranscriptionFails = true }, []twiliosim.Act{says("Mumble.", 10), hangUp}, "hangup", "10", "completed", "", 22 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLine(t)
			l.set(func(s *twiliosim.Settings) { s.RecordingLagMS = 3000 })
			if test.set != nil {
				l.set(test.set)
			}
			l.answer("/voice", voicemail)
			l.answer("/kept", "<Hangup/>")
			leg, _ := l.phone(test.acts...)
			rec := l.Recordings()[0]
			kept := l.one("/kept")
			if kept.Get("Digits") != test.digits || kept.Get("RecordingDuration") != test.duration || kept.Get("RecordingUrl") != rec.URL {
				t.Errorf("the action was told %v", kept)
			}
			told := l.asked("/recording")
			if len(told) != 2 || told[0].Get("RecordingStatus") != "in-progress" {
				t.Fatalf("the callback was told %v", told)
			}
			if got := told[1]; got.Get("RecordingStatus") != test.status || got.Get("RecordingDuration") != test.duration ||
				got.Get("RecordingSid") != rec.Sid || got.Get("CallSid") != leg.Sid || got.Get("RecordingSource") != "RecordVerb" {
				t.Errorf("the callback was told %v", got)
			}
			texts := l.asked("/text")
			if test.text == "-" {
				if len(texts) > 0 {
					t.Errorf("transcribed %v", texts)
				}
			} else if len(texts) != 1 || texts[0].Get("TranscriptionText") != test.text || texts[0].Get("TranscriptionSid") != rec.TranscriptionSid || texts[0].Get("From") != supporter {
				t.Errorf("transcribed %v", texts)
			}
			if l.clock.Now().Round(time.Second) != test.at {
				t.Errorf("it took %v, want %v", l.clock.Now(), test.at)
			}
		})
	}
}

func TestRecordingIsFetchedLater(t *testing.T) {
	l := newLine(t)
	l.set(func(s *twiliosim.Settings) { s.RecordingLagMS = 3000 })
	l.answer("/voice", voicemail)
	var early answer
	l.answerWith("/kept", func(w http.ResponseWriter, r *http.Request) {
		early, _ = l.tryCall(http.MethodGet, strings.TrimPrefix(r.PostFormValue("RecordingUrl"), l.api.URL), nil)
		document("text/xml", "<Response/>")(w, r)
	})
	l.phone(says("Please call me.", 10), twiliosim.Act{Press: "#"})
	rec := l.Recordings()[0]
	if early.status != http.StatusNotFound {
		t.Errorf("fetched at once: %d", early.status)
	}
	for suffix, want := range map[string]struct {
		contentType, begins string
		size                int
	}{
		"": {"audio/x-wav", "RIFF", 44 + 10*16000}, ".wav": {"audio/x-wav", "RIFF", 44 + 10*16000}, ".mp3": {"audio/mpeg", "\xff\xf3", 278 * 36},
	} {
		path := "/Recordings/" + rec.Sid + suffix
		a := l.call(http.MethodGet, path, nil)
		if a.status != http.StatusOK || a.header.Get("Content-Type") != want.contentType || len(a.body) != want.size || !strings.HasPrefix(a.body, want.begins) {
			t.Errorf("%s: %d, %s, %d bytes", suffix, a.status, a.header.Get("Content-Type"), len(a.body))
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rec.URL+suffix, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := do(r); err != nil || a.status != http.StatusUnauthorized {
			t.Errorf("%s without a login: %d, %v", suffix, a.status, err)
		}
	}
	if !strings.HasPrefix(rec.URL, l.api.URL) || rec.Words != "Please call me." || rec.Duration != 10*time.Second {
		t.Errorf("recording %+v", rec)
	}
}

func TestRecordingResource(t *testing.T) {
	l := newLine(t)
	l.answer("/voice", voicemail)
	l.answer("/kept", "")
	first, _ := l.phone(says("One.", 5), twiliosim.Act{Press: "#"})
	l.phone(says("Two.", 5), twiliosim.Act{Press: "#"})
	rec := l.Recordings()[0]
	list := func(path string) int {
		recordings, _ := l.call(http.MethodGet, path, nil).json["recordings"].([]any)
		return len(recordings)
	}
	for path, want := range map[string]int{
		"/Recordings.json": 2, "/Recordings.json?CallSid=" + first.Sid: 1, "/Calls/" + first.Sid + "/Recordings.json": 1,
		"/Recordings.json?PageSize=1": 1, "/Recordings.json?DateCreated%3E=2999-01-01": 0, "/Recordings.json?DateCreated%3C=2999-01-01": 2,
	} {
		if got := list(path); got != want {
			t.Errorf("%s: %d recordings", path, got)
		}
	}
	page := l.call(http.MethodGet, "/Recordings.json?PageSize=1", nil)
	if got := list(page.str("next_page_uri")); got != 1 {
		t.Errorf("%d recordings on the next page", got)
	}
	path := "/Recordings/" + rec.Sid
	if a := l.call(http.MethodGet, path+".json", nil); a.str("duration") != "5" || a.str("status") != "completed" || a.str("call_sid") != first.Sid {
		t.Errorf("recording %s", a.body)
	}
	if a := l.call(http.MethodGet, path+"/Transcriptions.json", nil); !strings.Contains(a.body, `"transcription_text":"One."`) {
		t.Errorf("transcriptions %s", a.body)
	}
	if a := l.call(http.MethodGet, path+"/Transcriptions/"+rec.TranscriptionSid+".json", nil); a.str("transcription_text") != "One." {
		t.Errorf("transcription %s", a.body)
	}
	if a := l.call(http.MethodDelete, path+".json", nil); a.status != http.StatusNoContent {
		t.Errorf("deleted: %d", a.status)
	}
	for _, gone := range []string{path, path + ".mp3", path + ".json", path + "/Transcriptions.json"} {
		if a := l.call(http.MethodGet, gone, nil); a.status != http.StatusNotFound {
			t.Errorf("%s after that: %d", gone, a.status)
		}
	}
	if got := list("/Recordings.json"); got != 1 || l.Recordings()[0].Status != "deleted" {
		t.Errorf("%d recordings are left", got)
	}
}
