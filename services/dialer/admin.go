package dialer

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/rpc"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

// ListAgents returns who is set up to call back.
func (s *Service) ListAgents(ctx context.Context, _ *dialerv1.ListAgentsRequest) (*dialerv1.ListAgentsResponse, error) {
	all, err := s.store.Agents(ctx)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the agents could not be read")
	}
	res := &dialerv1.ListAgentsResponse{}
	for _, a := range all {
		number, _, _ := s.ring.open(a.Phone, a.UserID) // sealed with a key that is gone: nothing to show
		res.Agents = append(res.Agents, &dialerv1.Agent{UserId: a.UserID, Name: a.Name, PhoneEnding: ending(number), EnrolledAt: timestamppb.New(a.EnrolledAt)})
	}
	return res, nil
}

// RevokeAgent signs an agent out everywhere and forgets them.
func (s *Service) RevokeAgent(ctx context.Context, r *dialerv1.RevokeAgentRequest) (*dialerv1.RevokeAgentResponse, error) {
	if key := s.activeCall(ctx, r.GetUserId()); key != "" {
		if _, err := s.CallBacks.CancelCallBack(ctx, &telephonyv1.CancelCallBackRequest{Key: key}); err != nil {
			return nil, errs.Wrap(errs.Unavailable, err, "the agent's call could not be ended; try again")
		}
	}
	was, err := s.store.Revoke(ctx, r.GetUserId())
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the agent could not be revoked")
	}
	if !was {
		return nil, errs.New(errs.NotFound, "no such agent is set up")
	}
	s.note(ctx, sqlstore.AuditRow{UserID: r.GetUserId(), Action: agentRevoked, Detail: "by " + rpc.Caller(ctx)})
	return &dialerv1.RevokeAgentResponse{}, nil
}

// ListAudit returns what agents did, newest first.
func (s *Service) ListAudit(ctx context.Context, r *dialerv1.ListAuditRequest) (*dialerv1.ListAuditResponse, error) {
	limit := int(r.GetLimit())
	if limit <= 0 || limit > 10_000 {
		limit = 100
	}
	all, err := s.store.Audit(ctx, r.GetUserId(), limit)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the audit log could not be read")
	}
	res := &dialerv1.ListAuditResponse{}
	for _, a := range all {
		res.Entries = append(res.Entries, &dialerv1.AuditEntry{
			At: timestamppb.New(a.At), UserId: a.UserID, Name: a.Name, Action: a.Action, ConversationId: a.ConversationID, Detail: a.Detail, Source: a.Source,
		})
	}
	return res, nil
}
