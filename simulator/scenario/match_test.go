package scenario

import "testing"

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		line, pattern string
		want          bool
	}{
		{"hello", "hello", true}, {"hello", "hell", false}, {"hello", "*", true}, {"", "*", true}, {"", "", true},
		{"hello", "h*o", true}, {"hello", "*ell*", true}, {"hello", "*elo", false}, {"hello", "h*l*o", true}, {"hello", "h*x*o", false},
		{"ab", "ab*b", false}, // no letter counts twice
		{"abb", "ab*b", true}, {"2 * 3", "2 * 3", true}, {"one / two", "one*two", true},
	} {
		if got := match(test.line, test.pattern); got != test.want {
			t.Errorf("%q, %q: got %v", test.line, test.pattern, got)
		}
	}
}

func TestMatchesInAnyOrder(t *testing.T) {
	for _, test := range []struct {
		lines, patterns []string
		want            bool
	}{
		{nil, nil, true}, {[]string{"a", "b"}, []string{"b", "a"}, true}, {[]string{"a", "b"}, []string{"a"}, false}, {[]string{"a"}, []string{"a", "a"}, false},
		{[]string{"a", "b"}, []string{"*", "a"}, true}, // * takes what is left
	} {
		if got := matchesInAnyOrder(test.lines, test.patterns); got != test.want {
			t.Errorf("%q, %q: got %v", test.lines, test.patterns, got)
		}
	}
}
