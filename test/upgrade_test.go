package test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/crowd"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// An upgrade may be made in any order, beside the version before, and may be taken back: nobody who texts, calls or is answered
// meanwhile can tell. The version before is the code that did not have the newest migration yet.
func TestUpgrade(t *testing.T) {
	dir := hotlinetest.VersionBefore(t)
	if out, err := exec.Command("go", "-C", dir, "build", "-o", "bling", "./cmd/bling").CombinedOutput(); err != nil {
		t.Fatalf("building the version before: %v\n%s", err, out)
	}
	binaries := map[string]string{"before": filepath.Join(dir, "bling"), "today": hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling")}
	t.Run("sqlite", func(t *testing.T) { upgrade(t, binaries, sqldb.Config{Dir: t.TempDir()}, "before", "today", "before") })
	t.Run("postgres", func(t *testing.T) {
		upgrade(t, binaries, sqldbtest.Postgres(t), "before", "before today", "today", "today before", "before")
	})
}

// version is one of the two, with a way of its own from Twilio and to Help Scout, so that what it does can be counted.
type version struct {
	name, addr  string
	process     *hotlinetest.Process
	proxy       *httputil.ReverseProxy
	took, wrote atomic.Int64 // webhooks of texts that it acknowledged; what it wrote into conversations
}

// upgrade lets a crowd text, one call and agents answer in each stage, which names the versions that run in it. They go on
// while one version is stopped, or killed if it is today's, and the other is started.
func upgrade(t *testing.T, binaries map[string]string, db sqldb.Config, stages ...string) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	turns := make(chan struct{}) // a text is delivered when it gets a turn, so that there are enough for all stages
	give := func(n int, until <-chan struct{}) {
		for ; n != 0; n-- {
			select {
			case turns <- struct{}{}:
			case <-until:
				return
			}
		}
	}
	var up atomic.Pointer[[]*version] // where webhooks go
	var next atomic.Uint64
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bling/twilio_sms" {
			select {
			case <-turns:
			case <-r.Context().Done():
			}
		}
		all := *up.Load()
		all[next.Add(1)%uint64(len(all))].proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(door.Close)
	vendors := hotlinetest.StartVendors(t, hotlinetest.Options{Virtual: true, HelpScout: func(c *helpscoutsim.Config) {
		c.MaxAttempts, c.DiscardLimit, c.Backoff = 1000, 1000, func(int) time.Duration { return 100 * time.Millisecond }
	}}, door.URL)
	versions := map[string]*version{}
	for name, binary := range binaries {
		v := &version{name: name, addr: hotlinetest.FreeAddr(t)}
		v.proxy = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: v.addr})
		v.proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
		v.proxy.ModifyResponse = func(r *http.Response) error {
			if r.StatusCode == http.StatusOK && r.Request.URL.Path == "/bling/twilio_sms" {
				v.took.Add(1)
			}
			return nil
		}
		desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v2/conversations") {
				v.wrote.Add(1)
			}
			vendors.HelpScout.Handler().ServeHTTP(w, r)
		}))
		t.Cleanup(desk.Close)
		v.process = hotlinetest.NewProcess(t, binary, []string{"serve"}, append(vendors.Environ(), "HELPSCOUT_API_URL="+desk.URL,
			"BLING_GATEWAY_ADDR="+v.addr, "BLING_PUBLIC_URL="+door.URL, "BLING_DATABASE_URL="+db.URL, "BLING_DATA_DIR="+db.Dir,
			"BLING_PRIVATE_ADDR=127.0.0.1:0", "BLING_LOG_LEVEL=error", "BLING_LOOK_EVERY=1s", "BLING_CALL_SETTLE=1s")...)
		versions[name] = v
	}

	up.Store(&[]*version{versions["before"]})
	people := &hotlinetest.Crowd{Crowd: crowd.Crowd{Supporters: 60, Texts: 400, Concurrency: 16, Seed: 17, Patience: time.Minute}}
	var lost error
	sent := make(chan struct{})
	go func() {
		lost = people.Crowd.Send(ctx, vendors.Twilio)
		close(sent)
	}()
	answers, answered := map[string][]string{}, 0 // by number
	var running []*version
	for i, stage := range stages {
		var switching sync.WaitGroup
		switching.Go(func() { give(50, ctx.Done()) })
		running = slices.DeleteFunc(running, func(v *version) bool {
			switch {
			case slices.Contains(strings.Fields(stage), v.name):
				return false
			case v.name == "today":
				v.process.Kill()
			default:
				if err := v.process.Stop(); err != nil {
					t.Errorf("%s does not stop well: %v", v.name, err)
				}
			}
			return true
		})
		for name := range strings.FieldsSeq(stage) {
			if v := versions[name]; !slices.Contains(running, v) {
				v.process.Start()
				hotlinetest.Ready(ctx, t, "http://"+v.addr+"/readyz")
				running = append(running, v)
			}
		}
		switching.Wait()
		up.Store(new(slices.Clone(running)))
		for _, v := range running {
			v.took.Store(0)
			v.wrote.Store(0)
		}
		enough := make(chan struct{})
		go give(-1, enough)
		if err := vendors.HelpScout.Wait(ctx, func(*helpscoutsim.Sim) bool {
			return !slices.ContainsFunc(running, func(v *version) bool { return v.took.Load() < 20 || v.wrote.Load() < 20 })
		}); err != nil {
			t.Fatalf("%q: not all of them work: %v", stage, err)
		}
		close(enough)
		leg, err := vendors.Twilio.Call(ctx, twiliosim.Call{From: fmt.Sprintf("+1857555%04d", i), To: simulator.Hotline, Acts: []twiliosim.Act{
			{On: "beep", After: twiliosim.Duration(time.Second), Say: "Hello", For: twiliosim.Duration(5 * time.Second)}, {HangUp: true},
		}})
		if err != nil || !slices.ContainsFunc(leg.Moments, func(m twiliosim.Moment) bool { return m.What == "beep" }) {
			t.Errorf("%q: a caller heard no beep: %v, %+v", stage, err, leg.Moments)
		}
		for n := range 20 {
			number := people.Number(n)
			for _, c := range vendors.HelpScout.ConversationsOf(phone.Parse(number).Address("") + "@" + simulator.Domain) {
				answer := fmt.Sprintf("reply %d.", answered)
				if _, err := vendors.HelpScout.AgentReply(c.ID, helpscoutsim.Reply{Text: "<p>" + answer + "</p>"}); err != nil {
					t.Fatal(err)
				}
				answers[number] = append(answers[number], answer)
				answered++
			}
		}
		for _, v := range running {
			t.Logf("%q: %s took %d webhooks and wrote %d times to the help desk", stage, v.name, v.took.Load(), v.wrote.Load())
		}
	}
	give(-1, sent)
	if lost != nil {
		t.Error(lost)
	}
	people.Arrived(ctx, t, vendors)
	got := func(number string) (got []string) {
		for _, m := range vendors.Twilio.Inbox(number) {
			if strings.HasPrefix(m.Body, "reply ") {
				got = append(got, m.Body)
			}
		}
		return got
	}
	for number, want := range answers {
		if err := vendors.Twilio.Wait(ctx, func(*twiliosim.Sim) bool { return len(got(number)) >= len(want) }); err != nil {
			t.Errorf("waiting for a phone: %v", err)
		}
	}
	books := func() crowd.Report {
		return people.Crowd.Check(crowd.Vendors{Twilio: vendors.Twilio, HelpScout: vendors.HelpScout})
	}
	if err := vendors.HelpScout.Wait(ctx, func(*helpscoutsim.Sim) bool { return books().Missing == 0 }); err != nil {
		t.Errorf("waiting for the help desk: %v", err)
	}
	report := books()
	t.Logf("%v, %d answers among them; %d calls", report, answered, len(stages))
	if report.Welcomes -= answered; !report.Right() {
		t.Error("the books do not agree")
	}
	for number, want := range answers {
		if got := got(number); !slices.Equal(got, want) {
			t.Errorf("%s has got %q, want %q", number, got, want)
		}
	}
}

