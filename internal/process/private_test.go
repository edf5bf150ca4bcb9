package process_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
)

// The private port says what there is on it, has the operators' pages where there are any, and lets what they have had done finish.
func TestPrivatePages(t *testing.T) {
	get := func(address string) (int, string) {
		res, err := http.Get(address)
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		return res.StatusCode, string(body)
	}
	began, goOn := make(chan bool), make(chan bool)
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/switchboard/slow" {
			began <- true
			<-goOn
		}
		io.WriteString(w, "a page") //nolint:errcheck // the test sees it
	})
	for name, pages := range map[string]http.Handler{"with pages": slow, "without": nil} {
		t.Run(name, func(t *testing.T) {
			c := process.Config{PrivateAddr: "127.0.0.1:0"}
			lis := process.ListenPrivate(c, slog.New(slog.DiscardHandler))
			base := "http://" + lis.Addr().String()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- process.Private(ctx, c, slog.New(slog.DiscardHandler), lis, nil, pages) }()
			if _, body := get(base + "/"); !strings.Contains(body, "/metrics") || strings.Contains(body, "/switchboard/") != (pages != nil) {
				t.Errorf("the port says %q", body)
			}
			if code, _ := get(base + "/elsewhere"); code != http.StatusNotFound {
				t.Errorf("elsewhere: %d", code)
			}
			if code, body := get(base + "/switchboard/items"); (body == "a page") != (pages != nil) || (code == http.StatusOK) != (pages != nil) {
				t.Errorf("a page: %d %q", code, body)
			}
			if pages != nil {
				got := make(chan string, 1)
				go func() { _, body := get(base + "/switchboard/slow"); got <- body }()
				<-began
				cancel()
				close(goOn)
				if body := <-got; body != "a page" {
					t.Errorf("what was under way when it ended got %q", body)
				}
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	taken := process.ListenPrivate(process.Config{PrivateAddr: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	defer taken.Close()
	c := process.Config{PrivateAddr: taken.Addr().String()}
	if err := process.Private(t.Context(), c, slog.New(slog.DiscardHandler), process.ListenPrivate(c, slog.New(slog.DiscardHandler)), nil, nil); err != nil {
		t.Errorf("a port that is taken ends the process: %v", err)
	}
}

// The switchboard gives what an operator has done 20 seconds; that the process ends takes none of them away.
func TestPrivateFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lis, transport := rpc.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cancel()
			time.Sleep(20 * time.Second)
			io.WriteString(w, "done") //nolint:errcheck // the test sees it
		})
		ended := make(chan error, 1)
		go func() {
			ended <- process.Private(ctx, process.Config{}, slog.New(slog.DiscardHandler), lis, nil, pages)
		}()
		res, err := (&http.Client{Transport: transport}).Post("http://private/switchboard/person/erase", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); string(body) != "done" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
