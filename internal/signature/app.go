package signature

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// appSignature is the parameter in which Help Scout sends the signature of a sidebar app's address.
const appSignature = "X-HelpScout-Signature"

// App returns the signature of a sidebar app's address with the given raw query: what Help Scout puts into X-HelpScout-Signature.
// All other parameters are signed, in the order of the address, as one JSON object of strings that is written as PHP writes it. A
// query that cannot be read has none. See https://developer.helpscout.com/apps/guides/signature-validation/.
func App(secret, rawQuery string) string {
	params, _, ok := appParams(rawQuery)
	if !ok {
		return ""
	}
	return HelpScout(secret, appJSON(params))
}

// VerifyApp returns the signed parameters of a sidebar app's address if it was signed with one of the secrets. A parameter that is
// there twice makes the address one that nobody signed: which of the two was meant cannot be told.
func VerifyApp(secrets []string, rawQuery string) (url.Values, bool) {
	params, sent, ok := appParams(rawQuery)
	if !ok {
		return nil, false
	}
	got, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(sent, " ", "+"))
	if err != nil {
		return nil, false
	}
	signed, good := appJSON(params), false
	for _, secret := range secrets {
		if secret != "" && hmac.Equal(helpScoutMAC(secret, signed), got) {
			good = true
		}
	}
	if !good {
		return nil, false
	}
	values := url.Values{}
	for _, p := range params {
		values.Set(p[0], p[1])
	}
	return values, true
}

// appParams reads a query in its order: the names and values that are signed, and the signature.
func appParams(rawQuery string) (params [][2]string, signature string, ok bool) {
	seen := map[string]bool{}
	for part := range strings.SplitSeq(rawQuery, "&") {
		if part == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil || seen[name] || !utf8.ValidString(name+value) {
			return nil, "", false
		}
		seen[name] = true
		if name == appSignature {
			signature = value
			continue
		}
		params = append(params, [2]string{name, value})
	}
	return params, signature, true
}

// appJSON writes parameters as json_encode of PHP does.
func appJSON(params [][2]string) []byte {
	var b strings.Builder
	b.WriteByte('{')
	for i, p := range params {
		if i > 0 {
			b.WriteByte(',')
		}
		phpString(&b, p[0])
		b.WriteByte(':')
		phpString(&b, p[1])
	}
	b.WriteByte('}')
	return []byte(b.String())
}

var phpEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '/': `\/`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

func phpString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, c := range s {
		switch escape := phpEscapes[c]; {
		case escape != "":
			b.WriteString(escape)
		case c > 0xFFFF:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		case c < ' ' || c > '~'+1:
			fmt.Fprintf(b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
}
