package playground

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/simulator/crowd"
	"github.com/bling-hotline/bling/simulator/story"
)

// flood is very many people who text at once, at present or the last time.
type flood struct {
	mu      sync.Mutex
	changed chan struct{} // closed by the next change; nil: nobody waits
	crowd   *crowd.Crowd
	cancel  context.CancelFunc
	ended   chan struct{} // closed when the crowd does nothing any more
	running bool
	began   time.Time
	points  []point
	report  *crowd.Report
	failed  string
}

// point is how far it had got at some time.
type point struct {
	after time.Duration
	crowd.Progress
}

const (
	mostPeople = 5000
	// floodPatience is how long the end is waited for: with Help Scout's usual limit a thousand people take a quarter of an hour.
	floodPatience = 2 * time.Hour
	floodTick     = 250 * time.Millisecond
)

// startFlood lets people text, each once, and watches until all is where it belongs.
func (p *Page) startFlood(r *http.Request) error {
	f := fields{r: r}
	people, unlimited := f.number("people", 1, mostPeople), f.tick("unlimited")
	if f.err != nil {
		return f.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), floodPatience)
	c, err := p.flood.begin(people, cancel)
	if err != nil {
		cancel()
		return err
	}
	p.Story.Add(story.Line{At: p.Clock.Now(), Kind: story.Trouble, Title: fmt.Sprintf("%d people text at once", people)})
	limit := p.HelpScout.Settings().RateLimit
	if unlimited {
		set := p.HelpScout.Settings()
		set.RateLimit = -1
		p.HelpScout.SetSettings(set)
	}
	ended := p.flood.ended
	go func() {
		defer close(ended)
		defer cancel()
		p.flow(ctx, c)
		if set := p.HelpScout.Settings(); unlimited && set.RateLimit < 0 { // nobody has switched it meanwhile
			set.RateLimit = limit
			p.HelpScout.SetSettings(set)
		}
	}()
	return nil
}

func (f *flood) begin(people int, cancel context.CancelFunc) (*crowd.Crowd, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running {
		return nil, errors.New("people are still texting")
	}
	// Nobody of this crowd has texted before.
	seed := uint64(time.Now().UnixNano()) >> 16 & 0xFFFFFFFF
	f.crowd = &crowd.Crowd{Supporters: people, Texts: people, Concurrency: 200, Seed: seed, First: 14_130_000_000 + int64(seed%790)*10_000 + 2_000_000, Patience: time.Minute}
	f.cancel, f.running, f.began, f.points, f.report, f.failed = cancel, true, time.Now(), nil, nil, ""
	f.ended = make(chan struct{})
	f.tell()
	return f.crowd, nil
}

// flow lets the crowd text, takes a point every moment, and checks the books in the end.
func (p *Page) flow(ctx context.Context, c *crowd.Crowd) {
	v := crowd.Vendors{Twilio: p.Twilio, HelpScout: p.HelpScout}
	done := make(chan error, 1)
	go func() {
		err := c.Send(ctx, p.Twilio)
		patience := floodPatience
		if err != nil { // what was refused never comes; the rest is given time
			patience = 20 * time.Second
		}
		waiting, over := context.WithTimeout(ctx, patience)
		defer over()
		done <- errors.Join(err, c.Arrived(waiting, v))
	}()
	for tick := time.NewTicker(floodTick); ; {
		var err error
		select {
		case <-tick.C:
			p.flood.note(c, c.Progress(v))
			continue
		case err = <-done:
			tick.Stop()
		}
		if ctx.Err() != nil {
			return // forgotten
		}
		report := c.Check(v)
		p.flood.end(c, report, err)
		p.Story.Add(story.Line{At: p.Clock.Now(), Kind: story.Trouble, Title: report.String(), Failed: !report.Right()})
		return
	}
}

func (f *flood) note(c *crowd.Crowd, now crowd.Progress) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crowd == c {
		f.points = append(f.points, point{time.Since(f.began), now})
		f.tell()
	}
}

func (f *flood) end(c *crowd.Crowd, r crowd.Report, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crowd != c {
		return
	}
	f.running, f.report = false, &r
	f.points = append(f.points, point{time.Since(f.began), r.Progress})
	if err != nil {
		f.failed = clip(err.Error(), 300)
	}
	f.tell()
}

// forget ends the flood, and returns when nobody texts any more.
func (f *flood) forget() {
	f.mu.Lock()
	cancel, ended := f.cancel, f.ended
	f.mu.Unlock()
	if cancel != nil {
		cancel()
		<-ended
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crowd, f.running, f.points, f.report, f.failed = nil, false, nil, nil, ""
	f.tell()
}

// tell needs the lock.
func (f *flood) tell() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// wait returns a channel that is closed by the next change.
func (f *flood) wait() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

// floodView is what the page shows of it.
type floodView struct {
	Running, Shown           bool
	Now                      crowd.Progress
	Waiting                  int // acknowledged, and not in the help desk yet
	After                    time.Duration
	Report                   *crowd.Report
	Failed                   string
	Acked, Delivered, Answer string // lines of the chart
	Width, Height            int
}

const (
	chartWidth  = 600
	chartHeight = 120
	chartPoints = 300
)

func (f *flood) view() floodView {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := floodView{Running: f.running, Shown: f.crowd != nil, Report: f.report, Failed: f.failed, Width: chartWidth, Height: chartHeight}
	if f.crowd == nil {
		return v
	}
	v.Now.Texts = f.crowd.Texts
	if len(f.points) == 0 {
		return v
	}
	last := f.points[len(f.points)-1]
	v.Now, v.After, v.Waiting = last.Progress, last.after, last.Acked-last.Delivered
	every := 1 + len(f.points)/chartPoints
	line := func(value func(point) int) string {
		var b strings.Builder
		b.WriteString("0,120")
		for i, p := range f.points {
			if i%every == 0 || i == len(f.points)-1 {
				fmt.Fprintf(&b, " %.1f,%.1f", chartWidth*p.after.Seconds()/max(last.after.Seconds(), 0.001), chartHeight*(1-float64(value(p))/float64(max(1, f.crowd.Texts))))
			}
		}
		return b.String()
	}
	v.Acked = line(func(p point) int { return p.Acked })
	v.Delivered = line(func(p point) int { return p.Delivered })
	v.Answer = line(func(p point) int { return p.Welcomed })
	return v
}
