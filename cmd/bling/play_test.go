package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/playground"
)

// To begin anew deletes the playground's databases, and nothing else that may be in its folder.
func TestForget(t *testing.T) {
	s, err := simulator.Start(simulator.Config{TwilioAddr: "127.0.0.1:0", HelpScoutAddr: "127.0.0.1:0", PageAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Twilio.Close()
	defer s.HelpScout.Close()
	page, err := playground.New(playground.Config{Simulator: s})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"telephony.db", "telephony.db-wal", "ticketing.db", "family.db", "notes.dbx.md", "hotlines.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g := &ground{Simulator: s, dir: dir}
	if err := g.forget(t.Context(), page); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 3 {
		t.Errorf("left are %q", left)
	}
}

// What people write does nothing to a terminal.
func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"hello 👋🏽 שלום": "hello 👋🏽 שלום", "\x1b]0;x\a\x1b[31m": "·]0;x··[31m", "a\u202eb": "a·b", "a\nb": "a\nb", "👩\u200d⚕️": "👩\u200d⚕️", "\u009b1m": "·1m",
	} {
		if got := visible(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
