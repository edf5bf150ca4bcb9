package helpscoutsim_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

func TestStateSurvivesRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	cfg := helpscoutsim.Config{StateFile: file, Webhooks: []helpscoutsim.Webhook{{URL: "http://127.0.0.1:1/", Label: "x"}}, MaxAttempts: 1}
	b := start(t, cfg)
	id := b.conversation(email)
	b.want(201, "POST", path("%d/notes", id), `{"text":"x","attachments":[{"fileName":"a","mimeType":"b/c","data":"eHh4"}]}`)
	b.await("the webhooks to fail", func(s *helpscoutsim.Sim) bool { return s.Webhooks()[0].Discarded == 2 })
	if err := b.sim.Close(); err != nil {
		t.Fatal(err)
	}

	again := start(t, cfg)
	again.token = b.token
	got, found := again.sim.Conversation(id)
	if !found || len(got.Threads) != 2 || string(got.Threads[1].Attachments[0].Data) != "xxx" || got.Customer.Email() != email {
		t.Fatalf("restored %+v", got)
	}
	if hooks := again.sim.Webhooks(); len(hooks) != 1 || hooks[0].Discarded != 2 {
		t.Errorf("webhooks %+v", hooks)
	}
	if rows := again.want(200, "GET", "/v2/conversations", "").rows(t, "conversations"); len(rows) != 1 {
		t.Errorf("listed %v", rows)
	}
	if next := again.conversation(email); next != id+1 {
		t.Errorf("next id %d, want %d", next, id+1)
	}
}

func TestStateIsSavedWhileRunning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	b := start(t, helpscoutsim.Config{StateFile: file})
	before := b.sim.Saves()
	b.conversation(email)
	b.await("the state to be saved", func(s *helpscoutsim.Sim) bool { return s.Saves() > before })
	// A crash: what was written is there without Close.
	b.await("the conversation to be in it", func(*helpscoutsim.Sim) bool {
		data, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(data), email)
	})
}

func TestWait(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	done := make(chan error)
	go func() {
		done <- b.sim.Wait(t.Context(), func(s *helpscoutsim.Sim) bool { return len(s.ConversationsOf(email)) == 2 })
	}()
	b.conversation(email)
	b.conversation(email)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	never := func(*helpscoutsim.Sim) bool { return false }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.sim.Wait(ctx, never); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	go func() { done <- b.sim.Wait(t.Context(), never) }()
	b.sim.Close()
	if err := <-done; !errors.Is(err, helpscoutsim.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
}

func TestCopiesAreTheReaders(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	c, _ := b.sim.Conversation(id)
	c.Threads[0].Body, c.Tags[0], c.Customer.First = "x", "x", "x"
	again, _ := b.sim.Conversation(id)
	if again.Threads[0].Body == "x" || again.Tags[0] == "x" || again.Customer.First == "x" {
		t.Errorf("changed through a copy: %+v", again)
	}
}

func TestControl(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id, other := b.conversation(email), b.conversation("other@example.org")
	at := func(action string) string { return fmt.Sprintf("/sim/conversations/%d/%s", id, action) }
	tests := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/sim/conversations", "", 200, email},
		{"GET", "/sim/conversations?email=nobody@example.org", "", 200, `{"conversations":[]}`},
		{"GET", "/sim/conversations?mailbox=206906", "", 200, email},
		{"GET", fmt.Sprintf("/sim/conversations/%d", id), "", 200, `"threads":[{`},
		{"GET", "/sim/conversations/5", "", 404, "error"},
		{"POST", at("reply"), `{"text":"Hello"}`, 200, "thread_id"},
		{"POST", at("reply"), `{"text":"Hello","type":"note"}`, 400, "error"},
		{"POST", at("note"), `{"text":"seen"}`, 200, "thread_id"},
		{"POST", at("status"), `{"status":"spam"}`, 204, ""},
		{"POST", at("status"), `{"status":"x"}`, 400, "error"},
		{"POST", at("move"), `{"mailbox_id":206907}`, 204, ""},
		{"POST", at("lock"), `{"status":423}`, 204, ""},
		{"GET", "/sim/wait?email=" + email + "&threads=3&timeout_ms=5000", "", 200, `"reached":true`},
		{"GET", "/sim/wait?email=" + email + "&threads=300&timeout_ms=1", "", 200, `"reached":false`},
		{"GET", "/sim/wait", "", 400, "error"},
		{"POST", at("merge"), fmt.Sprintf(`{"into":%d}`, other), 204, ""},
		{"POST", at("delete"), "", 410, "error"},
		{"POST", fmt.Sprintf("/sim/conversations/%d/delete", other), "", 204, ""},
		{"PUT", "/sim/settings", `{"rate_limit":7}`, 200, `{"rate_limit":7,"list_lag_ms":5000,"latency_ms":0,"duplicates":0,"shuffle":false}`},
		{"PUT", "/sim/settings", `{"rate":7}`, 400, "error"},
		{"GET", "/sim/settings", "", 200, `"rate_limit":7`},
		{"GET", "/sim/usage", "", 200, `"units":4`},
		{"GET", "/sim/history", "", 200, `"route":"POST /v2/conversations"`},
		{"PUT", "/sim/faults", `{"error_rate":2}`, 400, "error"},
		{"PUT", "/sim/faults", `{"error_rate":1,"status":502}`, 200, `"error_rate":1`},
	}
	for _, test := range tests {
		a := b.control(test.method, test.path, test.body)
		if a.status != test.status || !strings.Contains(string(a.body), test.want) {
			t.Errorf("%s %s: %d %s", test.method, test.path, a.status, a.body)
		}
	}
	b.want(502, "GET", "/v2/mailboxes", "")
	b.control("PUT", "/sim/faults", `{}`)
	b.control("POST", "/sim/tokens/revoke", "")
	b.want(401, "GET", "/v2/mailboxes", "")
	b.token = b.login()
	b.conversation(email)
	b.control("DELETE", "/sim/state", "")
	if got := b.sim.Conversations(); len(got) != 0 {
		t.Errorf("after the reset: %v", got)
	}
}

func TestEventStream(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	server := httptest.NewServer(b.sim.Control())
	defer server.Close()
	resp, err := http.Get(server.URL + "/sim/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b.conversation(email)
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if !strings.Contains(data, `"route":"POST /v2/conversations"`) {
				t.Errorf("first event: %s", data)
			}
			break
		}
	}
	// Closing the simulator ends the stream.
	b.sim.Close()
	for lines.Scan() {
	}
}

// TestEverythingAtOnce gives the race detector something to look at.
func TestEverythingAtOnce(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{StateFile: filepath.Join(t.TempDir(), "state.json"), ListLag: -1})
	id := b.conversation(email)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				b.do("POST", path("%d/notes", id), `{"text":"x"}`)
				b.do("GET", "/v2/conversations?embed=threads", "")
				b.do("PATCH", path("%d/threads/%d", id, 88171881), `{"op":"replace","path":"/text","value":"y"}`)
				if _, err := b.sim.AgentReply(id, helpscoutsim.Reply{Text: "x"}); err != nil {
					t.Error(err)
				}
				b.control("GET", "/sim/inbox", "")
				b.sim.Usage()
			}
		})
	}
	all.Wait()
	c, _ := b.sim.Conversation(id)
	if len(c.Threads) != 1+80 || c.Threads[0].Body != "y" {
		t.Errorf("%d threads, want 81", len(c.Threads))
	}
	// One for the creation, and one for each note and each reply.
	b.await("all webhooks", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 81 })
}
