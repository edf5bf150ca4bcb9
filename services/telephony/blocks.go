package telephony

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// BlockNumber keeps a number's texts and calls out.
func (s *Service) BlockNumber(ctx context.Context, r *telephonyv1.BlockNumberRequest) (*telephonyv1.BlockNumberResponse, error) {
	b := r.GetBlock()
	var check errs.Check
	number, hotline := s.checkBlock(&check, b.GetNumber(), b.GetHotline())
	check.That(clean(b.GetReason()) != "" && len(b.GetReason()) <= 500, "block.reason", "must have 1 to 500 bytes")
	check.That(len(b.GetBlockedBy()) <= 100, "block.blocked_by", "must have at most 100 bytes")
	check.That(b.GetUntil() == nil || b.GetUntil().AsTime().After(s.Now()), "block.until", "must not be over")
	if err := check.Err(); err != nil {
		return nil, err
	}
	row := sqlstore.BlockRow{Number: number, Hotline: hotline, Reason: clean(b.GetReason()), By: clean(b.GetBlockedBy())}
	if b.GetUntil() != nil {
		row.Until = b.GetUntil().AsTime()
	}
	if err := s.store.PutBlock(ctx, row, s.Now()); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the block could not be stored")
	}
	s.Log.InfoContext(ctx, "number is blocked", "number", number, "hotline", hotline, "by", row.By, "until", row.Until)
	return &telephonyv1.BlockNumberResponse{}, nil
}

// UnblockNumber lets a number in again.
func (s *Service) UnblockNumber(ctx context.Context, r *telephonyv1.UnblockNumberRequest) (*telephonyv1.UnblockNumberResponse, error) {
	var check errs.Check
	number, hotline := s.checkBlock(&check, r.GetNumber(), r.GetHotline())
	if err := check.Err(); err != nil {
		return nil, err
	}
	if err := s.store.RemoveBlock(ctx, number, hotline); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the block could not be removed")
	}
	s.Log.InfoContext(ctx, "number is not blocked any more", "number", number, "hotline", hotline)
	return &telephonyv1.UnblockNumberResponse{}, nil
}

func (s *Service) checkBlock(check *errs.Check, number, hotline string) (phone.Number, phone.Number) {
	id := phone.Parse(number)
	check.That(id.Kind == phone.Full || id.Kind == phone.ShortCode, "number", "is not a phone number")
	if hotline == "" {
		return id.Number, ""
	}
	of := phone.Parse(hotline)
	_, known := s.Hotlines.ByNumber(of.Number)
	check.That(known, "hotline", "is not a configured hotline")
	return id.Number, of.Number
}

// ListBlocks returns who is blocked now.
func (s *Service) ListBlocks(ctx context.Context, _ *telephonyv1.ListBlocksRequest) (*telephonyv1.ListBlocksResponse, error) {
	rows, err := s.store.Blocks(ctx, s.Now())
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the blocks could not be read")
	}
	res := &telephonyv1.ListBlocksResponse{}
	for _, b := range rows {
		block := &telephonyv1.Block{Number: string(b.Number), Hotline: string(b.Hotline), Reason: b.Reason, BlockedBy: b.By}
		if !b.Until.IsZero() {
			block.Until = timestamppb.New(b.Until)
		}
		res.Blocks = append(res.Blocks, block)
	}
	return res, nil
}
