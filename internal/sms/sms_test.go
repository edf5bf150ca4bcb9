package sms

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

func TestSegments(t *testing.T) {
	r := strings.Repeat
	for _, tt := range []struct {
		name, text string
		n          int
		unicode    bool
	}{
		{"nothing", "", 0, false},
		{"one", "a", 1, false},
		{"160", r("a", 160), 1, false},
		{"161", r("a", 161), 2, false},
		{"306", r("a", 306), 2, false},
		{"307", r("a", 307), 3, false},
		{"1600", r("a", 1600), 11, false},
		{"every character", alphabet, 1, false},
		{"80 of the extension", r("€", 80), 1, false},
		{"81 of the extension", r("€", 81), 2, false},
		{"the extension counts twice", r("a", 159) + "{", 2, false},
		{"and fits just so", r("a", 158) + "{", 1, false},
		// The € does not fit into the first 153, so one septet is lost: 152 + 153.
		{"not cut at the border", r("a", 152) + "€" + r("a", 151), 2, false},
		{"not cut at the border, one more", r("a", 152) + "€" + r("a", 152), 3, false},
		{"cut beside the border", r("a", 151) + "€" + r("a", 153), 2, false},
		{"70", r("я", 70), 1, true},
		{"71", r("я", 71), 2, true},
		{"134", r("я", 134), 2, true},
		{"135", r("я", 135), 3, true},
		{"one curly quote", r("a", 70) + "’", 2, true},
		{"a backtick is not in it", "`", 1, true},
		{"a tab is not either", "\t", 1, true},
		{"35 emoji", r("😀", 35), 1, true},
		{"36 emoji", r("😀", 36), 2, true},
		{"pairs are not cut", r("😀", 66), 2, true},
		{"pairs are not cut, one more", r("😀", 67), 3, true},
		{"€ counts once in Unicode", r("€", 69) + "я", 1, true},
		{"broken UTF-8", "\xff", 1, true},
	} {
		if n, unicode := Segments(tt.text); n != tt.n || unicode != tt.unicode {
			t.Errorf("%s: %d, %v; want %d, %v", tt.name, n, unicode, tt.n, tt.unicode)
		}
	}
}

