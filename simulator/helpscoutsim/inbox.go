package helpscoutsim

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
)

var (
	//go:embed inbox.html
	inboxHTML string
	//go:embed inbox.css
	inboxCSS []byte

	inboxTemplate = template.Must(template.New("inbox").Funcs(template.FuncMap{"plain": plainText}).Parse(inboxHTML))
)

// inboxShown is how many conversations the page has; more would be no page to read.
const inboxShown = 100

// inboxPage is what inbox.html shows.
type inboxPage struct {
	Mailboxes     map[int64]string
	Total         int
	Conversations []Conversation // newest change first
}

// handleInbox shows the newest conversations with their threads. Bodies are shown as text, never as HTML: they come
// from outside.
func (s *Sim) handleInbox(w http.ResponseWriter, _ *http.Request) {
	page := inboxPage{Mailboxes: map[int64]string{}}
	for _, m := range s.cfg.Mailboxes {
		page.Mailboxes[m.ID] = m.Name
	}
	page.Conversations, page.Total = s.latest(inboxShown)
	s.show(w, inboxTemplate, page,
		"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}

// show renders a page of a browser's, which may do what the policy says.
func (s *Sim) show(w http.ResponseWriter, page *template.Template, data any, policy string) {
	var b bytes.Buffer
	if err := page.Execute(&b, data); err != nil {
		s.cfg.Logger.Error("rendering a page failed", "page", page.Name(), "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.Write(b.Bytes())
}

func handleStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write(inboxCSS)
}

// latest returns copies of the n conversations that changed last, and how many there are.
func (s *Sim) latest(n int) (list []Conversation, total int) {
	s.read(func(st *state) {
		var all []*record
		for _, id := range st.order {
			if rec := st.conversations[id]; !rec.gone() {
				all = append(all, rec)
			}
		}
		slices.SortFunc(all, func(a, b *record) int {
			return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(b.ID, a.ID))
		})
		total = len(all)
		for _, rec := range all[:min(n, total)] {
			list = append(list, st.copyOf(rec))
		}
	})
	return list, total
}
