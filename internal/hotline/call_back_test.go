package hotline

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

func TestCallBackFile(t *testing.T) {
	h := mustLoad(t, `
hotlines:
  - number: "+15017122661"
    mailbox: 5
    call_back: {off: true, countries: [US, MX], per_agent: 3, per_hour: 30, ring_agent: 10s, ring: 60s, longest: 45m}
`)[0]
	want := CallBack{
		Off: true, Countries: []string{"US", "MX"}, PerAgent: 3, PerHour: 30, RingAgent: 10 * time.Second, Ring: time.Minute, Longest: 45 * time.Minute,
	}
	if !reflect.DeepEqual(h.CallBack, want) {
		t.Errorf("%+v", h.CallBack)
	}
}

// Without countries they are the number's own.
func TestOwnCountries(t *testing.T) {
	for number, want := range map[string][]string{
		"+15017122661": {"US", "CA"}, "+14165550142": {"US", "CA"}, "+442071838750": {"GB"}, "12345": nil, "+80012345678": nil,
	} {
		h := mustLoad(t, `hotlines: [{call_back: {per_hour: 5}, number: "`+number+`", mailbox: 5}]`)[0]
		if simple := New(h.Number, 5); !slices.Equal(h.CallBack.Countries, want) || !slices.Equal(simple.CallBack.Countries, want) {
			t.Errorf("%s: %q and %q", number, h.CallBack.Countries, simple.CallBack.Countries)
		}
	}
}

func TestMayCall(t *testing.T) {
	for _, test := range []struct {
		hotline   phone.Number
		countries []string
		number    string
		why       string
	}{
		{"+15017122661", nil, "+16175550142", ""},
		{"+15017122661", nil, "+14165550142", ""}, // Canada
		{"+15017122661", nil, "+18765550142", "of this country"},
		{"+15017122661", nil, "+447700900123", "of this country"},
		{"+442071838750", nil, "+447911123456", "of this country"}, // Guernsey
		{"+442071838750", []string{"GB", "GG"}, "+447911123456", ""},
		{"+442071838750", nil, "+16175550142", "of this country"},
		{"+15017122661", nil, "+19005550142", "of this kind"}, // premium
		{"+442071838750", nil, "+449098790000", "of this kind"},
		{"+15017122661", nil, "+18005550142", "of this kind"}, // toll-free
		{"+15017122661", nil, "+11234567890", "of this country"},
		{"+15017122661", nil, "+881612345678", "of this country"}, // satellite
		{"+15017122661", nil, "anonymous", "no number that can be called"},
		{"+15017122661", nil, "12345", "no number that can be called"},
		{"+15017122661", nil, "+15017122661", "hotline's own"},
		{"+15017122661", nil, "+16175550100", "hotline's own"}, // another one of ours
		{"12345", nil, "+16175550142", "which countries"},      // a short code calls nobody unless it is said whom
		{"12345", []string{"US"}, "+16175550142", ""},
	} {
		h := New(test.hotline, 5)
		if test.countries != nil {
			h.CallBack.Countries = test.countries
		}
		if why := (Hotlines{New("+16175550100", 6), h}).MayCall(h, phone.Parse(test.number)); (test.why == "") != (why == "") || !strings.Contains(why, test.why) {
			t.Errorf("%s calls %s: %q", test.hotline, test.number, why)
		}
	}
	h := New("+15017122661", 5)
	h.CallBack.Off = true
	if why := (Hotlines{h}).MayCall(h, phone.Parse("+16175550142")); why == "" {
		t.Error("a hotline that does not call back does")
	}
}
