package ticketing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
)

// posted is a thread with what a supporter wrote, made through the API.
type posted struct {
	helpscout.Thread
	lane string
	ours bool // an entry's, as far as we can tell
}

// doubledTexts notes which texts are in these conversations twice: threads made through the API that are no entry's, and say what another
// one of the same supporter says that is.
//
// An entry does not know its thread if a conversation was made with it. Such a thread counts as an entry's if there is one for it: one that
// was posted at about that time.
func (s *Service) doubledTexts(ctx context.Context, h hotline.Hotline, conversations []helpscout.Listed, since time.Time) error {
	var all []posted
	var ids []int64
	seen := map[int64]bool{}
	for _, v := range conversations {
		for _, t := range v.Embedded.Threads {
			email := strings.ToLower(t.Customer.Email)
			if t.Type != "customer" || t.Source.Type != "api" || seen[t.ID] || t.CreatedAt.Before(since) || s.Now().Sub(t.CreatedAt) < sweepAge || !strings.HasSuffix(email, "@"+s.Domain) {
				continue
			}
			seen[t.ID] = true
			all, ids = append(all, posted{Thread: t, lane: fmt.Sprintf("%d|%s", h.MailboxID, email)}), append(ids, t.ID)
		}
	}
	known, err := s.store.ThreadsOfEntries(ctx, ids)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b posted) int { return cmp.Compare(a.ID, b.ID) })
	unnamed := map[string][]time.Time{}
	for i := range all {
		t := &all[i]
		if known[t.ID] {
			t.ours = true
			continue
		}
		if _, asked := unnamed[t.lane]; !asked {
			if unnamed[t.lane], err = s.store.Unnamed(ctx, t.lane, since.Add(-clockSkew)); err != nil {
				return err
			}
		}
		match := slices.IndexFunc(unnamed[t.lane], func(at time.Time) bool { return t.CreatedAt.Sub(at).Abs() < clockSkew })
		if match >= 0 {
			t.ours = true
			unnamed[t.lane] = slices.Delete(unnamed[t.lane], match, match+1)
		}
	}
	for _, t := range all {
		if t.ours || !slices.ContainsFunc(all, func(o posted) bool {
			return o.ours && o.lane == t.lane && o.Body == t.Body && o.CreatedAt.Sub(t.CreatedAt).Abs() < time.Hour
		}) {
			continue
		}
		if err := s.books.Doubled(ctx, operatorv1.Kind_KIND_TEXT_IN, first(h), fmt.Sprintf("thread %d", t.ID), t.CreatedAt); err != nil {
			return err
		}
	}
	return nil
}