// A database never runs a migration again, so that what is changed in one afterwards would be in new databases only.
func TestMigrationsStay(t *testing.T) {
	for path, was := range migrations(t, hotlinetest.VersionBefore(t)) {
		if is := migrations(t, "..")[path]; is != was {
			t.Errorf("%s is not what it was", path)
		}
	}
}

// What a migration takes away is missing to the version before, which may still run, or run again. It may only take what that
// one does not use, and says so.
func TestMigrationsOnlyAdd(t *testing.T) {
	for sql, want := range map[string]bool{
		"CREATE TABLE a (b text NOT NULL); CREATE INDEX c ON a (b);":                          true,
		"ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT '';\n-- +goose Down\nDROP TABLE a;": true,
		"-- do not DROP TABLE a\nSELECT 1;":                                                   true,
		"-- contracts: nobody has read it since 0007\nALTER TABLE a DROP COLUMN b;":           true,
		"drop table a;":                                                                    false,
		"ALTER TABLE a\n\tDROP b;":                                                         false,
		"ALTER TABLE a RENAME TO b;":                                                       false,
		"ALTER TABLE a RENAME COLUMN b TO c;":                                              false,
		"ALTER TABLE a ALTER b SET DATA TYPE bigint;":                                      false,
		"ALTER TABLE a ALTER COLUMN b SET NOT NULL;":                                       false,
		"ALTER TABLE a ADD COLUMN b text NOT NULL; SELECT 1":                               false,
		"ALTER TABLE a ADD COLUMN b text NOT NULL, ADD COLUMN c text NOT NULL DEFAULT '';": false,
		"ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0);":                                    false,
		"CREATE UNIQUE INDEX a_b ON a (b);":                                                false,
		"DROP INDEX a_b;":                                                                  false,
		"UPDATE a SET b = 1;":                                                              false,
	} {
		if onlyAdds(sql) != want {
			t.Errorf("it does not only add: %v: %s", want, sql)
		}
	}
	for path, sql := range migrations(t, "..") {
		// 0002_replies is older than any hotline.
		if !onlyAdds(sql) && path != "services/telephony/sqlstore/migrations/0002_replies.sql" {
			t.Errorf(`%s takes away what the version before may use; if it does not, write "-- contracts: " and why`, path)
		}
	}
}

