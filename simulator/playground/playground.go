// Package playground is a page on which anybody can try a hotline without an account: phones to text and call from and to be rung on, the
// simulated help desk, what happens between them as it happens, and switches for all that can go wrong.
//
// The page is rendered here. Its script (page.js) only sends forms and fetches again what has changed, when it is told to by server-sent
// events. What it needs to be told is in these files:
//
//	phones.go   the phones on the page, and what is done with them
//	call.go     what a phone shows of a call
//	story.go    what happened
//	trouble.go  what goes wrong
//	flood.go    very many people text at once
//	stage.go    a scenario that is played step by step
//	events.go   tells the page what has changed
//
// The help desk in the middle is helpscoutsim's own page, below /sim/.
package playground

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/scenario"
)

//go:embed *.html
var templates embed.FS

//go:embed page.css page.js microphone.js
var assets embed.FS

// Config is what a page needs to know.
type Config struct {
	// Simulator is the vendors.
	Simulator *simulator.Simulator
	// StateDir keeps which phones are on the page between runs. Optional.
	StateDir string
	// Reset makes everything as if it had never been used. Default: only the vendors.
	Reset func(context.Context) error
	// Stage is the scenario that is to be played. Optional.
	Stage *Stage
	// Record is what happened so far, as a scenario. Optional. did is what was done to the vendors here.
	Record func(did []scenario.Did) []byte
	// HotlineURL is where the hotline's own address is, which is linked to. Optional.
	HotlineURL string
	// SwitchboardURL says where the operators' page is, which is linked to; empty: nowhere. Optional.
	SwitchboardURL func() string
	Log            *slog.Logger
}

// Page is the page. Make it with New.
type Page struct {
	Config
	*simulator.Simulator
	templates *template.Template
	phones    phones
	flood     flood
	usual     trouble      // of every day, as it was at first
	acts      notes        // of what is done to the vendors, such as trouble
	anew      sync.RWMutex // held while everything begins anew; for reading while a form is done

	staging   sync.Mutex    // guards what follows
	played    []played      // steps of the stage, and its end
	giveUp    func()        // ends the step that is being played; nil: none is
	stageTold chan struct{} // closed when a step was played; nil: nobody waits
}

// New returns the page.
func New(c Config) (*Page, error) {
	p := &Page{Config: c, Simulator: c.Simulator}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if c.StateDir != "" {
		p.phones.file = filepath.Join(c.StateDir, "phones.json")
	}
	if err := p.phones.load(); err != nil {
		return nil, fmt.Errorf("reading which phones there are: %w", err)
	}
	p.usual = p.trouble()
	for _, ph := range p.phones.all() {
		p.Twilio.SetHandset(ph.Number, ph.Does.handset())
	}
	var err error
	p.templates, err = template.New("").Funcs(template.FuncMap{
		"display": func(number string) string { return phone.Parse(number).Display() },
		"clock":   func(t time.Time) string { return t.Local().Format("15:04:05") },
		"millis":  func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) },
		"seconds": func(d time.Duration) string { return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60) },
		"id":      func(number string) string { return strings.TrimPrefix(number, "+") },
		"escape":  url.PathEscape,
	}).ParseFS(templates, "*.html")
	return p, err
}

// Handler serves the page.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	// browser: the whole page
	mux.HandleFunc("GET /{$}", p.handlePage)
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(assets)))
	// its script: what has changed
	mux.HandleFunc("GET /events", p.handleEvents)
	// its script: the parts that change
	mux.HandleFunc("GET /phones", p.handlePhones)
	mux.HandleFunc("GET /trouble", p.part("trouble.html", func(*http.Request) (any, error) { return p.trouble(), nil }))
	mux.HandleFunc("GET /flood", p.part("flood.html", func(*http.Request) (any, error) { return p.flood.view(), nil }))
	mux.HandleFunc("GET /stage", p.part("stage.html", func(*http.Request) (any, error) { return p.stage(), nil }))
	// its script, terminal: what happened
	mux.HandleFunc("GET /story", p.handleStory)
	mux.HandleFunc("GET /story/{id}", p.handleLine)
	// browser: forms about phones
	mux.HandleFunc("POST /phones", p.form(p.use(p.addPhone)))
	mux.HandleFunc("POST /phones/{number}/remove", p.form(p.use(p.removePhone)))
	mux.HandleFunc("POST /phones/{number}/does", p.form(p.use(p.setDoes)))
	mux.HandleFunc("POST /phones/{number}/text", p.form(p.use(p.text)))
	mux.HandleFunc("POST /phones/{number}/call", p.form(p.use(p.call)))
	mux.HandleFunc("POST /calls/{sid}/{act}", p.form(p.use(p.act)))
	// browser: pictures and sounds on phones
	mux.HandleFunc("GET /media/{sid}", p.handleMedia)
	// browser: the other forms
	mux.HandleFunc("POST /trouble", p.form(p.use(p.setTrouble)))
	mux.HandleFunc("POST /trouble/none", p.form(p.use(p.noTrouble)))
	mux.HandleFunc("POST /clock", p.form(p.use(p.setClock)))
	mux.HandleFunc("POST /flood", p.form(p.use(p.startFlood)))
	mux.HandleFunc("POST /stage/{what}", p.form(p.playStage))
	mux.HandleFunc("POST /reset", p.form(p.reset))
	// browser: what happened, as a scenario
	mux.HandleFunc("GET /scenario.txt", p.handleRecord)
	// browser: the help desk, and a link into it as from Help Scout's own mails
	mux.Handle("/sim/", p.HelpScout.Control())
	mux.HandleFunc("GET /conversation/{id}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/?conversation="+url.QueryEscape(r.PathValue("id")), http.StatusSeeOther)
	})
	return http.NewCrossOriginProtection().Handler(secure(mux))
}

