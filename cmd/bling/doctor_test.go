package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/check"
)

// zone is a DNS with one domain.
type zone struct {
	mx   []string
	host bool
	err  error
}

var nobody = &net.DNSError{Err: "no such host", IsNotFound: true}

func (z zone) LookupMX(context.Context, string) (records []*net.MX, err error) {
	for _, host := range z.mx {
		records = append(records, &net.MX{Host: host})
	}
	if z.err == nil && len(records) == 0 {
		return nil, nobody
	}
	return records, z.err
}

func (z zone) LookupHost(context.Context, string) ([]string, error) {
	if !z.host {
		return nil, nobody
	}
	return []string{"192.0.2.1"}, nil
}

// Mail that Help Scout sends to the contact addresses must not come back.
func TestContactDomain(t *testing.T) {
	for _, test := range []struct {
		name, domain string
		zone         zone
		want         check.Level
		says         string
	}{
		{"mail server", "sms.hotline.dev", zone{mx: []string{"mx.hotline.dev."}}, check.OK, "takes mail"},
		{"host", "sms.hotline.dev", zone{host: true}, check.OK, "takes mail"},
		{"nothing", "sms.hotline.dev", zone{}, check.Warning, "does not exist"},
		{"null MX", "sms.hotline.dev", zone{mx: []string{"."}}, check.Warning, "null MX"},
		{"DNS down", "sms.hotline.dev", zone{err: errors.New("server misbehaving")}, check.Warning, "cannot be looked up"},
		{"example", "Example.ORG", zone{mx: []string{"mx."}}, check.Warning, "example"},
		{"below example", "sms.example.com", zone{mx: []string{"mx."}}, check.Warning, "example"},
		{"like example", "counterexample.org", zone{mx: []string{"mx."}}, check.OK, "takes mail"},
	} {
		found := lookAtDomain(t.Context(), test.zone, test.domain)
		if len(found) != 1 || found[0].Level != test.want || !strings.Contains(found[0].Says, test.says) || (found[0].Fix == "") != (test.want == check.OK) {
			t.Errorf("%s: %+v", test.name, found)
		}
	}
}
