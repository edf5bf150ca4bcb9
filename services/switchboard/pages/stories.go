package pages

import (
	"strings"
	"time"
)

// Story is a page in one of its states.
type Story struct {
	// Name is unique, and good for an address: "item-dead".
	Name string
	Page Page
}

const (
	storyHotline   = "Help line, 501-712-2661"
	storySupporter = "+1 617 ••• ••42"
	storyID        = "SM71aba10b21d411a015a5bdd02cb20e8d"
	storyDesk      = "https://secure.helpscout.net/conversation/2871093"
	storyArabic    = "عبد الرحمن بن محمد الأنصاري"
)

var (
	storyLong  = "Wolfeschlegelsteinhausenbergerdorff-" + strings.Repeat("Bartholomew", 6) + " of the Upper Valley"
	storyText  = strings.Repeat("This is a long sentence, as no one should write. ", 6)
	storyNow   = time.Date(2026, 11, 28, 3, 14, 15, 0, time.UTC)
	storyFrame = Frame{Me: "anna", Operator: true, Now: storyNow}
)

func ago(d time.Duration) time.Time { return storyNow.Add(-d) }

// at is the frame of a page, as an operator sees it.
func at(where string) Frame {
	f := storyFrame
	f.At = where
	return f
}

// viewed is the same as a viewer sees it.
func viewed(f Frame) Frame {
	f.Operator = false
	return f
}

// Stories has every state of every page, the empty, failing, very long and right-to-left ones too. The tests render them all.
func Stories() (all []Story) {
	for _, group := range [][]Story{wayIn(), overviews(), itemStories(), peopleStories(), listStories()} {
		all = append(all, group...)
	}
	return all
}

func wayIn() []Story {
	return []Story{
		{"signin", SignIn{Next: "/switchboard/"}},
		{"signin-nobody", SignIn{Nobody: true}},
		{"signin-problem", SignIn{Frame: Frame{Problem: "Name or password is not right."}, Name: "anna"}},
		{"invitation", Invitation{Name: "anna", Token: "t", Least: 12, Most: 72}},
		{"invitation-problem", Invitation{Frame: Frame{Problem: "The password must have at least 12 characters, and at most 72 bytes."}, Name: storyLong, Token: "t", Least: 12, Most: 72}},
		{"message", Message{Title: "This link does not work, or not any more", Text: "A link works once, for an hour. Ask for another one.", Href: "/switchboard/", Link: "To the switchboard"}},
		{"message-in", Message{Frame: at(""), Title: "Only operators may do that", Text: "Nothing was done."}},
		{"message-long", Message{Frame: at(""), Title: storyLong, Text: storyText, Href: "/switchboard/", Link: storyLong}},
	}
}

