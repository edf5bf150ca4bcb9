package ticketing

import (
	"context"

	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

// ListDays returns what Help Scout says there was of agents' replies, day by day, and what the ledger has of it; and which texts are in
// tickets twice, which nobody else can tell.
func (s *Service) ListDays(ctx context.Context, r *operatorv1.ListDaysRequest) (*operatorv1.ListDaysResponse, error) {
	return s.books.ListDays(ctx, r)
}
