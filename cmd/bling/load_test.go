package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/rpc"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

// past is a telephony that has a text for each minute, or as many as it is told, at hotlines of before. Whoever asks gets the errors first.
type past struct {
	telephonyv1.UnimplementedLoadServiceServer
	perHour float64
	most    int64 // how many texts a list has
	errors  []error
	asked   []*telephonyv1.LoadTextsRequest
	at      map[string]time.Time
	called  func()
}

func (p *past) LoadTexts(_ context.Context, r *telephonyv1.LoadTextsRequest) (*telephonyv1.LoadTextsResponse, error) {
	p.asked = append(p.asked, proto.CloneOf(r))
	if p.called != nil {
		p.called()
	}
	if len(p.errors) > 0 {
		err := p.errors[0]
		p.errors = p.errors[1:]
		return nil, err
	}
	at, begun := p.at[r.GetHotline()]
	if !begun || r.GetAgain() {
		at = r.GetFrom().AsTime()
	}
	if r.GetDryRun() {
		if at = r.GetFrom().AsTime(); r.GetAfter() != nil {
			at = r.GetAfter().AsTime()
		}
	}
	till := at.Add(time.Duration(r.GetStepSeconds()) * time.Second)
	if till.After(r.GetTo().AsTime()) {
		till = r.GetTo().AsTime()
	}
	found := int64(p.perHour * till.Sub(at).Hours())
	if found > p.most {
		return &telephonyv1.LoadTextsResponse{Till: timestamppb.New(at), TooMuch: true}, nil
	}
	if !r.GetDryRun() {
		p.at[r.GetHotline()] = till
	}
	return &telephonyv1.LoadTextsResponse{Till: timestamppb.New(till), Found: found, Fresh: found / 2}, nil
}

const loadHotlines = "mobilecommons:189358:206906,mobilecommons:189359:206907,telnyx:+15017122661:206908"

// runLoad runs the command against it, not at a terminal.
func runLoad(ctx context.Context, t *testing.T, p *past, args ...string) (out, progress string, err error) {
	t.Helper()
	if p.at == nil {
		p.at = map[string]time.Time{}
	}
	if p.most == 0 {
		p.perHour, p.most = 60, 1000
	}
	p.asked = nil
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(slog.New(slog.DiscardHandler), false, nil, nil)
	telephonyv1.RegisterLoadServiceServer(server, p)
	go server.Serve(lis) //nolint:errcheck // it ends with the test
	defer server.Server.Stop()
	var o, e strings.Builder
	err = load(ctx, &o, &e, false, []string{"BLING_TELEPHONY_ADDR=" + lis.Addr().String(), "BLING_MAILBOXES=" + loadHotlines}, args)
	return o.String(), e.String(), err
}

// wholeDay is a time that is over.
var wholeDay = []string{"-from", "2026-10-01T00:00:00Z", "-to", "2026-10-02T00:00:00Z"}

// All of a time is asked for, of each hotline at the carrier, each step again while there is reason to wait, and no longer than it says.
func TestLoadCommand(t *testing.T) {
	p := &past{errors: []error{
		errs.New(errs.RateLimited, "what was loaded is not in the tickets yet").After(time.Second), errs.New(errs.Unavailable, "the database is away").After(time.Millisecond),
	}}
	began := time.Now()
	out, progress, err := runLoad(t.Context(), t, p, append([]string{"mobilecommons"}, wholeDay...)...)
	if err != nil {
		t.Fatal(err)
	}
	if time.Since(began) < time.Second {
		t.Error("it does not wait as long as it is told to")
	}
	if want := "mobilecommons:189358: 1440 texts found, of which 720 new\nmobilecommons:189359: 1440 texts found, of which 720 new\n"; out != want {
		t.Errorf("it says %q, want %q", out, want)
	}
	if !strings.Contains(progress, "waits 1s: what was loaded is not in the tickets yet\n") || !strings.Contains(progress, "mobilecommons:189359  100%  720 texts") {
		t.Errorf("progress %q", progress)
	}
	for i, r := range p.asked {
		if r.GetAgain() || r.GetDryRun() || r.GetAfter() != nil || r.GetFrom().AsTime().Hour() != 0 || r.GetTo().AsTime().Sub(r.GetFrom().AsTime()) != 24*time.Hour {
			t.Errorf("request %d: %v", i, r)
		}
	}
	if asked := len(p.asked); asked != 2*24+2 {
		t.Errorf("asked %d times", asked)
	}
}

