package twiliosim_test

import (
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

func TestCheckVoice(t *testing.T) {
	const n = `<Number>+16175550101</Number>`
	for _, test := range []struct{ doc, want string }{ // want: a part of the error; "": none
		{``, ""},
		{`<Say voice="alice" language="en-US" loop="2">Hi &amp; bye.</Say><Play loop="0">/a.mp3</Play><Pause length="3"/><Hangup/>`, ""},
		{`<Play digits="1w2"/>`, ""},
		{`<Gather input="dtmf" timeout="5" numDigits="1" finishOnKey="" action="x?a=b#rc=3&amp;rp=all" method="GET" actionOnEmptyResult="true"><Say>Hi.</Say><Pause/></Gather><Redirect>/y</Redirect>`, ""},
		{`<Dial timeout="5" callerId="+15017122661" answerOnBridge="true" timeLimit="60" hangupOnStar="true" sequential="true" record="do-not-record">` + n + `</Dial><Say>Bye.</Say>`, ""},
		{`<Dial>+16175550101</Dial>`, ""},
		{`<Dial><Number url="https://h.org/s" method="POST" statusCallback="/l" statusCallbackMethod="GET" statusCallbackEvent="initiated completed" machineDetection="Enable" amdStatusCallback="/a" sendDigits="ww1">+16175550101</Number></Dial>`, ""},
		{`<Dial>` + strings.Repeat(n, 10) + `</Dial>`, ""},
		{`<Record maxLength="119" timeout="0" finishOnKey="#" playBeep="false" trim="do-not-trim" action="/a" recordingStatusCallback="/r" recordingStatusCallbackEvent="completed absent" transcribe="true" transcribeCallback="/t"/>`, ""},
		{`<Reject reason="busy"/>`, ""},
		{`<Sms to="+16175550101" from="+15017122661">Hi.</Sms><Hangup/>`, ""},

		{`<say>Hi.</say>`, "<say> in <Response> is spelt <Say>"},
		{`<Message>Hi.</Message>`, "there is no <Message>"},
		{`<Enqueue>q</Enqueue>`, "<Enqueue> in <Response> is not simulated"},
		{`Hello`, `the text "Hello"`},
		{`<Say> </Say>`, "no text"},
		{`<Say><break/>Hi.</Say>`, "<break> in <Say> is not simulated"},
		{`<Say volume="1">Hi.</Say>`, "no attribute volume"},
		{`<Say loop="1001">Hi.</Say>`, "from 0 to 1000"},
		{`<Say loop="1" loop="2">Hi.</Say>`, "two attributes loop"},
		{`<Play/>`, "is no URL"},
		{`<Play>ftp://h.org/a</Play>`, "no http or https URL"},
		{`<Pause length="0"/>`, "from 1"},
		{`<Pause>1</Pause>`, `the text "1" in <Pause>`},
		{`<Gather numdigits="1"/>`, "numdigits of <Gather> is spelt numDigits"},
		{`<Gather numDigits="0"/>`, "from 1"},
		{`<Gather finishOnKey="12"/>`, "one key"},
		{`<Gather input="speech"/>`, "only dtmf"},
		{`<Gather hints="a"/>`, "hints of <Gather> is not simulated"},
		{`<Gather method="PUT"/>`, "GET, POST"},
		{`<Gather action="/a b"/>`, "is no URL"},
		{`<Gather action="http://a_b.org/"/>`, "no http or https URL"},
		{`<Gather action="/a#rc=9"/>`, "rc=9"},
		{`<Gather><Record/></Gather>`, "no <Record> in <Gather>"},
		{`<Dial/>`, "no number"},
		{`<Dial timeout="4">` + n + `</Dial>`, "from 5 to 600"},
		{`<Dial timeout="601">` + n + `</Dial>`, "from 5 to 600"},
		{`<Dial answerOnBridge="yes">` + n + `</Dial>`, "true, false"},
		{`<Dial callerId="617">` + n + `</Dial>`, "E.164"},
		{`<Dial record="record-from-answer">` + n + `</Dial>`, "do-not-record"},
		{`<Dial>+16175550101` + n + `</Dial>`, "beside <Number>"},
		{`<Dial>` + strings.Repeat(n, 11) + `</Dial>`, "more than 10"},
		{`<Dial><Client>x</Client></Dial>`, "<Client> in <Dial> is not simulated"},
		{`<Dial><Number statusCallbackEvent="initiated,ringing">+16175550101</Number></Dial>`, "is not one of"},
		{`<Dial><Number>617-555-0101</Number></Dial>`, "E.164"},
		{`<Dial action="/a">` + n + `</Dial><Say>Hi.</Say>`, "<Say> after <Dial> is never reached"},
		{`<Record maxLength="1"/>`, "from 2 to 14400"},
		{`<Record maxLength="14401"/>`, "from 2 to 14400"},
		{`<Record transcribeCallback="/t"/>`, `without transcribe="true"`},
		{`<Record finishOnKey="x"/>`, "keys"},
		{`<Record/><Say>Hi.</Say>`, "<Say> after <Record> is never reached"},
		{`<Redirect/>`, "is no URL"},
		{`<Redirect>/a</Redirect><Say>Hi.</Say>`, "never reached"},
		{`<Hangup/><Hangup/>`, "never reached"},
		{`<Hangup x="y"/>`, "no attribute x"},
		{`<Say>Hi.</Say><Reject/>`, "not the first verb"},
		{`<Reject reason="no"/>`, "rejected, busy"},
		{`<Sms/>`, "no text"},
	} {
		err := twiliosim.CheckVoice([]byte("<Response>" + test.doc + "</Response>"))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", test.doc, err)
		}
	}
	for _, doc := range []string{"", "hello", "<Response>", "<Respond/>", "<Response/><Response/>", `<Response x="y"/>`} {
		if twiliosim.CheckVoice([]byte(doc)) == nil {
			t.Errorf("%q is accepted", doc)
		}
	}
}

func TestCheckScreening(t *testing.T) {
	for doc, ok := range map[string]bool{
		`<Say>Hi.</Say><Play>/a</Play><Pause/><Gather/><Hangup/>`: true, `<Redirect>/a</Redirect>`: true, ``: true,
		`<Dial>+16175550101</Dial>`: false, `<Record/>`: false, `<Sms>Hi.</Sms>`: false, `<Reject/>`: false,
	} {
		if err := twiliosim.CheckScreening([]byte("<Response>" + doc + "</Response>")); (err == nil) != ok {
			t.Errorf("%s: %v", doc, err)
		}
	}
}