var (
	sqlComment = regexp.MustCompile(`--.*`)
	takesAway  = regexp.MustCompile(`(?i)\bDROP\s+(TABLE|INDEX)\b|^(UPDATE|DELETE|TRUNCATE|CREATE UNIQUE INDEX)\b|` +
		`\bALTER\s+TABLE\b.*\s(RENAME|DROP|TYPE|SET\s+NOT\s+NULL|ADD\s+(CONSTRAINT|CHECK|UNIQUE|FOREIGN|PRIMARY))\b`)
	column = regexp.MustCompile(`(?i)\bADD\s+COLUMN\b`)
	wants  = regexp.MustCompile(`(?i)\sNOT\s+NULL\b`)
	offers = regexp.MustCompile(`(?i)\sDEFAULT\s`)
)

func onlyAdds(sql string) bool {
	if strings.Contains(sql, "-- contracts: ") {
		return true
	}
	up, _, _ := strings.Cut(sql, "-- +goose Down")
	for statement := range strings.SplitSeq(sqlComment.ReplaceAllString(up, ""), ";") {
		statement = strings.Join(strings.Fields(statement), " ")
		if takesAway.MatchString(statement) {
			return false
		}
		for _, added := range column.Split(statement, -1)[1:] {
			if wants.MatchString(added) && !offers.MatchString(added) {
				return false
			}
		}
	}
	return true
}

// migrations are all migrations in a copy of the repository, by path.
func migrations(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	paths, err := filepath.Glob(dir + "/services/*/sqlstore/migrations/*.sql")
	for _, path := range paths {
		var b []byte
		if b, err = os.ReadFile(path); err != nil {
			break
		}
		all[strings.TrimPrefix(path, dir+"/")] = string(b)
	}
	if err != nil || len(all) == 0 {
		t.Fatalf("%d migrations in %s: %v", len(all), dir, err)
	}
	return all
}
