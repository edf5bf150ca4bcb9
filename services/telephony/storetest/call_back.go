package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

func backTo(key, lane, agent string, agentPhone phone.Number, at time.Time) sqlstore.CallBackRow {
	return sqlstore.CallBackRow{
		Key: key, Lane: lane, Hotline: "+15017122661", Supporter: phone.Number("+1617555014" + map[string]string{"a": "2", "b": "3"}[lane]), Agent: agent, AgentName: "Dana", AgentPhone: agentPhone,
		ConversationID: 7, CreatedAt: at,
	}
}

// numbers are those of the hotline.
var numbers = []phone.Number{"+15017122661", "+15017122662"}

var errLimit = errors.New("limit")

// free allows what meets no other call.
func free(load sqlstore.CallBackLoad) error {
	if load.AgentBusy || load.SupporterBusy {
		return errLimit
	}
	return nil
}

func (b *book) queueBack(c sqlstore.CallBackRow) sqlstore.CallBackRow {
	b.t.Helper()
	queued, _, err := b.QueueCallBack(b.ctx, c, numbers, free)
	b.ok(err)
	return queued
}

func (b *book) findBack(key string) sqlstore.CallBackRow {
	b.t.Helper()
	c, err := b.FindCallBack(b.ctx, key)
	b.ok(err)
	return c
}

func (b *book) endBack(key, result string, talked int, at time.Time) sqlstore.CallBackRow {
	b.t.Helper()
	c, err := b.EndCallBack(b.ctx, key, talked, at, func(sqlstore.CallBackRow) string { return result })
	b.ok(err)
	return c
}

// One press of the button is one call, also when it is pressed many times at once.
func callBackOnce(b *book) {
	var all sync.WaitGroup
	var accepted, fresh atomic.Int32
	for range 8 {
		all.Go(func() {
			if _, known, err := b.QueueCallBack(b.ctx, backTo("K", "a", "dana", "+16175550199", start), numbers, free); err == nil {
				accepted.Add(1)
				if !known {
					fresh.Add(1)
				}
			}
		})
	}
	all.Wait()
	if fresh.Load() != 1 {
		b.t.Errorf("%d of 8 presses began the call", fresh.Load())
	}
	if accepted.Load() != 8 { // those after the first are told of the first
		b.t.Errorf("%d of 8 presses were accepted", accepted.Load())
	}
	again := b.queueBack(backTo("K", "b", "somebody", "+16175550198", start.Add(time.Hour)))
	if again.Lane != "a" || again.Agent != "dana" || !again.CreatedAt.Equal(start) || again.State != sqlstore.CallQueued {
		b.t.Errorf("%+v", again)
	}
	mine, err := b.BeginCallBack(b.ctx, "K", start)
	b.ok(err)
	second, err := b.BeginCallBack(b.ctx, "K", start)
	b.ok(err)
	if !mine || second {
		b.t.Errorf("begun: %v, then %v", mine, second)
	}
}

// An agent, a phone and a supporter are in one call back at a time, however many are asked for at once, and what was asked for
// lately is counted.
func callBackLimits(b *book) {
	var all sync.WaitGroup
	var accepted atomic.Int32
	for i := range 8 {
		all.Go(func() {
			if _, _, err := b.QueueCallBack(b.ctx, backTo(string(rune('A'+i)), "a", "dana", "+16175550199", start), numbers, free); err == nil {
				accepted.Add(1)
			} else if !errors.Is(err, errLimit) {
				b.t.Error(err)
			}
		})
	}
	all.Wait()
	if accepted.Load() != 1 {
		b.t.Errorf("%d calls at once", accepted.Load())
	}
	load := func(lane, agent string, phone phone.Number, at time.Time) (seen sqlstore.CallBackLoad) {
		_, _, err := b.QueueCallBack(b.ctx, backTo("probe", lane, agent, phone, at), numbers, func(l sqlstore.CallBackLoad) error { seen = l; return errLimit })
		if !errors.Is(err, errLimit) {
			b.t.Fatal(err)
		}
		return seen
	}
	for _, test := range []struct {
		lane, agent string
		phone       phone.Number
		at          time.Time
		want        sqlstore.CallBackLoad
	}{
		{"b", "dana", "+16175550198", start.Add(time.Minute), sqlstore.CallBackLoad{AgentBusy: true, ByAgent: 1, ByHotline: 1}},
		{"b", "eve", "+16175550199", start.Add(time.Minute), sqlstore.CallBackLoad{AgentBusy: true, ByHotline: 1}},
		{"a", "eve", "+16175550198", start.Add(time.Minute), sqlstore.CallBackLoad{SupporterBusy: true, ByHotline: 1}},
		{"b", "eve", "+16175550198", start.Add(2 * time.Hour), sqlstore.CallBackLoad{}},
	} {
		if got := load(test.lane, test.agent, test.phone, test.at); got != test.want {
			b.t.Errorf("%s, %s: %+v, want %+v", test.lane, test.agent, got, test.want)
		}
	}
}

