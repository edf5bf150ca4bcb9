package switchboard_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

// fill puts a number, and markup, wherever a service may say something.
func (b *board) fill(evil string) {
	says := "said by a service to " + kim + evil
	typed := "typed by somebody: 6175550142, 617-555-0142" + evil
	item := func(id string, kind operatorv1.Kind, state operatorv1.State) *operatorv1.Item {
		return &operatorv1.Item{Id: id, Kind: kind, Hotline: ourNumber, Supporter: kim, State: state, Word: "word" + evil, Reason: says, At: at(0), ConversationId: 42, TraceId: "x" + evil}
	}
	// Ids that others have made, with the number in them.
	keys := []string{"crm:" + kim, "crm-6175550142", "~" + kim, "welcome:" + kim + "/1" + evil, "SM1"}
	for i, id := range keys {
		steps := []*operatorv1.Step{{At: at(0), What: says, Detail: says, Times: 2, Until: at(time.Second), TraceId: "x" + evil}}
		related := []*operatorv1.Item{item("related:"+kim, note, operatorv1.State_STATE_DONE)}
		res := func() *operatorv1.GetItemResponse {
			return &operatorv1.GetItemResponse{Steps: steps, Related: related, Content: "3 characters" + evil}
		}
		b.telephony.put(item(id, textIn, []operatorv1.State{operatorv1.State_STATE_DEAD, operatorv1.State_STATE_UNROUTED}[i%2]), res())
		b.ticketing.put(item(id, textIn, operatorv1.State_STATE_UNDER_WAY), res())
	}
	overview := &operatorv1.GetOverviewResponse{
		Topics: []*operatorv1.Topic{{Name: "text_in" + evil, Waiting: 1}}, Counts: []*operatorv1.Count{{Kind: textIn, State: operatorv1.State_STATE_DEAD, Count: 3}},
		Lanes:  []*operatorv1.Lane{{Topic: "text_in" + evil, Hotline: ourNumber, Supporter: kim, Waiting: 3, Oldest: at(0), First: "crm:" + kim}},
		Budget: &operatorv1.Budget{Allowed: 200},
		Calls:  []*operatorv1.Call{{Id: "crm:" + kim, Kind: operatorv1.Kind_KIND_CALL_BACK, Hotline: ourNumber, Supporter: kim, Since: at(0), State: "ringing" + evil, People: []string{typed}}},
	}
	b.telephony.overview, b.ticketing.overview = overview, overview
	b.telephony.findings = []*operatorv1.Finding{{Name: "number " + kim + evil, Level: operatorv1.Level_LEVEL_WARNING, Says: says, Fix: says}}
	b.telephony.days = []*operatorv1.Day{{Date: "2026-11-28" + evil, Hotline: ourNumber, Kind: textIn, Received: 5}}
	b.telephony.blocks = []*telephonyv1.Block{{Number: kim, Reason: typed, BlockedBy: "ben" + evil}, {Number: "+442071838750", Hotline: ourNumber, Reason: typed}, {Number: "42678", Reason: "x"}}
	b.telephony.pauses = []*telephonyv1.Pause{{Hotline: ourNumber, Reason: typed, PausedBy: "ben" + evil}}
	b.telephony.wishes = []*telephonyv1.Wish{{Hotline: ourNumber, Supporter: kim, NoTexts: true, Source: "crm:" + kim + evil}}
	b.calls.agents = []*dialerv1.Agent{{Name: "Dana" + evil, PhoneEnding: "77"}}
	b.calls.audit = []*dialerv1.AuditEntry{{Name: "Dana" + evil, Action: "called" + evil, Detail: says, Source: "here" + evil}}
}

// crawl sees all pages that can be reached by links.
func (b *browser) crawl(see func(p page)) {
	b.t.Helper()
	seen := map[string]int{}
	queue := []string{}
	for _, path := range pagesToSee {
		queue = append(queue, "/switchboard/"+path)
	}
	// A sealed address is another one each time: of those some are enough.
	kindOfPage := func(address string) string {
		return regexp.MustCompile(`(~|[pq]=|last=)[A-Za-z0-9_%-]{30,}`).ReplaceAllString(address, "$1")
	}
	for len(queue) > 0 {
		address := queue[0]
		queue = queue[1:]
		kind := kindOfPage(address)
		if seen[kind] > 0 && kind == address || seen[kind] > 7 || !strings.HasPrefix(address, "/switchboard/") {
			continue
		}
		seen[kind]++
		p := b.get(address)
		see(p)
		for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
			queue = append(queue, html.UnescapeString(m[1]))
		}
	}
	if len(seen) < len(pagesToSee)+3 || seen["/switchboard/item?ref=~"] < 5 || seen["/switchboard/person?p="] < 5 {
		b.t.Errorf("only %d pages were seen: %v", len(seen), seen)
	}
}

