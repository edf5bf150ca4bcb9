package telephony

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

// ListWishes returns who wants no texts, and who wants no calls: one entry for each of the two, as they have been said.
func (s *Service) ListWishes(ctx context.Context, r *telephonyv1.ListWishesRequest) (*telephonyv1.ListWishesResponse, error) {
	const most = 1000
	limit := int(r.GetLimit())
	if limit == 0 {
		limit = 100
	}
	var check errs.Check
	check.That(limit > 0 && limit <= most, "limit", "must be 1000 at most")
	if err := check.Err(); err != nil {
		return nil, err
	}
	supporter := r.GetSupporter()
	if supporter != "" {
		supporter = string(phone.Parse(supporter).Number)
	}
	rows, err := s.store.Wishes(ctx, supporter, limit)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the wishes could not be read")
	}
	res := &telephonyv1.ListWishesResponse{}
	for _, w := range rows {
		if h, known := s.Hotlines.ByNumber(w.Hotline); known && w.NoCalls && len(h.Numbers()) > 1 {
			// What they last said of calls counts, to whichever of the hotline's numbers.
			refused, err := s.store.WantsNoCalls(ctx, h.Numbers(), w.Supporter)
			if err != nil {
				return nil, errs.Wrap(errs.Unavailable, err, "the wishes could not be read")
			}
			if !refused {
				continue
			}
		}
		res.Wishes = append(res.Wishes, &telephonyv1.Wish{
			Hotline: string(w.Hotline), Supporter: w.Supporter, NoTexts: !w.NoCalls, NoCalls: w.NoCalls, Since: timestamppb.New(w.Since), Source: w.Source,
		})
	}
	return res, nil
}
