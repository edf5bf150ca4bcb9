package playground

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bling-hotline/bling/simulator/scenario"
)

// Stage is a scenario that is played on the page, step by step.
type Stage struct {
	Script scenario.Script
	// Player returns the one that plays it. After everything has begun anew it is another.
	Player func() *scenario.Player
}

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
	scenario.Step
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
	v := stageView{Shown: true, Name: p.Stage.Script.Name, About: p.Stage.Script.About, Next: len(p.played)}
	for i, s := range p.Stage.Script.Steps {
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
	if n := len(p.Stage.Script.Steps); len(p.played) > n {
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
		// A step that was begun is not given up when somebody reloads the page.
		failed, more, err := p.playNext(context.WithoutCancel(r.Context()))
		if err != nil || failed || !all || !more {
			return err
		}
	}
}

// stepPatience is how long a step may take.
const stepPatience = 2 * time.Minute

// playNext plays one step, and after the last one the end. It reports whether that failed, and whether there is more.
func (p *Page) playNext(ctx context.Context) (failed, more bool, err error) {
	p.anew.RLock() // a step belongs to one playing of the scenario
	defer p.anew.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, stepPatience)
	defer cancel()
	p.staging.Lock()
	i, n := len(p.played), len(p.Stage.Script.Steps)
	playing := p.giveUp != nil
	if !playing {
		p.giveUp = cancel
	}
	p.staging.Unlock()
	var step *played
	defer func() {
		if !playing {
			p.done(step)
		}
	}()
	player := p.Stage.Player()
	switch {
	case playing:
		return false, false, errors.New("a step is being played")
	case player == nil:
		return false, false, errors.New("the hotline is not there yet")
	case i > n:
		return false, false, errors.New("the scenario is over")
	}
	began := time.Now()
	var failure error
	if i < n {
		failure = player.Step(ctx, i)
	} else {
		failure = player.Finish(ctx)
	}
	step = &played{time.Since(began), failure}
	return failure != nil, i < n, nil
}

// done notes what became of a step.
func (p *Page) done(step *played) {
	p.staging.Lock()
	defer p.staging.Unlock()
	p.giveUp = nil
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
