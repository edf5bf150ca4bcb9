package gateway

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sources counts the failed requests of each source. Only failures are counted, after they failed: whoever signs
// correctly is never limited, not even from the same address.
type sources struct {
	perMinute int

	mu   sync.Mutex
	seen map[string]*rate.Limiter
}

// maxSources bounds the memory an attacker with many addresses can take.
const maxSources = 10_000

func newSources(perMinute int) *sources {
	return &sources{perMinute: perMinute, seen: map[string]*rate.Limiter{}}
}

// allow counts one failure and reports whether the source may have it answered in full.
func (s *sources) allow(source string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.seen[source]
	if l == nil {
		if len(s.seen) >= maxSources {
			s.forget()
		}
		l = rate.NewLimiter(rate.Every(time.Minute/time.Duration(s.perMinute)), s.perMinute)
		s.seen[source] = l
	}
	return l.Allow()
}

// forget drops the sources that have been quiet, or all when none has.
func (s *sources) forget() {
	for source, l := range s.seen {
		if l.Tokens() >= float64(s.perMinute) {
			delete(s.seen, source)
		}
	}
	if len(s.seen) >= maxSources {
		clear(s.seen)
	}
}

// source names where a request comes from: its address, or what a trusted proxy says of it.
func (s *Service) source(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr := peer.Addr().Unmap()
	for _, proxy := range s.TrustedProxies {
		if !proxy.Contains(addr) {
			continue
		}
		forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if client, err := netip.ParseAddr(strings.TrimSpace(forwarded[len(forwarded)-1])); err == nil {
			return network(client.Unmap())
		}
	}
	return network(addr)
}

// network is the address for IPv4 and the /64 for IPv6, of which everybody has one at least.
func network(addr netip.Addr) string {
	if addr.Is6() {
		if p, err := addr.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
