package check_test

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/bling-hotline/bling/internal/check"
)

// Checks go at the same time, and their findings come in the checks' order, each with its check's name.
func TestRun(t *testing.T) {
	var meet sync.WaitGroup
	meet.Add(2)
	together := func(found ...check.Finding) func(context.Context) []check.Finding {
		return func(context.Context) []check.Finding {
			meet.Done()
			meet.Wait()
			return found
		}
	}
	got := check.Run(t.Context(),
		check.Check{Name: "a", Do: together(check.Finding{Says: "x"}, check.Finding{Name: "a 2", Level: check.Warning, Says: "y"})},
		check.Check{Name: "b", Do: func(context.Context) []check.Finding { return nil }},
		check.Check{Name: "c", Do: together(check.Finding{Level: check.Failure, Says: "z", Fix: "f"})},
	)
	want := []check.Finding{
		{Check: "a", Name: "a", Says: "x"}, {Check: "a", Name: "a 2", Level: check.Warning, Says: "y"},
		{Check: "c", Name: "c", Level: check.Failure, Says: "z", Fix: "f"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if check.Worst(got) != check.Failure || check.Worst(nil) != check.OK {
		t.Error("the worst is another one")
	}
}

// A mistake in a check is a finding, and no end of the process; what it was about may be secret.
func TestRunBroken(t *testing.T) {
	got := check.Run(t.Context(), check.Check{Name: "a", Do: func(context.Context) []check.Finding { panic("secret") }},
		check.Check{Name: "b", Do: func(context.Context) []check.Finding { return check.Fine("Well.") }})
	if len(got) != 2 || got[0].Level != check.Failure || got[0].Check != "a" || strings.Contains(got[0].Says, "secret") || got[1].Level != check.OK {
		t.Errorf("%+v", got)
	}
}
