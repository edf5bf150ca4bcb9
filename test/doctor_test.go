package test

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/certs"
	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// The secrets of a patient. None may be in what doctor prints.
const (
	secretToken  = "unmistakable0token00000000000000"
	secretClient = "unmistakable-client"
	secretHook   = "unmistakable-hook"
	secretApp    = "unmistakable-app"
)

// patient is a hotline of its own process, behind something that ends TLS, all of which can be broken.
type patient struct {
	hotlinetest.Vendors
	t         *testing.T
	bling     string
	environ   []string
	dir       string // of its databases
	authority *certs.Authority
	process   *hotlinetest.Process
	front     atomic.Pointer[http.Handler]    // what is in front of it
	shown     atomic.Pointer[tls.Certificate] // by which it is known
	asked     atomic.Int64                    // requests to it
}

// newPatient is well. environ is set besides.
func newPatient(t *testing.T, environ ...string) *patient {
	t.Helper()
	p := &patient{t: t, bling: hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling"), dir: t.TempDir()}
	authority := t.TempDir()
	var err error
	if p.authority, err = certs.OpenAuthority(authority, time.Now()); err != nil {
		t.Fatal(err)
	}
	p.certificate(90 * 24 * time.Hour)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		(*p.front.Load()).ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.shown.Load(), nil }}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	public := "https://localhost:" + port

	p.Vendors = hotlinetest.StartVendors(t, hotlinetest.Options{
		Twilio: func(c *twiliosim.Config) { c.AuthToken = secretToken },
		HelpScout: func(c *helpscoutsim.Config) {
			c.ClientSecret, c.WebhookSecret, c.Webhooks = secretClient, secretHook, nil
		},
	}, public)
	addr := hotlinetest.FreeAddr(t)
	p.environ = append(p.Environ(), "TWILIO_AUTH_TOKEN="+secretToken, "HELPSCOUT_API_CLIENT_SECRET="+secretClient, "HELPSCOUT_WEBHOOK_SECRET="+secretHook,
		"HELPSCOUT_APP_SECRET="+secretApp, "BLING_PUBLIC_URL="+public, "BLING_GATEWAY_ADDR="+addr, "BLING_PRIVATE_ADDR="+hotlinetest.FreeAddr(t), "BLING_DATA_DIR="+p.dir,
		"BLING_CHECK_EVERY=0", "HOME="+t.TempDir(), "SSL_CERT_FILE="+filepath.Join(authority, "ca.crt"))
	p.environ = append(p.environ, environ...)
	p.through(nil)
	if out, err := p.run("apply", "-yes"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.process = hotlinetest.NewProcess(t, p.bling, []string{"serve"}, p.environ...)
	p.start()
	return p
}

func (p *patient) start() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	p.process.Start()
	hotlinetest.Ready(ctx, p.t, "http://"+p.get("BLING_GATEWAY_ADDR")+"/readyz")
}

func (p *patient) get(name string) string {
	for _, kv := range slices.Backward(p.environ) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// certificate has it known by a certificate that is valid for so long from now.
func (p *patient) certificate(life time.Duration) {
	p.t.Helper()
	dir, since := p.t.TempDir(), time.Now()
	if life < 0 {
		since, life = since.Add(2*life), -life
	}
	if err := p.authority.Issue(dir, []string{"localhost", "bling", "telephony", "ticketing", "dialer"}, since, life); err != nil {
		p.t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.shown.Store(&pair)
}

// through lets requests through to the hotline, and change its answers, if it is not nil.
func (p *patient) through(change func(*http.Response) error) {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: p.get("BLING_GATEWAY_ADDR")})
	proxy.ModifyResponse, proxy.ErrorLog = change, log.New(io.Discard, "", 0)
	p.instead(proxy)
}

// instead puts something else in its place.
func (p *patient) instead(h http.Handler) { p.front.Store(&h) }

// late lets the hotline's clock seem to be behind.
func (p *patient) late(by time.Duration) {
	p.through(func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		var probe check.Probe
		if json.Unmarshal(body, &probe) == nil {
			probe.Time = probe.Time.Add(-by)
			if body, err = json.Marshal(probe); err != nil {
				return err
			}
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Del("Content-Length")
		return nil
	})
}

