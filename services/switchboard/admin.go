package switchboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/webui"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
)

var (
	operatorName = regexp.MustCompile(`^[a-z0-9._@-]{1,64}$`)
	roles        = map[switchboardv1.Role]string{switchboardv1.Role_ROLE_VIEWER: sqlstore.Viewer, switchboardv1.Role_ROLE_OPERATOR: sqlstore.Operator}
)

// called is an entry of the audit log about an RPC.
func called(ctx context.Context, action, subject string) sqlstore.AuditRow {
	return sqlstore.AuditRow{Who: cmp.Or(rpc.Caller(ctx), "somebody at a terminal"), Action: action, Subject: subject, Source: "gRPC"}
}

// InviteOperator lets somebody use the switchboard, by a link with which they choose a password. Without a role they keep the one that they
// have; somebody new is a viewer.
func (s *Service) InviteOperator(ctx context.Context, r *switchboardv1.InviteOperatorRequest) (*switchboardv1.InviteOperatorResponse, error) {
	name, role := canonical(r.GetName()), roles[r.GetRole()]
	var check errs.Check
	check.That(operatorName.MatchString(name), "name", "must be 1 to 64 letters, digits, dots, dashes, underscores or @")
	check.That(role != "" || r.GetRole() == switchboardv1.Role_ROLE_UNSPECIFIED, "role", "must be viewer or operator")
	if err := check.Err(); err != nil {
		return nil, err
	}
	token, now := rand.Text(), s.Now()
	e := called(ctx, invited, name)
	e.Detail = "as " + cmp.Or(role, "before, or viewer")
	if err := s.act(ctx, e, func(ctx context.Context) (string, error) {
		if err := s.store.Invite(ctx, name, role, webui.Hashed(token), now); err != nil {
			return "", errs.Wrap(errs.Unavailable, err, "the invitation could not be written down")
		}
		return done, nil
	}); err != nil {
		return nil, err
	}
	return &switchboardv1.InviteOperatorResponse{Link: "/switchboard/invitation?token=" + token, Until: timestamppb.New(now.Add(linkLife))}, nil
}

// ListOperators returns who may use the switchboard.
func (s *Service) ListOperators(ctx context.Context, _ *switchboardv1.ListOperatorsRequest) (*switchboardv1.ListOperatorsResponse, error) {
	all, err := s.store.Operators(ctx)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the operators could not be read")
	}
	res := &switchboardv1.ListOperatorsResponse{}
	for _, o := range all {
		view := &switchboardv1.Operator{Name: o.Name, Role: switchboardv1.Role_ROLE_VIEWER, InvitedAt: timestamppb.New(o.InvitedAt)}
		if o.Role == sqlstore.Operator {
			view.Role = switchboardv1.Role_ROLE_OPERATOR
		}
		if !o.SeenAt.IsZero() {
			view.SeenAt = timestamppb.New(o.SeenAt)
		}
		res.Operators = append(res.Operators, view)
	}
	return res, nil
}

// RemoveOperator signs somebody out everywhere and forgets them.
func (s *Service) RemoveOperator(ctx context.Context, r *switchboardv1.RemoveOperatorRequest) (*switchboardv1.RemoveOperatorResponse, error) {
	name := canonical(r.GetName())
	if _, err := s.store.FindOperator(ctx, name); errors.Is(err, sqlstore.ErrNotFound) {
		return nil, errs.Wrap(errs.NotFound, err, "no operator has that name")
	} else if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the operators could not be read")
	}
	err := s.act(ctx, called(ctx, removed, name), func(ctx context.Context) (string, error) {
		was, err := s.store.Remove(ctx, name)
		if err != nil {
			return "", errs.Wrap(errs.Unavailable, err, "the operator could not be removed")
		}
		if !was {
			return "", errs.New(errs.NotFound, "no operator has that name")
		}
		return done, nil
	})
	return &switchboardv1.RemoveOperatorResponse{}, err
}

// ListAudit returns what operators did and tried, newest first.
func (s *Service) ListAudit(ctx context.Context, r *switchboardv1.ListAuditRequest) (*switchboardv1.ListAuditResponse, error) {
	limit := int(r.GetLimit())
	if limit <= 0 || limit > 10_000 {
		limit = 100
	}
	all, err := s.store.Audit(ctx, 0, limit)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the audit log could not be read")
	}
	res := &switchboardv1.ListAuditResponse{}
	for _, a := range all {
		detail := cmp.Or(a.Outcome, "not known: it is under way, or was cut off")
		if a.Detail != "" {
			detail = a.Detail + ": " + detail
		}
		res.Entries = append(res.Entries, &switchboardv1.AuditEntry{
			At: timestamppb.New(a.At), Who: a.Who, Action: a.Action, Subject: a.Subject, Detail: detail, Source: a.Source,
		})
	}
	return res, nil
}

// ExportPerson returns all that is kept about one person, in all services.
func (s *Service) ExportPerson(ctx context.Context, r *switchboardv1.ExportPersonRequest) (*switchboardv1.ExportPersonResponse, error) {
	number, err := wholeNumber(r.GetNumber())
	if err != nil {
		return nil, err
	}
	res := &switchboardv1.ExportPersonResponse{}
	err = s.act(ctx, called(ctx, exported, masked(number)), func(ctx context.Context) (outcome string, err error) {
		res.Json, err = s.export(ctx, number)
		return fmt.Sprintf("%d bytes", len(res.Json)), err
	})
	return res, err
}

// ErasePerson deletes what it can in its time of what is kept about one person, in all services and at the vendors.
func (s *Service) ErasePerson(ctx context.Context, r *switchboardv1.ErasePersonRequest) (*switchboardv1.ErasePersonResponse, error) {
	number, err := wholeNumber(r.GetNumber())
	if err != nil {
		return nil, err
	}
	finished, deleted, err := s.eraseAudited(ctx, called(ctx, erased, ""), number)
	if err != nil {
		return nil, err
	}
	return &switchboardv1.ErasePersonResponse{Done: finished, Deleted: deleted}, nil
}

// wholeNumber checks a number that somebody has sent.
func wholeNumber(raw string) (string, error) {
	id := phone.Parse(raw)
	if id.Kind != phone.Full && id.Kind != phone.ShortCode {
		return "", &errs.Error{Kind: errs.Invalid, Message: "this is not a whole phone number", Fields: []errs.Field{{Name: "number", Problem: "must be in E.164"}}}
	}
	return string(id.Number), nil
}