func overviews() []Story {
	topics := []Topic{
		{"telephony", "text_in", 240, 31, ago(12 * time.Minute)}, {"telephony", "text_out", 3, 2, ago(5 * time.Second)},
		{"ticketing", "notes", 12, 9, ago(3 * time.Hour)},
	}
	days := []Day{
		{"2026-11-28", storyHotline, "text in", 1204, 1204, 3, 0, 0, ago(time.Minute)}, {"2026-11-28", storyHotline, "reply", 87, 86, 0, 1, 0, ago(time.Minute)},
		{"2026-11-27", storyHotline, "text in", 5012, 5012, 0, 0, 0, ago(4 * time.Hour)}, {"2026-11-27", storyHotline, "call", 41, 41, 0, 0, 0, ago(4 * time.Hour)},
	}
	lately := []Lately{{"text in", 5120}, {"text out", 4890}, {"call", 41}, {"reply", 87}}
	fine := Overview{
		Frame: at(""), Topics: topics, Idle: "media_in, tell, call_over, replies", Days: days[2:], Calls: 2, Checks: 23, Lately: lately,
		Budget: &Budget{Allowed: 200, Left: 164, Waiting: 252, Drain: "about 2 min"},
	}
	fine.Live = true
	wrong := fine
	wrong.Days = days
	wrong.Missing = []string{"Ticketing does not answer. Not shown: its days, findings."}
	wrong.Problems = []Problem{
		{"bad", "3 given up.", "Mend the reason, then retry.", "/switchboard/dead", "Dead letters", ""},
		{"bad", "help scout webhook: it is switched off.", "Run bling apply, which switches it on again.", "/switchboard/findings", "Findings", ""},
		{"warn", "1 of which nobody can know whether it was done.", "It is not repeated. Ask the supporter, if it matters.", "/switchboard/items?state=unknown", "Which", ""},
		{"warn", storyHotline + " is paused.", "a wrong text goes out (ben)", "/switchboard/hotlines", "See", "+15017122661"},
	}
	wrong.Budget = &Budget{Allowed: 200, Left: 0, BlockedUntil: storyNow.Add(40 * time.Second), Waiting: 252, Drain: "about 3 min"}
	viewer, long := wrong, wrong
	viewer.Frame = viewed(wrong.Frame)
	long.Problems = []Problem{{"bad", storyText, storyText, "/switchboard/findings", storyLong, ""}, {"warn", storyArabic, storyArabic, "", "", ""}}
	long.Topics = []Topic{{storyLong, storyLong, 1 << 40, 1 << 40, ago(9000 * time.Hour)}}
	empty := Overview{Frame: at(""), Calls: -1, Idle: "text_in"}
	return []Story{
		{"overview", fine}, {"overview-wrong", wrong}, {"overview-viewer", viewer}, {"overview-long", long}, {"overview-empty", empty},
		{"overview-budget-unknown", Overview{Frame: at(""), Budget: &Budget{}, Checks: 1}},
	}
}

func storyItem(kind, state, tone string) Item {
	return Item{
		Ref: storyID, Href: "/switchboard/item?ref=" + storyID, ID: storyID, Kind: kind, State: state, Tone: tone, Hotline: storyHotline, Supporter: storySupporter,
		At: ago(90 * time.Second), Conversation: 2871093, ConversationHref: storyDesk,
	}
}

func longItem() Item {
	i := storyItem(storyLong, storyLong, "bad")
	i.ID, i.Hotline, i.Supporter, i.Reason, i.Conversation = strings.Repeat("long-key-", 22), storyLong, storyLong, storyText, 1<<60
	return i
}

