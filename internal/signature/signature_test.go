package signature

import (
	"encoding/base64"
	"net/url"
	"testing"
)

const (
	token = "12345"
	page  = "https://mycompany.com/myapp.php?foo=1&bar=2"
)

func call(more ...string) url.Values {
	return form(append([]string{"CallSid", "CA1234567890ABCDE", "Caller", "+14158675309", "Digits", "1234", "From", "+14158675309", "To", "+18005551212"}, more...)...)
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// The known answers of Twilio's documentation and of the test suites of its SDKs, numbered as in our reference.
var twilioVectors = []struct {
	id, signed string     // the URL that was signed
	seen       string     // the URL as the receiver is configured, if that differs
	form       url.Values // nil: a JSON request, or one without a form
	body       string
	signature  string
}{
	{"V1", page, "", call(), "", "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
	{"V2", "https://mycompany.com:443/myapp.php?foo=1&bar=2", page, call(), "", "kvajT1Ptam85bY51eRf/AJRuM3w="},
	{"V3", "http://mycompany.com:80/myapp.php?foo=1&bar=2", "http://mycompany.com/myapp.php?foo=1&bar=2", call(), "", "0ZXoZLH/DfblKGATFgpif+LLRf4="},
	{"V4", "http://mycompany.com:1234/myapp.php?foo=1&bar=2", "", call(), "", "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="},
	{"V5", "https://mycompany.com:1234/myapp.php?foo=1&bar=2", "", call(), "", "CYn1h0gLBdNxDGkKJg6hYohgeD8="},
	{"V6", "http://mycompany.com/myapp.php?foo=1&bar=2", "", call("Reason", "Participant", "ReasonConferenceEnded", "test"), "", "n2xBNyzSW7rfYStDtOFiFMv7qNo="},
	{"V7", page, "", call("Reason", "Participant", "ReasonConferenceEnded", "test"), "", "vOEb5UThFn24KEfnOFLQY2AE5FY="},
	{"V8", page + "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620", "", nil, `{"property": "value", "boolean": true}`, "a9nBmqA0ju/hNViExpshrM61xv4="},
	{"V9", "https://mycompany.com/myapp.php?bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620", "", nil, `{"property": "value", "boolean": true}`, "y77kIzt2vzLz71DgmJGsen2scGs="},
	{"V10", "https://mycompany.com:443/myapp.php?foo=1&bar=2&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", nil, `{}`, "Ldidvp12m26NI7eqEvxnEpkd9Hc="},
	{"V11", "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2", "", call(), "", "CukzLTc1tT5dXEDIHm/tKBanW10="},
	{"V12", "https://user:pass@mycompany.com:443/myapp.php?foo=1&bar=2", "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2", call(), "", "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="},
	{"V13", "https://user@mycompany.com/myapp.php?foo=1&bar=2", "", call(), "", "2YRLlVAflCqxaNicjMpJcSTgzSs="},
	{"V14", "https://user@mycompany.com:443/myapp.php?foo=1&bar=2", "https://user@mycompany.com/myapp.php?foo=1&bar=2", call(), "", "aZfj4hyX1MLZhSS6QIL18Vn2/RA="},
	{"V15", page + "&Body=It%27s+amazing", "", call(), "", "TfZzewPq8wqrGlMfyAud8+/IvJ0="},
	{"V16", page, "", form("property", "value", "boolean", "true"), "", "NBdBDr/T/lgjI+tlgpXjKZQZs/k="},
	{"V17", page, "", nil, "", "zYQTYrRWXE7LtzbG4PfP7/bkkGo="},
	{"V18", page, "", form("Sid", "CA123", "SidAccount", "AC123", "Digits", "5678", "Digits", "1234", "Digits", "1234"), "", "IK+Dwps556ElfBT0I3Rgjkr1wJU="},
	{"V19", page, "", form("MessagingBinding.Address", "+1325xxxxxxx", "MessagingBinding.Address", "+1415xxxxxxx"), "", "83O6e2vORAoJHUNzJjDWN1jz+BA="},
	{"V20", "https://mycompany.com/myapp.php?foo=hello%20world&bar=test%2Bvalue", "", call(), "", "er2tvAP1Wx+iuTTE2BPgvEaN1cs="},
	{"V21", page, "", form("Message", "Hello & goodbye! @#$%^*()", "From", "+1 (415) 867-5309", "Special", "unicode: ñáéíóú"), "", "dCPiR4WtQ6QFN6pJh81CtlCcWLQ="},
	{"V22", page, "", form("Digits", "", "CallSid", "CA1234567890ABCDE", "EmptyParam", ""), "", "9HHp/OqQMEwdrVebHDdA/+tqjX8="},
	{"V23", page, "", form("callSid", "lowercase", "CallSid", "uppercase", "CALLSID", "allcaps"), "", "jDK7WKT8wiNrwggd4ceTv4e1MJ4="},
	{"V24", "https://MyCompany.com/myapp.php?foo=1&bar=2", "", call(), "", "g9IN/x4Cft2g517EjYvEvM/W7LU="},
	{"V25", "https://example.com/myapp.php?foo=1&bar=2", "", form("CallSid", "CA1234567890ABCDE", "Caller", "+14158675310", "Digits", "1234", "From", "+14158675310", "To", "+18005551212"), "", "L/OH5YylLD5NRKLltdqwSvS0BnU="},
	{"text", "https://hotline.example.org/twilio/sms", "", form("AccountSid", "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ApiVersion", "2010-04-01", "Body", "Hello & goodbye! 👋", "From", "+15558675310",
		"MessageSid", "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "SmsMessageSid", "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "SmsSid", "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"NumMedia", "0", "NumSegments", "1", "SmsStatus", "received", "To", "+15017122661"), "", "2R+g5FcQf5hapRC+BxOt8U1I58s="},
}

func TestTwilio(t *testing.T) {
	for _, v := range twilioVectors {
		t.Run(v.id, func(t *testing.T) {
			if got := Twilio(token, v.signed, v.form); got != v.signature {
				t.Errorf("Twilio = %s, want %s", got, v.signature)
			}
			seen := v.seen
			if seen == "" {
				seen = v.signed
			}
			verify := func(tokens []string, body, sig string) bool {
				return VerifyTwilio(tokens, seen, v.form, []byte(body), sig)
			}
			if !verify([]string{"old", token}, v.body, v.signature) {
				t.Error("is not accepted")
			}
			if verify([]string{"old", ""}, v.body, v.signature) || verify(nil, v.body, v.signature) {
				t.Error("another token is accepted")
			}
			if v.form == nil && v.body != "" && verify([]string{token}, v.body+" ", v.signature) {
				t.Error("another body is accepted")
			}
			if verify([]string{token}, v.body, "?"+v.signature[1:]) || verify([]string{token}, v.body, "") {
				t.Error("a broken signature is accepted")
			}
		})
	}
}

// 1.2: Twilio drops the port of voice URLs and the credentials of all; a receiver is configured with both.
func TestVerifyTwilioSpellings(t *testing.T) {
	for signed, seen := range map[string]string{
		"https://h.example.org/x":      "https://h.example.org:8443/x",
		"https://h.example.org:8443/x": "https://u:p@h.example.org:8443/x",
		"http://[::1]/x":               "http://[::1]:8080/x",
		"http://[::1]:8080/x":          "http://[::1]:8080/x",
	} {
		if !VerifyTwilio([]string{token}, seen, call(), nil, Twilio(token, signed, call())) {
			t.Errorf("%s is not accepted for %s", signed, seen)
		}
	}
	for signed, seen := range map[string]string{
		"https://evil.example.org/x": "https://h.example.org/x",
		"https://h.example.org:1/x":  "https://h.example.org:2/x",
		"https://h.example.org/x/":   "https://h.example.org/x",
		"https://h.example.org/x?a":  "https://h.example.org/x",
		"http://h.example.org/x":     "https://h.example.org/x",
	} {
		if VerifyTwilio([]string{token}, seen, call(), nil, Twilio(token, signed, call())) {
			t.Errorf("%s is accepted for %s", signed, seen)
		}
	}
}

func TestHelpScout(t *testing.T) {
	for _, v := range []struct{ key, body, signature string }{
		{"your secret key", `{"ticket":{"id":"1","number":"2"},"customer":{"id":"1","fname":"Jackie","lname":"Chan","email":"jackie.chan@somewhere.com","emails":["jackie.chan@somewhere.com"]}}`, "I1KlvGppYqvFTJgJ9jezdQMDiyI="},
		{"bling-test-secret", `{"id":2571001,"number":1042,"mailboxId":206906}`, "vL/CbaQUK5wvmOgcNZim95xxBbE="},
		{"bling-test-secret", `{"id":2571001,"preview":"caf\u00e9 \/ ok"}`, "6SnkW1V81D8JQIZw+FfxIIz0HGA="},
	} {
		if got := HelpScout(v.key, []byte(v.body)); got != v.signature {
			t.Errorf("HelpScout = %s, want %s", got, v.signature)
		}
		if !VerifyHelpScout([]string{"old", v.key}, []byte(v.body), v.signature) {
			t.Errorf("%s is not accepted", v.signature)
		}
		if VerifyHelpScout([]string{v.key}, []byte(v.body+"\n"), v.signature) || VerifyHelpScout([]string{"", "x"}, []byte(v.body), v.signature) {
			t.Errorf("%s is accepted for something else", v.signature)
		}
	}
	// An empty secret signs nothing, not even what was signed with it.
	if VerifyHelpScout([]string{""}, []byte("x"), HelpScout("", []byte("x"))) {
		t.Error("an empty secret is accepted")
	}
	if VerifyHelpScout([]string{"k"}, []byte("x"), base64.StdEncoding.EncodeToString(nil)) {
		t.Error("an empty signature is accepted")
	}
}
