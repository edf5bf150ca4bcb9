package signature

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// appSignature is the parameter in which Help Scout sends the signature of a sidebar app's address.
const appSignature = "X-HelpScout-Signature"

// App returns the signature of a sidebar app's address with the given raw query: what Help Scout puts into
// X-HelpScout-Signature. All other parameters are signed, in the order of the address, as one JSON object of strings that
// is written as PHP writes it. A query that cannot be read has none.
// See https://developer.helpscout.com/apps/guides/signature-validation/.
func App(secret, rawQuery string) string {
	params, _, ok := appParams(rawQuery)
	if !ok {
		return ""
	}
	return HelpScout(secret, appJSON(params))
}

// VerifyApp returns the signed parameters of a sidebar app's address if it was signed with one of the secrets. A parameter
// that is there twice makes the address one that nobody signed: which of the two was meant cannot be told.
func VerifyApp(secrets []string, rawQuery string) (params url.Values, ok bool) {
	pairs, sent, ok := appParams(rawQuery)
	if !ok {
		return nil, false
	}
	// A plus sign that was not escaped on its way reads as a blank.
	if !VerifyHelpScout(secrets, appJSON(pairs), strings.ReplaceAll(sent, " ", "+")) {
		return nil, false
	}
	params = url.Values{}
	for _, p := range pairs {
		params.Set(p[0], p[1])
	}
	return params, true
}

// appParams reads a query in its order: the names and values that are signed, and the signature.
func appParams(rawQuery string) (params [][2]string, signature string, ok bool) {
	seen := map[string]bool{}
	for part := range strings.SplitSeq(rawQuery, "&") {
		if part == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(part, "=")
		name, ok1 := unescaped(rawName)
		value, ok2 := unescaped(rawValue)
		if !ok1 || !ok2 || seen[name] {
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

// unescaped decodes a name or a value, which must be UTF-8: PHP writes no JSON of anything else.
func unescaped(text string) (string, bool) {
	plain, err := url.QueryUnescape(text)
	return plain, err == nil && utf8.ValidString(plain)
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

// phpEscapes are the characters that json_encode writes in two.
var phpEscapes = map[rune]string{
	'"': `\"`, '\\': `\\`, '/': `\/`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`,
}

func phpString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, c := range s {
		switch escape := phpEscapes[c]; {
		case escape != "":
			b.WriteString(escape)
		case c > 0xFFFF:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		case c < ' ' || c >= utf8.RuneSelf:
			fmt.Fprintf(b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
}