// Steps are longer where there is little and shorter where there is much, so that neither a quiet year nor a busy minute takes long. What is
// more in a second than the list shows is not left out.
func TestLoadSteps(t *testing.T) {
	year := []string{"mobilecommons", "-hotline", "189358", "-from", "2025-01-01", "-to", "2026-01-01"}
	p := &past{perHour: 0.01, most: 1000}
	if out, _, err := runLoad(t.Context(), t, p, year...); err != nil || len(p.asked) > 70 || out == "" {
		t.Errorf("a quiet year: asked %d times, %q, %v", len(p.asked), out, err)
	}
	p = &past{perHour: 36_000, most: 1000}
	out, _, err := runLoad(t.Context(), t, p, "mobilecommons", "-hotline", "189358", "-from", "2026-10-01T00:00:00Z", "-to", "2026-10-01T00:10:00Z")
	if err != nil || len(p.asked) > 20 || !strings.Contains(out, ": 6000 texts found") {
		t.Errorf("a busy time: asked %d times, %q, %v", len(p.asked), out, err)
	}
	p = &past{perHour: 3600 * 1001, most: 1000}
	if _, _, err = runLoad(t.Context(), t, p, append([]string{"mobilecommons"}, wholeDay...)...); err == nil || !strings.Contains(err.Error(), "more texts in the second of") {
		t.Errorf("too much in a second: %v", err)
	}
}

// A dry run goes on from what it was told; what begins anew does so once.
func TestLoadDryRunAndAgain(t *testing.T) {
	p := &past{}
	out, _, err := runLoad(t.Context(), t, p, append([]string{"mobilecommons", "-dry-run", "-hotline", "189359"}, wholeDay...)...)
	if err != nil || out != "mobilecommons:189359: 1440 texts found, of which 720 would be new\n" {
		t.Errorf("it says %q, %v", out, err)
	}
	for i, r := range p.asked {
		if want := r.GetFrom().AsTime().Add(time.Duration(i) * time.Hour); !r.GetDryRun() || r.GetHotline() != "mobilecommons:189359" || i > 0 && !r.GetAfter().AsTime().Equal(want) {
			t.Errorf("request %d: %v", i, r)
		}
	}
	for range 2 { // the second time there is something to begin anew
		out, _, err = runLoad(t.Context(), t, p, append([]string{"mobilecommons", "-again", "-hotline", "mobilecommons:189358"}, wholeDay...)...)
		if err != nil || !strings.HasPrefix(out, "mobilecommons:189358: 1440 ") || strings.Contains(out, "189359") {
			t.Errorf("it says %q, %v", out, err)
		}
	}
	for i, r := range p.asked {
		if r.GetAgain() != (i == 0) || r.GetDryRun() {
			t.Errorf("request %d: %v", i, r)
		}
	}
}

