// Package progress shows whoever waits at a terminal how far a long command has got, how fast it is and how long it will take. Where nobody
// watches, as in a log, it writes a line every few seconds at most, and one when it has to wait for something else than before.
//
//	bar := progress.New(os.Stderr, progress.Terminal(os.Stderr), total, time.Now)
//	for ... {
//		bar.Add(1)
//	}
//	bar.Done()
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	// drawEvery is how often a terminal is drawn on, at most; lineEvery is how often a line is written elsewhere.
	drawEvery = 100 * time.Millisecond
	lineEvery = 5 * time.Second

	width = 24 // of the bar
)

// Terminal reports whether a file is somebody's screen.
func Terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Bar is the progress of one thing. It is not for concurrent use.
type Bar struct {
	// Label says of what, such as "mailbox 206906". Optional; set it before use.
	Label string
	// Count is how many of something were found on the way, and Unit what they are, such as "texts": for a progress that is no count itself, but
	// through a time. Optional; set Count before Set.
	Count int64
	Unit  string

	w        io.Writer
	terminal bool
	now      func() time.Time

	done, total int64
	from        int64 // what was done before it was first told; this is not our speed
	told        bool
	began       time.Time
	last        time.Time // when a line was written
	aside, said string    // what there is to be said besides, and what was last
}

// New returns the progress of total things, of which none is done; 0: how many is not known. Nothing is written yet.
func New(w io.Writer, terminal bool, total int64, now func() time.Time) *Bar {
	return &Bar{w: w, terminal: terminal, total: total, now: now, began: now()}
}

// Add says that n more are done.
func (b *Bar) Add(n int64) {
	b.told = true
	b.set(b.done+n, b.total)
}

// Set says how many of how many are done. What is done the first time was so before: it goes on where it was.
func (b *Bar) Set(done, total int64) {
	if !b.told {
		b.told, b.from, b.began = true, done, b.now()
	}
	b.set(done, total)
}

func (b *Bar) set(done, total int64) {
	b.done, b.total, b.aside = done, total, ""
	b.show(false)
}

// Say adds what there is to be said until it goes on, such as that it waits. "" takes it away.
func (b *Bar) Say(format string, args ...any) {
	b.aside = fmt.Sprintf(format, args...)
	b.show(false)
}

// Done writes how far it got, and ends the line.
func (b *Bar) Done() {
	b.aside = ""
	b.show(true)
	if b.terminal {
		fmt.Fprintln(b.w)
	}
}

func (b *Bar) show(last bool) {
	now, every := b.now(), lineEvery
	if b.terminal {
		every = drawEvery
	}
	news := b.aside != "" && b.aside != b.said // that nothing goes on, and why, is said at once
	if !last && !news && !b.last.IsZero() && now.Sub(b.last) < every {
		return
	}
	b.last = now
	if news {
		b.said = b.aside
	}
	line := strings.Join(b.parts(now, last), "  ")
	if b.terminal {
		fmt.Fprintf(b.w, "\r%s\x1b[K", line) // the rest of the last one goes
	} else {
		fmt.Fprintln(b.w, line)
	}
}

func (b *Bar) parts(now time.Time, last bool) (parts []string) {
	if b.Label != "" {
		parts = append(parts, b.Label)
	}
	if b.total <= 0 {
		parts = append(parts, fmt.Sprint(b.done))
	} else {
		done := min(max(b.done, 0), b.total) // it may have gone on before where it began
		full := int(done * width / b.total)
		if b.terminal {
			parts = append(parts, "["+strings.Repeat("#", full)+strings.Repeat(".", width-full)+"]")
		}
		if b.Unit != "" {
			parts = append(parts, fmt.Sprintf("%d%%", done*100/b.total), fmt.Sprintf("%d %s", b.Count, b.Unit))
		} else {
			parts = append(parts, fmt.Sprintf("%d of %d", b.done, b.total))
		}
	}
	elapsed := now.Sub(b.began)
	if elapsed >= time.Second && b.done > b.from {
		rate := float64(b.done-b.from) / elapsed.Seconds()
		switch {
		case b.Unit == "":
			parts = append(parts, perSecond(rate))
		case b.Count > 0:
			parts = append(parts, perSecond(float64(b.Count)/elapsed.Seconds()))
		}
		if left := b.total - b.done; left > 0 && !last {
			parts = append(parts, "about "+rounded(time.Duration(float64(left)/rate*float64(time.Second)))+" left")
		}
	}
	if last {
		parts = append(parts, "in "+rounded(elapsed))
	}
	if b.aside != "" {
		parts = append(parts, b.aside)
	}
	return parts
}

// perSecond is a rate in words.
func perSecond(rate float64) string {
	if rate < 1 {
		return fmt.Sprintf("%.1f/min", rate*60)
	}
	return fmt.Sprintf("%.0f/s", rate)
}

// rounded is a time as people say it: 48s, 3m10s, 2h5m.
func rounded(d time.Duration) string {
	unit := time.Second
	switch {
	case d >= time.Hour:
		unit = time.Minute
	case d >= 10*time.Minute:
		unit = 10 * time.Second
	}
	s := d.Round(unit).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