// The states only move forward, in whatever order they are told, and the agent's number is gone when the call has ended.
func callBackForward(b *book) {
	b.queueBack(backTo("K", "a", "dana", "+16175550199", start))
	_, err := b.BeginCallBack(b.ctx, "K", start)
	b.ok(err)
	_, mine, err := b.AgentLeg(b.ctx, "K", "CA1", sqlstore.CallingSupporter, start.Add(2*time.Second))
	b.ok(err)
	c, _, err := b.AgentLeg(b.ctx, "K", "CA1", sqlstore.CallingAgent, start.Add(3*time.Second))
	b.ok(err)
	if !mine || c.State != sqlstore.CallingSupporter || !c.StateAt.Equal(start.Add(2*time.Second)) {
		b.t.Errorf("%+v", c)
	}
	b.ok(b.Connected(b.ctx, "K", start.Add(5*time.Second)))
	b.ok(b.Connected(b.ctx, "K", start.Add(9*time.Second))) // told again
	c = b.endBack("K", sqlstore.BackTalked, 0, start.Add(65*time.Second))
	if c.TalkedSeconds != 60 || c.Result != sqlstore.BackTalked || c.AgentPhone != "" || c.State != sqlstore.CallBackEnded {
		b.t.Errorf("%+v", c)
	}
	b.ok(b.Connected(b.ctx, "K", start.Add(70*time.Second)))
	if _, mine, err := b.AgentLeg(b.ctx, "K", "CA1", sqlstore.AskingAgent, start.Add(70*time.Second)); mine || err != nil {
		b.t.Errorf("a call that has ended goes on: %v, %v", mine, err)
	}
	if _, err := b.FindCallBack(b.ctx, "nobody's"); !errors.Is(err, sqlstore.ErrNoCallBack) {
		b.t.Error(err)
	}
}

// A second leg, as after a call that was made twice, is never the call's.
func callBackOneLeg(b *book) {
	b.queueBack(backTo("K", "a", "dana", "+16175550199", start))
	_, err := b.BeginCallBack(b.ctx, "K", start)
	b.ok(err)
	var all sync.WaitGroup
	var mine atomic.Int32
	for _, sid := range []string{"CA1", "CA2", "CA3", "CA4"} {
		all.Go(func() {
			_, ok, err := b.AgentLeg(b.ctx, "K", sid, sqlstore.AskingAgent, start)
			if err != nil {
				b.t.Error(err)
			}
			if ok {
				mine.Add(1)
			}
		})
	}
	all.Wait()
	if mine.Load() != 1 {
		b.t.Errorf("%d legs are the call's", mine.Load())
	}
	if known, err := b.IsAgentLeg(b.ctx, b.findBack("K").AgentSID); !known || err != nil {
		b.t.Error(known, err)
	}
}

