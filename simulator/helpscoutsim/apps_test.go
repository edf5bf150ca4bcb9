package helpscoutsim_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

func TestSidebarURL(t *testing.T) {
	b := start(t, helpscoutsim.Config{Apps: []helpscoutsim.App{
		{Name: "one", URL: "https://one.example.org/app"},
		{Name: "two", URL: "https://two.example.org/app?a=1&b=%20", Secret: "s3cret", MailboxIDs: []int64{office}},
		{ID: 40, Name: "three", URL: "https://three.example.org/"},
	}})
	id := b.conversation(email)
	conv, _ := b.sim.Conversation(id)
	signed := fmt.Sprintf("conversation-id=%d&conversation-number=%d&customer-id=%d&mailbox-id=%d&user-id=99",
		id, conv.Number, conv.CustomerID, hotline)

	address, err := b.sim.SidebarURL(1, id, 99)
	want := "https://one.example.org/app?" + signed + "&X-HelpScout-Signature="
	if err != nil || !strings.HasPrefix(address, want) {
		t.Fatalf("%s, %v; want %s", address, err, want)
	}
	_, query, _ := strings.Cut(address, "?")
	if params, ok := signature.VerifyApp([]string{helpscoutsim.DefaultAppSecret}, query); !ok || params.Encode() != signed {
		t.Errorf("signed are %v, %v", params, ok)
	}
	if address, err := b.sim.SidebarURL(40, id, 1); err != nil || !strings.HasPrefix(address, "https://three.example.org/?conversation-id=") {
		t.Errorf("%s, %v", address, err)
	}

	if _, err := b.sim.SidebarURL(2, id, 99); !errors.Is(err, helpscoutsim.ErrNotFound) {
		t.Errorf("in a mailbox without the app: %v", err)
	}
	if err := b.sim.Move(id, office); err != nil {
		t.Fatal(err)
	}
	address, err = b.sim.SidebarURL(2, id, 99)
	rest, ours := strings.CutPrefix(address, "https://two.example.org/app?a=1&b=%20&")
	if _, ok := signature.VerifyApp([]string{"s3cret"}, rest); err != nil || !ours || !ok {
		t.Errorf("%s, %v", address, err)
	}

	for _, ids := range [][2]int64{{3, id}, {0, id}, {1, 5}} {
		if _, err := b.sim.SidebarURL(ids[0], ids[1], 99); !errors.Is(err, helpscoutsim.ErrNotFound) {
			t.Errorf("app %d, conversation %d: %v", ids[0], ids[1], err)
		}
	}
	if err := b.sim.Delete(id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.sim.SidebarURL(1, id, 99); !errors.Is(err, helpscoutsim.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func TestControlOfSidebar(t *testing.T) {
	b := start(t, helpscoutsim.Config{Apps: []helpscoutsim.App{{URL: "https://one.example.org/"}, {URL: "https://two.example.org/"}}})
	id := b.conversation(email)
	for query, want := range map[string]string{
		"":               "https://one.example.org/ 99",
		"?app=2":         "https://two.example.org/ 99",
		"?app=2&user=7":  "https://two.example.org/ 7",
		"?app=1&user=99": "https://one.example.org/ 99",
	} {
		a := b.control("GET", fmt.Sprintf("/sim/conversations/%d/sidebar%s", id, query), "")
		u, err := url.Parse(fmt.Sprint(a.object(t)["url"]))
		if err != nil || a.status != 200 || u.Scheme+"://"+u.Host+u.Path+" "+u.Query().Get("user-id") != want {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
		if !strings.Contains(string(a.body), "&user-id=") {
			t.Errorf("not to be copied: %s", a.body)
		}
	}
	for path, status := range map[string]int{
		fmt.Sprintf("/sim/conversations/%d/sidebar?app=3", id):  404,
		fmt.Sprintf("/sim/conversations/%d/sidebar?app=x", id):  400,
		fmt.Sprintf("/sim/conversations/%d/sidebar?user=x", id): 400,
		"/sim/conversations/5/sidebar":                          404,
		"/sim/conversations/x/sidebar":                          404,
	} {
		if a := b.control("GET", path, ""); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// legacy is a dynamic app that answers what it is told to.
type legacy struct {
	*httptest.Server
	answer func(w http.ResponseWriter, body string)
}

// serveLegacy fails the test when the app is not asked as Help Scout asks.
func serveLegacy(t *testing.T) *legacy {
	l := &legacy{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		sig := r.Header.Get("X-HelpScout-Signature")
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" ||
			!signature.VerifyHelpScout([]string{"s3cret"}, body, sig) {
			t.Errorf("%s %v %s, %v", r.Method, r.Header, body, err)
		}
		l.answer(w, string(body))
	}))
	t.Cleanup(l.Close)
	return l
}

func TestLegacySidebar(t *testing.T) {
	l := serveLegacy(t)
	b := start(t, helpscoutsim.Config{Apps: []helpscoutsim.App{{URL: l.URL + "/app", Secret: "s3cret", Legacy: true}}})
	id := b.want(201, "POST", "/v2/conversations", strings.Replace(conversationBody(email), "Text from", "Café / ", 1)).id(t)
	conv, _ := b.sim.Conversation(id)

	var asked string
	l.answer = func(w http.ResponseWriter, body string) {
		asked = body
		io.WriteString(w, `{"html":"<p>Hi<\/p>"}`)
	}
	html, err := b.sim.LegacySidebar(t.Context(), 1, id, 7)
	if err != nil || html != "<p>Hi</p>" {
		t.Fatalf("%q, %v", html, err)
	}
	ticket := fmt.Sprintf(`{"ticket":{"id":"%d","number":"%d","subject":"Caf\u00e9 \/  617-555-0142"},`, id, conv.Number)
	customer := fmt.Sprintf(`"customer":{"id":"%d","fname":"617-555-0142","email":%q,"emails":[%q]}`, conv.CustomerID, email, email)
	const user, mailbox = `,"user":{"id":7,"fname":"Dana","lname":"Rivers","role":"user"}`, `,"mailbox":{"id":206906,"email":"hotline@example.org"}}`
	if want := ticket + customer + user + mailbox; asked != want {
		t.Errorf("asked %s, want %s", asked, want)
	}
	if _, err := b.sim.LegacySidebar(t.Context(), 1, id, 0); err != nil || asked != ticket+customer+mailbox {
		t.Errorf("without a user: asked %s, %v", asked, err)
	}

	for name, answer := range map[string]func(http.ResponseWriter){
		"no html":    func(w http.ResponseWriter) { io.WriteString(w, `{"HTM":"x"}`) },
		"no JSON":    func(w http.ResponseWriter) { io.WriteString(w, `<p>`) },
		"no content": func(w http.ResponseWriter) { w.WriteHeader(204) },
		"created":    func(w http.ResponseWriter) { w.WriteHeader(201); io.WriteString(w, `{"html":"x"}`) },
		"an error":   func(w http.ResponseWriter) { w.WriteHeader(500); io.WriteString(w, `{"html":"x"}`) },
		"a redirect": func(w http.ResponseWriter) { w.Header().Set("Location", "/other"); w.WriteHeader(307) },
	} {
		times := 0
		l.answer = func(w http.ResponseWriter, _ string) { times++; answer(w) }
		if html, err := b.sim.LegacySidebar(t.Context(), 1, id, 7); err == nil || html != "" || times != 1 {
			t.Errorf("%s: %q, %v, asked %d times", name, html, err, times)
		}
	}
	if _, err := b.sim.LegacySidebar(t.Context(), 2, id, 7); !errors.Is(err, helpscoutsim.ErrNotFound) {
		t.Errorf("no such app: %v", err)
	}
}
