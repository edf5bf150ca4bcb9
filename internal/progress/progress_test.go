package progress_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/progress"
)

// shown is a bar by a clock of the test's, and what it has written since it was last asked.
type shown struct {
	*progress.Bar
	now time.Time
	out strings.Builder
}

func newBar(terminal bool, total int64) *shown {
	s := &shown{now: time.Unix(1e9, 0)}
	s.Bar = progress.New(&s.out, terminal, total, func() time.Time { return s.now })
	s.Label = "mailbox 1"
	return s
}

func (s *shown) later(d time.Duration) { s.now = s.now.Add(d) }

func (s *shown) want(t *testing.T, want string) {
	t.Helper()
	if got := s.out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.out.Reset()
}

// Speed and time left are of what is done since it began; what was done before does not count as speed.
func TestTerminal(t *testing.T) {
	b := newBar(true, 0)
	b.Set(400, 1000)
	b.want(t, "\rmailbox 1  [#########...............]  400 of 1000\x1b[K")
	b.later(50 * time.Millisecond)
	b.Set(405, 1000)
	b.want(t, "") // too soon
	b.later(9950 * time.Millisecond)
	b.Set(500, 1000)
	b.want(t, "\rmailbox 1  [############............]  500 of 1000  10/s  about 50s left\x1b[K")
	b.Say("waits %s", "a minute") // at once: nothing else will come
	b.want(t, "\rmailbox 1  [############............]  500 of 1000  10/s  about 50s left  waits a minute\x1b[K")
	b.later(time.Hour)
	b.Set(1000, 1000)
	b.want(t, "\rmailbox 1  [########################]  1000 of 1000  10.0/min\x1b[K")
	b.Done()
	b.want(t, "\rmailbox 1  [########################]  1000 of 1000  10.0/min  in 1h\x1b[K\n")
}

// A log gets a line every five seconds at most, but what is new to be said at once. It has nothing that only a screen understands, and always
// the last line.
func TestLog(t *testing.T) {
	b := newBar(false, 100)
	for i := range 100 {
		b.Add(1)
		if i > 30 {
			b.Say("waits")
		}
		if i == 90 {
			b.Say("waits longer")
		}
		b.later(100 * time.Millisecond)
	}
	b.Done()
	b.want(t, "mailbox 1  1 of 100\nmailbox 1  32 of 100  10/s  about 7s left  waits\nmailbox 1  82 of 100  10/s  about 2s left\n"+
		"mailbox 1  91 of 100  10/s  about 1s left  waits longer\nmailbox 1  92 of 100  10/s  about 1s left  waits\nmailbox 1  100 of 100  10/s  in 10s\n")
}

// A load goes through a time: the share of it that is done, how many texts there were in it, how fast they come, and how long it takes.
func TestTime(t *testing.T) {
	for terminal, want := range map[bool]string{
		true: "\rmailbox 1  [........................]  0%  0 texts\x1b[K\rmailbox 1  [############............]  50%  300 texts  30/s  about 10s left\x1b[K" +
			"\rmailbox 1  [########################]  100%  600 texts  30/s\x1b[K\rmailbox 1  [########################]  100%  600 texts  30/s  in 20s\x1b[K\n",
		false: "mailbox 1  0%  0 texts\nmailbox 1  50%  300 texts  30/s  about 10s left\nmailbox 1  100%  600 texts  30/s\nmailbox 1  100%  600 texts  30/s  in 20s\n",
	} {
		b := newBar(terminal, 0)
		b.Unit = "texts"
		b.Set(0, 7200)
		for _, share := range []int64{1, 2} {
			b.later(10 * time.Second)
			b.Count += 300
			b.Set(share*3600, 7200)
		}
		b.Done()
		b.want(t, want)
	}
}

// A time without texts has no speed, but an end.
func TestQuietTime(t *testing.T) {
	b := newBar(false, 0)
	b.Unit = "texts"
	b.Set(0, 100)
	b.later(10 * time.Second)
	b.Set(50, 100)
	b.want(t, "mailbox 1  0%  0 texts\nmailbox 1  50%  0 texts  about 10s left\n")
}

// M8: where nobody watches, ten thousand texts that come in steps are a line each five seconds at most, however many there are in a step.
func TestLines(t *testing.T) {
	b := newBar(false, 0)
	b.Unit = "texts"
	const steps, perStep, every = 357, 28, 130 * time.Millisecond
	for i := range int64(steps) {
		b.Count += perStep
		b.Set(i+1, steps)
		b.Say("waits 1s")
		b.later(every)
	}
	b.Done()
	lines, took := strings.Count(b.out.String(), "\n"), steps*every
	if most := int(took/(5*time.Second)) + 3; lines > most || lines < most-3 { // the first, that it waits, the last
		t.Errorf("%d lines in %v:\n%s", lines, took, b.out.String())
	}
	if !strings.HasSuffix(b.out.String(), "100%  9996 texts  215/s  in 46s\n") {
		t.Errorf("it ends with %q", b.out.String())
	}
}

// What has gone back to before its beginning, as a load that was told another time, is no bar of less than nothing.
func TestBackwards(t *testing.T) {
	b := newBar(true, 0)
	b.Unit = "texts"
	b.Set(24, 100)
	b.later(time.Second)
	b.Set(-10, 100)
	b.want(t, "\rmailbox 1  [#####...................]  24%  0 texts\x1b[K\rmailbox 1  [........................]  0%  0 texts\x1b[K")
}

// Nothing is divided by nothing, and more than there should be is no trouble.
func TestOdd(t *testing.T) {
	for total, want := range map[int64]string{
		0:  "\rmailbox 1  7\x1b[K\rmailbox 1  7  in 0s\x1b[K\n",
		5:  "\rmailbox 1  [########################]  7 of 5\x1b[K\rmailbox 1  [########################]  7 of 5  in 0s\x1b[K\n",
		-1: "\rmailbox 1  7\x1b[K\rmailbox 1  7  in 0s\x1b[K\n",
	} {
		b := newBar(true, total)
		b.Add(7)
		b.Done()
		b.want(t, want)
	}
}