// That they talked is known better than anything else; otherwise what is told first stands.
func callBackEnds(b *book) {
	for i, test := range []struct {
		ends   []string
		talked []int
		want   string
		length int
	}{
		{[]string{sqlstore.BackNoAnswer, sqlstore.BackAgentHungUp}, []int{0, 0}, sqlstore.BackNoAnswer, 0},
		{[]string{sqlstore.BackAgentHungUp, sqlstore.BackTalked}, []int{0, 12}, sqlstore.BackTalked, 12},
		{[]string{sqlstore.BackTalked, sqlstore.BackTalked}, []int{0, 31}, sqlstore.BackTalked, 31},
		{[]string{sqlstore.BackTalked, sqlstore.BackCancelled}, []int{12, 0}, sqlstore.BackTalked, 12},
	} {
		key := string(rune('A' + i))
		b.queueBack(backTo(key, "a", "dana", "+16175550199", start))
		for j, end := range test.ends {
			b.endBack(key, end, test.talked[j], start.Add(time.Minute))
		}
		if c := b.findBack(key); c.Result != test.want || c.TalkedSeconds != test.length {
			b.t.Errorf("%v: %s for %d s", test.ends, c.Result, c.TalkedSeconds)
		}
	}
}

// A call back has work when somebody must do something: call, hang up, tell the ticket. Not while its phones are at it.
func callBackWork(b *book) {
	look := func(topic string, want bool, when string) {
		b.t.Helper()
		lanes, err := b.Work(topic).Lanes(b.ctx, "", 10)
		b.ok(err)
		if got := slices.Contains(lanes, "K"); got != want || b.pending(topic, "K") != want {
			b.t.Errorf("%s: %s %v", when, topic, got)
		}
	}
	has := func(want bool, when string) { b.t.Helper(); look(sqlstore.CallBacks, want, when) }
	b.woken()
	b.queueBack(backTo("K", "a", "dana", "+16175550199", start))
	b.wantWoken(wake{sqlstore.CallBacks, []string{"K"}})
	has(true, "queued")
	_, err := b.BeginCallBack(b.ctx, "K", start)
	b.ok(err)
	has(true, "begun, and its answer may be lost")
	b.ok(b.CallBackNotBegun(b.ctx, "K"))
	if c := b.findBack("K"); c.State != sqlstore.CallQueued {
		b.t.Errorf("%+v", c)
	}
	_, err = b.BeginCallBack(b.ctx, "K", start)
	b.ok(err)
	_, _, err = b.AgentLeg(b.ctx, "K", "CA1", sqlstore.CallingAgent, start)
	b.ok(err)
	has(false, "ringing")
	open, err := b.OpenCallBacks(b.ctx, start.Add(time.Second))
	b.ok(err)
	if len(open) != 1 || open[0].Key != "K" {
		b.t.Errorf("open: %v", open)
	}
	c, err := b.CancelCallBack(b.ctx, "K", start)
	b.ok(err)
	has(true, "cancelled")
	if _, mine, err := b.AgentLeg(b.ctx, "K", "CA1", sqlstore.AskingAgent, start); !c.Cancelled || mine || err != nil {
		b.t.Errorf("a cancelled call goes on: %v, %v", mine, err)
	}
	has(true, "still to be hung up")
	look(sqlstore.TellBacks, false, "not over")
	b.endBack("K", sqlstore.BackCancelled, 0, start)
	has(false, "over")
	look(sqlstore.TellBacks, true, "over")
	b.ok(b.CallBackTold(b.ctx, "K", start))
	look(sqlstore.TellBacks, false, "told")
	b.endBack("K", sqlstore.BackTalked, 5, start) // told late: the note is written
	look(sqlstore.TellBacks, false, "told")
	if c, err := b.CancelCallBack(b.ctx, "K", start); !c.Cancelled || c.State != sqlstore.CallBackEnded || err != nil {
		b.t.Errorf("%+v, %v", c, err)
	}
}

