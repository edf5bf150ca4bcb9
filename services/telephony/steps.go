package telephony

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/telemetry"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// step is something that happens to an item now. detail has neither numbers of people nor words of texts in it.
func (s *Service) step(ctx context.Context, item, what, detail string) sqlstore.StepRow {
	return sqlstore.StepRow{Item: item, At: s.Now(), What: what, Detail: detail, Trace: telemetry.Carry(ctx)}
}

// noted writes down why a job could not go on with an item, and returns the error. That it waits for its time, or for another worker, is
// no trouble and not written down.
func (s *Service) noted(ctx context.Context, item, what string, err error) error {
	e, known := errors.AsType[*errs.Error](err)
	if err == nil || known && (e.Cause == nil || e.Kind == errs.Busy) || errors.Is(ctx.Err(), context.Canceled) { // which is that we stop
		return err
	}
	noteCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	step := s.step(ctx, item, what, reason(err))
	step.Trouble = true
	if failed := s.store.Note(noteCtx, step); failed != nil {
		s.Log.DebugContext(ctx, "why something waits could not be noted", "err", failed)
	}
	return err
}

// reason is why something failed, as far as it may be shown: without what an error of a library's may quote.
func reason(err error) string {
	var parts []string
	for e, ok := errors.AsType[*errs.Error](err); ok; e, ok = errors.AsType[*errs.Error](e.Cause) {
		parts = append(parts, e.Message)
	}
	if e, ok := errors.AsType[*carrier.Error](err); ok {
		switch {
		case e.Status == 0:
			parts = append(parts, e.Carrier+" does not answer")
		case e.Code == 0:
			parts = append(parts, fmt.Sprintf("%s answers with status %d", e.Carrier, e.Status))
		default:
			parts = append(parts, fmt.Sprintf("%s answers with status %d, error %d", e.Carrier, e.Status, e.Code))
		}
	}
	if errors.Is(err, carrier.ErrNotReady) {
		parts = append(parts, "the carrier does not have the file yet")
	}
	if len(parts) == 0 {
		return "a mistake of ours; the log says more"
	}
	return strings.Join(parts, ": ")
}