// run runs a command of bling in its environment, but for what is set besides.
func (p *patient) run(args ...string) (out string, err error) {
	var environ []string
	for len(args) > 0 && strings.Contains(args[0], "=") {
		environ, args = append(environ, args[0]), args[1:]
	}
	cmd := exec.CommandContext(p.t.Context(), p.bling, args...)
	cmd.Env = append(slices.Clone(p.environ), environ...)
	b, err := cmd.CombinedOutput()
	if strings.Contains(string(b), "unmistakable") {
		p.t.Errorf("%q shows a secret:\n%s", args, b)
	}
	return string(b), err
}

// examine is what doctor finds, but for what is well, and its exit code.
func (p *patient) examine(environ ...string) (bad []finding, code int) {
	p.t.Helper()
	out, err := p.run(append(environ, "doctor", "-json")...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		p.t.Fatal(err)
	}
	var d struct {
		Level    string
		Findings []finding
	}
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		p.t.Fatalf("%v in\n%s", err, out)
	}
	if want := map[int]string{0: "ok", 1: "failure", 3: "warning"}[code]; d.Level != want {
		p.t.Errorf("exit code %d, and the worst is %q", code, d.Level)
	}
	for _, f := range d.Findings {
		if f.Level != "ok" {
			bad = append(bad, f)
		}
	}
	return bad, code
}

type finding struct{ Check, Name, Level, Says, Fix string }

// One thing after the other is broken by hand. Doctor finds that, and nothing else.
func TestDoctor(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	expired := t.TempDir()
	if err := p.authority.Issue(expired, []string{"bling"}, time.Now().Add(-2*time.Hour), time.Hour); err != nil {
		t.Fatal(err)
	}
	number := p.Twilio.Numbers()[0]
	strange := number
	strange.SMSURL = "https://elsewhere.example.org/bling/twilio_sms"
	one := func(name, level, says, fix string) []finding {
		return []finding{{Name: name, Level: level, Says: says, Fix: fix}}
	}
	for _, test := range []struct {
		name    string
		broken  func()
		mend    func()
		environ string // what is wrong in doctor's environment
		want    []finding
	}{
		{name: "well"},
		{name: "token", environ: "TWILIO_AUTH_TOKEN=unmistakable0other00000000000000", want: []finding{
			{Name: "signature of Twilio", Level: "failure", Says: "TWILIO_AUTH_TOKEN is not accepted", Fix: "same TWILIO_AUTH_TOKEN"},
			{Name: "twilio account", Level: "failure", Says: "refuses the credentials", Fix: "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"}}},
		{name: "old token", environ: "TWILIO_AUTH_TOKEN=" + secretToken + ",unmistakable0old0000000000000000",
			want: one("signature of Twilio", "failure", "TWILIO_AUTH_TOKEN (number 2 of 2) is not accepted", "same TWILIO_AUTH_TOKEN")},
		{name: "app secret", environ: "HELPSCOUT_API_CLIENT_SECRET=unmistakable-other", want: one("help scout account", "failure", "refuses the credentials", "HELPSCOUT_API_CLIENT_SECRET")},
		{name: "webhook secret", environ: "HELPSCOUT_WEBHOOK_SECRET=unmistakable-other",
			want: one("signature of Help Scout", "failure", "HELPSCOUT_WEBHOOK_SECRET is not accepted", "same HELPSCOUT_WEBHOOK_SECRET")},
		{name: "webhook off", broken: func() { p.HelpScout.EnableWebhook(p.HelpScout.Webhooks()[0].ID, false) }, mend: func() { p.HelpScout.EnableWebhook(p.HelpScout.Webhooks()[0].ID, true) },
			want: one("help scout webhook", "failure", "switched off", "bling apply")},
		{name: "number", broken: func() { p.Twilio.SetNumber(strange) }, mend: func() { p.Twilio.SetNumber(number) },
			want: one("twilio number "+simulator.Hotline, "failure", "SmsUrl", "bling apply")},
		{name: "nobody", broken: func() { must(t, p.process.Stop()) }, mend: p.start,
			want: one("public address", "failure", "status 502", "what is in front of the gateway")},
		{name: "somebody else", broken: func() { p.instead(http.NotFoundHandler()) }, mend: func() { p.through(nil) },
			want: one("public address", "failure", "Somebody else", "BLING_PUBLIC_URL")},
		{name: "certificate expired", broken: func() { p.certificate(-time.Hour) }, mend: func() { p.certificate(90 * 24 * time.Hour) },
			want: one("public address", "failure", "certificate", "Renew")},
		{name: "certificate expires", broken: func() { p.certificate(10 * 24 * time.Hour) }, mend: func() { p.certificate(90 * 24 * time.Hour) },
			want: one("public certificate", "warning", "valid only until "+time.Now().UTC().Add(10*24*time.Hour).Format(time.DateOnly), "renew")},
		{name: "our own certificate expired", environ: "BLING_TLS_DIR=" + expired, want: one("configuration", "failure", "expired", "bling certs")},
		{name: "clock", broken: func() { p.late(time.Minute) }, mend: func() { p.through(nil) },
			want: one("clock of the gateway", "warning", "differ by 1m0s", "NTP")},
		{name: "newer tables", broken: func() { p.migrated(999) }, mend: func() { p.migrated(0) },
			want: one("database of telephony", "warning", "newer version (999)", "Run the version")},
		{name: "database gone", environ: "BLING_DATABASE_URL=postgres://bling:unmistakable@127.0.0.1:1/bling",
			want: one("database", "failure", "does not answer", "PostgreSQL")},
		{name: "no folder", environ: "BLING_DATA_DIR=/proc/bling", want: one("disk", "failure", "cannot be", "BLING_DATA_DIR")},
		{name: "misspelt", environ: "BLING_MAILBOX=x", want: one("configuration", "failure", "BLING_MAILBOX: unknown name", "BLING_MAILBOX")},
		{name: "missing", environ: "HELPSCOUT_API_CLIENT_ID=", want: one("configuration", "failure", "HELPSCOUT_API_CLIENT_ID: is not set", "HELPSCOUT_API_CLIENT_ID")},
		{name: "well again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.t = t
			if test.broken != nil {
				test.broken()
				defer test.mend()
			}
			var environ []string
			if test.environ != "" {
				environ = append(environ, test.environ)
			}
			bad, code := p.examine(environ...)
			fits := slices.EqualFunc(bad, test.want, func(got, want finding) bool {
				return got.Name == want.Name && got.Level == want.Level && strings.Contains(got.Says, want.Says) && strings.Contains(got.Fix, want.Fix)
			})
			if !fits {
				t.Errorf("found %+v", bad)
			}
			wantCode := 0
			for _, f := range test.want {
				wantCode = map[string]int{"warning": 3, "failure": 1}[f.Level]
			}
			if code != wantCode {
				t.Errorf("exit code %d, want %d", code, wantCode)
			}
		})
	}
	p.t = t
	if n := p.count("ticketing", "SELECT count(*) FROM event"); n != 0 {
		t.Errorf("doctor's events are kept: %d", n)
	}
}

