// Package check is how bling doctor, and the services while they run, find out whether everything is as it should be: small checks, each with
// a name, and findings that say what to do.
package check

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Level is how bad a finding is.
type Level int

const (
	OK      Level = iota // all is well
	Warning              // it works, but not as it should, or not for long
	Failure              // something that the hotline needs does not work
)

// String is a word for people.
func (l Level) String() string { return [...]string{"ok", "warning", "failure"}[l] }

// Finding is what a check found.
type Finding struct {
	Check string // the check's name; Run sets it
	Name  string // what was checked; the check's, or more exact
	Level Level
	Says  string // in a sentence, without secrets and without numbers of people
	Fix   string // what to do, in a sentence; empty if all is well
}

// Fine says that all is well.
func Fine(format string, args ...any) []Finding {
	return []Finding{{Says: fmt.Sprintf(format, args...)}}
}

// Warn says that something is not as it should be, and what to do about it.
func Warn(fix, format string, args ...any) []Finding {
	return []Finding{{Level: Warning, Says: fmt.Sprintf(format, args...), Fix: fix}}
}

// Fail says that something does not work, and what to do about it.
func Fail(fix, format string, args ...any) []Finding {
	return []Finding{{Level: Failure, Says: fmt.Sprintf(format, args...), Fix: fix}}
}

// Check looks at one thing.
type Check struct {
	// Name is what is checked: short, stable, and the label of a metric.
	Name string
	// Do looks. Findings without a name get the check's. It has limit.
	Do func(ctx context.Context) []Finding
}

// limit bounds a check.
const limit = 20 * time.Second

// Run does all checks, at the same time, and returns what they found in the order of the checks.
func Run(ctx context.Context, checks ...Check) (all []Finding) {
	found := make([][]Finding, len(checks))
	var running sync.WaitGroup
	for i, c := range checks {
		running.Go(func() {
			found[i] = c.guarded(ctx)
			for j := range found[i] {
				found[i][j].Check = c.Name
				if found[i][j].Name == "" {
					found[i][j].Name = c.Name
				}
			}
		})
	}
	running.Wait()
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// guarded does the check within its limit. A mistake in it must not end the service that it looks at.
func (c Check) guarded(ctx context.Context) (found []Finding) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "a check broke off", "check", c.Name, "panic", p, "stack", string(debug.Stack()))
			found = Fail("This is a mistake in Bling: please report what the log says.", "The check broke off.")
		}
	}()
	return c.Do(ctx)
}

// Worst is the worst level of some findings.
func Worst(all []Finding) Level {
	worst := OK
	for _, f := range all {
		worst = max(worst, f.Level)
	}
	return worst
}
