package main

import (
	"context"
	"errors"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/progress"
)

const (
	// stepFor is how long an answer about one step of a long command may take.
	stepFor = time.Minute
	// awayFor is for how long a service, or the vendor behind it, may be away.
	awayFor = 5 * time.Minute
)

// patiently asks for a step of a long command until there is an answer, and waits as long as it is told to.
func patiently(ctx context.Context, bar *progress.Bar, ask func(context.Context) error) error {
	away := time.Now()
	for pause := time.Second; ; pause = min(2*pause, 15*time.Second) {
		stepCtx, cancel := context.WithTimeout(ctx, stepFor)
		err := ask(stepCtx)
		cancel()
		kind, wait := errs.KindOf(err), errs.RetryAfter(err)
		switch {
		case err == nil || ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case kind == errs.RateLimited:
			away = time.Now() // it is there
		case kind != errs.Busy && kind != errs.Unavailable, time.Since(away) > awayFor:
			return err
		}
		if wait == 0 {
			wait = pause
		}
		if wait >= time.Second {
			bar.Say("waits %v: %s", wait.Round(time.Second), said(err))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
