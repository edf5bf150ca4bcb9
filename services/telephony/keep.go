package telephony

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

const (
	// keepFor is what a chore has for deleting; the rest of its minute is for noting it.
	keepFor = 45 * time.Second
	// recordBatch is how many records are worked on before it is noted, and requestsAtOnce how many of them at once.
	recordBatch    = 100
	requestsAtOnce = 8
)

// keeping are the chores that delete what is older than hotline.Keep says, here and at the carriers, oldest first. What they do not delete yet
// is tried again the next time.
func (s *Service) keeping() []jobs.Chore {
	words := aging{
		what: "words", kinds: []string{sqlstore.ItemTextIn, sqlstore.ItemTextOut}, keep: func(k hotline.Keep) time.Duration { return k.Texts },
		old: s.store.OldWords, outside: s.redact, done: s.store.ForgetWords,
	}
	files := aging{
		what: "files", kinds: []string{sqlstore.ItemTextIn, sqlstore.MessageOut}, keep: func(k hotline.Keep) time.Duration { return k.Files },
		old: s.store.OldFiles, outside: s.deleteFiles, done: s.store.FilesDeleted,
	}
	return []jobs.Chore{
		{Name: "delete recordings", Every: s.LookEvery, Do: s.deleteRecordings},
		{Name: "forget words", Every: s.LookEvery, Do: func(ctx context.Context) error { return s.age(ctx, words) }},
		{Name: "delete files", Every: s.LookEvery, Do: func(ctx context.Context) error { return s.age(ctx, files) }},
		{Name: "forget records", Every: 10 * s.LookEvery, Do: s.forgetRecords}, // which has no index for each hotline
	}
}

// aging is what becomes of records of some kinds when they are old.
type aging struct {
	what    string // for the log
	kinds   []string
	keep    func(hotline.Keep) time.Duration // 0: for ever
	old     func(ctx context.Context, kind string, hotline phone.Number, before time.Time, after sqlstore.Record, limit int) ([]sqlstore.Record, error)
	outside func(context.Context, sqlstore.Record) error
	done    func(context.Context, []sqlstore.Record) error
}

func (s *Service) age(ctx context.Context, a aging) error {
	working, cancel := context.WithTimeout(ctx, keepFor)
	defer cancel()
	var failed []error
	for _, h := range s.Hotlines {
		keep := a.keep(h.Keep)
		if keep <= 0 {
			continue
		}
		for _, number := range h.Numbers() {
			for _, kind := range a.kinds {
				deleted := 0
				_, err := s.work(working, func(after sqlstore.Record) ([]sqlstore.Record, error) {
					return a.old(working, kind, number, s.Now().Add(-keep), after, recordBatch)
				}, a.outside, func(ctx context.Context, all []sqlstore.Record) error {
					deleted += len(all)
					return a.done(ctx, all)
				})
				if deleted > 0 {
					s.Log.InfoContext(ctx, "what is old was deleted", "what", a.what, "of", kind, "hotline", number, "records", deleted)
				}
				if err != nil && working.Err() == nil {
					failed = append(failed, fmt.Errorf("deleting what is old: %w", err))
				}
			}
		}
	}
	return errors.Join(failed...)
}

// work does something with records at their carriers, a batch at a time, and has it noted. It goes on when a carrier refuses it for one of them: those
// that cannot be deleted yet are counted, any other refusal is the error in the end.
func (s *Service) work(ctx context.Context, next func(after sqlstore.Record) ([]sqlstore.Record, error), outside func(context.Context, sqlstore.Record) error,
	done func(context.Context, []sqlstore.Record) error) (tooEarly int, err error) {
	var refused error
	for after := (sqlstore.Record{}); ; {
		batch, err := next(after)
		if err != nil || len(batch) == 0 {
			return tooEarly, errors.Join(refused, err)
		}
		after = batch[len(batch)-1]
		var gone []sqlstore.Record
		var broken error
		for i, err := range atOnce(ctx, batch, outside) {
			failure, answered := errors.AsType[*carrier.Error](err)
			switch {
			case err == nil:
				gone = append(gone, batch[i])
			case carrier.TooEarly(err), errors.Is(err, errUnclear):
				tooEarly++
			case answered && failure.Outcome == carrier.Refused:
				refused = err
			default:
				broken = err
			}
		}
		noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // what is done is noted even if there is no time for more
		err = done(noting, gone)
		cancel()
		if err = errors.Join(broken, err); err != nil || len(batch) < recordBatch {
			return tooEarly, errors.Join(refused, err)
		}
	}
}

