package playground

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/simulator/story"
)

// linesShown is how many lines the page begins with.
const linesShown = 200

// lineView is a line as the page shows it.
type lineView struct {
	story.Line
	Names []string // of the people it is about
}

func (p *Page) lineViews(lines []story.Line) []lineView {
	views := make([]lineView, len(lines))
	for i, l := range lines {
		views[i].Line = l
		for _, number := range l.People {
			views[i].Names = append(views[i].Names, p.name(number))
		}
	}
	return views
}

// Stamp orders the lines on the page.
func (l lineView) Stamp() int64 { return l.At.UnixMicro() }

// handleStory returns the lines after ?after=, about ?person= if there is one: rendered, or as JSON. With ?wait_ms= it waits for some.
func (p *Page) handleStory(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after, _ := strconv.ParseInt(query.Get("after"), 10, 64)
	if after > p.Story.Last() { // of an earlier run
		after = 0
	}
	if ms, _ := strconv.Atoi(query.Get("wait_ms")); ms > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), min(time.Duration(ms)*time.Millisecond, time.Minute))
		defer cancel()
		p.Story.Wait(ctx, after) //nolint:errcheck // then there is nothing new
	}
	// The page shows the newest; a program gets all, one after the other.
	program := strings.Contains(r.Header.Get("Accept"), "application/json")
	lines, last := p.Story.Lines(story.Query{After: after, Person: query.Get("person"), Limit: linesShown, Oldest: program})
	w.Header().Set("Story-Last", strconv.FormatInt(last, 10))
	if program {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"last": last, "lines": lines}) //nolint:errcheck // whoever asked is gone
		return
	}
	p.show(w, "lines", p.lineViews(lines))
}

// detailView is a line with all that is known of it.
type detailView struct {
	Line  lineView
	Trace []lineView // all lines of the same trace
}

func (p *Page) handleLine(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	l, found := p.Story.Line(id)
	if !found {
		http.Error(w, "this line is not kept any more", http.StatusNotFound)
		return
	}
	v := detailView{Line: p.lineViews([]story.Line{l})[0]}
	if l.Trace != "" {
		trace, _ := p.Story.Lines(story.Query{Trace: l.Trace})
		v.Trace = p.lineViews(trace)
	}
	p.show(w, "detail", v)
}
