package telephony

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// PauseHotline stops a hotline: see sqlstore, where what is paused does not count as work. Callers reach the voicemail (callflow), and nobody
// is called back (notCalled). What is being done at the moment is finished.
func (s *Service) PauseHotline(ctx context.Context, r *telephonyv1.PauseHotlineRequest) (*telephonyv1.PauseHotlineResponse, error) {
	p := r.GetPause()
	h, known := s.Hotlines.ByNumber(phone.Parse(p.GetHotline()).Number)
	var check errs.Check
	check.That(known, "pause.hotline", "is not a configured hotline")
	check.That(clean(p.GetReason()) != "" && len(p.GetReason()) <= 500, "pause.reason", "must have 1 to 500 bytes")
	check.That(len(p.GetPausedBy()) <= 100, "pause.paused_by", "must have at most 100 bytes")
	if err := check.Err(); err != nil {
		return nil, err
	}
	row := sqlstore.PauseRow{Hotline: h.Numbers()[0], Reason: clean(p.GetReason()), By: clean(p.GetPausedBy()), Since: s.Now()}
	if err := s.store.Pause(ctx, row, h.Numbers()); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the pause could not be stored")
	}
	s.Log.WarnContext(ctx, "hotline is paused", "hotline", row.Hotline, "by", row.By)
	return &telephonyv1.PauseHotlineResponse{}, nil
}

// ResumeHotline lets a hotline go on: its lanes are woken, in each of which everything stands in its order.
func (s *Service) ResumeHotline(ctx context.Context, r *telephonyv1.ResumeHotlineRequest) (*telephonyv1.ResumeHotlineResponse, error) {
	number := phone.Parse(r.GetHotline()).Number
	numbers := []phone.Number{number} // it may be configured no more
	if h, known := s.Hotlines.ByNumber(number); known {
		numbers = h.Numbers()
	}
	var check errs.Check
	check.That(number != "", "hotline", "must not be empty")
	if err := check.Err(); err != nil {
		return nil, err
	}
	for _, number := range numbers {
		if err := s.store.Resume(ctx, number, s.Now(), s.Patience); err != nil {
			return nil, errs.Wrap(errs.Unavailable, err, "the end of the pause could not be stored")
		}
	}
	s.Log.WarnContext(ctx, "hotline goes on", "hotline", number)
	for _, topic := range sqlstore.Topics {
		if err := s.queue.Sweep(ctx, topic); err != nil { // or they are woken within a minute
			s.Log.WarnContext(ctx, "lanes of a resumed hotline could not be woken at once", "topic", topic, "err", err)
		}
	}
	return &telephonyv1.ResumeHotlineResponse{}, nil
}

// ListPauses returns which hotlines are paused now.
func (s *Service) ListPauses(ctx context.Context, _ *telephonyv1.ListPausesRequest) (*telephonyv1.ListPausesResponse, error) {
	rows, err := s.store.Pauses(ctx)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the pauses could not be read")
	}
	res := &telephonyv1.ListPausesResponse{}
	for _, p := range rows {
		res.Pauses = append(res.Pauses, &telephonyv1.Pause{
			Hotline: string(p.Hotline), Reason: p.Reason, PausedBy: p.By, Since: timestamppb.New(p.Since),
		})
	}
	return res, nil
}

// pauseNewNumbers pauses the numbers that a paused hotline has got since.
func (s *Service) pauseNewNumbers(ctx context.Context) error {
	rows, err := s.store.Pauses(ctx)
	for _, p := range rows {
		if h, known := s.Hotlines.ByNumber(p.Hotline); known && err == nil {
			err = s.store.Pause(ctx, p, h.Numbers())
		}
	}
	return err
}
