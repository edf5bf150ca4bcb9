// Package sms knows what fits into a text message.
//
// Carriers send a text in segments. A segment holds 160 characters of a small alphabet, GSM 03.38, or 70 of any
// script: one curly quote makes a text more than twice as expensive. Whoever sends a text folds it first, and splits it
// if it is longer than the provider takes:
//
//	for _, part := range sms.Split(sms.Fold(text), 1600) {
//		segments, unicode := sms.Segments(part)
//		...
//	}
package sms

import (
	"strings"
	"unicode/utf16"
)

// The alphabet of GSM 03.38, https://www.etsi.org/deliver/etsi_gts/03/0338/05.00.00_60/gsmts_0338v050000p.pdf,
// and its extension, whose characters take the place of two.
const (
	alphabet = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	extension = "\f^{}\\[~]|€"
)

// septets says how many septets a character takes in GSM 03.38.
var septets = func() map[rune]int {
	m := make(map[rune]int)
	for _, c := range alphabet {
		m[c] = 1
	}
	for _, c := range extension {
		m[c] = 2
	}
	return m
}()

func isGSM(text string) bool {
	for _, c := range text {
		if septets[c] == 0 {
			return false
		}
	}
	return true
}

// Segments returns in how many segments a carrier sends a text, and whether it needs Unicode. A text of more than one
// segment has less room in each, since every segment says where it belongs. "" is sent in 0 segments.
func Segments(text string) (n int, unicode bool) {
	if text == "" {
		return 0, false
	}
	single, part, size := 160, 153, func(c rune) int { return septets[c] }
	if !isGSM(text) {
		unicode = true
		single, part, size = 70, 67, units
	}
	total, used, n := 0, 0, 1
	for _, c := range text {
		s := size(c)
		total += s
		if used += s; used > part { // a character that takes two is not cut in half
			used = s
			n++
		}
	}
	if total <= single {
		n = 1
	}
	return n, unicode
}

// units returns how many UTF-16 units a character takes.
func units(c rune) int {
	if n := utf16.RuneLen(c); n > 0 {
		return n
	}
	return 1
}

// plain has what stands in for characters that only look better.
var plain = strings.NewReplacer(
	"‘", "'", "’", "'", "‚", "'", "‛", "'", "′", "'", "`", "'", "´", "'",
	"“", `"`, "”", `"`, "„", `"`, "‟", `"`, "″", `"`, "«", `"`, "»", `"`, "‹", "'", "›", "'",
	"‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "―", "-", "−", "-",
	"•", "-", "‣", "-", "⁃", "-", "◦", "-", "▪", "-", "●", "-", "·", "-",
	"…", "...", "→", "->", "←", "<-", "×", "x", "⁄", "/", "ﬁ", "fi", "ﬂ", "fl", "™", "(TM)", "©", "(c)", "®", "(R)",
	// Spaces, and line and paragraph separators.
	"\t", " ", "\u00A0", " ", "\u2000", " ", "\u2001", " ", "\u2002", " ", "\u2003", " ", "\u2004", " ", "\u2005", " ",
	"\u2006", " ", "\u2007", " ", "\u2008", " ", "\u2009", " ", "\u200A", " ", "\u202F", " ", "\u205F", " ", "\u3000", " ",
	"\u2028", "\n", "\u2029", "\n",
	// Characters without width: they matter in other scripts only.
	"\u00AD", "", "\u200B", "", "\u200C", "", "\u200D", "", "\u200E", "", "\u200F", "", "\u2060", "", "\uFE0E", "", "\uFE0F", "", "\uFEFF", "",
)

// Fold replaces typographic characters (curly quotes, dashes, ellipses, bullets, unusual spaces) by plain ones
// if that makes the text fit the alphabet of GSM 03.38, and so into fewer segments. Any other text is returned as it is:
// one that needs Unicode anyway, for its script, its accents or an emoji, keeps its typography. No letter loses its accent.
func Fold(text string) string {
	if isGSM(text) {
		return text
	}
	folded := plain.Replace(text)
	if !isGSM(folded) {
		return text
	}
	before, _ := Segments(text)
	if after, _ := Segments(folded); after > before { // 70 ellipses
		return text
	}
	return folded
}
