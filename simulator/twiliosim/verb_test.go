package twiliosim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

func TestGather(t *testing.T) {
	const prompt = `<Say>One, two, three, four, five, six, seven, eig.</Say><Pause length="2"/>` // 3 s, 2 s
	for _, test := range []struct {
		name, attrs string
		acts        []twiliosim.Act
		digits      string // "-": the action is not asked
		want        string
	}{
		{"nothing", `timeout="4"`, nil, "-", "9s said Bye."},
		{"nothing, but told", `timeout="4" actionOnEmptyResult="true"`, nil, "", "9s ended completed"},
		{"during the prompt", `numDigits="1"`, []twiliosim.Act{{On: "asked", After: seconds(1), Press: "5"}}, "5", "1s pressed 5, 1s ended completed"},
		{"finished", ``, []twiliosim.Act{{On: "asked", Press: "12"}, {After: seconds(2), Press: "3#"}}, "123", "2s pressed 3#, 2s ended completed"},
		{"another finish", `finishOnKey="*" numDigits="3"`, []twiliosim.Act{{On: "asked", Press: "1#*"}}, "1#", "0s pressed 1#*, 0s ended completed"},
		{"given up", `timeout="6"`, []twiliosim.Act{{On: "asked", After: seconds(1), Press: "1"}}, "1", "1s pressed 1, 7s ended completed"},
		{"the end of the prompt", `timeout="4" finishOnKey=""`, []twiliosim.Act{{On: "asked", After: seconds(8), Press: "#"}}, "#", "12s ended completed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLine(t)
			l.answer("/voice", `<Gather action="/keys" `+test.attrs+`>`+prompt+`</Gather><Say>Bye.</Say>`)
			l.answer("/keys", "")
			leg, _ := l.phone(test.acts...)
			asked := l.asked("/keys")
			if test.digits == "-" && len(asked) > 0 || test.digits != "-" && (len(asked) != 1 || asked[0].Get("Digits") != test.digits) {
				t.Errorf("the action was asked %v", asked)
			}
			if !strings.Contains(story(leg), test.want) {
				t.Errorf("%s, want %s", story(leg), test.want)
			}
		})
	}
}

func TestPlay(t *testing.T) {
	l := newLine(t)
	l.answer("/voice", `<Play>/hello.mp3</Play><Play>/missing.mp3</Play><Play>/page</Play><Play digits="12"/>`)
	l.answerWith("/hello.mp3", document("audio/mpeg", "la"))
	l.answerWith("/page", document("text/html", "la"))
	leg, _ := l.phone()
	var played []string
	for _, m := range leg.Moments {
		if m.What == "played" {
			played = append(played, m.At.String()+" "+strings.TrimPrefix(m.Text, l.studio.URL))
		}
	}
	want := `0s /hello.mp3|3s /missing.mp3: the answer is 204 No Content|3s /page: the file has the content type "text/html"|3s 12`
	if got := strings.Join(played, "|"); got != want {
		t.Errorf("played %s", got)
	}
}

func TestReject(t *testing.T) {
	for doc, status := range map[string]string{`<Reject/>`: "no-answer", `<Reject reason="busy"/>`: "busy"} {
		l := newLine(t)
		l.answer("/voice", doc)
		leg, _ := l.phone()
		if leg.Status != status || !leg.Answered.IsZero() || l.one("/ended").Get("CallStatus") != status || l.one("/ended").Get("CallDuration") != "0" {
			t.Errorf("%s: %s", doc, story(leg))
		}
	}
}

func TestOtherAnswers(t *testing.T) {
	for _, test := range []struct{ contentType, body, want string }{
		{"text/plain", "Hello there.", "0s answered, 0s said Hello there., 1s ended completed"},
		{"text/plain", "<Response><Say>Hi.</Say></Response>", "0s answered, 0s said Hi., 1s ended completed"},
		{"audio/mpeg", "la", "0s answered, 0s played, 3s ended completed"},
		{"text/xml", "<Response/>", "0s answered, 0s ended completed"},
	} {
		l := newLine(t)
		l.answerWith("/voice", document(test.contentType, test.body))
		leg, _ := l.phone()
		l.wantStory(leg, "0s ringing, "+test.want)
	}
}

