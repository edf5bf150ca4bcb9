package conformance

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// readme are the tables of simulator/README.md that say how the simulator differs from the vendors, by the heading they are under.
var readme = map[string][]table{
	"## Where it deviates from Twilio's published description": {
		{"what", "how, and why", twilioDeviations}, {"request", "parameters that it refuses", twilioUnsimulated},
	},
	"## Where it deviates from Help Scout's published client": {{"what", "how, and why", helpScoutDeviations}},
}

type table struct {
	what, how string
	rows      map[string]string
}

func (t table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s |\n|---|---|\n", t.what, t.how)
	for _, what := range slices.Sorted(maps.Keys(t.rows)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", what, t.rows[what])
	}
	return b.String()
}

// TestReadme compares the tables there with those here.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../simulator/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for heading, tables := range readme {
		_, section, found := strings.Cut(string(text), heading+"\n")
		if !found {
			t.Errorf("simulator/README.md has no %q", heading)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for _, table := range tables {
			if !strings.Contains(section+"\n", "\n"+table.String()+"\n") {
				t.Errorf("under %q this should stand:\n\n%s", heading, table)
			}
		}
	}
}

// compareDeviations fails for each deviation that was only seen, or is only listed.
func compareDeviations(t *testing.T, seen, listed map[string]string) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		if _, ok := listed[what]; !ok {
			t.Errorf("not listed: %s (%s)", what, seen[what])
		}
	}
	for _, what := range slices.Sorted(maps.Keys(listed)) {
		if _, ok := seen[what]; !ok {
			t.Errorf("listed, but it is so no longer: %s", what)
		}
	}
}
