package ticketing

import (
	"context"
	"errors"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
)

const (
	// keepEvery is how often is looked for what is older than hotline.Keep says; keepFor is what each look has.
	keepEvery = 10 * time.Minute
	keepFor   = 45 * time.Second
)

// keeping is the chore that forgets what is older than hotline.Keep says, in our own tables, oldest first. The tickets are Help Scout's.
func (s *Service) keeping() []jobs.Chore {
	return []jobs.Chore{{Name: "forget", Every: keepEvery, Do: s.forgetOld}}
}

func (s *Service) forgetOld(ctx context.Context) error {
	working, cancel := context.WithTimeout(ctx, keepFor)
	defer cancel()
	var failed []error
	forget := func(some func() (more bool, err error)) {
		for more := true; more && working.Err() == nil; {
			var err error
			if more, err = some(); err != nil && working.Err() == nil {
				failed = append(failed, err)
				more = false
			}
		}
	}
	var ours []int64
	for _, h := range s.Hotlines {
		ours = append(ours, h.MailboxID)
		if h.Keep.Texts > 0 {
			forget(func() (bool, error) { return s.store.ForgetWords(working, h.MailboxID, s.before(h.Keep.Texts)) })
		}
		if keep := recordsOf(h.Keep); keep > 0 {
			forget(func() (bool, error) { return s.store.ForgetRecords(working, h.MailboxID, s.before(keep)) })
		}
	}
	// Several installations may share one account: what is nobody's hotline's goes when the last hotline's would.
	words, records := longest(s.Hotlines, func(k hotline.Keep) time.Duration { return k.Texts }), longest(s.Hotlines, recordsOf)
	if words > 0 || records > 0 {
		forget(func() (bool, error) { return s.store.ForgetForeign(working, ours, s.before(words), s.before(records)) })
	}
	return errors.Join(append(failed, s.store.ForgetErased(ctx, s.before(books.ComesBack)))...)
}

func recordsOf(k hotline.Keep) time.Duration { return k.ForRecords(books.ComesBack) }

// before is before when something is older than it is kept; no time, if that is for ever.
func (s *Service) before(keep time.Duration) time.Time {
	if keep <= 0 {
		return time.Time{}
	}
	return s.Now().Add(-keep)
}

// longest is for how long something is kept where it is kept longest; 0 is for ever.
func longest(all hotline.Hotlines, keep func(hotline.Keep) time.Duration) (most time.Duration) {
	for _, h := range all {
		k := keep(h.Keep)
		if k <= 0 {
			return 0
		}
		most = max(most, k)
	}
	return most
}
