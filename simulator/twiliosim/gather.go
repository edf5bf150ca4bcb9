package twiliosim

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// gather is a Gather that listens. See https://www.twilio.com/docs/voice/twiml/gather.
type gather struct {
	verb    node
	keys    string
	asking  *scope // the prompts, which a key ends
	silence *scope // until the time is up
}

// gather says the prompts and listens all the while.
func (x *exchange) gather(l *leg, v node) {
	g := &gather{verb: v, asking: &scope{}, silence: &scope{}}
	l.gathering = g
	x.note(l, "asked", "")
	x.came(l, onAsked)
	x.promptAll(l, g, v.Children)
}

// promptAll says the prompts one after the other. The time limit counts from their end.
func (x *exchange) promptAll(l *leg, g *gather, prompts []node) {
	if len(prompts) == 0 {
		x.wait(l, g)
		return
	}
	x.prompt(l, prompts[0], g.asking, func() { x.promptAll(l, g, prompts[1:]) })
}

// wait gives the person time for the next key.
func (x *exchange) wait(l *leg, g *gather) {
	g.silence.end()
	g.silence = &scope{}
	x.after(g.silence, g.verb.seconds("timeout", 5), func() { x.gathered(l, g) })
}

// press is what happens when the person on a leg presses keys. Nobody may listen.
func (x *exchange) press(l *leg, keys string) {
	x.note(l, "pressed", keys)
	for _, key := range keys {
		switch {
		case l.gathering != nil:
			x.key(l, l.gathering, string(key))
		case l.taking != nil:
			x.keyEnds(l, l.taking, string(key))
		case l.dialing != nil && key == '*':
			x.star(l.dialing)
		}
	}
}

func (x *exchange) key(l *leg, g *gather, key string) {
	g.asking.end()
	if finish := g.verb.or("finishOnKey", "#"); finish != "" && strings.Contains(finish, key) {
		x.gathered(l, g)
		return
	}
	g.keys += key
	if len(g.keys) == g.verb.number("numDigits", 0) {
		x.gathered(l, g)
		return
	}
	x.wait(l, g)
}

// gathered ends the listening. Without keys the document goes on, unless the Gather says otherwise.
func (x *exchange) gathered(l *leg, g *gather) {
	l.stopGathering()
	if g.keys == "" && !g.verb.is("actionOnEmptyResult") {
		x.next(l)
		return
	}
	action := l.at(g.verb, "action", "method")
	if action.url == "" {
		action = target{l.base, g.verb.or("method", http.MethodPost)}
	}
	x.ask(l, action, url.Values{"Digits": {g.keys}})
}

func (l *leg) stopGathering() {
	if g := l.gathering; g != nil {
		g.asking.end()
		g.silence.end()
		l.gathering = nil
		l.passed(onAsked)
	}
}

// checkKeys is for keys from outside.
func checkKeys(keys string) error {
	if !isKeys(keys) {
		return fmt.Errorf("there are no keys %q", keys)
	}
	return nil
}