// X8 of the parity checklist.
func TestFold(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"plain", "plain"},
		{"“It’s open” – until 8\u202fpm…", `"It's open" - until 8 pm...`},
		{"• one\n• two\u2028three\tfour", "- one\n- two\nthree four"},
		{"zero\u200bwidth\ufeff soft\u00adhyphen", "zerowidth softhyphen"},
		{"¿Dónde? señor – 5 €", "¿Dónde? señor – 5 €"}, // no letter loses its accent
		{"¿Qué? señor – 5 €", "¿Qué? señor - 5 €"},
		{"“Да” – it’s", "“Да” – it’s"},
		{"it’s 😀", "it’s 😀"},
		{"它’s", "它’s"},
		{"می\u200cخواهم…", "می\u200cخواهم…"},
		{strings.Repeat("…", 70), strings.Repeat("…", 70)}, // 210 full stops need more segments
		{"\xff’", "\xff’"},
	} {
		if got := Fold(tt.text); got != tt.want {
			t.Errorf("Fold(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestSplit(t *testing.T) {
	r := strings.Repeat
	family := "👨‍👩‍👧‍👦" // 11 units
	for _, tt := range []struct {
		name, text string
		limit      int
		want       []string
	}{
		{"nothing", "", 10, nil},
		{"white space", " \n ", 10, nil},
		{"it fits", "0123456789", 10, []string{"0123456789"}},
		{"it fits without the white space around", " 0123456789\n", 10, []string{"0123456789"}},
		{"words", "one two three four", 10, []string{"one two", "three four"}},
		{"a space at the limit", "0123456789 abc", 10, []string{"0123456789", "abc"}},
		{"many spaces at the limit", "0123456789" + r(" ", 50) + "abc", 10, []string{"0123456789", "abc"}},
		{"no space at all", "0123456789abc", 10, []string{"0123456789", "abc"}},
		{"a long word", "a 0123456789abc", 10, []string{"a", "0123456789", "abc"}},
		{"sentence before word", "One two. Three four five.", 16, []string{"One two.", "Three four five."}},
		{"a full stop ends no sentence in a number", "It costs 3.50 dollars", 14, []string{"It costs 3.50", "dollars"}},
		{"line before sentence", "One two\nthree. Four five", 20, []string{"One two\nthree.", "Four five"}},
		{"line in the second half", "One two three\nfour. Five six", 22, []string{"One two three", "four. Five six"}},
		{"paragraph before line", "One two three\n\nfour\nfive six seven", 24, []string{"One two three", "four\nfive six seven"}},
		{"Windows lines", "One two three\r\n\r\nfour\r\nfive six seven", 26, []string{"One two three", "four\r\nfive six seven"}},
		{"a paragraph in the first half does not count", "One\n\ntwo three four five six", 20, []string{"One\n\ntwo three four", "five six"}},
		{"address", "See https://example.org/a/long?way=1&to=2 now", 42, []string{"See https://example.org/a/long?way=1&to=2", "now"}},
		{"address at the border", "See https://example.org/a/long?way=1&to=2 now", 38, []string{"See", "https://example.org/a/long?way=1&to=2", "now"}},
		{"address after a bracket", "(https://example.org/é/ü/é) now", 26, []string{"(", "https://example.org/é/ü/é)", "now"}},
		{"address longer than the limit", "See https://example.org/a/long?way=1", 20, []string{"See", "https://example.org/", "a/long?way=1"}},
		{"address among Chinese", "请看这里https://example.org/a谢谢你", 24, []string{"请看这里", "https://example.org/a谢谢你"}},
		{"Chinese sentences", "你好你好。谢谢谢谢谢谢。再见再见", 14, []string{"你好你好。谢谢谢谢谢谢。", "再见再见"}},
		{"Chinese without sentences", r("你", 25), 10, []string{r("你", 10), r("你", 10), r("你", 5)}},
		{"emoji", r("😀", 7), 6, []string{"😀😀😀", "😀😀😀", "😀"}},
		{"emoji that are joined", r(family, 3), 25, []string{family + family, family}},
		{"emoji longer than the limit", family, 4, []string{"👨\u200d", "👩\u200d", "👧\u200d", "👦"}},
		{"accents", "aaae\u0301e\u0301", 4, []string{"aaa", "e\u0301e\u0301"}},
		{"many accents", "e" + r("\u0301", 9), 5, []string{"e" + r("\u0301", 4), r("\u0301", 5)}},
		{"a limit too small", "a😀", 0, []string{"a", "😀"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Split(tt.text, tt.limit)
			if strings.Join(got, "|") != strings.Join(tt.want, "|") || len(got) != len(tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			check(t, tt.text, tt.limit, got)
		})
	}
}

func TestSplitLarge(t *testing.T) {
	for name, s := range map[string]string{
		"words": "word ", "sentences": "One. ", "no spaces": "a", "spaces": " ", "Chinese": "你", "accents": "\u0301", "emoji": "👩‍",
		"addresses": "https://x.org/a ", "one address": "https://", "lines": "a\n\n",
	} {
		text := "a" + strings.Repeat(s, 1<<18/len(s)) + "b"
		start := time.Now()
		parts := Split(text, 1600)
		t.Logf("%s: %d parts in %v", name, len(parts), time.Since(start))
		check(t, text, 1600, parts)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("One two. Three https://example.org/a?b=c four\n\nfive", 12)
	f.Add("你好。谢谢😀👨‍👩‍👧e\u0301\r\n\xff", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		check(t, text, limit, Split(text, limit))
	})
}

// check reports what no split may do.
func check(t *testing.T, text string, limit int, parts []string) {
	t.Helper()
	for _, part := range parts {
		if n := length(part); n > max(limit, 2) {
			t.Errorf("%q has %d characters", part, n)
		}
		if strings.TrimSpace(part) != part || part == "" {
			t.Errorf("%q is empty or has white space around", part)
		}
		if utf8.ValidString(text) && !utf8.ValidString(part) {
			t.Errorf("%q is broken", part)
		}
	}
	if got, want := dense(strings.Join(parts, " ")), dense(text); got != want {
		t.Fatalf("%q became %q", want, got)
	}
	if !utf8.ValidString(text) {
		return // a broken byte may be found anywhere
	}
	limit = max(limit, 2)
	var cuts []int
	at := 0
	for _, part := range parts {
		at += strings.Index(text[at:], part)
		cuts = append(cuts, at)
		at += len(part)
	}
	whole := func(what string, from, to int) {
		i, _ := slices.BinarySearch(cuts, from+1)
		if i < len(cuts) && cuts[i] < to && length(text[from:to]) <= limit {
			t.Errorf("%s %q is cut", what, text[from:to])
		}
	}
	for _, a := range webAddress.FindAllStringIndex(text, -1) {
		whole("address", a[0], a[1])
	}
	for g, start := uniseg.NewGraphemes(strings.TrimSpace(text)), strings.Index(text, strings.TrimSpace(text)); g.Next(); {
		from, to := g.Positions()
		from += len(g.Str()) - len(strings.TrimSpace(g.Str())) // an accent on a space
		whole("character", start+from, start+to)
	}
}

func dense(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) {
			return -1
		}
		return c
	}, s)
}

func FuzzFold(f *testing.F) {
	f.Add("“It’s” – 8\u202fpm… •")
	f.Add("“Да” 😀\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := Fold(text)
		if again := Fold(got); again != got {
			t.Errorf("%q becomes %q, and that %q", text, got, again)
		}
		n, needs := Segments(text)
		m, still := Segments(got)
		if m > n || got != text && (still || !needs) || utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q becomes %q: %d, %v segments became %d, %v", text, got, n, needs, m, still)
		}
	})
}
