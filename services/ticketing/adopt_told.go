package ticketing

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/services/ticketing/helpscout"
)

// originalSent begins what the original program wrote into a ticket, as a phone thread on the supporter's behalf, when it had sent a reply
// (https://github.com/Elizabeth-Warren/bling-open, bling/outgoing.py). Nobody can text such a thread: what supporters write are others.
const originalSent = "SMS reply sent successfully:"

// sentByOriginal reports whether one of a conversation's threads says that the original program has sent this reply. Each tells of the newest
// one before it that has the words, since the original sent the newest. While we are set up beside the original, and when we take over from
// it, such a reply is not ours.
func sentByOriginal(threads []helpscout.Thread, t helpscout.Thread) bool {
	words := squeezed(t.Body)
	sorted := slices.SortedFunc(slices.Values(threads), func(a, b helpscout.Thread) int { return cmp.Compare(a.ID, b.ID) })
	var untold []int64
	for _, other := range slices.CompactFunc(sorted, func(a, b helpscout.Thread) bool { return a.ID == b.ID }) {
		switch {
		case isAnswer(other) && squeezed(other.Body) == words:
			untold = append(untold, other.ID)
		case len(untold) > 0 && tellsOf(other, words):
			last := len(untold) - 1
			if untold[last] == t.ID {
				return true
			}
			untold = untold[:last]
		}
	}
	return false
}

// tellsOf reports whether a thread says that these words were sent. The original cut off what follows two dashes on a line, a signature.
func tellsOf(t helpscout.Thread, words string) bool {
	said, proof := strings.CutPrefix(squeezed(t.Body), squeezed(originalSent))
	rest, begins := strings.CutPrefix(words, said)
	return t.Type == "phone" && proof && said != "" && begins && (rest == "" || strings.HasPrefix(rest, "--"))
}

// squeezed is what a thread's body says without any space: the original ran paragraphs together.
func squeezed(body string) string { return strings.Join(strings.Fields(helpscout.Plain(body)), "") }
