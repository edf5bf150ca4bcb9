package telephony

import (
	"context"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/errs"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// maxRetryIDs is how many items may be named at once, and how many are named in the answer.
const maxRetryIDs = 1000

// RetryItems takes up again what is dead or unrouted: texts, voicemails, missed calls and files. By its key an outgoing text that failed is
// sent again, too, if it surely never left (see sqlstore, RetryTextOut): once to the phone also holds for those who press a button.
func (s *Service) RetryItems(ctx context.Context, r *operatorv1.RetryItemsRequest) (*operatorv1.RetryItemsResponse, error) {
	var check errs.Check
	check.That(len(r.GetId()) <= maxRetryIDs, "id", "must be 1000 at most")
	if err := check.Err(); err != nil {
		return nil, err
	}
	res := &operatorv1.RetryItemsResponse{}
	taken := func(ids []string) {
		res.Count += int64(len(ids))
		res.Id = append(res.Id, ids[:min(len(ids), maxRetryIDs-len(res.Id))]...)
	}
	step := s.step(ctx, "", "taken up again by an operator", "")
	err := s.retryByID(ctx, r.GetId(), step, taken)
	if err == nil {
		err = s.retryDead(ctx, itemKinds(r.GetAllDead()), step, taken)
	}
	if err == nil && r.GetUnrouted() {
		err = s.retryUnrouted(ctx, step, taken)
	}
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "not all of it could be taken up; do it again")
	}
	s.Log.InfoContext(ctx, "items are taken up again", "items", res.GetCount())
	return res, nil
}

func (s *Service) retryByID(ctx context.Context, ids []string, step sqlstore.StepRow, taken func([]string)) error {
	if len(ids) == 0 {
		return nil
	}
	if err := inBatches(func() ([]string, error) { return s.store.RetryTexts(ctx, ids, s.numbers(), step) }, taken); err != nil {
		return err
	}
	var files []string
	for _, id := range ids {
		if strings.Contains(id, "/") {
			files = append(files, mediaKey(id))
		}
		sent, err := s.store.RetryTextOut(ctx, id, s.Patience, step)
		if err != nil {
			return err
		}
		if sent {
			taken([]string{id})
		}
	}
	if len(files) == 0 {
		return nil
	}
	return inBatches(func() ([]string, error) { return s.store.RetryMedia(ctx, files, step) }, asFiles(taken))
}

func (s *Service) retryDead(ctx context.Context, kinds []string, step sqlstore.StepRow, taken func([]string)) error {
	if err := inBatches(func() ([]string, error) { return s.store.RetryDead(ctx, kinds, step) }, taken); err != nil {
		return err
	}
	if !slices.Contains(kinds, sqlstore.ItemMedia) {
		return nil
	}
	return inBatches(func() ([]string, error) { return s.store.RetryMedia(ctx, nil, step) }, asFiles(taken))
}

func (s *Service) retryUnrouted(ctx context.Context, step sqlstore.StepRow, taken func([]string)) error {
	for _, number := range s.numbers() {
		if err := inBatches(func() ([]string, error) { return s.store.Reroute(ctx, number, step) }, taken); err != nil {
			return err
		}
	}
	return nil
}

// asFiles names files as operators know them.
func asFiles(taken func([]string)) func([]string) {
	return func(keys []string) {
		for i := range keys {
			keys[i] = strings.ReplaceAll(keys[i], ":", "/")
		}
		taken(keys)
	}
}

// inBatches retries until there is nothing left. taken is told of each batch.
func inBatches(retry func() ([]string, error), taken func([]string)) error {
	for {
		ids, err := retry()
		if err != nil || len(ids) == 0 {
			return err
		}
		taken(ids)
	}
}
