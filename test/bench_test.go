package test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// deskLatency is how long the help desk takes for an answer while acknowledgements are measured: about what the real
// one takes.
const deskLatency = 250 * time.Millisecond

// TestMain turns the test binary into one of the bare servers that BenchmarkAck compares with.
func TestMain(m *testing.M) {
	if addr := os.Getenv("BLING_TEST_BARE"); addr != "" {
		if err := bare(addr, os.Getenv("BLING_TEST_BARE_URL"), os.Getenv("BLING_TEST_BARE_DIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// bare serves what a webhook costs at least: the signature is checked and, with a database, one row is committed for
// each request.
func bare(addr, dbURL, dir string) error {
	var db *sqldb.DB
	if dbURL != "" || dir != "" {
		var err error
		db, err = sqldb.Open(context.Background(), sqldb.Config{URL: dbURL, Dir: dir}, "bare", fstest.MapFS{"1_t.sql": {Data: []byte(
			"-- +goose Up\nCREATE TABLE t (sid text PRIMARY KEY, sender text NOT NULL, body text NOT NULL);")}})
		if err != nil {
			return err
		}
	}
	var one sync.Mutex // SQLite has one writer
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			return
		}
		body, err := io.ReadAll(r.Body)
		form, err2 := url.ParseQuery(string(body))
		if err != nil || err2 != nil || !signature.VerifyTwilio([]string{twiliosim.DefaultAuthToken}, "http://"+addr+r.RequestURI, form, body, r.Header.Get("X-Twilio-Signature")) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if db != nil {
			if !db.Shared() {
				one.Lock()
				defer one.Unlock()
			}
			if err := db.Update(r.Context(), func(tx *sql.Tx) error {
				_, err := tx.ExecContext(r.Context(), `INSERT INTO t (sid, sender, body) VALUES ($1, $2, $3) ON CONFLICT (sid) DO NOTHING`, form.Get("MessageSid"), form.Get("From"), form.Get("Body"))
				return err
			}); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		}
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, "<Response></Response>") //nolint:errcheck // the asker is gone
	}))
}

// BenchmarkAck is how fast webhooks are acknowledged: by a handler that only checks the signature, by one that also
// commits a row for each request, and by the hotline, which meanwhile delivers to a help desk that takes its time.
func BenchmarkAck(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, concurrency := range []int{16, 64} {
			name := fmt.Sprintf("%s/c%d", engine, concurrency)
			if engine == "sqlite" {
				b.Run(fmt.Sprintf("signature/none/c%d", concurrency), func(b *testing.B) { ack(b, startBare(b, sqldb.Config{}), concurrency) })
			}
			b.Run("commit/"+name, func(b *testing.B) { ack(b, startBare(b, database(b, engine)), concurrency) })
			b.Run("bling/"+name, func(b *testing.B) {
				addr, _, _ := startBling(b, database(b, engine), func(c *helpscoutsim.Config) { c.Latency = deskLatency })
				ack(b, addr, concurrency)
			})
		}
	}
}

// BenchmarkDeliver is how many texts arrive in a help desk that answers at once, what they cost, and how many calls
// each needs, for supporters who are known and for new ones.
func BenchmarkDeliver(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, who := range []string{"known", "new"} {
			b.Run(engine+"/"+who, func(b *testing.B) {
				addr, process, vendors := startBling(b, database(b, engine), nil)
				supporters := 200
				if who == "known" {
					deliver(b, addr, vendors, 0, supporters, supporters)
				} else {
					supporters = b.N
				}
				before, spent := vendors.HelpScout.Usage(), cpu(b, process.PID())
				b.ResetTimer()
				start := time.Now()
				deliver(b, addr, vendors, 1_000_000, b.N, supporters)
				b.StopTimer()
				took := time.Since(start)
				writes, reads := 0, 0
				for route, n := range vendors.HelpScout.Usage().Requests {
					n -= before.Requests[route]
					switch {
					case strings.Contains(route, "oauth2"):
					case strings.HasPrefix(route, "GET"):
						reads += n
					default:
						writes += n
					}
				}
				b.ReportMetric(float64(b.N)/took.Seconds(), "texts/s")
				b.ReportMetric(float64(writes)/float64(b.N), "writes/text")
				b.ReportMetric(float64(reads)/float64(b.N), "reads/text")
				b.ReportMetric((cpu(b, process.PID())-spent).Seconds()*1000/float64(b.N), "cpu-ms/text")
				b.ReportMetric(rss(b, process.PID()), "rss-MB")
			})
		}
	}
}

// BenchmarkStart is how long the hotline takes from its start to the open door, and its memory then.
func BenchmarkStart(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			addr, process, _ := startBling(b, database(b, engine), nil)
			b.ResetTimer()
			for b.Loop() {
				if err := process.Stop(); err != nil {
					b.Fatal(err)
				}
				process.Start()
				hotlinetest.Ready(b.Context(), b, "http://"+addr+"/readyz")
			}
			b.ReportMetric(rss(b, process.PID()), "rss-MB")
		})
	}
}

func database(b *testing.B, engine string) sqldb.Config {
	b.Helper()
	if engine == "postgres" {
		return sqldbtest.Postgres(b)
	}
	return sqldb.Config{Dir: b.TempDir()}
}