// Whoever stops it, or whom it stops, is told how it goes on where it was: with the same time, which is not the same tomorrow if it is now.
func TestLoadStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := &past{}
	p.called = func() {
		if len(p.asked) == 3 {
			cancel()
		}
	}
	_, progress, err := runLoad(ctx, t, p, append([]string{"mobilecommons", "-hotline", "189358"}, wholeDay...)...)
	const goOn = "this goes on where it was: bling load mobilecommons -from 2026-10-01T00:00:00Z -to 2026-10-02T00:00:00Z"
	if !errors.Is(err, context.Canceled) || !strings.HasSuffix(progress, goOn+" -hotline 189358\n") {
		t.Errorf("stopped: %q, %v", progress, err)
	}
	p.called = nil
	p.errors = []error{errs.New(errs.Precondition, "Mobile Commons answers with error 1")}
	_, progress, err = runLoad(t.Context(), t, p, append([]string{"mobilecommons"}, wholeDay...)...)
	if err == nil || !strings.HasSuffix(err.Error(), "Mobile Commons answers with error 1") || !strings.HasSuffix(progress, goOn+"\n") || len(p.asked) != 1 {
		t.Errorf("after %d requests: %q, %v", len(p.asked), progress, err)
	}
	if out, _, err := runLoad(t.Context(), t, p, append([]string{"mobilecommons", "-hotline", "189358"}, wholeDay...)...); err != nil || len(p.asked) > 23 {
		t.Errorf("it did not go on where it was, in %d requests: %q, %v", len(p.asked), out, err)
	}
	before := time.Now()
	_, progress, _ = runLoad(t.Context(), t, &past{errors: []error{errs.New(errs.Precondition, "no")}}, "mobilecommons", "-from", "2026-10-01T02:00:00+02:00")
	_, to, _ := strings.Cut(progress, "-from 2026-10-01T00:00:00Z -to ")
	if at, err := time.Parse(time.RFC3339, strings.TrimSpace(to)); err != nil || at.Before(before.Add(-time.Minute)) || at.After(time.Now()) {
		t.Errorf("until now is %q: %v", to, err)
	}
	if _, progress, _ = runLoad(t.Context(), t, &past{errors: []error{errs.New(errs.Precondition, "no")}}, append([]string{"mobilecommons", "-dry-run"}, wholeDay...)...); strings.Contains(progress, "goes on") {
		t.Errorf("a dry run has nothing to go on with: %q", progress)
	}
}

// What cannot be loaded is said before anything is asked for.
func TestLoadRefused(t *testing.T) {
	tomorrow := time.Now().AddDate(0, 0, 1).Format(time.RFC3339)
	for name, args := range map[string][]string{
		"no carrier":       wholeDay,
		"two carriers":     append([]string{"mobilecommons", "twilio"}, wholeDay...),
		"no beginning":     {"mobilecommons"},
		"unknown carrier":  append([]string{"nexmo"}, wholeDay...),
		"nothing there":    append([]string{"twilio"}, wholeDay...),
		"no such campaign": append([]string{"mobilecommons", "-hotline", "1"}, wholeDay...),
		"another's number": append([]string{"mobilecommons", "-hotline", "+15017122661"}, wholeDay...),
		"backwards":        {"mobilecommons", "-from", "2026-10-02", "-to", "2026-10-01"},
		"no time":          {"mobilecommons", "-from", "2026-10-01", "-to", "2026-10-01"},
		"the future":       {"mobilecommons", "-from", "2026-10-01", "-to", tomorrow},
		"all future":       {"mobilecommons", "-from", tomorrow},
		"garbage":          {"mobilecommons", "-from", "yesterday"},
		"a flag":           append([]string{"mobilecommons", "-x"}, wholeDay...),
	} {
		p := &past{}
		if out, progress, err := runLoad(t.Context(), t, p, args...); err == nil || out != "" || len(p.asked) != 0 || strings.Contains(progress, "goes on") {
			t.Errorf("%s: %q, %v, after %d requests", name, out, err, len(p.asked))
		}
	}
	p := &past{errors: []error{errs.New(errs.Invalid, "hotline is at telnyx, which has no list of texts")}}
	_, progress, err := runLoad(t.Context(), t, p, append([]string{"telnyx"}, wholeDay...)...)
	if err == nil || !strings.Contains(err.Error(), "no list of texts") || strings.Contains(progress, "goes on") {
		t.Errorf("a carrier without a list: %q, %v", progress, err)
	}
}
