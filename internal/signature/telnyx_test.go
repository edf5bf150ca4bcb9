package signature

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The key pair is the first of RFC 8032, 7.1; the signature was made with openssl pkeyutl -sign -rawin.
const (
	telnyxSeed      = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
	telnyxPublic    = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	telnyxTimestamp = "1800000000"
	telnyxBody      = `{"data":{"event_type":"message.received","payload":{"text":"café 👋 שלום | 1"}}}`
	telnyxSignature = "EvumZ+66hZsytWBjYyMzUCT6BJ7SqV5RgcFtno+aQDR2ZurNLVCkqqTJQpV1x76AwQOQVhusflvqbm1T5d6IAA=="
)

var telnyxNow = time.Unix(1_800_000_000, 0)

func telnyxKey(t testing.TB) ed25519.PrivateKey {
	seed, err := hex.DecodeString(telnyxSeed)
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(seed)
}

func TestTelnyx(t *testing.T) {
	if got := Telnyx(telnyxKey(t), telnyxTimestamp, []byte(telnyxBody)); got != telnyxSignature {
		t.Errorf("Telnyx = %s, want %s", got, telnyxSignature)
	}
}

func TestVerifyTelnyx(t *testing.T) {
	another := base64.StdEncoding.EncodeToString(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)).Public().(ed25519.PublicKey))
	keys := []string{telnyxPublic}
	at := func(timestamp string) string { return Telnyx(telnyxKey(t), timestamp, []byte(telnyxBody)) }
	for name, tt := range map[string]struct {
		keys                 []string
		timestamp, sig, body string
		now                  time.Time
		ok                   bool
	}{
		"right":                 {keys, telnyxTimestamp, telnyxSignature, telnyxBody, telnyxNow, true},
		"rotated":               {[]string{another, telnyxPublic}, telnyxTimestamp, telnyxSignature, telnyxBody, telnyxNow, true},
		"as old as may be":      {keys, telnyxTimestamp, telnyxSignature, telnyxBody, telnyxNow.Add(5 * time.Minute), true},
		"as early as may be":    {keys, telnyxTimestamp, telnyxSignature, telnyxBody, telnyxNow.Add(-5 * time.Minute), true},
		"too old":               {keys, telnyxTimestamp, telnyxSignature, telnyxBody, telnyxNow.Add(5*time.Minute + 1), false},
		"too early":             {keys, telnyxTimestamp, telnyxSignature, telnyxBody, telnyxNow.Add(-5*time.Minute - 1), false},
		"rotated away":          {[]string{another}, telnyxTimestamp, telnyxSignature, telnyxBody, telnyxNow, false},
		"nothing configured":    {nil, telnyxTimestamp, telnyxSignature, telnyxBody, telnyxNow, false},
		"keys that are none":    {[]string{"", "!", telnyxPublic[4:], telnyxPublic + telnyxPublic}, telnyxTimestamp, telnyxSignature, telnyxBody, telnyxNow, false},
		"another timestamp":     {keys, "1800000001", telnyxSignature, telnyxBody, telnyxNow, false},
		"the bar moved":         {keys, telnyxTimestamp, at("1800000000|"), telnyxBody, telnyxNow, false},
		"no timestamp":          {keys, "", at(""), telnyxBody, telnyxNow, false},
		"words for a timestamp": {keys, "now", at("now"), telnyxBody, telnyxNow, false},
		"beyond all time":       {keys, strconv.Itoa(math.MaxInt64), at(strconv.Itoa(math.MaxInt64)), telnyxBody, telnyxNow, false},
		"before all time":       {keys, strconv.Itoa(math.MinInt64), at(strconv.Itoa(math.MinInt64)), telnyxBody, telnyxNow, false},
		"another body":          {keys, telnyxTimestamp, telnyxSignature, telnyxBody + "\n", telnyxNow, false},
		"no body":               {keys, telnyxTimestamp, telnyxSignature, "", telnyxNow, false},
		"no signature":          {keys, telnyxTimestamp, "", telnyxBody, telnyxNow, false},
		"no base64":             {keys, telnyxTimestamp, "!" + telnyxSignature[1:], telnyxBody, telnyxNow, false},
		"a cut signature":       {keys, telnyxTimestamp, telnyxSignature[4:], telnyxBody, telnyxNow, false},
		"a longer signature":    {keys, telnyxTimestamp, "AAAA" + telnyxSignature, telnyxBody, telnyxNow, false},
	} {
		if got := VerifyTelnyx(tt.keys, tt.timestamp, tt.sig, []byte(tt.body), tt.now); got != tt.ok {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whatever was signed is accepted; nothing else is, whatever it looks like.
func FuzzVerifyTelnyx(f *testing.F) {
	f.Add(telnyxPublic, telnyxTimestamp, telnyxSignature, telnyxBody)
	f.Add("", "-1", "=", "")
	f.Add(telnyxPublic[:8], "9223372036854775808", strings.Repeat("A", 88), "|")
	key := telnyxKey(f)
	f.Fuzz(func(t *testing.T, public, timestamp, sig, body string) {
		right := timestamp == telnyxTimestamp && body == telnyxBody && strings.NewReplacer("\r", "", "\n", "").Replace(sig) == telnyxSignature
		if VerifyTelnyx([]string{telnyxPublic}, timestamp, sig, []byte(body), telnyxNow) && !right {
			t.Errorf("%q, %q, %q is accepted", timestamp, sig, body)
		}
		VerifyTelnyx([]string{public}, telnyxTimestamp, sig, []byte(body), telnyxNow)
		if !VerifyTelnyx([]string{public, telnyxPublic}, telnyxTimestamp, Telnyx(key, telnyxTimestamp, []byte(body)), []byte(body), telnyxNow) {
			t.Errorf("%q is not accepted as it was signed", body)
		}
	})
}
