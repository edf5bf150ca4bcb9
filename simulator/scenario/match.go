package scenario

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

func quoted(list []string) (all []string) {
	for _, line := range list {
		all = append(all, strconv.Quote(line))
	}
	return all
}

// matches reports whether each line fits its pattern.
func matches(lines, patterns []string) bool { return slices.EqualFunc(lines, patterns, match) }

// matchesInAnyOrder reports whether there is a line for each pattern, and no other.
func matchesInAnyOrder(lines, patterns []string) bool {
	lines, patterns = slices.Clone(lines), slices.Clone(patterns)
	// Those that say most first, lest * takes what another needs.
	says := func(pattern string) int { return len(strings.ReplaceAll(pattern, "*", "")) }
	slices.SortFunc(patterns, func(a, b string) int { return cmp.Compare(says(b), says(a)) })
	for _, pattern := range patterns {
		i := slices.IndexFunc(lines, func(line string) bool { return match(line, pattern) })
		if i < 0 {
			return false
		}
		lines = slices.Delete(lines, i, i+1)
	}
	return len(lines) == 0
}

// match reports whether a line fits a pattern, in which * stands for anything.
func match(line, pattern string) bool {
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return line == pattern
	}
	rest, ok := strings.CutPrefix(line, pieces[0])
	if !ok {
		return false
	}
	for _, piece := range pieces[1 : len(pieces)-1] {
		i := strings.Index(rest, piece)
		if i < 0 {
			return false
		}
		rest = rest[i+len(piece):]
	}
	return strings.HasSuffix(rest, pieces[len(pieces)-1])
}