// migrated says up to which migration telephony's tables are, beyond what this version knows; 0: not beyond.
func (p *patient) migrated(n int) {
	p.t.Helper()
	db := p.database("telephony")
	defer db.Close()
	query := "DELETE FROM goose_db_version WHERE version_id > 900"
	if n > 0 {
		query = "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, TRUE)"
	}
	_, err := db.ExecContext(p.t.Context(), query)
	must(p.t, err)
}

func (p *patient) count(service, query string) (n int) {
	p.t.Helper()
	db := p.database(service)
	defer db.Close()
	must(p.t, db.QueryRowContext(p.t.Context(), query).Scan(&n))
	return n
}

func (p *patient) database(service string) *sql.DB {
	p.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.dir, service+".db")+"?_pragma=busy_timeout(10000)")
	must(p.t, err)
	return db
}

// What people read has the fix below each finding; what programs read is always the same; a quick look asks nobody.
func TestDoctorPrints(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	first, _ := p.run("doctor", "-json")
	for range 3 {
		if again, err := p.run("doctor", "-json"); again != first || err != nil {
			t.Errorf("it says\n%s\nand then\n%s%v", first, again, err)
		}
	}
	p.late(time.Minute)
	out, _ := p.run("doctor")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "warning  clock of the gateway") })
	if at < 0 || !strings.Contains(lines[at+1], " Fix: ") || lines[len(lines)-1] != "0 failures, 1 warning." {
		t.Errorf("it says\n%s", out)
	}
	before, usage := p.asked.Load(), p.HelpScout.Usage().Units
	p.instead(http.NotFoundHandler())
	if out, err := p.run("doctor", "-quick"); err != nil || !strings.Contains(out, "0 failures, 0 warnings.") || strings.Contains(out, "public address") {
		t.Errorf("%v\n%s", err, out)
	}
	if p.asked.Load() != before || p.HelpScout.Usage().Units != usage {
		t.Error("a quick look asks somebody")
	}
	if out, err := p.run("doctor", "now"); err == nil {
		t.Errorf("an argument is taken:\n%s", out)
	}
}