func TestRedirectAndSms(t *testing.T) {
	l := newLine(t)
	l.answer("/voice", `<Redirect method="GET">more?a=b</Redirect>`)
	l.answer("/more", `<Sms action="sent">Text us.</Sms>`)
	l.answer("/sent", `<Pause/>`)
	leg, _ := l.phone()
	l.wantStory(leg, "0s ringing, 0s answered, 0s redirected, 0s sent Text us., 1s ended completed")
	if got := l.one("/more"); got.Get("a") != "b" || got.Get("CallSid") != leg.Sid || l.one("/sent").Get("SmsStatus") != "sent" {
		t.Errorf("asked %v", got)
	}
	l.wait("the text", func(s *twiliosim.Sim) bool { return len(s.Inbox(supporter)) == 1 })
}

func TestVoiceFallback(t *testing.T) {
	fails := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	apology := "said An application error has occurred. Goodbye."
	for _, test := range []struct {
		name             string
		voice, fallback  http.HandlerFunc
		code, path, want string
	}{
		{"error", fails, document("text/xml", "<Response><Say>Later.</Say></Response>"), "11217", "/voice", "said Later."},
		{"bad document", document("text/xml", "<Response><say>Hi</say></Response>"), document("text/xml", "<Response><Say>Later.</Say></Response>"), "12200", "/voice", "said Later."},
		{"action", document("text/xml", `<Response><Gather numDigits="1" action="/action"/></Response>`), document("text/xml", "<Response><Say>Later.</Say></Response>"), "12300", "/action", "said Later."},
		{"both", fails, fails, "11217", "/voice", apology},
		{"both bad", fails, document("text/xml", "<Response><Nix/></Response>"), "11217", "/voice", "refused there is no <Nix> in <Response>, 0s answered, 0s " + apology},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLine(t)
			l.answerWith("/voice", test.voice)
			l.answerWith("/fallback", test.fallback)
			leg, _ := l.phone(twiliosim.Act{On: "asked", Press: "1"})
			got := l.one("/fallback")
			if got.Get("ErrorCode") != test.code || got.Get("ErrorUrl") != l.studio.URL+test.path || got.Get("CallSid") != leg.Sid {
				t.Errorf("the fallback was asked %v", got)
			}
			if !strings.Contains(story(leg), test.want) || leg.Status != "completed" {
				t.Errorf("%s", story(leg))
			}
		})
	}
	t.Run("retried", func(t *testing.T) {
		l := newLine(t)
		l.answerWith("/voice", fails)
		l.phone()
		if n := len(l.asked("/voice")); n != 2 { // rc=1&rp=5xx
			t.Errorf("%d requests", n)
		}
	})
	t.Run("static file", func(t *testing.T) {
		l := newLine(t)
		l.SetNumber(twiliosim.Number{PhoneNumber: hotline, VoiceURL: l.studio.URL + "/file.xml?x=y", VoiceMethod: http.MethodGet})
		l.answer("/file.xml", "<Say>Hi.</Say>")
		leg, _ := l.phone()
		if got := l.one("/file.xml"); got.Get("x") != "y" || got.Get("CallSid") != leg.Sid || !strings.Contains(story(leg), "said Hi.") {
			t.Errorf("asked %v; %s", got, story(leg))
		}
	})
	t.Run("screening has none", func(t *testing.T) {
		l := newLine(t)
		l.ringBoth()
		l.answerWith("/screen", fails)
		l.SetHandset(ann, answers(2))
		_, legs := l.phone()
		l.wantStory(legs[0], "0s ringing, 2s answered, 2s ended completed")
		if len(l.asked("/fallback")) > 0 {
			t.Error("the fallback was asked")
		}
	})
}

func TestEndlessRedirect(t *testing.T) {
	l := newLine(t)
	l.answer("/voice", `<Redirect>/voice</Redirect>`)
	leg, _ := l.phone()
	if !strings.Contains(story(leg), "refused more than 100 documents") || len(l.asked("/voice")) != 100 {
		t.Errorf("%d documents", len(l.asked("/voice")))
	}
}
