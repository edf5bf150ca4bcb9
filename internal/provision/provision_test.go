package provision_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/provision"
)

func TestEnvironment(t *testing.T) {
	for _, bad := range []string{"", "Production", "a b", "-a", "a/b", "ü", "a.b", "abcdefghijklmnopqrstuvwxyz0123456"} {
		if provision.Environment(bad).Check() == nil {
			t.Errorf("%q is a name", bad)
		}
		if e, ok := provision.Labelled("bling " + bad); ok {
			t.Errorf("%q has a label", e)
		}
	}
	for _, good := range []provision.Environment{"production", "a", "2", "team-2", "abcdefghijklmnopqrstuvwxyz012345"} {
		if err := good.Check(); err != nil {
			t.Error(err)
		}
		if e, ok := provision.Labelled(good.Label()); !ok || e != good {
			t.Errorf("%q reads as %q", good.Label(), e)
		}
	}
	for _, label := range []string{"", "bling", "production", "Bling production", "bling  production", "bling production fallback"} {
		if e, ok := provision.Labelled(label); ok {
			t.Errorf("%q is the label of %q", label, e)
		}
	}
}

func TestFromEnv(t *testing.T) {
	for value, want := range map[string]provision.Environment{"": provision.DefaultEnvironment, "BLING_ENVIRONMENT=staging": "staging"} {
		r := env.New([]string{value})
		if e := provision.FromEnv(r); e != want || r.Err() != nil {
			t.Errorf("%q: %q, %v", value, e, r.Err())
		}
	}
	r := env.New([]string{"BLING_ENVIRONMENT=No Name"})
	if provision.FromEnv(r); r.Err() == nil {
		t.Error("no problem with a name that cannot be one")
	}
}

func TestSome(t *testing.T) {
	twenty := strings.Repeat("x, ", 19) + "x"
	for n, want := range map[int]string{0: "none", 1: "x", 2: "x, x", 20: twenty, 23: twenty + " and 3 more"} {
		if got := provision.Some(slices.Repeat([]string{"x"}, n)); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// The first failure ends it: what follows may need what failed.
func TestApplyStops(t *testing.T) {
	broken := errors.New("broken")
	var tried, made []string
	change := func(name string, err error) provision.Change {
		return provision.Change{What: name, Action: provision.Create, Do: func(context.Context) error { tried = append(tried, name); return err }}
	}
	plan := provision.Plan{Changes: []provision.Change{change("a", nil), change("b", broken), change("c", nil)}}
	done, err := plan.Apply(t.Context(), func(c provision.Change) { made = append(made, c.What) })
	if !errors.Is(err, broken) || done != 1 || !slices.Equal(tried, []string{"a", "b"}) || !slices.Equal(made, []string{"a"}) {
		t.Errorf("done %d, tried %v, made %v, %v", done, tried, made, err)
	}
}