func itemStories() []Story {
	dead := storyItem("text in", "dead", "bad")
	dead.Reason, dead.Attempts, dead.Ended = "Help Scout answers 400: the mailbox is not there", 15, ago(30*time.Second)
	bare := Item{Ref: "x", Href: "/switchboard/item?ref=x", ID: "x", Kind: "note", State: "waiting", Tone: "wait", At: ago(time.Second)}
	all := []Item{storyItem("text in", "done", "good"), dead, storyItem("call", "under way", "wait"), storyItem("text out", "refused", "calm"), storyItem("text out", "unknown", "warn"), bare}
	choices := []Choice{{"a", "text in", false}, {"b", "text out", true}}
	list := Items{Frame: at("items"), Kinds: choices, States: choices, Numbers: choices, Items: all, Older: "/switchboard/items?before=1"}
	searched, long := list, list
	searched.Query, searched.Sealed, searched.Conversation = storySupporter, "sealed", "2871093"
	long.Items = []Item{longItem(), longItem()}
	steps := []Step{
		{ago(90 * time.Second), time.Time{}, 1, "telephony", "accepted", "by webhook", false, "https://traces.example.org/1"},
		{ago(89 * time.Second), ago(31 * time.Second), 14, "telephony", "ticketing did not take it", "unavailable: Help Scout does not answer", true, ""},
		{ago(88 * time.Second), time.Time{}, 1, "ticketing", "Help Scout refused it", "400", true, "https://traces.example.org/2"},
		{ago(30 * time.Second), time.Time{}, 1, "telephony", "given up", "", true, ""},
	}
	one := ItemPage{
		Frame: at("items"), Item: dead, Content: "21 characters, 1 file", Trace: "0123456789abcdef0123456789abcdef", TraceURL: "https://traces.example.org/1", Words: []string{"telephony: dead", "ticketing: posting"}, Steps: steps, Related: all[:2],
		CanRetry: true, Token: "sealed", Person: "/switchboard/person?p=sealed",
	}
	shown, viewer, longOne := one, one, one
	shown.Revealed, shown.Done = "617-555-0142", "It is taken up again."
	viewer.Frame, viewer.TraceURL = viewed(one.Frame), ""
	longOne.Item, longOne.Content, longOne.Words = longItem(), storyText, []string{storyLong}
	longOne.Steps = []Step{{ago(0), ago(0), 1 << 30, storyLong, storyText, strings.Repeat("x", 300), true, "https://traces.example.org/"}}
	letters := Dead{
		Frame: at("dead"), Items: []Item{dead, longItem()}, Kinds: []Kind{{"text_in", "text in", 12}, {"note", "note", 1}}, More: true,
		Unrouted: []Unrouted{{"501-712-2662", false, []Item{all[0]}}, {"501-712-2663", true, []Item{all[0], all[0]}}},
	}
	seen := letters
	letters.Done, seen.Frame = "12 taken up again.", viewed(letters.Frame)
	return []Story{
		{"items", list}, {"items-searched", searched}, {"items-long", long}, {"items-empty", Items{Frame: at("items")}},
		{"items-problem", Items{Frame: problem("items", "A conversation is a number: the one in its address.")}},
		{"item-dead", one}, {"item-revealed", shown}, {"item-viewer", viewer}, {"item-long", longOne}, {"item-bare", ItemPage{Frame: at("items"), Item: bare}},
		{"dead", letters}, {"dead-viewer", seen}, {"dead-empty", Dead{Frame: at("dead")}},
	}
}

func problem(where, says string) Frame {
	f := at(where)
	f.Problem = says
	return f
}

func peopleStories() []Story {
	blocks := []Block{
		{"sealed", "/switchboard/person?p=x", storySupporter, "all of them", "40 prank calls in a night", "anna", storyNow.Add(24 * time.Hour)},
		{"sealed", "", "short code •••5", storyHotline, storyText, storyLong, time.Time{}},
	}
	wishes := []Wish{{"/switchboard/person?p=x", storySupporter, storyHotline, "no texts", storyID, "/switchboard/item?ref=x", ago(72 * time.Hour)}, {"", storyArabic, storyLong, "no calls", "", "", ago(time.Hour)}}
	choices := []Choice{{"+15017122661", storyHotline, false}}
	people := People{Frame: at("people"), Blocks: blocks, Wishes: wishes, Hotlines: choices}
	seen := people
	seen.Frame = viewed(people.Frame)
	person := Person{Frame: at("people"), Token: "sealed", Number: storySupporter, Items: []Item{storyItem("text in", "done", "good")}, AllItems: "/switchboard/items?q=x", Blocks: blocks[:1], Wishes: wishes[:1], Hotlines: choices}
	shown, watched := person, person
	shown.Revealed, watched.Frame = "617-555-0142", viewed(person.Frame)
	erase := Erase{Frame: at("people"), Token: "sealed", Number: storySupporter, Has: []string{"12 telephony texts", "9 ticketing entries"}}
	wrong, begun, over := erase, erase, erase
	wrong.Frame = problem("people", "These are not the last four digits of their number. Nothing was deleted.")
	begun.Begun, begun.Deleted, begun.Last4 = true, []string{"500 telephony texts"}, "0142"
	over.Finished, over.Deleted = true, []string{"12 telephony texts"}
	hotlines := Hotlines{Frame: at("hotlines"), Hotlines: []Hotline{
		{"+15017122661", "Help line", "501-712-2661, 501-712-2662", false, "", "", time.Time{}},
		{"+15017122663", "501-712-2663", "", true, "a wrong text goes out", "ben", ago(time.Hour)}, {"+15017122664", storyLong, storyText, true, storyText, storyLong, ago(time.Hour)},
	}}
	watchedHotlines := hotlines
	watchedHotlines.Frame = viewed(hotlines.Frame)
	return []Story{
		{"people", people}, {"people-viewer", seen}, {"people-empty", People{Frame: at("people")}}, {"people-problem", People{Frame: problem("people", "That is not a phone number. Nothing was done."), Reason: storyText}},
		{"person", person}, {"person-revealed", shown}, {"person-viewer", watched}, {"person-empty", Person{Frame: at("people"), Token: "sealed", Number: storySupporter}},
		{"erase", erase}, {"erase-wrong", wrong}, {"erase-begun", begun}, {"erase-over", over}, {"erase-nothing", Erase{Frame: at("people"), Token: "sealed", Number: storySupporter}},
		{"hotlines", hotlines}, {"hotlines-viewer", watchedHotlines},
	}
}

