package playground

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Stage is a scenario that is played on the page, step by step.
type Stage interface {
	// Name and About say what it is.
	Name() string
	About() string
	// Steps are its commands, each with the comment that stands before it.
	Steps() []Step
	// Step plays one of them, Finish looks again at all that was expected. An error says what is not as it should be.
	Step(ctx context.Context, i int) error
	Finish(ctx context.Context) error
}

// Step is a command of a scenario.
type Step struct{ Text, Comment string }

// played is what became of a step.
type played struct {
	took time.Duration
	err  error
}

// stageView is what the page shows of it.
type stageView struct {
	Shown       bool
	Name, About string
	Steps       []stepView
	Next        int
	Over        bool // the end was looked at
	Failed      string
}

type stepView struct {
	Step
	State  string // done, failed, next or ""
	Failed string
	Took   time.Duration
}

func (p *Page) stage() stageView {
	if p.Stage == nil {
		return stageView{}
	}
	p.staging.Lock()
	defer p.staging.Unlock()
	v := stageView{Shown: true, Name: p.Stage.Name(), About: p.Stage.About(), Next: len(p.played)}
	for i, s := range p.Stage.Steps() {
		step := stepView{Step: s}
		switch {
		case i < len(p.played) && p.played[i].err != nil:
			step.State, step.Failed, step.Took = "failed", p.played[i].err.Error(), p.played[i].took
		case i < len(p.played):
			step.State, step.Took = "done", p.played[i].took
		case i == len(p.played):
			step.State = "next"
		}
		v.Steps = append(v.Steps, step)
	}
	if n := len(p.Stage.Steps()); len(p.played) > n {
		v.Over = true
		if err := p.played[n].err; err != nil {
			v.Failed = err.Error()
		}
	}
	return v
}

// playStage plays the next step, or all that are left.
func (p *Page) playStage(r *http.Request) error {
	if p.Stage == nil {
		return errors.New("there is no scenario; start one with: bling play FILE")
	}
	all := r.PathValue("what") == "all"
	for {
		failed, more, err := p.playNext(r.Context())
		if err != nil || failed || !all || !more {
			return err
		}
	}
}

// playNext plays one step, and after the last one the end. It reports whether that failed, and whether there is more.
func (p *Page) playNext(ctx context.Context) (failed, more bool, err error) {
	p.staging.Lock()
	i, n := len(p.played), len(p.Stage.Steps())
	playing := p.playing
	p.playing = true
	p.staging.Unlock()
	switch {
	case playing:
		return false, false, errors.New("a step is being played")
	case i > n:
		p.done(nil)
		return false, false, errors.New("the scenario is over")
	}
	began := time.Now()
	do := func(ctx context.Context) error { return p.Stage.Step(ctx, i) }
	if i == n {
		do = p.Stage.Finish
	}
	failure := do(ctx)
	p.done(&played{time.Since(began), failure})
	return failure != nil, i < n, nil
}

// done notes what became of a step.
func (p *Page) done(step *played) {
	p.staging.Lock()
	defer p.staging.Unlock()
	p.playing = false
	if step != nil {
		p.played = append(p.played, *step)
	}
	if p.stageTold != nil {
		close(p.stageTold)
		p.stageTold = nil
	}
}

// stageChanged returns a channel that is closed when the next step was played.
func (p *Page) stageChanged() <-chan struct{} {
	p.staging.Lock()
	defer p.staging.Unlock()
	if p.stageTold == nil {
		p.stageTold = make(chan struct{})
	}
	return p.stageTold
}
