// Package signature computes and checks the signatures that Twilio, Telnyx and Help Scout put on their webhooks, that Help Scout puts on the
// sidebar's address, and that we put on the addresses of files.
//
// The gateway verifies with it, the simulators sign with it. Everything works on the request as it was
// received: the public URL from configuration, the raw body. Known answers are in the tests.
package signature

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// Twilio returns the value of X-Twilio-Signature for a request to rawURL with the given form parameters.
//
// rawURL is exactly what Twilio requested: scheme, host, path and query, percent-encoding untouched, without
// fragment. A JSON request has no form; its rawURL carries bodySHA256.
// See https://www.twilio.com/docs/usage/security#validating-requests.
func Twilio(token, rawURL string, form url.Values) string {
	return base64.StdEncoding.EncodeToString(twilioMAC(token, rawURL, form))
}

func twilioMAC(token, rawURL string, form url.Values) []byte {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(rawURL))
	for _, name := range names {
		// Of a repeated parameter the distinct values count, in order, as in Twilio's Node and Python SDKs.
		for _, value := range slices.Compact(slices.Sorted(slices.Values(form[name]))) {
			mac.Write([]byte(name))
			mac.Write([]byte(value))
		}
	}
	return mac.Sum(nil)
}

// VerifyTwilio reports whether sig is Twilio's signature by any of the tokens.
//
// During a rotation there are two tokens. Twilio signs some URLs with the port and some without
// (https://www.twilio.com/docs/usage/security, "a few notes"), so both forms are accepted; whether there are
// user credentials in the URL or not makes no difference either. For a JSON request (form is nil, and bodySHA256 in the
// query) the hash must fit the raw body. All comparisons are done, each in constant time.
func VerifyTwilio(tokens []string, rawURL string, form url.Values, body []byte, sig string) bool {
	got, err := base64.StdEncoding.DecodeString(sig)
	if err != nil {
		return false
	}
	var ok bool
	for _, token := range tokens {
		if token == "" {
			continue
		}
		for _, u := range spellings(rawURL) {
			if hmac.Equal(twilioMAC(token, u, form), got) {
				ok = true
			}
		}
	}
	return ok && bodyHashFits(rawURL, body)
}

// bodyHashFits checks bodySHA256, which only JSON requests carry.
func bodyHashFits(rawURL string, body []byte) bool {
	_, rawQuery, _ := strings.Cut(rawURL, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil || !query.Has("bodySHA256") {
		return err == nil
	}
	sum := sha256.Sum256(body)
	return hmac.Equal([]byte(hex.EncodeToString(sum[:])), []byte(query.Get("bodySHA256")))
}

// spellings returns rawURL with and without its port and its user credentials.
// It cuts text and never re-encodes: the signature covers the bytes that were sent.
func spellings(rawURL string) []string {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return []string{rawURL}
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	user, host := "", authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		user, host = authority[:i+1], authority[i+1:]
	}
	bare, port := host, ""
	if i := strings.LastIndex(host, ":"); i > strings.LastIndex(host, "]") {
		bare, port = host[:i], host[i:]
	}
	if port == "" {
		switch scheme {
		case "https":
			port = ":443"
		case "http":
			port = ":80"
		}
	}
	all := []string{rawURL}
	for _, u := range []string{user, ""} {
		for _, h := range []string{bare, bare + port} {
			if s := scheme + "://" + u + h + path; !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// HelpScout returns the value of X-HelpScout-Signature for a webhook with the given raw body.
// See https://developer.helpscout.com/webhooks/.
func HelpScout(secret string, body []byte) string {
	return base64.StdEncoding.EncodeToString(helpScoutMAC(secret, body))
}

func helpScoutMAC(secret string, body []byte) []byte {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}

// VerifyHelpScout reports whether sig is Help Scout's signature of the raw body by any of the secrets.
func VerifyHelpScout(secrets []string, body []byte, sig string) bool {
	got, err := base64.StdEncoding.DecodeString(sig)
	if err != nil {
		return false
	}
	var ok bool
	for _, secret := range secrets {
		if secret != "" && hmac.Equal(helpScoutMAC(secret, body), got) {
			ok = true
		}
	}
	return ok
}
