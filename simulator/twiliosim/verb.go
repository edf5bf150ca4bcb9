package twiliosim

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// attr returns an attribute; ok says that it is there.
func (n node) attr(name string) (value string, ok bool) {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

func (n node) or(name, missing string) string {
	if value, ok := n.attr(name); ok {
		return value
	}
	return missing
}

func (n node) is(name string) bool { return n.or(name, "false") == "true" }

// number returns an attribute that CheckVoice has found to be a number.
func (n node) number(name string, missing int) int {
	if value, err := strconv.Atoi(n.or(name, "")); err == nil {
		return value
	}
	return missing
}

func (n node) seconds(name string, missing int) time.Duration {
	return time.Duration(n.number(name, missing)) * time.Second
}

func (n node) text() string { return strings.Join(strings.Fields(n.Text), " ") }

// turn ends what a leg was doing, and begins a step.
func (l *leg) turn() {
	l.step.end()
	l.step = &scope{}
}

// run makes a leg do what a document says.
func (x *exchange) run(l *leg, doc script) {
	l.verbs, l.base = doc.verbs, doc.base
	x.next(l)
}

// next does the next verb. See https://www.twilio.com/docs/voice/twiml.
func (x *exchange) next(l *leg) {
	if l.ended() {
		return
	}
	l.turn()
	if len(l.verbs) == 0 {
		x.finish(l)
		return
	}
	v := l.verbs[0]
	l.verbs = l.verbs[1:]
	verb := v.XMLName.Local
	if verb == "Reject" {
		x.reject(l, v)
		return
	}
	// Any verb but Reject answers the call, see https://www.twilio.com/docs/voice/twiml/reject; a Dial may put that off.
	if verb != "Dial" || !v.is("answerOnBridge") {
		x.answer(l)
	}
	switch verb {
	case "Say", "Play", "Pause":
		x.prompt(l, v, l.step, func() { x.next(l) })
	case "Gather":
		x.gather(l, v)
	case "Dial":
		x.dial(l, v)
	case "Record":
		x.record(l, v)
	case "Redirect":
		to := l.at(asAttr(v), "url", "method")
		x.note(l, "redirected", to.url)
		x.ask(l, to, nil)
	case "Hangup":
		x.end(l, CallCompleted)
	case "Sms":
		x.text(l, v)
	}
}

// asAttr makes the text of an element its attribute url.
func asAttr(v node) node {
	v.Attrs = append(slices.Clone(v.Attrs), attribute("url", strings.TrimSpace(v.Text)))
	return v
}

// finish is the end of a document.
func (x *exchange) finish(l *leg) {
	if l.screening {
		l.screening = false
		x.connect(l)
		return
	}
	x.answer(l)
	x.end(l, CallCompleted)
}

// answer picks up a call to the hotline. Other legs are picked up by whoever they ring.
func (x *exchange) answer(l *leg) {
	if l.answered() || l.ended() {
		return
	}
	l.Status, l.Answered, l.answeredAt = CallInProgress, x.sim.now(), x.clock.now()
	x.note(l, "answered", "")
	x.report(l, "answered")
}

// reject refuses a call. A call that goes on already cannot be refused, and is hung up (unverified).
func (x *exchange) reject(l *leg, v node) {
	status := CallNoAnswer
	switch {
	case l.answered():
		status = CallCompleted
	case v.or("reason", "rejected") == "busy":
		status = CallBusy
	}
	x.note(l, "rejected", v.or("reason", "rejected"))
	x.end(l, status)
}

// prompt says, plays or waits, within a scope, and then goes on.
func (x *exchange) prompt(l *leg, v node, within *scope, then func()) {
	times := v.number("loop", 1)
	if times == 0 {
		times = maxLoop
	}
	x.promptTimes(l, v, times, within, then)
}

// maxLoop is how often loop="0" repeats. See https://www.twilio.com/docs/voice/twiml/say#loop.
const maxLoop = 1000

func (x *exchange) promptTimes(l *leg, v node, times int, within *scope, then func()) {
	if times == 0 {
		then()
		return
	}
	again := func() { x.promptTimes(l, v, times-1, within, then) }
	switch v.XMLName.Local {
	case "Pause":
		x.after(within, v.seconds("length", 1), then)
	case "Say":
		x.note(l, "said", v.text())
		x.after(within, spoken(v.text()), again)
	case "Play":
		x.play(l, v, within, again)
	}
}

// playing is how long each file is taken to be.
const playing = 3 * time.Second

// play fetches what is to be played. What cannot be had is skipped.
func (x *exchange) play(l *leg, v node, within *scope, then func()) {
	if keys, ok := v.attr("digits"); ok {
		x.note(l, "played", keys)
		x.after(within, time.Duration(len(keys))*time.Second/2, then)
		return
	}
	from := l.at(asAttr(v), "url", "method")
	var err error
	l.talk.retain()
	x.clock.task(func() { err = x.sim.fetchSound(x.sim.ctx, l.Sid, from.url) }, func() {
		x.do(func() {
			defer l.talk.release()
			switch {
			case within.over:
			case err != nil:
				x.note(l, "played", from.url+": "+err.Error())
				x.after(within, 0, then)
			default:
				x.note(l, "played", from.url)
				x.after(within, playing, then)
			}
		})
	})
}

// fetchSound fetches a file that is to be played. See https://www.twilio.com/docs/voice/twiml/play#supported-audio-file-types.
func (s *Sim) fetchSound(ctx context.Context, sid, address string) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.MediaTimeout, errTooSlow)
	defer cancel()
	e := Event{Kind: EventPlay, Method: http.MethodGet, Path: address, Sid: sid}
	defer func() {
		if err != nil {
			e.Error = err.Error()
		}
		s.journal.add(e)
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, withoutUser(address), nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "TwilioProxy/1.1")
	res, err := s.fetcher.Do(req)
	if err != nil {
		return cause(ctx, err)
	}
	defer res.Body.Close()
	e.Status = res.StatusCode
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("the answer is %s", res.Status)
	case !strings.HasPrefix(kind, "audio/"):
		return fmt.Errorf("the file has the content type %q", res.Header.Get("Content-Type"))
	}
	return nil
}

// text sends a text, by default from the account's number of the call to the other. That the verb is still supported is unverified.
// See https://www.twilio.com/docs/voice/twiml/sms.
func (x *exchange) text(l *leg, v node) {
	from, to := l.To, l.From
	if l.Direction != Inbound {
		from, to = to, from
	}
	o := outgoing{
		from: v.or("from", from), to: v.or("to", to), body: strings.TrimSpace(v.Text), direction: OutboundReply,
		callback: l.at(v, "statusCallback", "method").url,
	}
	m, _, err := x.sim.send(o)
	if err != nil {
		x.note(l, "refused", err.Error())
	} else {
		x.note(l, "sent", o.body)
		x.sim.carrier.take(m.Sid)
	}
	if action := l.at(v, "action", "method"); action.url != "" {
		status := StatusSent
		if err != nil {
			status = StatusFailed
		}
		x.ask(l, action, url.Values{"SmsSid": {m.Sid}, "SmsStatus": {status}})
		return
	}
	x.next(l)
}
