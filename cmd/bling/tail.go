package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/story"
)

const tailHelp = `bling tail

Shows what happens in the running playground, one line for each webhook, gRPC call, job and call of a vendor, until Ctrl-C. Lines with the
same six letters at their end are of one trace.

  bling tail                           everything from now on
  bling tail -n 50                     and the last 50 lines first
  bling tail -about +16175550142       only what is about that person
  bling tail -outer                    only what passes between the vendors and the hotline
  bling tail -v                        with all that was sent and answered

`

// tail shows the story of the playground.
type tail struct {
	out     io.Writer
	page    string
	person  string
	outer   bool
	verbose bool
	colours bool
}

func follow(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("tail", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), tailHelp); flags.PrintDefaults() }
	t := tail{out: os.Stdout}
	flags.StringVar(&t.page, "page", "http://"+simulator.PageAddr, "address of the playground")
	about := flags.String("about", "", "only what is about this number")
	n := flags.Int("n", 0, "how many lines of the past to begin with")
	flags.BoolVar(&t.outer, "outer", false, "without gRPC calls and jobs")
	flags.BoolVar(&t.verbose, "v", false, "with all that was sent and answered")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		flags.Usage()
		return fmt.Errorf("want no arguments, got %q", flags.Args())
	}
	if *n < 0 {
		return errors.New("-n must not be negative")
	}
	if *about != "" {
		id := phone.Parse(*about)
		if id.Kind != phone.Full {
			return fmt.Errorf("%q is not a phone number; try +16175550142", *about)
		}
		t.person = string(id.Number)
	}
	info, err := os.Stdout.Stat()
	t.colours = err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
	return t.follow(ctx, *n)
}

func (t tail) follow(ctx context.Context, past int) error {
	var before []story.Line
	var last int64
	for {
		lines, next, err := t.lines(ctx, last, 0)
		if err != nil {
			return fmt.Errorf("no playground is running here (start one with: go run ./cmd/bling): %w", err)
		}
		if before, last = append(before, lines...), next; len(lines) == 0 {
			break
		}
	}
	for _, l := range before[max(0, len(before)-past):] {
		t.show(l)
	}
	for {
		lines, next, err := t.lines(ctx, last, 30*time.Second)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("the playground does not answer any more: %w", err)
		}
		for _, l := range lines {
			t.show(l)
		}
		last = next
	}
}

// lines asks for the lines after one, and waits for some for so long.
func (t tail) lines(ctx context.Context, after int64, patience time.Duration) ([]story.Line, int64, error) {
	query := url.Values{"after": {fmt.Sprint(after)}, "person": {t.person}, "wait_ms": {fmt.Sprint(patience.Milliseconds())}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.page+"/story?"+query.Encode(), nil)
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("it answers %s", res.Status)
	}
	var answer struct {
		Last  int64        `json:"last"`
		Lines []story.Line `json:"lines"`
	}
	err = json.NewDecoder(res.Body).Decode(&answer)
	return answer.Lines, answer.Last, err
}

// colour is how a kind of line looks on a terminal.
var colour = map[string]string{story.Webhook: "\x1b[35m", story.Call: "\x1b[34m", story.RPC: "\x1b[90m", story.Job: "\x1b[90m", story.Trouble: "\x1b[33m"}

func (t tail) show(l story.Line) {
	if t.outer && (l.Kind == story.RPC || l.Kind == story.Job) {
		return
	}
	paint := func(code, s string) string {
		if !t.colours || s == "" {
			return s
		}
		return code + s + "\x1b[0m"
	}
	way := ""
	if l.From != "" {
		way = l.From + " → " + l.To
	}
	result := visible(l.Result)
	if l.Failed {
		result = paint("\x1b[31m", result)
	}
	fmt.Fprintf(t.out, "%s  %-21s  %s  %s  %s  %.6s\n", l.At.Local().Format("15:04:05.000"), way, paint(colour[l.Kind], strings.ReplaceAll(visible(l.Title), "\n", "·")), result, visible(strings.Join(l.People, " ")), l.Trace)
	if !t.verbose {
		return
	}
	for _, d := range l.Details {
		fmt.Fprintf(t.out, "    %s\n      %s\n", d.Name, strings.ReplaceAll(visible(strings.TrimSpace(d.Text)), "\n", "\n      "))
	}
}

// visible is a text without what a terminal would act on: people may write anything.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) && r != '\n' && r != '\u200d' { // but what joins emoji
			return '·'
		}
		return r
	}, s)
}
