package transcribe_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/services/telephony/transcribe"
)

// The request is the one that OpenAI's protocol describes, and what the server says is the answer.
func TestTranscribe(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, header, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		audio, _ := io.ReadAll(file)
		for name, want := range map[string]string{"model": "tiny", "language": "pt", "response_format": "json"} {
			if got := r.FormValue(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if r.URL.Path != "/whisper/v1/audio/transcriptions" || r.Header.Get("Authorization") != "Bearer s3cret" || header.Filename != "RE1.mp3" || string(audio) != "sound" {
			t.Errorf("%s %q %s %q", r.URL.Path, r.Header.Get("Authorization"), header.Filename, audio)
		}
		io.WriteString(w, `{"text":" Olá, me liguem. \n","duration":3}`) //nolint:errcheck // the test would fail
	}))
	defer server.Close()
	e, err := transcribe.New(server.URL+"/whisper/", "tiny", "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	words, err := e.Transcribe(t.Context(), []byte("sound"), "RE1.mp3", "pt-BR")
	if words != "Olá, me liguem." || err != nil {
		t.Errorf("%q, %v", words, err)
	}
}

// A server that fails, talks nonsense or is not there is an error, and the error says nothing of where it is.
func TestTranscribeFails(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"error": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no model", http.StatusInternalServerError)
		},
		"nonsense": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, //nolint:errcheck // the test would fail
		"cut":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		server := httptest.NewServer(answer)
		e, err := transcribe.New(server.URL, "tiny", "")
		if err != nil {
			t.Fatal(err)
		}
		words, err := e.Transcribe(t.Context(), []byte("sound"), "RE1.mp3", "en")
		server.Close()
		if err == nil || words != "" || strings.Contains(err.Error(), server.Listener.Addr().String()) {
			t.Errorf("%s: %q, %v", name, words, err)
		}
	}
}
