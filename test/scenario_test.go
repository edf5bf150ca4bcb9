package test

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/scenario"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// TestScenarios plays each story of simulator/scenario against a hotline of its own, on both databases.
func TestScenarios(t *testing.T) {
	stories := scenario.Stories()
	files, err := fs.Glob(stories, "*.txt")
	must(t, err)
	sqldbtest.Each(t, func(t *testing.T, _ sqldb.Config) {
		database := func(t *testing.T) sqldb.Config { return sqldb.Config{Dir: t.TempDir()} }
		if strings.HasSuffix(t.Name(), "/postgres") {
			database = func(t *testing.T) sqldb.Config { return sqldbtest.Postgres(t) }
		}
		for i, file := range files {
			if testing.Short() && i%2 == 0 {
				continue
			}
			t.Run(strings.TrimSuffix(file, ".txt"), func(t *testing.T) {
				t.Parallel()
				play(t, story(t, file), database(t))
			})
		}
	})
}

// story is one of those that come with the hotline.
func story(t *testing.T, file string) scenario.Script {
	t.Helper()
	data, err := fs.ReadFile(scenario.Stories(), file)
	must(t, err)
	s, err := scenario.Parse(strings.TrimSuffix(file, ".txt"), data)
	must(t, err)
	return s
}

// play plays a story against a new hotline, and returns that.
func play(t *testing.T, s scenario.Script, db sqldb.Config) scenario.World {
	t.Helper()
	dir := t.TempDir()
	p, err := scenario.NewPlayer(s, dir)
	must(t, err)
	p.Patience = time.Minute // the machine may have other things to do
	var clock simulator.Clock
	if at, set := s.Begins(); set && at.Before(clock.Now()) {
		clock.Advance(at.Sub(clock.Now()))
	}
	engine := &scenario.Engine{}
	o := hotlinetest.Options{
		DB: db, Now: clock.Now, Patience: 20 * time.Second, Virtual: true, Jump: p.Jump, LookEvery: 200 * time.Millisecond, Engine: engine,
	}
	if s.Hotlines() != nil {
		r := env.New([]string{"BLING_CONFIG=" + filepath.Join(dir, "hotlines.yaml")})
		o.Hotlines = hotline.FromEnv(r)
		must(t, r.Err())
	}
	h := hotlinetest.Start(t, o)
	w := scenario.World{
		Twilio: h.Twilio, HelpScout: h.HelpScout, Clock: h.Clock, Now: h.Now, Advance: clock.Advance, Idle: h.Idle, Recorded: h.Recorded, Lose: h.Lose,
		Telephony: h.Telephony, Engine: engine,
	}
	p.Bind(w)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	for i := range s.Steps {
		must(t, p.Step(ctx, i))
	}
	must(t, p.Finish(ctx))
	return w
}
