package signature

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func TestFile(t *testing.T) {
	id := base64.RawURLEncoding.EncodeToString([]byte("twelve bytes"))
	at := time.Unix(1_800_000_000, 0)
	address := File("token", id, at)
	for name, tt := range map[string]struct {
		secrets []string
		address string
		now     time.Time
		ok      bool
	}{
		"right":              {[]string{"token"}, address, at.Add(-time.Second), true},
		"rotated":            {[]string{"new", "token"}, address, at.Add(-time.Second), true},
		"expired":            {[]string{"token"}, address, at, false},
		"another token":      {[]string{"tokem", ""}, address, at.Add(-time.Second), false},
		"nothing configured": {nil, address, at.Add(-time.Second), false},
		"longer life":        {[]string{"token"}, File("token", id, at.Add(time.Hour))[:21] + address[21:], at.Add(-time.Second), false},
		"another file":       {[]string{"token"}, "A" + address[1:], at.Add(-time.Second), false},
		"cut":                {[]string{"token"}, address[:len(address)-1], at.Add(-time.Second), false},
		"longer":             {[]string{"token"}, address + "A", at.Add(-time.Second), false},
		"empty":              {[]string{"token"}, "", at, false},
		"no base64":          {[]string{"token"}, strings.Repeat("!", len(address)), at, false},
	} {
		got, ok := VerifyFile(tt.secrets, tt.address, tt.now)
		if ok != tt.ok || ok && got != id {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
}

// No address but the one that was made is taken.
func FuzzVerifyFile(f *testing.F) {
	id := base64.RawURLEncoding.EncodeToString([]byte("twelve bytes"))
	address := File("token", id, time.Unix(1_800_000_000, 0))
	f.Add(address)
	f.Add(address[:10])
	f.Fuzz(func(t *testing.T, s string) {
		if _, ok := VerifyFile([]string{"token"}, s, time.Unix(0, 0)); ok != (s == address) {
			t.Errorf("%q: %v", s, ok)
		}
	})
}
