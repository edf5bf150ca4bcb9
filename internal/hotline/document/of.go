package document

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
)

// Of returns the file that means these hotlines, with everything said that has a default. Sentences that are not in the hotline's own
// language are left out: they are the default ones, which are English.
func Of(all hotline.Hotlines) (d Document) {
	for _, h := range all {
		d.Hotlines = append(d.Hotlines, of(h))
	}
	return d
}

func of(h hotline.Hotline) Hotline {
	d := Hotline{
		Name: Label(h.Name), Transport: string(h.Transport), Number: h.Number, MoreNumbers: h.MoreNumbers, Mailbox: h.MailboxID, Language: LanguageCode(h.Language),
		Texts: texts(h.Texts), Languages: languages(h), AutoReplyEvery: inWords(h.AutoReplyEvery),
		SegmentsPerSecond: &h.SegmentsPerSecond, Tags: words[Label](h.Tags),
		Keep: &Keep{Texts: days(h.Keep.Texts), Files: days(h.Keep.Files), Recordings: days(h.Keep.Recordings), Records: days(h.Keep.Records)},
	}
	d.Hours, d.TimeZone, d.Holidays = hours(h.Hours)
	if id := hotline.Campaign(h.Number); id != "" {
		d.Number, d.Campaign = "", Campaign(id)
	}
	can := h.Transport.Can()
	if can.Pictures > 0 {
		d.MMS = &h.MMS
	}
	if can.Calls {
		d.Calls = calls(h)
		d.CallBack = &CallBack{
			Off: &h.CallBack.Off, Countries: words[Country](h.CallBack.Countries), PerAgent: h.CallBack.PerAgent, PerHour: h.CallBack.PerHour,
			RingAgent: inWords(h.CallBack.RingAgent), Ring: inWords(h.CallBack.Ring), Longest: inWords(h.CallBack.Longest),
		}
	}
	return d
}

func texts(t hotline.Texts) *Texts {
	return &Texts{
		Welcome: &t.Welcome, AfterHours: &t.AfterHours, Failure: &t.Failure, VoicemailFailure: &t.VoicemailFailure,
		Stopped: &t.Stopped, Started: &t.Started,
	}
}

// languages returns first those that are spoken, whose order callers hear.
func languages(h hotline.Hotline) (all Languages) {
	left := maps.Clone(h.Languages)
	written := func(code string) Language {
		v, found := left[code]
		delete(left, code)
		if !found {
			return Language{}
		}
		return Language{Words: words[Word](v.Words), Texts: texts(v.Texts)}
	}
	for _, s := range h.Spoken {
		l := written(s.Language)
		l.Says, l.Voice = &CallersSay{said(s.Says.Greeting), said(s.Says.AfterHours), said(s.Says.Thanks)}, Label(s.Voice)
		all = append(all, Entry[Language]{s.Language, l})
	}
	for _, code := range slices.Sorted(maps.Keys(left)) {
		all = append(all, Entry[Language]{code, written(code)})
	}
	return all
}

func calls(h hotline.Hotline) *Calls {
	c := h.Calls
	return &Calls{
		Phones: phones(c.Phones), Fallback: phones(c.Fallback), Ring: string(c.Strategy), AtOnce: c.AtOnce, RingFor: inWords(c.RingFor),
		Ceiling: inWords(c.Ceiling), CallerID: string(c.CallerID), Withheld: string(c.Withheld), Voice: Label(c.Voice), Says: says(c.Says, h.Speaker()),
		RecordFor: inWords(c.RecordFor), Missed: string(c.Missed), Transcription: string(c.Transcription),
	}
}

func phones(all []hotline.Phone) (list []Phone) {
	for _, p := range all {
		d := Phone{Name: Label(p.Name), Number: p.Number, Paused: &p.Paused}
		d.Shifts, d.TimeZone, d.Holidays = hours(p.Shifts)
		list = append(list, d)
	}
	return list
}

// says returns the sentences that are spoken as the hotline's own are. The first of each list is the hotline's.
func says(s hotline.Says, as hotline.Said) *Says {
	own := func(s hotline.Said) bool { return s.Audio != "" || s.Language == as.Language && s.Voice == as.Voice }
	first := func(list []hotline.Said) *Said {
		if len(list) == 0 || !own(list[0]) {
			return nil
		}
		return said(list)
	}
	sentence := func(s hotline.Said) Sentence {
		if !own(s) {
			return ""
		}
		return Sentence(s.Text)
	}
	d := Says{
		CallersSay{first(s.Greeting), first(s.AfterHours), first(s.Thanks)},
		sentence(s.Ask), sentence(s.Again), sentence(s.Taken), sentence(s.Confirm), sentence(s.Unreached),
	}
	if d == (Says{}) {
		return nil
	}
	return &d
}

// said returns the first sentence, nil if there is none.
func said(list []hotline.Said) *Said {
	if len(list) == 0 {
		return nil
	}
	return &Said{Sentence(list[0].Text), list[0].Audio}
}

// hours returns the days from Monday on, those that are alike together.
func hours(h *hotline.Hours) (week Week, zone TimeZone, holidays []Date) {
	if h == nil {
		return nil, "", nil
	}
	for day := time.Monday; day <= time.Saturday+1; day++ {
		first, ranges := day, h.Week[day%7]
		for day <= time.Saturday && slices.Equal(h.Week[(day+1)%7], ranges) {
			day++
		}
		key := dayName(first)
		if day > first {
			key += "-" + dayName(day)
		}
		open := []Hours{}
		for _, r := range ranges {
			open = append(open, Hours(clock(r.From)+"-"+clock(r.To)))
		}
		week = append(week, Entry[[]Hours]{key, open})
	}
	return week, TimeZone(h.Zone.String()), words[Date](slices.Sorted(maps.Keys(h.Holidays)))
}

func dayName(day time.Weekday) string {
	return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}[day%7]
}

// clock writes minutes after midnight. Those beyond a day are of the next one.
func clock(minutes int) string {
	if minutes > 24*60 {
		minutes -= 24 * 60
	}
	two := func(n int) string { return strconv.Itoa(n/10) + strconv.Itoa(n%10) }
	return two(minutes/60) + ":" + two(minutes%60)
}

func days(d time.Duration) *int {
	n := int(d / (24 * time.Hour))
	return &n
}

func words[W ~string](list []string) (all []W) {
	for _, s := range list {
		all = append(all, W(s))
	}
	return all
}
