package mobilecommons_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/mobilecommons"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
)

const (
	kim   = phone.Number("+16175550142")
	help  = "998"
	other = "999"
	words = "a secret 🙂"
)

// bench is a client of a simulator. Each request is noted.
type bench struct {
	*testing.T
	sim    *mobilecommonssim.Sim
	client *mobilecommons.Client
	now    time.Time

	mu       sync.Mutex
	requests []string // method and address
}

func start(t *testing.T, cfg mobilecommonssim.Config) *bench {
	t.Helper()
	b := &bench{T: t, now: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)}
	cfg.Campaigns = []mobilecommonssim.Campaign{{ID: help, Name: "Help"}, {ID: other, Name: "Other"}}
	cfg.Now = func() time.Time { return b.now }
	b.sim = mobilecommonssim.New(cfg)
	handler := b.sim.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.requests = append(b.requests, r.Method+" "+r.URL.String())
		b.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.client = clientOf(t, server.URL)
	return b
}

// asked returns the requests so far, and forgets them.
func (b *bench) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked := b.requests
	b.requests = nil
	return asked
}

func (b *bench) text(from phone.Number, campaign, body string) string {
	b.Helper()
	id, err := b.sim.Text(string(from), campaign, body)
	if err != nil {
		b.Fatal(err)
	}
	return id
}

func (b *bench) send(body string) (string, error) { return b.client.Send(b.Context(), message(body)) }

func message(body string) carrier.NewMessage {
	return carrier.NewMessage{From: hotline.OfCampaign(help), To: kim, Body: body}
}

func clientOf(t *testing.T, address string) *mobilecommons.Client {
	t.Helper()
	c, err := mobilecommons.New(address, mobilecommonssim.DefaultUsername, mobilecommonssim.DefaultPassword)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// canned returns a client to whom everything is answered the same.
func canned(t *testing.T, status int, body string) *mobilecommons.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return clientOf(t, server.URL)
}

// failed returns the error as what it must be, and looks that it tells nothing of people.
func failed(t *testing.T, err error) *carrier.Error {
	t.Helper()
	e, ok := errors.AsType[*carrier.Error](err)
	if !ok {
		t.Fatalf("error is %T: %v", err, err)
	}
	for _, secret := range []string{"6175550142", "617-555-0142", words, "secret", "/api/"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells %q: %v", secret, err)
		}
	}
	return e
}
