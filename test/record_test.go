package test

import (
	"testing"

	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator/scenario"
)

// TestRecord plays stories, and then what was recorded of them, which must have come to the same.
func TestRecord(t *testing.T) {
	for _, name := range []string{"reply", "picture", "call-answered", "call-voicemail"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replay(t, story(t, name+".txt"))
		})
	}
}

func replay(t *testing.T, s scenario.Script) {
	w := play(t, s, sqldbtest.Any(t))
	recorded := scenario.Record(w, s.Hotlines())
	t.Logf("%s", recorded)
	again, err := scenario.Parse(s.Name+", recorded", recorded)
	must(t, err)
	play(t, again, sqldbtest.Any(t))
}