// What is known of a supporter: their wishes, the last text, the calls both ways.
func supporter(b *book) {
	const hotline, who = "+15017122661", "+16175550142"
	wish := func(sid, wish string, want bool) {
		b.t.Helper()
		_, err := b.RecordTexts(b.ctx, []sqlstore.TextInRow{{MessageSID: sid, Lane: "a", Hotline: hotline, Supporter: who, Wish: wish, ReceivedAt: start}})
		b.ok(err)
		refused, err := b.WantsNoCalls(b.ctx, numbers, who)
		b.ok(err)
		if refused != want {
			b.t.Errorf("%s: no calls %v", sid, refused)
		}
		if out, err := b.OptedOut(b.ctx, hotline, who); out || err != nil {
			b.t.Error("a wish about calls is one about texts", err)
		}
	}
	wish("SM1", sqlstore.CallsAgain, false)
	wish("SM2", sqlstore.NoCalls, true)
	wish("SM3", "", true)
	wish("SM4", sqlstore.CallsAgain, false)
	if _, _, found, err := b.LastTextOut(b.ctx, "a"); found || err != nil {
		b.t.Error(found, err)
	}
	for i, key := range []string{"old", "new"} {
		_, err := b.QueueText(b.ctx, &sqlstore.TextOutRow{Key: key, Lane: "a", CreatedAt: start.Add(time.Duration(i) * time.Minute)}, sqlstore.Message{Body: key})
		b.ok(err)
	}
	last, messages, found, err := b.LastTextOut(b.ctx, "a")
	b.ok(err)
	if !found || last.Key != "new" || len(messages) != 1 {
		b.t.Errorf("%v, %+v, %v", found, last, messages)
	}
	end := callIn("CA1", "a", start.Add(time.Minute))
	end.Seconds = 40
	b.ok(b.CallEnded(b.ctx, end))
	b.ok(b.CallDone(b.ctx, b.over("a", "CA1", sqlstore.Missed), sqlstore.Missed, nil))
	b.queueBack(backTo("K", "a", "dana", "+16175550199", start.Add(time.Hour)))
	b.endBack("K", sqlstore.BackTalked, 12, start.Add(2*time.Hour))
	b.queueBack(backTo("L", "a", "dana", "+16175550199", start.Add(3*time.Hour))) // goes on
	calls, err := b.PastCalls(b.ctx, "a", 5)
	b.ok(err)
	if len(calls) != 2 || calls[0].Kind != "back" || calls[0].Seconds != 12 || calls[0].AgentName != "Dana" || calls[1].Kind != sqlstore.Missed || calls[1].Seconds != 40 {
		b.t.Errorf("%+v", calls)
	}
	facts, err := b.CallFacts(b.ctx, "CA9", who, hotline, start.Add(3*time.Hour))
	b.ok(err)
	if !slices.Contains(facts.Busy, "+16175550199") {
		b.t.Errorf("an agent in a call back would be rung: %v", facts.Busy)
	}
}

// What is nobody's business is forgotten an hour after it was delivered, or after a day; and nothing else is.
func private(b *book) {
	for i, key := range []string{"code", "lost", "open", "reply"} {
		kind := sqlstore.Private
		if key == "reply" {
			kind = sqlstore.FromAgent
		}
		_, err := b.QueueText(b.ctx, &sqlstore.TextOutRow{Key: key, Lane: "a", Supporter: "+16175550177", Kind: kind, Body: "123456", CreatedAt: start}, sqlstore.Message{Body: "123456"})
		b.ok(err)
		if key == "open" {
			continue
		}
		_, _, err = b.BeginAttempt(b.ctx, &sqlstore.MessageOutRow{Key: key}, key, start, 0)
		b.ok(err)
		state := map[string]sqlstore.OutState{"code": sqlstore.Delivered, "lost": sqlstore.Accepted, "reply": sqlstore.Delivered}[key]
		_, err = b.Advance(b.ctx, key, fmt.Sprint("SM", i), state, 0, start)
		b.ok(err)
	}
	known := func(key string, want bool) {
		b.t.Helper()
		t, messages, _, err := b.FindTextOut(b.ctx, key)
		b.ok(err)
		if got := t.Body != "" && t.Supporter != "" && t.Lane != "" && messages[0].Body != "" && messages[0].Supporter != ""; got != want {
			b.t.Errorf("%s: %+v, %+v", key, t, messages)
		}
	}
	b.ok(b.ForgetPrivate(b.ctx, start.Add(30*time.Minute)))
	known("code", true)
	b.ok(b.ForgetPrivate(b.ctx, start.Add(2*time.Hour)))
	known("code", false)
	known("lost", true)
	b.ok(b.ForgetPrivate(b.ctx, start.Add(25*time.Hour)))
	known("lost", false)
	known("open", true)
	known("reply", true)
}
