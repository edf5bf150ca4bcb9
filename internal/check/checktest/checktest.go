// Package checktest holds what a table of findings must do, in each service and on every database.
package checktest

import (
	"reflect"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/check"
)

// Table is given an empty table.
func Table(t *testing.T, table check.Table, start time.Time) {
	t.Helper()
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	bad := check.Finding{Check: "numbers", Name: "number 1", Level: check.Failure, Says: "It's wrong.", Fix: "Mend it."}
	good := check.Finding{Check: "numbers", Name: "number 1", Says: "It's right."}
	warns, other := bad, check.Finding{Check: "clock", Name: "clock", Says: "Tick."}
	warns.Level = check.Warning
	fixed := bad
	fixed.Fix = "Mend it at once."

	last := []check.Finding(nil)
	for n, step := range []struct {
		found []check.Finding
		since []int
	}{
		0: {[]check.Finding{bad, other}, []int{0, 0}},
		1: {[]check.Finding{other, bad}, []int{0, 0}}, // the order is the last one's
		2: {[]check.Finding{other, fixed}, []int{0, 0}},
		3: {[]check.Finding{warns}, []int{3}}, // other is gone
		4: {[]check.Finding{other, warns}, []int{4, 3}},
		5: {[]check.Finding{good, good}, []int{5, 5}}, // the same twice is no error
		6: {nil, nil},
	} {
		before, err := table.Replace(t.Context(), step.found, at(n))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(before, last) {
			t.Errorf("step %d: before were %v, want %v", n, before, last)
		}
		last = step.found
		kept, err := table.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var want []check.Kept
		for i, f := range step.found {
			want = append(want, check.Kept{Finding: f, Since: at(step.since[i]), At: at(n)})
		}
		for i := range kept {
			kept[i].Since, kept[i].At = kept[i].Since.UTC(), kept[i].At.UTC()
		}
		if !reflect.DeepEqual(kept, want) {
			t.Errorf("step %d: kept %v, want %v", n, kept, want)
		}
	}
}
