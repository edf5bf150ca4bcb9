package books

import (
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

// maxDays is ten years.
const maxDays = 3660

// ListDays is that of bling.operator.v1.OperatorService.
func (b *Book) ListDays(ctx context.Context, r *operatorv1.ListDaysRequest) (*operatorv1.ListDaysResponse, error) {
	var check errs.Check
	check.That(r.GetDays() >= 0 && r.GetDays() <= maxDays, "days", "must be between 0 and 3660")
	if err := check.Err(); err != nil {
		return nil, err
	}
	back := int(r.GetDays())
	if back == 0 {
		back = 14
	}
	days, err := b.days(ctx, `WHERE date > $1 ORDER BY date DESC, hotline, kind`, Date(b.Now().UTC().AddDate(0, 0, -back)))
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the books could not be read")
	}
	list := &operatorv1.ListDaysResponse{}
	for _, d := range days {
		day := &operatorv1.Day{
			Date: d.Date, Hotline: string(d.Hotline), Kind: operatorv1.Kind(operatorv1.Kind_value["KIND_"+strings.ToUpper(d.kind)]),
			Received: d.Received, Delivered: d.Delivered, Recovered: d.Recovered, Missing: d.Missing, Doubled: d.Doubled,
		}
		if !d.comparedAt.Equal(time.UnixMicro(0)) {
			day.ComparedAt = timestamppb.New(d.comparedAt)
		}
		list.Days = append(list.Days, day)
	}
	return list, nil
}
