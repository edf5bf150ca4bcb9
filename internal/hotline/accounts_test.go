package hotline_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
)

// The same secret signs the addresses of files wherever it is asked for, whatever else is set there: that of the first carrier that a hotline is
// at. Without it nothing starts.
func TestFileSecrets(t *testing.T) {
	all := []string{"TWILIO_AUTH_TOKEN=new, old", "TELNYX_API_KEY=key,1", "MOBILECOMMONS_PASSWORD=pass,word"}
	at := func(transports ...hotline.Transport) (list hotline.Hotlines) {
		for _, t := range transports {
			list = append(list, hotline.Hotline{Transport: t})
		}
		return list
	}
	for _, test := range []struct {
		at   hotline.Hotlines
		name string
		want []string
	}{
		{nil, "TWILIO_AUTH_TOKEN", []string{"new", "old"}},
		{at(hotline.MobileCommons, hotline.Telnyx, hotline.Twilio), "TWILIO_AUTH_TOKEN", []string{"new", "old"}},
		{at(hotline.MobileCommons, hotline.Telnyx), "TELNYX_API_KEY", []string{"key,1"}},
		{at(hotline.MobileCommons), "MOBILECOMMONS_PASSWORD", []string{"pass,word"}},
	} {
		r := env.New(all)
		if got := test.at.FileSecrets(r); !slices.Equal(got, test.want) || r.Err() != nil {
			t.Errorf("%v: %q, %v", test.at, got, r.Err())
		}
		r = env.New(slices.DeleteFunc(slices.Clone(all), func(kv string) bool { return strings.HasPrefix(kv, test.name) }))
		if test.at.FileSecrets(r); r.Err() == nil || !strings.Contains(r.Err().Error(), test.name+": is not set") {
			t.Errorf("without %s: %v", test.name, r.Err())
		}
	}
}

// A secret with a single value is read as it is. It is asked for only if a hotline is at that carrier.
func TestSecret(t *testing.T) {
	const name = "MOBILECOMMONS_PASSWORD"
	here := hotline.Hotlines{{Transport: hotline.MobileCommons}}
	for _, all := range []hotline.Hotlines{nil, here} {
		r := env.New([]string{name + "= a, b,🙂 "})
		if got := all.Secret(r, hotline.MobileCommons, name); got != "a, b,🙂" || r.Err() != nil {
			t.Errorf("%q, %v", got, r.Err())
		}
		r = env.New(nil)
		if got := all.Secret(r, hotline.MobileCommons, name); got != "" || (r.Err() != nil) != (len(all) > 0) {
			t.Errorf("%v: not set: %q, %v", all, got, r.Err())
		}
	}
}
