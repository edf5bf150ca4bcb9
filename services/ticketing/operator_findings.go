package ticketing

import (
	"context"

	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

// ListFindings returns what the checks found when they last ran.
func (s *Service) ListFindings(ctx context.Context, _ *operatorv1.ListFindingsRequest) (*operatorv1.ListFindingsResponse, error) {
	return s.store.Findings().Response(ctx)
}
