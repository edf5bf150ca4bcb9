package callflow_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/callflow"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

var update = flag.Bool("update", false, "write testdata anew")

const (
	anna = "+16175550101"
	ben  = "+16175550102"
	cleo = "+16175550103"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// call is a call at noon to a hotline with three phones.
func call(change ...func(*callflow.Call)) callflow.Call {
	h := hotline.New("+15017122661", 206906)
	h.Calls.Phones = []hotline.Phone{{Name: "Anna", Number: anna}, {Name: "Ben", Number: ben}, {Name: "Cleo", Number: cleo}}
	c := callflow.Call{
		Hotline: h, From: phone.Parse("+16175550142"), To: phone.Parse("+15017122661"), Base: "https://hotline.example.org", Now: noon,
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func calls(change func(*hotline.Calls)) func(*callflow.Call) {
	return func(c *callflow.Call) { change(&c.Hotline.Calls) }
}

func after(d time.Duration) func(*callflow.Call) {
	return func(c *callflow.Call) { c.Now = noon.Add(d) }
}

func from(number string) func(*callflow.Call) {
	return func(c *callflow.Call) { c.From = phone.Parse(number) }
}

func two(c *hotline.Calls)     { c.AtOnce = 2 }
func nobody(c *hotline.Calls)  { c.Phones = nil }
func inOrder(c *hotline.Calls) { c.Strategy, c.AtOnce = hotline.RingInOrder, 1 }
func idle(c *hotline.Calls)    { c.Strategy, c.AtOnce = hotline.RingLongestIdle, 1 }

// closed is a hotline whose only open hour of the week is long over.
func closed(c *callflow.Call) {
	hours := hotline.Hours{Zone: time.UTC}
	hours.Week[time.Sunday] = []hotline.Range{{From: 0, To: 60}}
	c.Hotline.Hours = &hours
	c.Hotline.Calls.Says.AfterHours = []hotline.Said{{Text: "We are closed. Please leave a message after the beep.", Language: "en-US"}}
}

func spanish(c *hotline.Calls) {
	c.Phones = nil
	c.Says.Greeting = append(c.Says.Greeting, hotline.Said{Text: "Deje un mensaje después del tono.", Language: "es-MX", Voice: "Polly.Mia"})
}

func recorded(c *hotline.Calls) {
	c.Phones = nil
	c.Says.Greeting = []hotline.Said{{Audio: "https://hotline.example.org/greeting.mp3"}}
}

// first is the round in which Anna and Ben were rung.
var first = callflow.Round{Began: noon, Since: noon, Number: 1, Ring: []int{0, 1}, Rest: []int{2}}

// back is a call back to the supporter.
func back() callflow.Back { return callflow.Back{Call: call(), Key: "dialer-X"} }

// doc is a document without the phones that it rings.
func doc(twiml string, _ []phone.Number) string { return twiml }

func yes() bool { return true }
func no() bool  { return false }

// Every state of a call has its document in testdata, which obeys Twilio's rules. To write them anew: go test -update.
func TestDocuments(t *testing.T) {
	leg := callflow.Leg{Phone: 1, Round: 1}
	for name, twiml := range map[string]string{
		"begin":           doc(call().Begin(callflow.Known{})),
		"begin-two":       doc(call(calls(two)).Begin(callflow.Known{})),
		"begin-in-order":  doc(call(calls(inOrder)).Begin(callflow.Known{})),
		"begin-idle":      doc(call(calls(idle)).Begin(callflow.Known{Talked: map[phone.Number]time.Time{anna: noon, ben: noon.Add(-time.Hour), cleo: noon.Add(-time.Minute)}})),
		"begin-busy":      doc(call().Begin(callflow.Known{Busy: map[phone.Number]bool{anna: true}})),
		"begin-all-busy":  doc(call().Begin(callflow.Known{Busy: map[phone.Number]bool{anna: true, ben: true, cleo: true}})),
		"begin-volunteer": doc(call(from(ben)).Begin(callflow.Known{})),
		"begin-show-caller": doc(call(calls(func(c *hotline.Calls) { c.CallerID = hotline.ShowCaller })).
			Begin(callflow.Known{})),
		"begin-withheld": doc(call(from("anonymous"), calls(func(c *hotline.Calls) { c.CallerID = hotline.ShowCaller })).
			Begin(callflow.Known{})),
		"begin-closed":     doc(call(closed).Begin(callflow.Known{})),
		"begin-paused":     doc(call().Begin(callflow.Known{Paused: true})),
		"round-paused":     doc(call(after(25*time.Second)).EndRound(first, false, callflow.Known{Paused: true})),
		"blocked":          doc(call().Begin(callflow.Known{Blocked: true})),
		"withheld-refused": doc(call(from("anonymous"), calls(func(c *hotline.Calls) { c.Withheld = hotline.WithheldReject })).Begin(callflow.Known{})),
		"ask":              call().Ask(leg),
		"key-take":         call().Key(leg, "1", yes),
		"agent-ask":        back().Ask(0),
		"agent-ask-again":  back().Ask(1),
		"agent-dial":       back().Dial(),
		"agent-unreached":  back().Over(false),
		"agent-over":       back().Over(true),
		"key-too-late":     call().Key(leg, "1", no),
		"key-leave":        call().Key(leg, "2", no),
		"key-other":        call().Key(leg, "7", no),
		"key-other-again":  call().Key(callflow.Leg{Phone: 1, Round: 1, Again: 1}, "7", no),
		"round-next":       doc(call(calls(two), after(25*time.Second)).EndRound(first, false, callflow.Known{})),
		"round-machine": doc(call(calls(two), after(3*time.Second)).EndRound(first, false, callflow.Known{
			PickedUp: map[phone.Number]bool{anna: true}, Silenced: map[phone.Number]time.Time{ben: noon.Add(time.Second)},
		})),
		"round-last":    doc(call(after(25*time.Second)).EndRound(callflow.Round{Began: noon, Since: noon, Number: 1, Ring: []int{0, 1, 2}}, false, callflow.Known{})),
		"round-no-time": doc(call(calls(two), after(55*time.Second)).EndRound(first, false, callflow.Known{})),
		"round-talked":  doc(call(after(10*time.Minute)).EndRound(first, true, callflow.Known{})),
		"voicemail":     doc(call(calls(nobody)).Begin(callflow.Known{})),
		"voicemail-spoken-twice": doc(call(calls(spanish)).
			Begin(callflow.Known{})),
		"voicemail-audio": doc(call(calls(recorded)).Begin(callflow.Known{})),
		"voicemail-transcribed": doc(call(calls(nobody), calls(func(c *hotline.Calls) { c.Transcription = hotline.TwilioTranscription })).
			Begin(callflow.Known{})),
		"goodbye": call().Goodbye(),
	} {
		t.Run(name, func(t *testing.T) {
			check := twiliosim.CheckVoice
			if name == "ask" || strings.HasPrefix(name, "key-") {
				check = twiliosim.CheckScreening
			}
			if err := check([]byte(twiml)); err != nil {
				t.Errorf("Twilio would not take this: %v\n%s", err, twiml)
			}
			file, got := filepath.Join("testdata", name+".xml"), tidy(t, twiml)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// tidy makes a document one that people can read: twilio-go writes attributes in any order.
func tidy(t *testing.T, doc string) []byte {
	t.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromString(doc); err != nil {
		t.Fatal(err)
	}
	for _, e := range d.FindElements("//*") {
		e.SortAttrs()
	}
	d.Indent(2)
	out, err := d.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// rung returns the numbers that a document rings, and where it goes on afterwards.
func rung(t *testing.T, doc string) (numbers []string) {
	t.Helper()
	var v struct {
		Dial struct {
			Number []string `xml:"Number"`
		}
	}
	if err := xml.Unmarshal([]byte(doc), &v); err != nil {
		t.Fatal(err)
	}
	return v.Dial.Number
}

// A group of any size is rung ten at a time, everybody once, and never beyond the ceiling.
func TestLargeGroup(t *testing.T) {
	big := calls(func(c *hotline.Calls) {
		c.Phones, c.Ceiling = nil, 10*time.Minute
		for i := range 57 {
			c.Phones = append(c.Phones, hotline.Phone{Number: phone.Number("+1617555" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "00")})
		}
	})
	var all []string
	twiml, now := doc(call(big).Begin(callflow.Known{})), time.Duration(0)
	for round := 1; ; round++ {
		numbers := rung(t, twiml)
		if len(numbers) == 0 {
			break
		}
		if len(numbers) > 10 {
			t.Errorf("round %d rings %d phones", round, len(numbers))
		}
		all = append(all, numbers...)
		now += 25 * time.Second
		twiml = doc(call(big, after(now)).EndRound(parse(t, twiml), false, callflow.Known{}))
	}
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != 57 || len(all) != 57 {
		t.Errorf("%d phones were rung, %d of them different; want 57", len(all), n)
	}
}

// parse reads the round from a document's action, as the webhook does.
func parse(t *testing.T, doc string) callflow.Round {
	t.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromString(doc); err != nil {
		t.Fatal(err)
	}
	return roundOf(t, d.FindElement("//Dial").SelectAttrValue("action", ""))
}

func roundOf(t *testing.T, address string) callflow.Round {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	number := func(name string) int64 {
		n, err := strconv.ParseInt(q.Get(name), 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	return callflow.ParseRound(number("began"), number("since"), int32(number("round")), q.Get("rung"), q.Get("rest"))
}
