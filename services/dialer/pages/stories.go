package pages

import (
	"strings"
	"time"
)

// Story is a page in one of its states.
type Story struct {
	// Name is unique, and good for an address: "dial-refused".
	Name string
	Page Page
}

const (
	storySupporter = "617-555-0142"
	storyHotline   = "Help line, 501-712-2661"
	storyPhone     = "857-555-0199"
	storyBack      = "https://secure.helpscout.net/conversation/2871093/1001"
	storyDial      = "/dialer/conversations/2871093"
	storyArabic    = "عبد الرحمن بن محمد الأنصاري"
)

var (
	storyLong = "Wolfeschlegelsteinhausenbergerdorff-" + strings.Repeat("Bartholomew", 6) + " of the Upper Valley"
	storyText = strings.Repeat("This is a long sentence, as no one should write. ", 6)
)

// Stories has every state of every page, the empty, failing, very long and right-to-left ones too. The tests render
// them all, and cmd/storybook shows them.
func Stories() []Story {
	var all []Story
	for _, group := range [][]Story{sidebarStories(), signInStories(), dialStories(), callStories(), otherStories()} {
		all = append(all, group...)
	}
	return all
}

func sidebarStories() []Story {
	now := time.Now()
	full := Sidebar{
		Supporter: storySupporter, Hotline: storyHotline, CallBack: storyDial, ParentOrigin: "https://secure.helpscout.net",
		LastText: &Text{At: now.Add(-20 * time.Minute), State: "delivered"},
		Calls: []Event{
			{At: now.Add(-30 * time.Minute), What: "Missed call", Incoming: true},
			{At: now.AddDate(0, 0, -1), What: "Called back by Dana, 3 min 12 s"},
			{At: now.AddDate(0, 0, -2), What: "Voicemail, 23 seconds", Incoming: true},
			{At: now.AddDate(0, 0, -9), What: "Called back by Dana, no answer"},
			{At: now.AddDate(-1, 0, 0), What: "Call answered by Lee, 12 min 40 s", Incoming: true},
		},
	}
	unsure, failed, refused, blocked, long, rtl := full, full, full, full, full, full
	unsure.LastText = &Text{At: now.Add(-2 * time.Minute), State: "sent, not confirmed"}
	failed.LastText = &Text{At: now.Add(-time.Hour), State: "failed", Problem: "The carrier says this number cannot receive texts."}
	failed.TextsOff = true
	refused.NoCalls, refused.CallBack, refused.WhyNot = true, "", "They asked not to be called."
	blocked.Blocked, blocked.NoCalls, blocked.TextsOff = "40 prank calls in a night", true, true
	blocked.CallBack, blocked.WhyNot = "", "They are blocked."
	long.Supporter, long.Hotline, long.Blocked = storyLong, storyLong, storyText
	long.LastText = &Text{At: now, State: "failed", Problem: strings.Repeat("30003-unreachable/", 9)}
	long.Calls = []Event{{At: now, What: "Called back by " + storyLong}}
	rtl.Supporter = storyArabic
	rtl.Calls = []Event{{At: now, What: "Called back by " + storyArabic + ", 3 min"}}
	return []Story{
		{"sidebar", full},
		{"sidebar-new", Sidebar{Supporter: storySupporter, Hotline: storyHotline, CallBack: storyDial}},
		{"sidebar-withheld", Sidebar{Supporter: "withheld number", Hotline: storyHotline, WhyNot: "They withheld their number.",
			Calls: full.Calls[:1]}},
		{"sidebar-unconfirmed", unsure},
		{"sidebar-failed", failed},
		{"sidebar-no-calls", refused},
		{"sidebar-blocked", blocked},
		{"sidebar-notice", Sidebar{Notice: "This conversation is not one of the hotline’s.", ParentOrigin: full.ParentOrigin}},
		{"sidebar-empty", Sidebar{}},
		{"sidebar-long", long},
		{"sidebar-rtl", rtl},
	}
}

func signInStories() []Story {
	return []Story{
		{"signin", SignIn{Next: storyDial}},
		{"signin-problem", SignIn{Number: "555", Problem: "That is not a phone number of the US or Canada.", Next: storyDial}},
		{"signin-long", SignIn{Number: strings.Repeat("5", 60), Problem: storyText}},
		{"enrol", Enrol{Agent: "Dana", Hotline: "Help line", Ticket: "t1"}},
		{"enrol-problem", Enrol{Agent: "Dana", Hotline: "Help line", Ticket: "t1", Number: "911",
			Problem: "That number cannot be used. Enter your own phone’s."}},
		{"enrol-long", Enrol{Agent: storyLong, Hotline: storyLong, Ticket: "t1"}},
		{"enrol-rtl", Enrol{Agent: storyArabic, Hotline: "Help line", Ticket: "t1"}},
		{"codes", Codes{ID: "c1", Ending: "99", Next: storyDial}},
		{"codes-note", Codes{ID: "c1", Ending: "99", Note: true, Next: storyDial}},
		{"codes-problem", Codes{ID: "c1", Ending: "99", Note: true, Next: storyDial,
			Problem: "One of the codes is not right. You have 2 tries left."}},
		{"phone", ChangePhone{Agent: "Dana", Phone: storyPhone, Next: storyDial}},
		{"phone-problem", ChangePhone{Agent: "Dana", Phone: storyPhone, Number: "857-555", Next: storyDial,
			Problem: "That is not a phone number of the US or Canada."}},
		{"phone-long", ChangePhone{Agent: storyLong, Phone: storyPhone, Problem: storyText}},
	}
}

