package playground

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// onPage is a phone on the page.
type onPage struct {
	Number string `json:"number"`
	Name   string `json:"name"`
	Role   string `json:"role"`
	Does   does   `json:"does"`
}

// does is what a phone does when it is rung.
type does string

// What phones do, as it is offered.
const (
	rings       does = "rings"
	voicemail   does = "voicemail"
	declines    does = "declines"
	isBusy      does = "busy"
	unreachable does = "off"
)

// offer is something that a phone can do.
type offer struct {
	Does  does
	Words string
}

// allDoes is in the order in which it is offered.
var allDoes = []offer{
	{rings, "rings"}, {voicemail, "my voicemail answers"}, {declines, "declines"}, {isBusy, "is busy"}, {unreachable, "is switched off"},
}

// handset is the same for the phone network. A moment goes by before anything happens by itself, so that it can be seen.
func (d does) handset() twiliosim.Handset {
	second := twiliosim.Duration(time.Second)
	switch d {
	case voicemail:
		return twiliosim.Handset{Machine: true, After: 3 * second}
	case declines:
		return twiliosim.Handset{Decline: true, After: 2 * second}
	case isBusy:
		return twiliosim.Handset{Busy: true}
	case unreachable:
		return twiliosim.Handset{Unreachable: true}
	}
	return twiliosim.Handset{Manual: true}
}

// firstPhones are those that are on the page at first. Anna and Ben are in the playground's hotlines.yaml.
var firstPhones = []onPage{
	{Number: "+16175550142", Name: "Kim", Role: "supporter", Does: rings},
	{Number: "+16175550101", Name: "Anna", Role: "volunteer", Does: rings},
	{Number: "+16175550102", Name: "Ben", Role: "volunteer", Does: rings},
	{Number: "+16175550177", Name: "Dana", Role: "agent", Does: rings},
}

// phones are those on the page.
type phones struct {
	file string // where they are kept; empty: nowhere

	mu   sync.Mutex
	list []onPage
}

// maxPhones keeps the page usable.
const maxPhones = 24

func (ps *phones) all() []onPage {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return slices.Clone(ps.list)
}

