package signature

import (
	"net/url"
	"strings"
	"testing"
)

const appKey = "bling-app-secret"

// appVectors are the known answers of our reference.
var appVectors = []struct{ query, signature string }{
	{"conversation-id=991&customer-id=4821&mailbox-id=85&user-id=7", "VcjeSdQ0afKfvDCi8glxiwv03Xc="},
	{"a=x%2Fy&n=caf%C3%A9", "z95ynmmn5GsiGPm9b3qVnSu/NyY="},
}

func signedQuery(query string) string {
	return query + "&X-HelpScout-Signature=" + url.QueryEscape(App(appKey, query))
}

func TestApp(t *testing.T) {
	for _, v := range appVectors {
		if got := App(appKey, v.query); got != v.signature {
			t.Errorf("App(%q) = %s, want %s", v.query, got, v.signature)
		}
		for _, spelling := range []string{
			v.query + "&X-HelpScout-Signature=" + url.QueryEscape(v.signature),
			v.query + "&X-HelpScout-Signature=" + v.signature,
			"X-HelpScout-Signature=" + url.QueryEscape(v.signature) + "&" + v.query,
		} {
			params, ok := VerifyApp([]string{"old", appKey}, spelling)
			want, _ := url.ParseQuery(v.query)
			if !ok || params.Encode() != want.Encode() {
				t.Errorf("VerifyApp(%q) = %v, %v", spelling, params, ok)
			}
			if App(appKey, spelling) != v.signature {
				t.Errorf("the signature in %q is signed", spelling)
			}
		}
	}
}

// What PHP's json_encode makes of all kinds of characters.
func TestAppJSON(t *testing.T) {
	for query, want := range map[string]string{
		"":                            `{}`,
		"a":                           `{"a":""}`,
		"a=1&&b=2&":                   `{"a":"1","b":"2"}`,
		"b=2&a=1":                     `{"b":"2","a":"1"}`,
		"n=a+b%20c%2B":                `{"n":"a b c+"}`,
		"n=%3Cb%3E%26%27":             `{"n":"<b>&'"}`,
		"n=%22%5C%2F":                 `{"n":"\"\\\/"}`,
		"n=%08%0C%0A%0D%09":           `{"n":"\b\f\n\r\t"}`,
		"n=%00%1F%7F":                 `{"n":"\u0000\u001f` + "\x7f" + `"}`,
		"n=%C3%A9%E2%80%A8":           `{"n":"\u00e9\u2028"}`,
		"n=%F0%9F%98%80":              `{"n":"\ud83d\ude00"}`,
		"%C3%A9=%EF%BF%BD&X-Y=%C2%80": `{"\u00e9":"\ufffd","X-Y":"\u0080"}`,
	} {
		pairs, _, ok := appParams(query)
		if got := string(appJSON(pairs)); !ok || got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
}

func TestVerifyApp(t *testing.T) {
	query := appVectors[0].query
	right := signedQuery(query)
	for name, tt := range map[string]struct {
		secrets []string
		query   string
		ok      bool
	}{
		"right":                  {[]string{appKey}, right, true},
		"rotated":                {[]string{"new", appKey}, right, true},
		"rotated away":           {[]string{"new"}, right, false},
		"nothing configured":     {nil, right, false},
		"an empty secret":        {[]string{""}, "a=1&X-HelpScout-Signature=" + url.QueryEscape(App("", "a=1")), false},
		"another conversation":   {[]string{appKey}, strings.Replace(right, "991", "992", 1), false},
		"reordered":              {[]string{appKey}, "user-id=7&" + strings.Replace(right, "&user-id=7", "", 1), false},
		"one more":               {[]string{appKey}, right + "&a=b", false},
		"one less":               {[]string{appKey}, strings.Replace(right, "&user-id=7", "", 1), false},
		"another name":           {[]string{appKey}, strings.Replace(right, "user-id", "User-id", 1), false},
		"a parameter twice":      {[]string{appKey}, signedQuery("a=1&a=1"), false},
		"the same name, escaped": {[]string{appKey}, right + "&user%2Did=7", false},
		"the signature twice":    {[]string{appKey}, right + right[strings.LastIndex(right, "&"):], false},
		"no signature":           {[]string{appKey}, query, false},
		"an empty signature":     {[]string{appKey}, query + "&X-HelpScout-Signature=", false},
		"no base64":              {[]string{appKey}, query + "&X-HelpScout-Signature=!", false},
		"a cut signature":        {[]string{appKey}, right[:len(right)-8], false},
		"bad escapes":            {[]string{appKey}, right + "&%zz=1", false},
		"bad escapes in a value": {[]string{appKey}, right + "&a=%4", false},
		"no UTF-8":               {[]string{appKey}, signedQuery("a=%FF"), false},
		"a character in halves":  {[]string{appKey}, signedQuery("%C3=%A9"), false},
		"empty":                  {[]string{appKey}, "", false},
	} {
		params, ok := VerifyApp(tt.secrets, tt.query)
		if ok != tt.ok || (params != nil) != ok {
			t.Errorf("%s: %v, %v", name, params, ok)
		}
		if params.Has(appSignature) {
			t.Errorf("%s: the signature is a parameter", name)
		}
	}
}

// A plus sign in the signature comes as it is, escaped, or as the blank it stands for in a query.
func TestVerifyAppPlus(t *testing.T) {
	query, sig := "", ""
	for i := 'a'; !strings.Contains(sig, "+"); i++ {
		query = "a=" + string(i)
		sig = App(appKey, query)
	}
	for _, plus := range []string{"+", "%2B", "%2b", "%20"} {
		if _, ok := VerifyApp([]string{appKey}, query+"&X-HelpScout-Signature="+strings.ReplaceAll(sig, "+", plus)); !ok {
			t.Errorf("%q for a plus sign is not accepted", plus)
		}
	}
}

// Whatever was signed is accepted, with what url.ParseQuery reads of it; nothing else is, whatever it looks like.
func FuzzVerifyApp(f *testing.F) {
	f.Add(appVectors[0].query)
	f.Add(signedQuery(appVectors[1].query))
	f.Add("%C3=%A9&&=;x=%00&" + appSignature)
	f.Fuzz(func(t *testing.T, query string) {
		if params, ok := VerifyApp([]string{"another"}, query); ok {
			t.Errorf("%q is accepted: %v", query, params)
		}
		pairs, _, ok := appParams(query)
		want, err := url.ParseQuery(query)
		if !ok || err != nil || want.Has(appSignature) {
			return
		}
		params, ok := VerifyApp([]string{appKey}, signedQuery(query))
		if !ok || params.Encode() != want.Encode() || len(params) != len(pairs) {
			t.Errorf("%q: %v, %v; want %v", query, params, ok, want)
		}
	})
}