func around(text, words string) string {
	i := strings.Index(text, words)
	return text[max(0, i-200):min(len(text), i+100)]
}

// kims are what tells whose number it is.
var kims = []string{"6175550142", "617-555-0142", "5550142", "555-0142", "555 0142", "2071838750", "20 7183 8750", "42678"}

// Nobody's number is anywhere that a viewer can look at, or that a browser or a server remembers.
func TestNumbersAreMasked(t *testing.T) {
	t.Parallel()
	b := open(t, sqldbtest.Any(t))
	b.fill("")
	tells := func(where, text string) {
		for _, number := range kims {
			if strings.Contains(text, number) {
				t.Errorf("%s has %s: %s", where, number, around(text, number))
			}
		}
	}
	look := func(in *browser) {
		in.crawl(func(p page) {
			tells("the page "+p.url.Path, html.UnescapeString(p.body))
			tells("the header of "+p.url.Path, fmt.Sprint(p.header))
		})
		for _, query := range []string{kim, "6175550142", "555-0142", "0142"} {
			p := in.post("/switchboard/items", "query", query).want(http.StatusOK, "newest first")
			tells("the search", html.UnescapeString(p.body)+p.url.String())
		}
		p := in.post("/switchboard/person", "number", kim)
		tells("the person", html.UnescapeString(p.body)+p.url.String())
	}
	look(b.viewer())
	in := b.operator()
	for path, fields := range in.changes() {
		if !strings.HasSuffix(path, "reveal") && !strings.HasSuffix(path, "export") {
			p := in.post("/switchboard/"+path, fields...)
			tells("what came of "+path, html.UnescapeString(p.body)+p.url.String())
			continue
		}
		in.post("/switchboard/"+path, fields...)
	}
	in.post("/switchboard/item/retry", "ref", "crm:"+kim) // as nobody but somebody with a hand-made form does
	for _, number := range []string{kim, "6175550142", "+442071838750", "42678"} {
		in.post("/switchboard/hotlines/pause", "hotline", number, "reason", "spam")
		in.post("/switchboard/hotlines/resume", "hotline", number)
		in.post("/switchboard/blocks", "number", number, "hotline", number, "reason", "spam")
	}
	changes := in.changes()
	b.telephony.err = errs.New(errs.Precondition, "%s is on the phone", kim)
	for path, fields := range changes {
		if strings.HasSuffix(path, "reveal") {
			continue
		}
		p := in.post("/switchboard/"+path, fields...)
		tells("the error of "+path, html.UnescapeString(p.body)+p.url.String())
	}
	b.telephony.err = nil
	look(in)
	tells("the log", b.log.String())
	tells("the audit log", strings.Join(b.entries(), "\n"))
	b.paths.Range(func(address, _ any) bool {
		unescaped, _ := url.QueryUnescape(address.(string))
		tells("an address", unescaped)
		return true
	})
}

// Whatever a service, or somebody, writes is shown, and does nothing.
func TestMarkupIsShown(t *testing.T) {
	t.Parallel()
	b := open(t, sqldbtest.Any(t))
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
	b.fill(evil)
	in := b.operator()
	look := func(p page) {
		if strings.Contains(p.body, "<script>") || strings.Contains(p.body, "<img") || strings.Contains(p.body, `href="javascript`) {
			t.Errorf("%s lets markup through: %s", p.url, p.body)
		}
	}
	in.crawl(look)
	for _, path := range []string{"sign-in", "invitation", "items", "person", "blocks", "dead/retry", "item/retry", "hotlines/pause", "blocks/remove"} {
		for _, name := range []string{"name", "next", "token", "query", "q", "conversation", "kind", "state", "hotline", "number", "reason", "for", "p", "ref", "all"} {
			look(in.post("/switchboard/"+path, name, evil, "reason", evil, "number", kim))
		}
	}
	for _, name := range []string{"ref", "p", "q", "kind", "state", "hotline", "conversation", "before", "last", "retried", "token", "next"} {
		for _, path := range pagesToSee[:12] {
			path, _, _ = strings.Cut(path, "?")
			look(in.get("/switchboard/" + path + "?" + name + "=" + url.QueryEscape(evil)))
		}
	}
	in.crawl(look) // what the audit log has of it
}
