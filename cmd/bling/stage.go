package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/playground"
	"github.com/bling-hotline/bling/simulator/scenario"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// staged is a scenario that is to be played, in a folder of its own.
type staged struct {
	scenario.Script
	dir    string
	engine scenario.Engine
	player atomic.Pointer[scenario.Player]
	parts  atomic.Pointer[running] // of the hotline, once it runs
}

// stage reads a scenario: a file, or the name of one of those that come with us.
func stage(name string) (*staged, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if story, known := fs.ReadFile(scenario.Stories(), strings.TrimSuffix(name, ".txt")+".txt"); known == nil {
			data, err = story, nil
		} else if all, _ := fs.Glob(scenario.Stories(), "*.txt"); filepath.Ext(name) == "" {
			return nil, fmt.Errorf("there is neither a file nor a scenario called %s; there are %s", name, strings.ReplaceAll(strings.Join(all, ", "), ".txt", ""))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	s := &staged{}
	if s.Script, err = scenario.Parse(filepath.Base(name), data); err != nil {
		return nil, err
	}
	s.dir, err = os.MkdirTemp("", "bling-play-*")
	return s, err
}

func (s *staged) close() { os.RemoveAll(s.dir) } //nolint:errcheck // it is in the folder for temporary files

// clock is one by which calls take no time, and which the scenario's callers go by.
func (s *staged) clock() *simulator.Clock {
	clock := &simulator.Clock{Calls: twiliosim.NewVirtualClock()}
	s.setBack(clock)
	clock.Calls.OnJump = func(d time.Duration) {
		if parts := s.parts.Load(); parts != nil {
			parts.Recorded()
		}
		if player := s.player.Load(); player != nil {
			player.Jump(d)
		}
	}
	return clock
}

// setBack sets a clock back to where the scenario begins, if that is in the past.
func (s *staged) setBack(clock *simulator.Clock) {
	if at, set := s.Begins(); set && at.Before(clock.Now()) {
		clock.Advance(at.Sub(clock.Now()))
	}
}

// environ are the times that a scenario goes by: it would be too slow to watch by the usual ones.
func (s *staged) environ() []string {
	return []string{
		"BLING_REPLY_PATIENCE=20s", "BLING_LOOK_EVERY=1s", "BLING_CALL_SETTLE=1ms", "BLING_TWILIO_SETTLE=200ms", "BLING_HELPSCOUT_SETTLE=50ms",
		"BLING_HELPSCOUT_LIST_LAG=500ms", "BLING_TRANSCRIPTION_URL=http://127.0.0.1/", // it is not asked: there is an engine
	}
}

// begin plays the scenario from its beginning, against a hotline that was never used.
func (g *ground) begin(parts running) error {
	s := g.story
	dir, err := os.MkdirTemp(s.dir, "files-*")
	if err != nil {
		return err
	}
	player, err := scenario.NewPlayer(s.Script, dir)
	if err != nil {
		return err
	}
	player.Bind(g.world(parts))
	s.parts.Store(&parts)
	s.player.Store(player)
	return nil
}

// world is the playground as scenarios see it.
func (g *ground) world(parts running) scenario.World {
	w := scenario.World{
		Twilio: g.Twilio, HelpScout: g.HelpScout, Clock: g.Clock.Calls, Now: g.Clock.Now, Advance: g.Clock.Advance,
		Idle: parts.Idle, Recorded: parts.Recorded, Lose: g.Lose, Telephony: parts.Telephony,
	}
	if g.story != nil {
		w.Engine = &g.story.engine
	}
	return w
}

// page is what the page is made of.
func (g *ground) page() playground.Config {
	c := playground.Config{Simulator: g.Simulator, StateDir: g.dir, Reset: g.reset, HotlineURL: g.public, Record: g.record, SwitchboardURL: func() string {
		if url := g.switchboard.Load(); url != nil {
			return *url
		}
		return ""
	}}
	if g.story != nil {
		c.Stage = &playground.Stage{Script: g.story.Script, Player: g.story.player.Load}
	}
	return c
}

// record is what happened so far, as a scenario for this hotline.
func (g *ground) record(did []scenario.Did) []byte {
	hotlines, err := os.ReadFile(filepath.Join(g.dir, "hotlines.yaml"))
	if err != nil {
		hotlines = nil // it is a scenario's that has none
	}
	return scenario.Record(g.world(running{}), hotlines, did...)
}