// load reads which phones there are, if that is kept.
func (ps *phones) load() error {
	ps.list = slices.Clone(firstPhones)
	if ps.file == "" {
		return nil
	}
	data, err := os.ReadFile(ps.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(data, &ps.list)
}

// change changes the phones and keeps them.
func (ps *phones) change(do func(list []onPage) ([]onPage, error)) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	list, err := do(slices.Clone(ps.list))
	if err != nil {
		return err
	}
	if ps.file != "" {
		data, err := json.MarshalIndent(list, "", "  ")
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(ps.file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(ps.file, data, 0o600); err != nil {
			return err
		}
	}
	ps.list = list
	return nil
}

// addPhone puts a phone on the page: the number given, or the next one that nobody has.
func (p *Page) addPhone(r *http.Request) error {
	given := strings.TrimSpace(r.PostFormValue("number"))
	return p.phones.change(func(list []onPage) ([]onPage, error) {
		taken := func(number string) bool {
			return number == simulator.Hotline || slices.ContainsFunc(list, func(ph onPage) bool { return ph.Number == number })
		}
		if len(list) >= maxPhones {
			return nil, fmt.Errorf("%d phones are enough; remove one first", maxPhones)
		}
		ph := onPage{Role: "supporter", Does: rings}
		if given == "" {
			for n := 43; given == "" || taken(given); n++ {
				given = fmt.Sprintf("+161755501%02d", n)
			}
		}
		id := phone.Parse(given)
		if id.Kind != phone.Full {
			return nil, fmt.Errorf("%q is not a phone number; try +447911123456, or leave it empty", given)
		}
		ph.Number = string(id.Number)
		if taken(ph.Number) {
			return nil, fmt.Errorf("%s is there already", id.Display())
		}
		ph.Name = cmp.Or(clip(r.PostFormValue("name"), 30), "Supporter "+ph.Number[len(ph.Number)-2:])
		p.Twilio.SetHandset(ph.Number, ph.Does.handset())
		return append(list, ph), nil
	})
}

// clip is the beginning of a text.
func clip(s string, most int) string {
	r := []rune(strings.TrimSpace(s))
	return string(r[:min(len(r), most)])
}

func (p *Page) removePhone(r *http.Request) error {
	number := r.PathValue("number")
	return p.phones.change(func(list []onPage) ([]onPage, error) {
		return slices.DeleteFunc(list, func(ph onPage) bool { return ph.Number == number }), nil
	})
}

// setDoes says what a phone does when it is rung.
func (p *Page) setDoes(r *http.Request) error {
	number, d := r.PathValue("number"), does(r.PostFormValue("does"))
	if !slices.ContainsFunc(allDoes, func(o offer) bool { return o.Does == d }) {
		return fmt.Errorf("a phone cannot do %q", d)
	}
	return p.phones.change(func(list []onPage) ([]onPage, error) {
		i := slices.IndexFunc(list, func(ph onPage) bool { return ph.Number == number })
		if i < 0 {
			return nil, fmt.Errorf("there is no phone %s", number)
		}
		list[i].Does = d
		p.Twilio.SetHandset(number, d.handset())
		return list, nil
	})
}

// text sends a text from a phone to the hotline.
func (p *Page) text(r *http.Request) error {
	t := twiliosim.Text{From: r.PathValue("number"), To: simulator.Hotline, Body: strings.ReplaceAll(r.PostFormValue("body"), "\r\n", "\n")}
	if r.MultipartForm != nil {
		for _, f := range r.MultipartForm.File["file"] {
			if f.Size == 0 && f.Filename == "" {
				continue
			}
			m, err := media(f)
			if err != nil {
				return err
			}
			t.Media = append(t.Media, m)
		}
	}
	if strings.TrimSpace(t.Body) == "" && len(t.Media) == 0 {
		return errors.New("there is nothing to send")
	}
	// A text is on its way whatever the hotline does, as with a real phone; what became of the webhook is in the story.
	_, err := p.Twilio.Send(t)
	return err
}

// mostMedia is what carriers take, about; see https://www.twilio.com/docs/messaging/guides/accepted-mime-types.
const mostMedia = 5 << 20

func media(f *multipart.FileHeader) (twiliosim.Media, error) {
	if f.Size > mostMedia {
		return twiliosim.Media{}, fmt.Errorf("%s is too large for a text: %d MB are the most", f.Filename, mostMedia>>20)
	}
	file, err := f.Open()
	if err != nil {
		return twiliosim.Media{}, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	return twiliosim.Media{ContentType: cmp.Or(f.Header.Get("Content-Type"), "application/octet-stream"), Data: data}, err
}

// phoneView is what the page shows of a phone.
type phoneView struct {
	onPage
	Hotline string
	All     []offer // what it may do
	Bubbles []bubble
	Call    callView
}

// bubble is a text on a phone.
type bubble struct {
	twiliosim.Message
	Mine bool
}

// bubblesShown is how many texts a phone shows.
const bubblesShown = 60

func (p *Page) phoneViews() (views []phoneView) {
	for _, ph := range p.phones.all() {
		views = append(views, p.phoneView(ph))
	}
	return views
}

func (p *Page) phoneView(ph onPage) phoneView {
	v := phoneView{onPage: ph, Hotline: simulator.Hotline, All: allDoes, Call: p.callView(ph.Number)}
	for _, m := range p.Twilio.Received(ph.Number) {
		v.Bubbles = append(v.Bubbles, bubble{Message: m})
	}
	for _, m := range p.Twilio.MessagesOf(ph.Number) {
		if m.From == ph.Number {
			v.Bubbles = append(v.Bubbles, bubble{Message: m, Mine: true})
		}
	}
	slices.SortStableFunc(v.Bubbles, func(a, b bubble) int { return a.at().Compare(b.at()) })
	v.Bubbles = v.Bubbles[max(0, len(v.Bubbles)-bubblesShown):]
	return v
}

// at is when a text was sent or has arrived.
func (b bubble) at() time.Time {
	if b.DateSent.IsZero() {
		return b.DateCreated
	}
	return b.DateSent
}

// handlePhones renders what changes of the phones.
func (p *Page) handlePhones(w http.ResponseWriter, _ *http.Request) {
	p.show(w, "live", p.phoneViews())
}

// Pad is the keys of a phone.
func (phoneView) Pad() []string { return strings.Split("123456789*0#", "") }

// Image reports whether a file of a text can be shown.
func (bubble) Image(m twiliosim.Media) bool {
	return slices.Contains([]string{"image/jpeg", "image/png", "image/gif", "image/webp"}, m.ContentType)
}