// policy lets the page use what is its own.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self'; " +
	"frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy) // the help desk sets its own
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// view is the whole page.
type view struct {
	Hotline    string
	HotlineURL string
	// SwitchboardURL is where the operators' page is; empty: nowhere.
	SwitchboardURL string
	Desk           string // the address of the help desk's page
	Phones         []phoneView
	Trouble        trouble
	Flood          floodView
	Stage          stageView
	Recordable     bool
}

func (p *Page) handlePage(w http.ResponseWriter, r *http.Request) {
	desk := "/sim/inbox"
	if id := r.URL.Query().Get("conversation"); id != "" {
		desk += "/" + url.PathEscape(id)
	}
	v := view{
		Hotline: simulator.Hotline, HotlineURL: p.HotlineURL, Desk: desk, Phones: p.phoneViews(), Trouble: p.trouble(), Flood: p.flood.view(),
		Stage: p.stage(), Recordable: p.Record != nil,
	}
	if p.Config.SwitchboardURL != nil {
		v.SwitchboardURL = p.Config.SwitchboardURL()
	}
	p.show(w, "page.html", v)
}

// show renders a template.
func (p *Page) show(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		p.Log.Error("rendering a page failed", "page", name, "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes())
}

// part renders a part of the page.
func (p *Page) part(name string, data func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d, err := data(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.show(w, name, d)
	}
}

// maxForm has room for ten files of 5 MB.
const maxForm = 52 << 20

// form makes a handler of what a form asks for. Its errors are those of whoever filled it in. The page's script wants no answer; without
// it the whole page comes again.
func (p *Page) form(do func(*http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseMultipartForm(8 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
			http.Error(w, "the form cannot be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		if r.MultipartForm != nil {
			defer r.MultipartForm.RemoveAll() //nolint:errcheck // temporary files are the system's concern
		}
		if err := do(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if r.Header.Get("X-Requested-With") != "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// use lets a form wait while everything begins anew: a text would reach no hotline.
func (p *Page) use(do func(*http.Request) error) func(*http.Request) error {
	return func(r *http.Request) error {
		p.anew.RLock()
		defer p.anew.RUnlock()
		return do(r)
	}
}

func (p *Page) reset(r *http.Request) error {
	p.staging.Lock()
	if p.giveUp != nil {
		p.giveUp()
	}
	p.staging.Unlock()
	p.anew.Lock()
	defer p.anew.Unlock()
	p.flood.forget()
	p.staging.Lock()
	p.played = nil
	p.staging.Unlock()
	do := p.Reset
	if do == nil {
		do = p.ResetVendors
	}
	if err := do(context.WithoutCancel(r.Context())); err != nil { // half of it would be worse
		return err
	}
	p.acts.clear()
	for _, ph := range p.phones.all() {
		p.Twilio.SetHandset(ph.Number, ph.Does.handset())
	}
	return nil
}

func (p *Page) handleRecord(w http.ResponseWriter, _ *http.Request) {
	if p.Record == nil {
		http.Error(w, "nothing is recorded here", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="scenario.txt"`)
	w.Write(p.Record(p.acts.list()))
}

func (p *Page) handleMedia(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'") // files come from strangers
	p.Twilio.ServeMedia(w, r, r.PathValue("sid"))
}

// name is what somebody is called on the page.
func (p *Page) name(number string) string {
	if number == simulator.Hotline {
		return "the hotline"
	}
	for _, ph := range p.phones.all() {
		if ph.Number == number {
			return ph.Name
		}
	}
	return cmp.Or(phone.Parse(number).Display(), number)
}
