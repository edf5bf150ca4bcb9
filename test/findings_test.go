package test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// changes hears of each finding whose level has changed, as the log tells.
type changes struct {
	slog.Handler
	heard chan string
}

func (c changes) Handle(ctx context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "finding" {
			c.heard <- r.Level.String() + " " + a.Value.String()
		}
		return true
	})
	return c.Handler.Handle(ctx, r)
}

func (c changes) WithAttrs(attrs []slog.Attr) slog.Handler {
	return changes{c.Handler.WithAttrs(attrs), c.heard}
}

// A service that runs finds out by itself that its vendor's account was changed, says so once, and that it is well again.
func TestFindings(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		replicas := 1
		if db.URL != "" {
			replicas = 2
		}
		log := changes{slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}), make(chan string, 1000)}
		h := hotlinetest.Start(t, hotlinetest.Options{
			DB: db, Replicas: replicas, CheckEvery: 50 * time.Millisecond, Log: slog.New(log),
			HelpScout: func(c *helpscoutsim.Config) { c.Webhooks = nil },
		})
		await := func(want ...string) {
			t.Helper()
			for timeout := time.After(30 * time.Second); len(want) > 0; {
				select {
				case got := <-log.heard:
					i := slices.Index(want, got)
					if i < 0 {
						t.Fatalf("%s, want %q", got, want)
					}
					want = slices.Delete(want, i, i+1)
				case <-timeout:
					t.Fatalf("nothing is heard of %q", want)
				}
			}
		}
		list := func(service operatorv1.OperatorServiceClient, name string) (found *operatorv1.Finding) {
			t.Helper()
			res, err := service.ListFindings(t.Context(), &operatorv1.ListFindingsRequest{})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range res.GetFindings() {
				if f.GetName() == name {
					found = f
				} else if f.GetLevel() != operatorv1.Level_LEVEL_OK {
					t.Errorf("besides: %v", f)
				}
			}
			return found
		}
		const number, hook = "twilio number " + simulator.Hotline, "help scout webhook"
		await("ERROR "+number, "ERROR "+hook)
		bling := installation{environment: "production", url: h.URL, hotlines: hotline.Hotlines{hotline.New(simulator.Hotline, simulator.MailboxID)}}
		bling.apply(t, h.Vendors)
		await("INFO "+number, "INFO "+hook)
		for name, service := range map[string]operatorv1.OperatorServiceClient{
			number: h.Operator.Telephony, "signature of Twilio": h.Operator.Telephony, hook: h.Operator.Ticketing,
		} {
			if f := list(service, name); f.GetLevel() != operatorv1.Level_LEVEL_OK || f.GetFix() != "" || f.GetAt().AsTime().Before(f.GetSince().AsTime()) {
				t.Errorf("%v", f)
			}
		}

		id := h.HelpScout.Webhooks()[0].ID
		h.HelpScout.EnableWebhook(id, false)
		await("ERROR " + hook)
		f := list(h.Operator.Ticketing, hook)
		if f.GetLevel() != operatorv1.Level_LEVEL_FAILURE || !strings.Contains(f.GetSays(), "switched off") || !strings.Contains(f.GetFix(), "bling apply") {
			t.Errorf("%v", f)
		}
		// As long as it stays so nothing more is said, and since when it is so does not change.
		h.Twilio.SetAccount(twiliosim.Account{Type: twiliosim.AccountTrial})
		await("WARN twilio account")
		if again := list(h.Operator.Ticketing, hook); !again.GetSince().AsTime().Equal(f.GetSince().AsTime()) || again.GetAt().AsTime().Before(f.GetAt().AsTime()) {
			t.Errorf("first %v, then %v", f, again)
		}
		h.HelpScout.EnableWebhook(id, true)
		h.Twilio.SetAccount(twiliosim.Account{})
		await("INFO "+hook, "INFO twilio account")
		if f := list(h.Operator.Ticketing, hook); f.GetLevel() != operatorv1.Level_LEVEL_OK || f.GetFix() != "" {
			t.Errorf("%v", f)
		}
	})
}

// What the checks find is what Prometheus sees.
func TestFindingsMetric(t *testing.T) {
	t.Parallel()
	p := newPatient(t, "BLING_CHECK_EVERY=100ms")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	await := func(check string, level int) {
		t.Helper()
		line := regexp.MustCompile(fmt.Sprintf(`(?m)^bling_finding\{.*check=%q.*\} %d$`, check, level))
		for {
			body := ""
			if res, err := http.Get("http://" + p.get("BLING_PRIVATE_ADDR") + "/metrics"); err == nil {
				b, _ := io.ReadAll(res.Body)
				res.Body.Close()
				body = string(b)
			}
			if line.MatchString(body) {
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatalf("%s is never %d in\n%s", check, level, body)
			}
		}
	}
	await("help scout webhook", 0)
	await("public address", 0)
	await("twilio numbers", 0)
	p.HelpScout.EnableWebhook(p.HelpScout.Webhooks()[0].ID, false)
	await("help scout webhook", 2)
	p.HelpScout.EnableWebhook(p.HelpScout.Webhooks()[0].ID, true)
	await("help scout webhook", 0)
	p.instead(http.NotFoundHandler())
	await("public address", 2)
}
