// Package scenario plays stories against a hotline: supporters text and call, agents answer, vendors fail, and what phones and
// tickets then have is what the story expects. A story is a text file; README.md describes its language, and the folder stories
// has those that come with the hotline. Tests, the playground's page and "bling play" play the same ones.
//
//	scenario.go   a story, and the hotline it is played against
//	player.go     plays it step by step
//	texts.go      what supporters, agents and vendors do
//	calls.go      what people on the phone do
//	expect.go     what is expected, and what is there
//	match.go      how the two are compared
//	record.go     makes a story of what has happened; record_calls.go of calls
//
// To play one:
//
//	s, err := scenario.Parse("reply", data)
//	p, err := scenario.NewPlayer(s, dir)
//	p.Bind(world) // a hotline whose clock tells p.Jump
//	for i := range s.Steps {
//		if err := p.Step(ctx, i); err != nil { ... }
//	}
//	err = p.Finish(ctx)
package scenario

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
	"rsc.io/script"

	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

//go:embed stories/*.txt
var embedded embed.FS

// Stories are the stories that come with the hotline, such as reply.txt.
func Stories() fs.FS {
	stories, err := fs.Sub(embedded, "stories")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return stories
}

// World is the hotline that a story is played against. Its number is [simulator.Hotline].
type World struct {
	Twilio    *twiliosim.Sim
	HelpScout *helpscoutsim.Sim
	// Clock is that of the calls. Nil: nobody can call.
	Clock *twiliosim.VirtualClock
	// Now is the clock of services and vendors, and Advance moves it ahead, or back.
	Now     func() time.Time
	Advance func(time.Duration)
	// Idle waits until no service has work left.
	Idle func(context.Context) error
	// Recorded waits until what is known of calls is in the database. Optional.
	Recorded func()
	// Lose keeps requests for these paths from reaching the hotline. None: all arrive.
	Lose func(paths ...string)
	// Telephony blocks numbers.
	Telephony telephonyv1.TelephonyServiceClient
	// Engine is the hotline's own transcription. Optional.
	Engine *Engine
}

// hotlinesFile is the file of a story that configures the hotline.
const hotlinesFile = "hotlines.yaml"

// Script is a story.
type Script struct {
	Name string
	// About is the comment it begins with, without '#'. It may have several lines.
	About string
	Steps []Step
	// Files are those after "-- name --".
	Files map[string][]byte
}

// Step is one command of a story.
type Step struct {
	Line int    // in the file, from 1
	Text string // the command, as it is written
	// Comment is the comment before it, without '#', unless that is the story's About.
	Comment string
}

// Hotlines is the configuration of the hotline that the story wants; nil: any.
func (s Script) Hotlines() []byte { return s.Files[hotlinesFile] }

// Begins is the time that the story sets its clock to at first, if it does. A hotline that begins later takes what agents write by that
// clock for something from before its time.
func (s Script) Begins() (at time.Time, set bool) {
	for _, step := range s.Steps {
		if when, found := strings.CutPrefix(step.Text, "clock "); found {
			at, err := time.Parse(clockLayout, strings.Trim(when, " '"))
			return at, err == nil
		}
	}
	return at, false
}

// Parse reads a story. The error has all that is wrong, each with its line.
func Parse(name string, data []byte) (Script, error) {
	archive := txtar.Parse(data)
	s := Script{Name: name, Files: map[string][]byte{}}
	check, err := newChecker(name)
	if err != nil {
		return Script{}, err
	}
	var errs []error
	begins := true
	var comment []string
	for i, line := range strings.Split(string(archive.Comment), "\n") {
		line = strings.TrimSpace(line)
		if words, ok := strings.CutPrefix(line, "#"); ok {
			comment = append(comment, strings.TrimSpace(words))
			continue
		}
		if begins {
			s.About, comment, begins = strings.Join(comment, "\n"), nil, false
		}
		if line == "" {
			continue
		}
		step := Step{Line: i + 1, Text: line, Comment: strings.Join(comment, "\n")}
		comment = nil
		s.Steps = append(s.Steps, step)
		if err := check(step); err != nil {
			errs = append(errs, err)
		}
	}
	for _, file := range archive.Files {
		if s.Files[file.Name] != nil {
			errs = append(errs, fmt.Errorf("%s: there are two files %s", name, file.Name))
		}
		s.Files[file.Name] = file.Data
	}
	return s, errors.Join(errs...)
}

// newChecker returns a function that finds what is wrong with a step as it is written: it runs the step, with commands that do nothing.
func newChecker(name string) (check func(Step) error, err error) {
	state, err := script.NewState(context.Background(), ".", []string{})
	if err != nil {
		return nil, err
	}
	engine := newEngine(func(context.Context, command, []string) error { return nil })
	return func(step Step) error {
		err := execute(engine, state, name, step)
		if errors.Is(err, script.ErrUnexpectedSuccess) { // nothing failed, though it is to
			return nil
		}
		return err
	}, nil
}

// newEngine runs commands by do.
func newEngine(do func(context.Context, command, []string) error) *script.Engine {
	engine := &script.Engine{Cmds: map[string]script.Cmd{}}
	for name, c := range commands {
		engine.Cmds[name] = script.Command(script.CmdUsage{Args: c.args}, func(s *script.State, args ...string) (script.WaitFunc, error) {
			if len(args) < c.least {
				return nil, fmt.Errorf("want %s %s", name, c.args)
			}
			return nil, do(s.Context(), c, args)
		})
	}
	return engine
}

// execute runs one step. Errors name its line.
func execute(engine *script.Engine, state *script.State, name string, step Step) error {
	text := strings.Repeat("\n", step.Line-1) + step.Text + "\n" // so that it is at its line
	return engine.Execute(state, name, bufio.NewReader(strings.NewReader(text)), io.Discard)
}
