package test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// later lets time pass, and waits until everything that deletes has looked.
func (w *town) later(clock *simulator.Clock, d time.Duration) {
	w.t.Helper()
	looked := func() (n int) {
		for _, chore := range []string{"delete recordings", "forget words", "delete files", "forget records"} {
			n += w.count("telephony.river_job", chore, "completed")
		}
		return n + w.count("ticketing.river_job", "chore", "forget", "completed")
	}
	clock.Advance(d)
	before := looked()
	w.Restart() // at start all chores are done
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond) // nobody is told that a chore is done
	defer tick.Stop()
	for looked() < before+5 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatal("nobody looks for what is old")
		}
	}
}

// count is how many rows of a table have all of these words.
func (w *town) count(table string, words ...string) (n int) {
	w.t.Helper()
	for _, row := range w.Rows(w.t)[table] {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(row, word) }) {
			n++
		}
	}
	return n
}

// kept is where somebody and their word still are: how many rows of a table, and places at Twilio.
func (w *town) kept(number, word string) map[string]int {
	w.t.Helper()
	all := map[string]int{}
	spelled := spelled(number)
	for table, rows := range w.Rows(w.t) {
		for _, row := range rows {
			if strings.Contains(table, "river") {
				continue
			}
			if spelled.MatchString(row) {
				all[table]++
			}
			if strings.Contains(row, word) {
				all["words in "+table]++
			}
		}
	}
	for _, trace := range w.Twilio.Traces(number) {
		all["Twilio "+trace.Kind]++
	}
	for _, m := range w.Twilio.MessagesOf(number) {
		if strings.Contains(m.Body, word) && !m.Deleted {
			all["words at Twilio"]++
		}
	}
	return all
}

// Each kind of thing is kept as long as it says, here and at Twilio, and not an hour longer; what waits and what is dead is kept until it is
// done. Help Scout keeps its tickets, and whoever comes back after all that goes on in theirs, without anything old being sent or said again.
func TestKeep(t *testing.T) {
	const day, hour = 24 * time.Hour, time.Hour
	t.Parallel() // it mostly waits
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		t.Parallel()
		clock := &simulator.Clock{}
		hot := hotline.New(simulator.Hotline, simulator.MailboxID)
		hot.Calls.Transcription = hotline.TwilioTranscription
		hot.Keep = hotline.Keep{Texts: 10 * day, Files: 5 * day, Recordings: 3 * day, Records: 20 * day}
		w := &town{hotlinetest.Start(t, hotlinetest.Options{DB: db, Hotlines: hotline.Hotlines{hot}, Now: clock.Now, Virtual: true}), t}
		w.live(lee, "blueberry")
		// Kim's are dead, and wait.
		w.text(kim, "I am the raspberry")
		w.HelpScout.Faults().Set(fault.Switches{FailNext: 1, FailNextStatus: 400, Path: "POST /v2/conversations/"})
		w.text(kim, "A dead raspberry", twiliosim.Media{ContentType: "image/png", Data: []byte("\x89PNG\r\n\x1a\nraspberry")})
		w.HelpScout.Faults().Set(fault.Switches{})
		_, err := w.Telephony.PauseHotline(t.Context(), &telephonyv1.PauseHotlineRequest{Pause: &telephonyv1.Pause{Hotline: simulator.Hotline, Reason: "to wait", PausedBy: "dana"}})
		w.ok(err)
		w.text(kim, "A raspberry that waits")

		want := w.kept(lee, "blueberry")
		ticket := fmt.Sprintf("%+v", conversationOf(w.Vendors, lee).Threads)
		stays := func(what string, changes map[string]int) {
			t.Helper()
			for name, n := range changes {
				if n == 0 {
					delete(want, name)
				} else {
					want[name] = n
				}
			}
			got := w.kept(lee, "blueberry")
			if !maps.Equal(got, want) {
				t.Errorf("%s, kept is\n%v, want\n%v", what, got, want)
			}
			want = got
		}
		w.later(clock, 3*day-hour)
		stays("before", nil)
		w.later(clock, hour)
		stays("without recordings", map[string]int{"Twilio recording": 0, "Twilio transcription": 0})
		w.later(clock, 2*day)
		stays("without files", map[string]int{"Twilio media": 0})
		w.later(clock, 5*day-hour)
		stays("before words go", map[string]int{"words in telephony.file_out": 0}) // their addresses have expired
		w.later(clock, hour)
		stays("without words", map[string]int{
			"words in telephony.text_in":  2, // the dead one's, and why one was blocked
			"words in telephony.text_out": 0, "words in telephony.message_out": 0, "words in telephony.voicemail": 0,
			"words in ticketing.entry": 0, "words in ticketing.event": 0, "ticketing.event": 0, "words at Twilio": 1,
		})
		w.later(clock, 10*day-hour)
		stays("before records go", nil)
		w.later(clock, hour)
		stays("without records", map[string]int{
			"telephony.text_in": 1, "telephony.text_out": 0, "telephony.message_out": 0, "telephony.media_in": 0, "telephony.call_in": 0, "telephony.call_back": 0,
			"telephony.voicemail": 0, "ticketing.entry": 1, "ticketing.reply": 0, "Twilio message": 1, "Twilio call": 0, "words in telephony.text_in": 1,
		})
		if now := fmt.Sprintf("%+v", conversationOf(w.Vendors, lee).Threads); now != ticket {
			t.Errorf("their ticket has changed: %s", now)
		}
		w.later(clock, 2*hour) // the block ended an hour after it began
		stays("without blocks", map[string]int{"telephony.block": 0, "words in telephony.block": 0})
		if n := w.count("telephony.text_in", "A dead raspberry") + w.count("telephony.text_in", "A raspberry that waits", "pending"); n != 2 {
			t.Errorf("of what is dead or waits there is %d", n)
		}
		_, err = w.Telephony.ResumeHotline(t.Context(), &telephonyv1.ResumeHotlineRequest{Hotline: simulator.Hotline})
		w.ok(err)
		w.idle()
		if c := conversationOf(w.Vendors, kim); !strings.Contains(fmt.Sprintf("%+v", c), "A raspberry that waits") {
			t.Errorf("what waited is not in the ticket: %+v", c)
		}

		// Lee's conversation is old, and has old replies in it.
		c := conversationOf(w.Vendors, lee)
		w.text(lee, "I am back")
		received := len(w.Twilio.Inbox(lee))
		w.reply(helpscoutsim.Reply{Text: "<p>Welcome back</p>"}, lee)
		if got := w.Twilio.Inbox(lee)[received:]; len(got) != 1 || got[0].Body != "Welcome back" {
			t.Errorf("they got %v", got)
		}
		w.idle()
		again := conversationOf(w.Vendors, lee)
		if again.ID != c.ID || strings.Contains(fmt.Sprintf("%+v", again.Threads[len(c.Threads):]), "NOT SENT") {
			t.Errorf("their ticket: %+v", again)
		}
	})
}
