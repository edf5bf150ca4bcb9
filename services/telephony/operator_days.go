package telephony

import (
	"context"

	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

// ListDays returns what Twilio says there was, day by day, and what the ledger has of it.
func (s *Service) ListDays(ctx context.Context, r *operatorv1.ListDaysRequest) (*operatorv1.ListDaysResponse, error) {
	return s.books.ListDays(ctx, r)
}