func startBare(b *testing.B, db sqldb.Config) (addr string) {
	b.Helper()
	addr = hotlinetest.FreeAddr(b)
	p := hotlinetest.NewProcess(b, os.Args[0], nil, "BLING_TEST_BARE="+addr, "BLING_TEST_BARE_URL="+db.URL, "BLING_TEST_BARE_DIR="+db.Dir)
	p.Start()
	hotlinetest.Ready(b.Context(), b, "http://"+addr)
	return addr
}

var built struct {
	sync.Once
	path string
}

func startBling(b *testing.B, db sqldb.Config, desk func(*helpscoutsim.Config)) (addr string, p *hotlinetest.Process, v hotlinetest.Vendors) {
	b.Helper()
	built.Do(func() {
		dir, err := os.MkdirTemp("", "bling-bench")
		if err != nil {
			b.Fatal(err)
		}
		built.path = hotlinetest.BuildTo(b, dir, "github.com/bling-hotline/bling/cmd/bling")
	})
	addr = hotlinetest.FreeAddr(b)
	v = hotlinetest.StartVendors(b, hotlinetest.Options{HelpScout: desk}, "http://"+addr)
	p = hotlinetest.NewProcess(b, built.path, []string{"serve"}, append(v.Environ(),
		"BLING_GATEWAY_ADDR="+addr, "BLING_PUBLIC_URL=http://"+addr, "BLING_DATABASE_URL="+db.URL, "BLING_DATA_DIR="+db.Dir,
		"BLING_PRIVATE_ADDR=127.0.0.1:0", "BLING_LOG_LEVEL=error")...)
	p.Start()
	hotlinetest.Ready(b.Context(), b, "http://"+addr+"/readyz")
	return addr, p, v
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}

// webhook returns the signed webhook of a text.
func webhook(addr string, n, supporter int) (*http.Request, error) {
	sid := fmt.Sprintf("SM%032x", n)
	form := url.Values{
		"MessageSid": {sid}, "SmsSid": {sid}, "SmsMessageSid": {sid}, "AccountSid": {twiliosim.DefaultAccountSID}, "ApiVersion": {"2010-04-01"},
		"From": {number(supporter)}, "To": {simulator.Hotline}, "Body": {"text " + strconv.Itoa(n) + ": can somebody please call me back?"},
		"NumMedia": {"0"}, "NumSegments": {"1"}, "SmsStatus": {"received"}, "FromCountry": {"US"}, "FromState": {"MA"}, "FromCity": {"BOSTON"}, "FromZip": {"02108"},
	}
	address := "http://" + addr + "/bling/twilio_sms"
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Twilio-Signature", signature.Twilio(twiliosim.DefaultAuthToken, address, form))
	return r, nil
}

func number(supporter int) string { return fmt.Sprintf("+1617%07d", 2000000+supporter) }

// flood sends n webhooks of so many supporters and returns how long each took.
func flood(b *testing.B, addr string, first, n, supporters, concurrency int) (took []time.Duration) {
	b.Helper()
	took = make([]time.Duration, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range concurrency {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				r, err := webhook(addr, first+int(i), (first+int(i))%supporters)
				if err != nil {
					b.Error(err)
					return
				}
				begun := time.Now()
				res, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body) //nolint:errcheck // only the time counts
				res.Body.Close()
				took[i] = time.Since(begun)
				if res.StatusCode != http.StatusOK {
					b.Errorf("status %d", res.StatusCode)
					return
				}
			}
		})
	}
	wg.Wait()
	return took
}

func ack(b *testing.B, addr string, concurrency int) {
	b.Helper()
	flood(b, addr, 1_000_000, 200, 2000, concurrency) // connections and plans
	b.ResetTimer()
	start := time.Now()
	took := flood(b, addr, 0, b.N, 2000, concurrency)
	b.StopTimer()
	slices.Sort(took)
	at := func(q float64) float64 { return took[int(q*float64(len(took)-1))].Seconds() * 1000 }
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "acks/s")
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}

// deliver floods the hotline and waits until all is in the help desk.
func deliver(b *testing.B, addr string, v hotlinetest.Vendors, first, n, supporters int) {
	b.Helper()
	emails := map[string]bool{}
	for i := range n {
		emails[phone.Parse(number((first+i)%supporters)).Address("")+"@"+simulator.Domain] = true
	}
	count := func(s *helpscoutsim.Sim) (sum int) {
		for e := range emails {
			sum += s.Threads(e)
		}
		return sum
	}
	want := count(v.HelpScout) + n
	flood(b, addr, first, n, supporters, 16)
	if err := v.HelpScout.Wait(b.Context(), func(s *helpscoutsim.Sim) bool { return count(s) >= want }); err != nil {
		b.Fatal(err)
	}
}

// cpu returns the processor time that a process has used. See proc_pid_stat(5).
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("no /proc: ", err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	const tick = 10 * time.Millisecond // USER_HZ is 100 on Linux
	return time.Duration(user+system) * tick
}

// rss returns the memory of a process in MB. See proc_pid_status(5).
func rss(b *testing.B, pid int) float64 {
	b.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("no /proc: ", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kb float64
		if n, _ := fmt.Sscanf(lines.Text(), "VmRSS: %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	return 0
}