func dialStories() []Story {
	dial := Dial{Agent: "Dana", Supporter: storySupporter, Hotline: storyHotline, Conversation: "#1001", Phone: storyPhone,
		Press: "p1", Action: storyDial, Back: storyBack}
	warned, problem, refused, both, bare, long, rtl := dial, dial, dial, dial, dial, dial, dial
	warned.Warning = "They asked for no more texts, but not for no calls."
	problem.Problem = "You have started 10 calls in the last hour. Try again in 12 minutes."
	refused.Refusal = "They asked not to be called."
	both.Warning, both.Problem = warned.Warning, "The call could not be started. Try again."
	bare.Conversation, bare.Back = "", ""
	long.Agent, long.Supporter, long.Hotline, long.Conversation = storyLong, storyLong, storyLong, "#"+strings.Repeat("1001", 20)
	long.Warning, long.Problem = storyText, storyText
	rtl.Agent, rtl.Supporter = storyArabic, storyArabic
	return []Story{
		{"dial", dial},
		{"dial-warning", warned},
		{"dial-problem", problem},
		{"dial-warning-problem", both},
		{"dial-refused", refused},
		{"dial-bare", bare},
		{"dial-long", long},
		{"dial-rtl", rtl},
	}
}

func callStories() []Story {
	in := func(name string, state CallState, change func(*Call)) Story {
		c := Call{ID: "k7f2", Agent: "Dana", Supporter: storySupporter, Hotline: storyHotline, Conversation: "#1001",
			Phone: storyPhone, State: state, Since: time.Now().Add(-72 * time.Second), Again: storyDial, Back: storyBack}
		change(&c)
		return Story{"call-" + name, c}
	}
	return []Story{
		in("starting", Starting, func(*Call) {}),
		in("ringing-you", RingingYou, func(c *Call) { c.Hint = "Answer it. It shows the hotline’s number." }),
		in("asking-you", AskingYou, func(c *Call) { c.Hint = "Then we call the supporter." }),
		in("calling-them", CallingThem, func(c *Call) { c.Hint = "Stay on the line. You hear it ring." }),
		in("connected", Connected, func(*Call) {}),
		in("connected-hours", Connected, func(c *Call) { c.Since = c.Since.Add(-2 * time.Hour) }),
		in("ending", Ending, func(*Call) {}),
		in("ended-good", Ended, func(c *Call) {
			c.Good, c.Talked, c.Result = true, 192*time.Second, "You talked for 3 min 12 s."
		}),
		in("ended-no-answer", Ended, func(c *Call) {
			c.Result, c.Hint = "They did not answer.", "You can try again, or write to them from the conversation."
		}),
		in("ended-cancelled", Ended, func(c *Call) { c.Result = "You cancelled the call." }),
		in("ended-bare", Ended, func(c *Call) { c.Again, c.Back = "", "" }),
		in("lost", CallingThem, func(c *Call) { c.Lost = true }),
		in("lost-connected", Connected, func(c *Call) {
			c.Lost, c.Hint = true, "Your phone knows better: if you hear them, all is well."
		}),
		in("long", RingingYou, func(c *Call) {
			c.Agent, c.Supporter, c.Hotline, c.Hint = storyLong, storyLong, storyLong, storyText
		}),
		in("ended-long", Ended, func(c *Call) { c.Supporter, c.Result = storyLong, storyText }),
		in("rtl", Connected, func(c *Call) { c.Agent, c.Supporter = storyArabic, storyArabic }),
	}
}

func otherStories() []Story {
	active := &ActiveCall{Href: "/dialer/calls/k7f2", Supporter: storySupporter}
	return []Story{
		{"home", Home{Agent: "Dana", Phone: storyPhone}},
		{"home-active", Home{Agent: "Dana", Phone: storyPhone, Active: active}},
		{"home-problem", Home{Agent: "Dana", Phone: storyPhone, Problem: "There is no such conversation in the hotline’s mailboxes."}},
		{"home-long", Home{Agent: storyLong, Phone: storyPhone, Problem: storyText,
			Active: &ActiveCall{Href: active.Href, Supporter: storyLong}}},
		{"home-rtl", Home{Agent: storyArabic, Phone: storyPhone, Active: &ActiveCall{Href: active.Href, Supporter: storyArabic}}},
		{"message", Message{Title: "This link has expired", Text: "Open the dialer from the sidebar again."}},
		{"message-link", Message{Title: "Something went wrong", Text: "The hotline’s telephone service does not answer. No call was started.",
			Href: storyDial, Link: "Try again"}},
		{"message-bare", Message{Title: "Not found"}},
		{"message-long", Message{Title: storyLong, Text: storyText, Href: storyDial, Link: storyLong}},
	}
}
