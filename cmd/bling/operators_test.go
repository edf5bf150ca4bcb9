package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/rpc"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
)

// board is a switchboard that is talked to.
type board struct {
	switchboardv1.UnimplementedSwitchboardServiceServer
	invited *switchboardv1.InviteOperatorRequest
	removed string
	erased  []*switchboardv1.ErasePersonResponse // the answers, in their order; then there is an error
	asked   int
}

func (b *board) InviteOperator(_ context.Context, r *switchboardv1.InviteOperatorRequest) (*switchboardv1.InviteOperatorResponse, error) {
	b.invited = r
	return &switchboardv1.InviteOperatorResponse{Link: "/switchboard/invitation?token=T"}, nil
}

func (b *board) ListOperators(context.Context, *switchboardv1.ListOperatorsRequest) (*switchboardv1.ListOperatorsResponse, error) {
	return &switchboardv1.ListOperatorsResponse{Operators: []*switchboardv1.Operator{{Name: "anna", Role: switchboardv1.Role_ROLE_OPERATOR}}}, nil
}

func (b *board) RemoveOperator(_ context.Context, r *switchboardv1.RemoveOperatorRequest) (*switchboardv1.RemoveOperatorResponse, error) {
	b.removed = r.GetName()
	return &switchboardv1.RemoveOperatorResponse{}, nil
}

func (b *board) ListAudit(context.Context, *switchboardv1.ListAuditRequest) (*switchboardv1.ListAuditResponse, error) {
	return &switchboardv1.ListAuditResponse{Entries: []*switchboardv1.AuditEntry{{Who: "anna", Action: "retried", Subject: "SM1\x1b[2J", Detail: "1 taken up"}}}, nil
}

func (b *board) ExportPerson(_ context.Context, r *switchboardv1.ExportPersonRequest) (*switchboardv1.ExportPersonResponse, error) {
	return &switchboardv1.ExportPersonResponse{Json: []byte(`{"of":"` + r.GetNumber() + `"}`)}, nil
}

func (b *board) ErasePerson(context.Context, *switchboardv1.ErasePersonRequest) (*switchboardv1.ErasePersonResponse, error) {
	if b.asked++; len(b.erased) == 0 {
		return nil, errs.New(errs.Precondition, "they are on the phone")
	}
	res := b.erased[0]
	b.erased = b.erased[1:]
	return res, nil
}

// serveBoard serves it, and returns the environment in which it is found.
func serveBoard(t *testing.T, b *board) []string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(slog.New(slog.DiscardHandler), false, nil, nil)
	switchboardv1.RegisterSwitchboardServiceServer(server, b)
	go server.Serve(lis) //nolint:errcheck // it ends with the test
	t.Cleanup(server.Server.Stop)
	return []string{"BLING_SWITCHBOARD_ADDR=" + lis.Addr().String(), "BLING_PRIVATE_ADDR=:9999"}
}

func TestOperatorsCommand(t *testing.T) {
	b := &board{}
	environ := serveBoard(t, b)
	do := func(args ...string) (string, error) {
		var out strings.Builder
		err := operators(t.Context(), &out, environ, args)
		return out.String(), err
	}
	for _, args := range [][]string{{"add", "anna", "-role", "operator"}, {"-role", "operator", "add", "anna"}} {
		b.invited = nil
		out, err := do(args...)
		if err != nil || b.invited.GetName() != "anna" || b.invited.GetRole() != switchboardv1.Role_ROLE_OPERATOR || !strings.Contains(out, "http://127.0.0.1:9999/switchboard/invitation?token=T\n") {
			t.Errorf("%q: %q, %v, %v", args, out, err, b.invited)
		}
	}
	if out, err := do("add", "ben", "-role", "viewer", "-url", "https://board.example.org/"); err != nil || b.invited.GetRole() != switchboardv1.Role_ROLE_VIEWER || !strings.Contains(out, "then is viewer. ") || !strings.Contains(out, " https://board.example.org/switchboard/invitation?token=T") {
		t.Errorf("%q, %v, %v", out, err, b.invited)
	}
	if out, err := do("add", "anna"); err != nil || b.invited.GetRole() != switchboardv1.Role_ROLE_UNSPECIFIED || !strings.Contains(out, "Give this link to anna, who chooses a password with it. ") {
		t.Errorf("%q, %v, %v", out, err, b.invited)
	}
	if out, err := do(); err != nil || !strings.Contains(out, "anna  operator") || !strings.Contains(out, "never") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := do("audit"); err != nil || !strings.Contains(out, "1 taken up") || strings.Contains(out, "\x1b") {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := do("remove", "anna"); err != nil || b.removed != "anna" {
		t.Error(b.removed, err)
	}
	b.invited = nil
	for _, bad := range [][]string{{"add"}, {"add", "a", "b"}, {"add", "a", "-role", "admin"}, {"remove"}, {"frobnicate"}, {"audit", "x"}} {
		if _, err := do(bad...); err == nil || b.invited != nil {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPersonCommand(t *testing.T) {
	b := &board{}
	environ := serveBoard(t, b)
	do := func(typed string, args ...string) (string, error) {
		var out strings.Builder
		err := person(t.Context(), strings.NewReader(typed), &out, environ, args)
		return out.String(), err
	}
	if out, err := do("", "export", "617 555 0142"); err != nil || out != "{\"of\":\"+16175550142\"}\n" {
		t.Errorf("%q, %v", out, err)
	}
	file := filepath.Join(t.TempDir(), "kim.json")
	if out, err := do("", "export", "+16175550142", "-o", file); err != nil || out != "" {
		t.Errorf("%q, %v", out, err)
	}
	if got, err := os.ReadFile(file); string(got) != `{"of":"+16175550142"}` {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", info, err)
	}
	for _, typed := range []string{"", "\n", "+16175550143\n", "yes\n"} {
		if out, err := do(typed, "erase", "+16175550142"); err == nil || b.asked > 0 {
			t.Errorf("%q: %q, %v", typed, out, err)
		}
	}
	for _, typed := range []string{"(617) 555-0142\n", "+16175550142"} {
		b.asked, b.erased = 0, []*switchboardv1.ErasePersonResponse{{Deleted: map[string]int64{"telephony texts": 500, "telephony calls": 0}}, {Done: true, Deleted: map[string]int64{"telephony texts": 7, "ticketing entries": 2}}}
		out, err := do(typed, "erase", "+16175550142")
		if err != nil || b.asked != 2 || !strings.HasSuffix(out, "deleted: 500 telephony texts\ndeleted: 7 telephony texts, 2 ticketing entries\nThey are erased.\n") {
			t.Errorf("%q, %v", out, err)
		}
	}
	b.asked, b.erased = 0, []*switchboardv1.ErasePersonResponse{{Deleted: map[string]int64{"telephony texts": 1}}}
	if _, err := do("", "erase", "+16175550142", "-yes"); err == nil || !strings.Contains(err.Error(), "on the phone") || b.asked != 2 {
		t.Errorf("cut off half-way: %v", err)
	}
	for _, bad := range [][]string{{"erase"}, {"export", "x"}, {"forget", "+16175550142"}, {"erase", "+16175550142", "+16175550143"}, nil} {
		if _, err := do("", bad...); err == nil {
			t.Errorf("%q is no error", bad)
		}
	}
}
