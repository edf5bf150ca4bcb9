package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
	"rsc.io/script"
)

// command is a word that stories know.
type command struct {
	do    func(*Player, context.Context, []string) error
	least int    // how many arguments it needs
	args  string // what they are
}

var commands = map[string]command{
	"text":      {(*Player).text, 2, "NUMBER 'words' [file=photo.jpg] [to=NUMBER]"},
	"reply":     {(*Player).reply, 2, "NUMBER 'HTML' [file=...] [type=...] [status=...]"},
	"note":      {(*Player).note, 2, "NUMBER 'HTML'"},
	"agent":     {(*Player).agent, 2, "WHAT NUMBER [...]"},
	"expect":    {(*Player).expect, 2, "WHAT NUMBER ['...']..."},
	"carrier":   {(*Player).carrier, 1, "NUMBER [SWITCH=VALUE]..."},
	"fault":     {(*Player).fault, 1, "twilio|helpscout [SWITCH=VALUE]..."},
	"twilio":    {(*Player).twilio, 0, "[SWITCH=VALUE]..."},
	"advance":   {(*Player).advance, 1, "DURATION"},
	"clock":     {(*Player).setClock, 1, "'2040-11-20 20:00 -0500'"},
	"block":     {(*Player).block, 2, "NUMBER 'reason' [for=24h]"},
	"unblock":   {(*Player).unblock, 1, "NUMBER"},
	"redeliver": {(*Player).redeliver, 1, "TIMES"},
	"volunteer": {(*Player).volunteer, 2, "NUMBER WHAT [ACT]..."},
	"call":      {(*Player).call, 1, "NUMBER [to=NUMBER] [ACT]..."},
	"dial":      {(*Player).dial, 1, "NUMBER [to=NUMBER] [later=20s] [ACT]..."},
	"talk":      {(*Player).talk, 0, ""},
	"greeted":   {(*Player).greeted, 2, "NUMBER DURATION"},
	"engine":    {(*Player).setEngine, 0, "[says=...] [fails=N]"},
	"lose":      {(*Player).lose, 1, "PATH..."},
	"found":     {(*Player).found, 0, ""},
}

// Player plays a story, one step after the other. But for Jump its methods must not be called at the same time.
type Player struct {
	// Patience is how long what is expected may take. Default: 20 s.
	Patience time.Duration

	script Script
	dir    string
	engine *script.Engine
	w      World
	last   map[string]func(context.Context) error // by subject: what was last expected of texts, notes and ringing
	calls  onPhone
}

// NewPlayer puts the story's files into a folder, from where its hotline can be configured: [Script.Hotlines] is in hotlines.yaml. Files
// outside of it are an error.
func NewPlayer(s Script, dir string) (*Player, error) {
	p := &Player{Patience: 20 * time.Second, script: s, dir: dir, last: map[string]func(context.Context) error{}}
	p.engine = newEngine(func(ctx context.Context, c command, args []string) error { return c.do(p, ctx, args) })
	state, err := p.state(context.Background())
	if err != nil {
		return nil, err
	}
	var files txtar.Archive
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		files.Files = append(files.Files, txtar.File{Name: name, Data: s.Files[name]})
	}
	if err := state.ExtractFiles(&files); err != nil {
		return nil, fmt.Errorf("writing the files of %s: %w", s.Name, err)
	}
	return p, nil
}

func (p *Player) state(ctx context.Context) (*script.State, error) {
	return script.NewState(ctx, p.dir, []string{})
}

// Bind says which hotline the story is played against. It must be called before the first step.
func (p *Player) Bind(w World) { p.w = w }

// Step plays the step with this index. The error has its line, what was expected and what is there.
func (p *Player) Step(ctx context.Context, i int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Nothing of one step is needed by the next, but ctx is another.
	state, err := p.state(ctx)
	if err != nil {
		return err
	}
	return execute(p.engine, state, p.script.Name, p.script.Steps[i])
}

// GiveUp ends the calls of a story that is not played to its end.
func (p *Player) GiveUp() {
	if p.calls.begun {
		p.calls.begun = false
		p.calls.hangUp()
		p.w.Clock.Release()
		p.calls.dialed.Wait()
	}
}

// Finish ends calls that nobody talked on, waits until there is no work left, and looks again at all that was expected: nothing may
// follow that was not.
func (p *Player) Finish(ctx context.Context) error {
	if p.calls.begun {
		p.calls.hangUp()
		return errors.Join(fmt.Errorf("%s: somebody dials, and there is no talk", p.script.Name), p.talk(ctx, nil))
	}
	if err := p.w.Idle(ctx); err != nil {
		return fmt.Errorf("%s: waiting for the hotline to finish its work: %w", p.script.Name, err)
	}
	now, cancel := context.WithCancel(ctx)
	cancel()
	var errs []error
	for _, subject := range slices.Sorted(maps.Keys(p.last)) {
		if err := p.last[subject](now); err != nil {
			errs = append(errs, fmt.Errorf("%s: in the end, %s: %w", p.script.Name, subject, err))
		}
	}
	return errors.Join(errs...)
}

type attached struct {
	name, mimeType string
	data           []byte
}

// split takes arguments apart: n of them as they are, or with @name the words of a file; then file=name, which is a file of the
// story, and other key=value.
func (p *Player) split(args []string, n int) (plain []string, files []attached, options map[string]string, err error) {
	plain = slices.Clone(args[:n])
	for i, arg := range plain {
		if name, ok := strings.CutPrefix(arg, "@"); ok {
			data, err := p.file(name)
			if err != nil {
				return nil, nil, nil, err
			}
			// A file always ends with a line break; words need not.
			plain[i] = strings.TrimSuffix(string(data), "\n")
		}
	}
	options = map[string]string{}
	for _, arg := range args[n:] {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, nil, nil, fmt.Errorf("%q is not key=value", arg)
		}
		if key != "file" {
			options[key] = value
			continue
		}
		data, err := p.file(value)
		if err != nil {
			return nil, nil, nil, err
		}
		files = append(files, attached{path.Base(value), mime.TypeByExtension(path.Ext(value)), data})
	}
	return plain, files, options, nil
}

func (p *Player) file(name string) ([]byte, error) {
	data, ok := p.script.Files[name]
	if !ok {
		return nil, fmt.Errorf("the story has no file %s", name)
	}
	return data, nil
}

// set sets the fields of to by their JSON names.
func set(to any, options map[string]string) error {
	fields := map[string]any{}
	for key, value := range options {
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		fields[key] = v
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	return d.Decode(to)
}
