package twiliosim

import (
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// script is what a document asks for.
type script struct {
	verbs []node
	base  string // what its URLs are relative to
}

// askVoice gets a document, from the fallback if need be.
// See https://www.twilio.com/docs/usage/security/availability-reliability.
func (s *Sim) askVoice(ctx context.Context, h hook, fallback target, check func([]byte) error) (script, *failure) {
	doc, f := s.scriptOf(ctx, h, check)
	if f != nil && fallback.url != "" {
		failed, _, _ := splitOverrides(h.url)
		h.form = maps.Clone(h.form)
		h.form.Set("ErrorCode", strconv.Itoa(f.code))
		h.form.Set("ErrorUrl", failed)
		h.url, h.method = fallback.url, fallback.method
		doc, f = s.scriptOf(ctx, h, check)
	}
	if f != nil {
		s.noteLost(ctx, h, f)
	}
	return doc, f
}

func (s *Sim) scriptOf(ctx context.Context, h hook, check func([]byte) error) (script, *failure) {
	if !isWebURL(h.url) {
		return script{}, &failure{code: 11100, text: fmt.Sprintf("%q is no absolute http or https URL", h.url)}
	}
	a, _, f := s.post(ctx, h)
	if f != nil {
		return script{}, f
	}
	doc, f := a.script(check)
	if f != nil {
		s.journal.add(Event{Kind: EventVoice, Path: a.url, Sid: h.sid, Error: f.Error()})
	}
	return doc, f
}

// script turns a successful answer into what it asks for. A text/plain answer that is no document is read aloud, audio
// is played. See https://www.twilio.com/docs/voice/twiml#twilio-understands-mime-types.
func (a answer) script(check func([]byte) error) (script, *failure) {
	hangUp := node{XMLName: xml.Name{Local: "Hangup"}}
	switch {
	case a.contentType == "text/plain" && check(a.body) != nil:
		say := node{XMLName: xml.Name{Local: "Say"}, Text: string(a.body)}
		return script{verbs: []node{say, hangUp}, base: a.url}, nil
	case strings.HasPrefix(a.contentType, "audio/"):
		play := node{XMLName: xml.Name{Local: "Play"}, Text: a.url}
		return script{verbs: []node{play, hangUp}, base: a.url}, nil
	case slices.Contains([]string{"text/plain", "text/xml", "application/xml", "text/html"}, a.contentType):
		return parseScript(a.body, a.url, check)
	}
	return script{}, &failure{code: 12300, text: fmt.Sprintf("the answer has the content type %q", a.contentType)}
}

// parseScript reads a document. One that cannot be parsed is 12100; what the rules forbid is 12200, which Twilio often
// warns of and skips, and the simulator refuses.
func parseScript(body []byte, base string, check func([]byte) error) (script, *failure) {
	root, err := parseXML(body)
	if err != nil {
		return script{}, &failure{code: 12100, text: "the answer is no TwiML: " + err.Error()}
	}
	if err := check(body); err != nil {
		return script{}, &failure{code: 12200, text: err.Error()}
	}
	return script{verbs: root.Children, base: base}, nil
}

// maxDocuments is how many documents a leg may get within a second. Twilio has no such limit; it keeps documents that
// send the call on to each other from going on forever.
const maxDocuments = 100

// ask gets what a leg does next, and goes on with it. When that fails the call ends, but a leg that is screened ends
// alone and without asking a fallback (unverified).
func (x *exchange) ask(l *leg, to target, extra url.Values) {
	l.turn()
	step, fallback, check := l.step, l.fall, CheckVoice
	if l.screening {
		fallback, check = target{}, CheckScreening
	}
	if now := x.clock.now(); now-l.docsSince > time.Second {
		l.docs, l.docsSince = 0, now
	}
	if l.docs++; l.docs > maxDocuments {
		x.note(l, "refused", fmt.Sprintf("more than %d documents in a second", maxDocuments))
		x.fail(l)
		return
	}
	h := x.voiceHook(l, to, extra)
	var doc script
	var f *failure
	l.talk.retain()
	x.clock.task(func() { doc, f = x.sim.askVoice(x.sim.ctx, h, fallback, check) }, func() {
		x.do(func() {
			switch {
			case step.over:
			case f != nil:
				if f.code == 12200 {
					x.note(l, "refused", f.text)
				}
				x.fail(l)
			default:
				x.run(l, doc)
			}
			l.talk.release()
		})
	})
}

// tell requests a URL whose answer does not matter any more, as the leg is over.
func (x *exchange) tell(l *leg, to target, extra url.Values) {
	if to.url == "" {
		return
	}
	x.send(l, x.voiceHook(l, to, extra))
}

func (x *exchange) voiceHook(l *leg, to target, extra url.Values) hook {
	form := x.form(l)
	maps.Copy(form, extra)
	return hook{kind: EventVoice, sid: l.Sid, method: to.method, url: to.url, form: form, token: x.newToken(), voice: true}
}

// fail ends a call whose document cannot be had.
func (x *exchange) fail(l *leg) {
	if l.screening {
		x.end(l, CallCompleted)
		return
	}
	l.turn()
	x.answer(l)
	const apology = "An application error has occurred. Goodbye."
	x.note(l, "said", apology)
	x.after(l.step, spoken(apology), func() { x.end(l, CallCompleted) })
}

// report tells the status callback of a leg what happens to it. See
// https://www.twilio.com/docs/voice/api/call-resource#statuscallbackevent.
func (x *exchange) report(l *leg, event string) {
	if l.progress.url == "" || !slices.Contains(l.events, event) {
		return
	}
	form := x.form(l)
	form.Set("CallbackSource", "call-progress-events")
	form.Set("Timestamp", x.sim.now().Format(time.RFC1123Z))
	form.Set("SequenceNumber", strconv.Itoa(l.sequence))
	l.sequence++
	switch event {
	case "initiated":
		form.Set("CallStatus", "initiated")
	case "completed":
		seconds := l.seconds(x.clock.now())
		form.Set("CallDuration", strconv.Itoa(seconds))
		form.Set("SipResponseCode", map[string]string{
			CallCompleted: "200", CallBusy: "486", StatusFailed: "404", CallNoAnswer: "487", StatusCanceled: "487",
		}[l.Status])
		if l.Status == CallCompleted {
			form.Set("Duration", strconv.Itoa((seconds+59)/60))
		}
	}
	x.notify(l, l.progress, form)
}

// seconds is how long a leg has been answered.
func (l *leg) seconds(now time.Duration) int {
	if !l.answered() {
		return 0
	}
	return int((now - l.answeredAt).Round(time.Second) / time.Second)
}

// notify posts a callback: after those of the leg before it, or in any order, as the settings say.
func (x *exchange) notify(l *leg, to target, form url.Values) {
	h := hook{kind: EventCallback, sid: l.Sid, method: to.method, url: to.url, form: form, token: x.newToken(), voice: true}
	set := x.sim.Settings()
	for range 1 + set.DuplicateWebhooks {
		if !set.ShuffleCallbacks {
			x.send(l, h)
			continue
		}
		l.talk.retain()
		x.clock.after(x.delay(), func() {
			x.clock.background(func() {
				x.deliver(h)
				x.do(l.talk.release)
			})
		})
	}
}

// maxDelay is how late shuffled callbacks may be.
const maxDelay = 10 * time.Second

func (x *exchange) delay() time.Duration {
	x.sim.mu.Lock()
	defer x.sim.mu.Unlock()
	return time.Duration(x.sim.store.random.Int64N(int64(maxDelay)))
}

// send posts a request that nothing waits for, after those of the leg before it.
func (x *exchange) send(l *leg, h hook) {
	l.talk.retain()
	l.posts = append(l.posts, h)
	if l.posting {
		return
	}
	l.posting = true
	x.clock.background(func() {
		for {
			var next hook
			more := false
			x.do(func() {
				l.posting = len(l.posts) > 0
				if more = l.posting; more {
					next, l.posts = l.posts[0], l.posts[1:]
				}
			})
			if !more {
				return
			}
			x.deliver(next)
			x.do(l.talk.release)
		}
	})
}

func (x *exchange) deliver(h hook) {
	if _, _, f := x.sim.post(x.sim.ctx, h); f != nil {
		x.sim.noteLost(x.sim.ctx, h, f)
	}
}

// at resolves a URL of a leg's document. Without a method it is POST.
func (l *leg) at(v node, url, method string) target {
	ref, ok := v.attr(url)
	if !ok || ref == "" {
		return target{}
	}
	resolved, err := resolve(l.base, ref)
	if err != nil { // CheckVoice saw that it is a URL
		resolved = ref
	}
	return target{url: resolved, method: v.or(method, http.MethodPost)}
}
