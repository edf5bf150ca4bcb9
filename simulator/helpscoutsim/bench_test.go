package helpscoutsim_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// BenchmarkBusyAccount has as many conversations as the account of a large hotline.
func BenchmarkBusyAccount(b *testing.B) {
	sim, err := helpscoutsim.New(helpscoutsim.Config{RateLimit: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer sim.Close()
	h := sim.Handler()
	token := ""
	call := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code/100 != 2 {
			b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return w
	}
	login := fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q}`,
		helpscoutsim.DefaultClientID, helpscoutsim.DefaultClientSecret)
	var grant struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(call("POST", "/v2/oauth2/token", login).Body.Bytes(), &grant); err != nil {
		b.Fatal(err)
	}
	token = grant.Token
	for i := range 20_000 {
		id := call("POST", "/v2/conversations", conversationBody(fmt.Sprintf("%d@sms.example.org", i))).Header().Get("Resource-ID")
		for range 4 {
			call("POST", path("%s/notes", id), `{"text":"x"}`)
		}
	}
	b.Run("list by email", func(b *testing.B) {
		for b.Loop() {
			call("GET", "/v2/conversations?status=all&query="+url.QueryEscape(`(email:"77@sms.example.org")`), "")
		}
	})
	b.Run("list all", func(b *testing.B) {
		for b.Loop() {
			call("GET", "/v2/conversations?status=all", "")
		}
	})
	b.Run("note", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			call("POST", path("%d/notes", 2571001+i%20_000), `{"text":"x"}`)
		}
	})
}