// atOnce does something with each, several at a time, and returns an error for each.
func atOnce[T any](ctx context.Context, all []T, do func(context.Context, T) error) []error {
	results := make([]error, len(all))
	places := make(chan struct{}, requestsAtOnce)
	var wait sync.WaitGroup
	for i := range all {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			if results[i] = ctx.Err(); results[i] == nil {
				results[i] = do(ctx, all[i])
			}
		})
	}
	wait.Wait()
	return results
}

// redact deletes the words that the carrier has of a record.
func (s *Service) redact(ctx context.Context, r sqlstore.Record) error {
	if err := s.eachMessage(ctx, r, carrier.Eraser.Redact); err != nil {
		return err
	}
	for _, sid := range r.Recordings {
		if err := s.twilio.DeleteTranscriptions(ctx, sid); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) deleteFiles(ctx context.Context, r sqlstore.Record) error {
	return s.eachMessage(ctx, r, carrier.Eraser.DeleteFiles)
}

// eachMessage deletes something of each message of a record, where it is. What a carrier cannot delete, it keeps.
func (s *Service) eachMessage(ctx context.Context, r sqlstore.Record, del func(carrier.Eraser, context.Context, string) error) error {
	for _, m := range r.Messages {
		if eraser, can := s.carrierNamed(m.Carrier).(carrier.Eraser); can {
			if err := del(eraser, ctx, m.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// errUnclear means that the carrier may have got a message a moment ago that is not in its list yet.
var errUnclear = errors.New("it is not clear yet whether the carrier has it")

// deleteRecord deletes all that the carrier has of a record.
func (s *Service) deleteRecord(ctx context.Context, r sqlstore.Record) error {
	if s.Now().Sub(r.UnclearAt) < time.Minute {
		return errUnclear
	}
	if err := s.eachMessage(ctx, r, carrier.Eraser.DeleteMessage); err != nil {
		return err
	}
	for _, sid := range r.Recordings {
		if err := s.twilio.DeleteRecording(ctx, sid); err != nil {
			return err
		}
	}
	for _, sid := range r.Calls {
		if err := s.twilio.DeleteCall(ctx, sid); err != nil {
			return err
		}
	}
	return nil
}

// deleteRecordings deletes Twilio's copies of recordings that are in the ticket, when their time has come, with their words there.
func (s *Service) deleteRecordings(ctx context.Context) error {
	var failed []error
	for _, h := range s.Hotlines {
		if h.Keep.Recordings <= 0 {
			continue
		}
		for _, number := range h.Numbers() {
			sids, err := s.store.OldRecordings(ctx, number, s.Now().Add(-h.Keep.Recordings))
			if err != nil {
				return err
			}
			for _, sid := range sids {
				if err := s.twilio.DeleteRecording(ctx, sid); err != nil {
					failed = append(failed, fmt.Errorf("deleting a recording: %w", err))
					continue
				}
				failed = append(failed, s.store.RecordingDeleted(ctx, sid))
			}
		}
	}
	return errors.Join(failed...)
}

// forgetRecords deletes records that are too old, with all that the carriers have of them, and what is left of those that were erased.
func (s *Service) forgetRecords(ctx context.Context) error {
	now := s.Now()
	remove := func(ctx context.Context, all []sqlstore.Record) error { return s.store.RemoveRecords(ctx, all, now) }
	records := func(k hotline.Keep) time.Duration { return k.ForRecords(books.ComesBack) }
	failed := []error{
		s.age(ctx, aging{what: "all", kinds: sqlstore.RecordKinds, keep: records, old: s.store.OldRecords, outside: s.deleteRecord, done: remove}),
		s.store.ForgetStray(ctx, now.AddDate(0, 0, -30)), // who was idle for longest is looked for among those of 28 days
	}
	longest, ever := time.Duration(0), false
	for _, h := range s.Hotlines {
		keep := records(h.Keep)
		longest, ever = max(longest, keep), ever || keep == 0
		for _, number := range h.Numbers() {
			if keep > 0 {
				failed = append(failed, s.store.ForgetRest(ctx, number, now.Add(-keep)))
			}
		}
	}
	if !ever {
		failed = append(failed, s.store.ForgetRest(ctx, "", now.Add(-longest)))
	}
	for _, kind := range sqlstore.RecordKinds {
		all, err := s.store.ErasedRecords(ctx, kind, now.Add(-books.ComesBack), 10*recordBatch)
		failed = append(failed, err, remove(ctx, all))
	}
	return errors.Join(failed...)
}
