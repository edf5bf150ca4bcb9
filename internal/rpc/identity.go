package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// Identity is by what a process is known to the others: a certificate whose DNS name is the service's own, whatever its address, or
// with the names of several services that are one process. It is read anew for each connection, so a renewed one counts without a restart. A nil Identity is none: connections
// are in the clear, which is for one machine only.
type Identity struct {
	dir string

	mu     sync.Mutex
	last   material // what was read last without an error
	failed error    // of the last attempt
}

type material struct {
	certificate tls.Certificate
	authority   *x509.CertPool
}

// OpenIdentity reads the folder of an identity: tls.crt, tls.key, and in ca.crt the certificates of whoever signs those of the
// others. These are the names in a Secret of cert-manager (https://cert-manager.io/docs/usage/certificate/). It must be a certificate that the
// others would believe now, and of this service, if a name is given.
func OpenIdentity(dir, name string) (*Identity, error) {
	i := &Identity{dir: dir}
	var err error
	if i.last, err = read(dir); err != nil {
		return nil, err
	}
	leaf := i.last.certificate.Leaf
	if name != "" && !slices.Contains(leaf.DNSNames, name) {
		return nil, fmt.Errorf("%s is the certificate of %q, not of %s", filepath.Join(dir, "tls.crt"), leaf.DNSNames, name)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if err := verify(i.last, i.last.certificate.Certificate, "", usage); err != nil {
			return nil, fmt.Errorf("%s would not be believed: %w", filepath.Join(dir, "tls.crt"), err)
		}
	}
	return i, nil
}

// verify reports whether m's authority has signed a chain of certificates, for this name if one is given.
func verify(m material, chain [][]byte, name string, usage x509.ExtKeyUsage) error {
	options := x509.VerifyOptions{DNSName: name, Roots: m.authority, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{usage}}
	var leaf *x509.Certificate
	for n, der := range chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		if n == 0 {
			leaf = c
		} else {
			options.Intermediates.AddCert(c)
		}
	}
	if leaf == nil {
		return errors.New("no certificate")
	}
	_, err := leaf.Verify(options)
	return err
}

func read(dir string) (m material, err error) {
	if m.certificate, err = tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")); err != nil {
		return m, fmt.Errorf("reading certificate: %w", err)
	}
	if len(m.certificate.Leaf.DNSNames) == 0 {
		return m, fmt.Errorf("%s must have a DNS name, the service's", filepath.Join(dir, "tls.crt"))
	}
	authority, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return m, fmt.Errorf("reading authority: %w", err)
	}
	m.authority = x509.NewCertPool()
	if !m.authority.AppendCertsFromPEM(authority) {
		return m, fmt.Errorf("%s has no certificate", filepath.Join(dir, "ca.crt"))
	}
	return m, nil
}

// now is what is in the files. While they are being replaced they may not fit together: then it is what was there before.
func (i *Identity) now() material {
	m, err := read(i.dir)
	i.mu.Lock()
	defer i.mu.Unlock()
	if err == nil {
		i.last = m
	} else if i.failed == nil {
		slog.Warn("the certificate could not be read again; the old one counts on", "err", err)
	}
	i.failed = err
	return i.last
}

// Expires is when the certificate ends to be valid.
func (i *Identity) Expires() time.Time { return i.now().certificate.Leaf.NotAfter }

// Valid reports a certificate that nobody believes any more: it has ended. Having none is no error.
func (i *Identity) Valid(now time.Time) error {
	if i == nil {
		return nil
	}
	if until := i.Expires(); now.After(until) {
		return fmt.Errorf("our certificate has expired: it was valid until %s", until.UTC().Format(time.DateTime))
	}
	return nil
}

// ServerTLS lets those in who have a certificate, if callers are given only those with one of these names.
func (i *Identity) ServerTLS(callers ...string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		m := i.now()
		return &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{m.certificate},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: m.authority, SessionTicketsDisabled: true,
			VerifyConnection: func(state tls.ConnectionState) error {
				if len(callers) > 0 && !slices.ContainsFunc(callers, isIn(names(state))) {
					return fmt.Errorf("%q may not call this", names(state))
				}
				return nil
			},
		}, nil
	}}
}

// ClientTLS connects to the service of this name and to nobody else.
func (i *Identity) ClientTLS(name string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: name,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			m := i.now()
			return &m.certificate, nil
		},
		// A Config has its authorities once and for all, so the usual check is off and done here, by those of now.
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection: func(state tls.ConnectionState) error {
			var chain [][]byte
			for _, c := range state.PeerCertificates {
				chain = append(chain, c.Raw)
			}
			return verify(i.now(), chain, name, x509.ExtKeyUsageServerAuth)
		},
	}
}

// names are whose certificate the other side has shown.
func names(state tls.ConnectionState) []string {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	return state.PeerCertificates[0].DNSNames
}

func isIn(list []string) func(string) bool {
	return func(s string) bool { return slices.Contains(list, s) }
}

// callerNames are those in the certificate of whoever makes a call.
func callerNames(ctx context.Context) []string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return nil
	}
	return names(info.State)
}

// Caller is the name in the certificate of whoever makes a call; empty for a call within a process or a machine.
func Caller(ctx context.Context) string {
	names := callerNames(ctx)
	if len(names) == 0 {
		return ""
	}
	return names[0]
}