func listStories() []Story {
	lanes := []Lane{
		{"telephony", "text_in", storyHotline, storySupporter, "/switchboard/person?p=x", 2871093, storyDesk, 3, ago(12 * time.Minute), storyID, "/switchboard/item?ref=x"},
		{"ticketing", storyLong, storyLong, storyLong, "", 0, "", 1 << 40, ago(9000 * time.Hour), strings.Repeat("long-key-", 22), "/switchboard/item?ref=x"},
	}
	calls := []Call{
		{"/switchboard/item?ref=x", "call", storyHotline, storySupporter, "/switchboard/person?p=x", "ringing", "Anna, Ben", ago(12 * time.Second)},
		{"/switchboard/item?ref=x", "call back", storyHotline, "withheld number", "", "talking", "", ago(40 * time.Minute)},
	}
	days := []Day{
		{"2026-11-28", storyHotline, "text in", 1204, 1204, 3, 0, 0, ago(time.Minute)}, {"2026-11-28", storyLong, "reply", 87, 86, 0, 1, 1, time.Time{}},
	}
	findings := []Finding{
		{"ticketing", "help scout webhook", "bad", "failure", "It is switched off.", "Run bling apply, which switches it on again.", ago(time.Minute), ago(time.Hour)},
		{"telephony", storyLong, "warn", "warning", storyText, storyText, ago(time.Minute), time.Time{}},
		{"telephony", "twilio credentials", "good", "ok", "They work.", "", time.Time{}, time.Time{}},
	}
	entries := []Entry{
		{ago(time.Minute), "anna", "revealed a number", storyID, "", "done", "127.0.0.1"}, {ago(2 * time.Minute), "ben", "retried", "all of: text in", "", "", "127.0.0.1"},
		{ago(time.Hour), storyLong, "paused a hotline", storyHotline, storyText, "failed: telephony: the service does not answer", "fe80::1"},
	}
	accounts := []Account{{"anna", "operator", ago(900 * time.Hour), ago(time.Minute)}, {storyLong, "viewer", ago(time.Hour), time.Time{}}}
	live := at("lanes")
	live.Live = true
	lost := at("calls")
	lost.Missing = []string{"Telephony does not answer. Not shown: its state."}
	return []Story{
		{"lanes", Lanes{Frame: live, Lanes: lanes}}, {"lanes-empty", Lanes{Frame: live}},
		{"calls", Calls{Frame: at("calls"), Calls: calls}}, {"calls-missing", Calls{Frame: lost}},
		{"days", Days{Frame: at("days"), Days: days}}, {"days-empty", Days{Frame: at("days")}},
		{"findings", Findings{Frame: at("findings"), Findings: findings}}, {"findings-empty", Findings{Frame: at("findings")}},
		{"audit", Audit{Frame: at("audit"), Entries: entries, Agents: entries, Older: "/switchboard/audit?before=1"}}, {"audit-empty", Audit{Frame: at("audit")}},
		{"operators", Operators{Frame: at("operators"), Operators: accounts, Agents: accounts}}, {"operators-empty", Operators{Frame: at("operators")}},
		{"operators-open", Operators{Frame: Frame{Me: "you", Operator: true, Open: true, At: "operators", Now: storyNow}}},
	}
}
