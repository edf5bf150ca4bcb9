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
