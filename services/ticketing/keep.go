package ticketing

import (
	"context"
	"errors"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
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
	for _, h := range s.Hotlines {
		for _, f := range []struct {
			keep   time.Duration
			forget func(ctx context.Context, mailboxID int64, before time.Time) (more bool, err error)
		}{{h.Keep.Texts, s.store.ForgetWords}, {keepRecords(h.Keep), s.store.ForgetRecords}} {
			if f.keep <= 0 {
				continue
			}
			for more := true; more && working.Err() == nil; {
				var err error
				if more, err = f.forget(working, h.MailboxID, s.Now().Add(-f.keep)); err != nil && working.Err() == nil {
					failed = append(failed, err)
					more = false
				}
			}
		}
	}
	return errors.Join(append(failed, s.store.ForgetErased(ctx, s.Now().Add(-sqlstore.ComesBack)))...)
}

// keepRecords is for how long a hotline's records are kept. What can still come back is kept in any case.
func keepRecords(k hotline.Keep) time.Duration {
	if k.Records <= 0 {
		return 0
	}
	return max(k.Records, sqlstore.ComesBack)
}
