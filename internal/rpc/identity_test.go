package rpc_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/certs"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/rpc"
)

// house is a folder with an authority and what it has issued.
type house struct {
	*certs.Authority
	t   *testing.T
	dir string
}

func newHouse(t *testing.T) house {
	t.Helper()
	dir := t.TempDir()
	a, err := certs.OpenAuthority(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return house{a, t, dir}
}

// issue makes the certificate of a service anew, valid for an hour from a time on.
func (h house) issue(name string, from time.Time) *rpc.Identity {
	h.t.Helper()
	folder := filepath.Join(h.dir, name)
	var id *rpc.Identity
	for _, from := range []time.Time{time.Now(), from} { // none can be opened that has ended
		err := h.Issue(folder, []string{name}, from, time.Hour)
		if err == nil && id == nil {
			id, err = rpc.OpenIdentity(folder, name)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	return id
}

// answers serves questions over TCP: the answer is who asked.
func answers(t *testing.T, id *rpc.Identity, callers rpc.Callers) (addr string) {
	t.Helper()
	server := rpc.NewServer(slog.New(slog.DiscardHandler), true, id, callers)
	ask(func(ctx context.Context, _ string) (string, error) { return rpc.Caller(ctx), nil }).register(server)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(lis) //nolint:errcheck // it ends with the test
	t.Cleanup(server.Server.Stop)
	return lis.Addr().String()
}

func asks(t *testing.T, name, addr string, id *rpc.Identity) (string, error) {
	t.Helper()
	conn, err := rpc.Dial(name, addr, id)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	return put(ctx, conn, "who am I?")
}

// Only who is on the list is answered, and only the service that is meant is asked.
func TestIdentities(t *testing.T) {
	ours, others, late, now := newHouse(t), newHouse(t), newHouse(t), time.Now()
	callers := rpc.Callers{"bling.test.v1.AskService": {"friend"}, "bling.test.v1.AskService/Answer": {"other"}}
	addr := answers(t, ours.issue("asker", now), callers)
	for _, c := range []struct {
		who, calls, name string
		by               house
		from             time.Time
		kind             errs.Kind
	}{
		{"friend", "asker", "friend", ours, now, ""},
		{"friend who means another service", "telephony", "friend", ours, now, errs.Unavailable},
		{"whoever may call another method", "asker", "other", ours, now, errs.Forbidden},
		{"nobody", "asker", "nobody", ours, now, errs.Forbidden},
		{"friend of long ago", "asker", "friend", ours, now.Add(-2 * time.Hour), errs.Unavailable},
		{"friend of the future", "asker", "friend", ours, now.Add(2 * time.Hour), errs.Unavailable},
		{"forged friend", "asker", "friend", others, now, errs.Unavailable},
	} {
		got, err := asks(t, c.calls, addr, c.by.issue(c.name, c.from))
		if errs.KindOf(err) != c.kind || c.kind == "" && got != c.name {
			t.Errorf("%s: %q, %v", c.who, got, err)
		}
	}
	if _, err := asks(t, "asker", addr, nil); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("without a certificate: %v", err)
	}
	// A list that says nothing of a service means nobody.
	if _, err := asks(t, "asker", answers(t, ours.issue("asker", now), nil), ours.issue("friend", now)); errs.KindOf(err) != errs.Forbidden {
		t.Errorf("without a list: %v", err)
	}
	// A server whose certificate has ended is not believed.
	if _, err := asks(t, "asker", answers(t, late.issue("asker", now.Add(-2*time.Hour)), callers), late.issue("friend", now)); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("expired server: %v", err)
	}
}

// Certificates, and their authority, change under the feet of running processes.
func TestRenewal(t *testing.T) {
	now, old, next := time.Now(), newHouse(t), newHouse(t)
	server, client := old.issue("asker", now.Add(-59*time.Minute)), old.issue("friend", now.Add(-59*time.Minute))
	addr := answers(t, server, rpc.Callers{"bling.test.v1.AskService": {"friend"}})
	works := func(when string) {
		t.Helper()
		if _, err := asks(t, "asker", addr, client); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	works("at first")
	before := client.Expires()
	old.issue("asker", now)
	old.issue("friend", now)
	if !client.Expires().After(before) {
		t.Error("the new certificate is not read")
	}
	works("renewed")
	for _, name := range []string{"asker", "friend"} { // half written: what was read before counts
		if err := os.WriteFile(filepath.Join(old.dir, name, "tls.crt"), []byte("-----BEGIN"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	works("half written")
	for _, name := range []string{"asker", "friend"} {
		if err := next.Issue(filepath.Join(old.dir, name), []string{name}, now, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	works("of a new authority")
}

// Other connections than gRPC's, such as those to the dialer's pages, let some callers in and not all of ours.
func TestServerTLS(t *testing.T) {
	ours, now := newHouse(t), time.Now()
	server := ours.issue("dialer", now).ServerTLS("gateway")
	for name, welcome := range map[string]bool{"gateway": true, "telephony": false} {
		here, there := net.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- tls.Server(there, server).HandshakeContext(t.Context()) }()
		conn := tls.Client(here, ours.issue(name, now).ClientTLS("dialer"))
		if err := conn.HandshakeContext(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		go conn.Read(make([]byte, 1)) //nolint:errcheck // the other side may have something to complain of
		if err := <-ended; (err == nil) != welcome {
			t.Errorf("%s is let in: %v", name, err)
		}
		here.Close()
	}
}

// An identity that is not whole, or that nobody would believe, is said at once: a rollout with it must not go on.
func TestOpenIdentity(t *testing.T) {
	ours, others, now := newHouse(t), newHouse(t), time.Now()
	dir := filepath.Join(ours.dir, "asker")
	refused := func(what string) {
		t.Helper()
		if _, err := rpc.OpenIdentity(dir, "asker"); err == nil {
			t.Errorf("an identity %s", what)
		}
	}
	for _, missing := range []string{"tls.crt", "tls.key", "ca.crt"} {
		ours.issue("asker", now)
		if err := os.Remove(filepath.Join(dir, missing)); err != nil {
			t.Fatal(err)
		}
		refused("without " + missing)
	}
	ours.issue("asker", now.Add(-2*time.Hour))
	refused("that has ended")
	if err := ours.Issue(dir, []string{"friend"}, now, time.Hour); err != nil {
		t.Fatal(err)
	}
	refused("of somebody else")
	ours.issue("asker", now)
	ca, err := os.ReadFile(filepath.Join(others.dir, "ca.crt"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	refused("that its own authority has not signed")
}
