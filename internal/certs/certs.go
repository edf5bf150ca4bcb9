// Package certs makes the certificates by which the services know each other (rpc.Identity), where no cert-manager does.
//
// An authority of our own signs them: a folder with ca.crt and ca.key. The key stays there; whoever has it can be any service.
package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// authorityLife is how long an authority is valid.
const authorityLife = 10 * 365 * 24 * time.Hour

// skew is by how much the clocks of machines may differ.
const skew = 5 * time.Minute

// Authority signs certificates.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// OpenAuthority reads the authority in a folder. If there is none it makes one.
func OpenAuthority(dir string, now time.Time) (*Authority, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key"))
	switch {
	case err == nil:
		return &Authority{pair.Leaf, pair.PrivateKey.(crypto.Signer)}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading the authority in %s: %w", dir, err)
	}
	for _, name := range []string{"ca.crt", "ca.key"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return nil, fmt.Errorf("%s has %s alone: put the other one beside it, or begin with an empty folder", dir, name)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return makeAuthority(dir, now)
}

func makeAuthority(dir string, now time.Time) (*Authority, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Bling"}, NotBefore: now.Add(-skew), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing the authority: %w", err)
	}
	a := &Authority{key: key}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	if err := writeKey(filepath.Join(dir, "ca.key"), key); err != nil {
		return nil, err
	}
	return a, write(filepath.Join(dir, "ca.crt"), 0o644, "CERTIFICATE", der)
}

// Issue makes a certificate with these DNS names, valid from now on for life, and puts it into a folder: tls.crt, tls.key and ca.crt.
func (a *Authority) Issue(dir string, names []string, now time.Time, life time.Duration) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		DNSNames: names, NotBefore: now.Add(-skew), NotAfter: now.Add(life), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("signing the certificate of %s: %w", names[0], err)
	}
	// Whoever reads in between finds files that do not fit together, and keeps what it has (rpc.Identity).
	return errors.Join(
		write(filepath.Join(dir, "ca.crt"), 0o644, "CERTIFICATE", a.certificate.Raw),
		writeKey(filepath.Join(dir, "tls.key"), key),
		write(filepath.Join(dir, "tls.crt"), 0o644, "CERTIFICATE", der))
}

// Good reports whether the folder's certificate is of this authority, has these names, and has more than a third of its life left.
func (a *Authority) Good(dir string, names []string, now time.Time) (until time.Time, good bool) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		return time.Time{}, false
	}
	leaf := pair.Leaf
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	return leaf.NotAfter, leaf.CheckSignatureFrom(a.certificate) == nil && slices.Equal(leaf.DNSNames, names) && now.Before(leaf.NotAfter.Add(-life/3))
}

func writeKey(file string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return write(file, 0o600, "PRIVATE KEY", der)
}

// write replaces a file in one step.
func write(file string, mode fs.FileMode, kind string, der []byte) error {
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}); err != nil {
		return err
	}
	temp := file + ".new"
	if err := os.WriteFile(temp, b.Bytes(), mode); err != nil {
		return err
	}
	return os.Rename(temp, file)
}
