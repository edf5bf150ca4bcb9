package helpscoutsim

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"
)

var (
	//go:embed inbox.html
	inboxHTML string
	//go:embed inbox.css
	inboxCSS []byte
	//go:embed inbox.js
	inboxJS []byte

	inboxTemplate = template.Must(template.New("inbox").Funcs(lookFuncs).Parse(inboxHTML))
)

// inboxShown is how many conversations the page has; more would be no page to read.
const inboxShown = 100

// inboxPage is what inbox.html shows: the conversations of one mailbox, or of all.
type inboxPage struct {
	visitor
	Mailbox int64 // 0: all
	Tabs    []tab
	Total   int // of the mailbox
	Rows    []row
}

// tab leads to a mailbox.
type tab struct {
	Mailbox
	Count int
}

// row is a conversation in the list.
type row struct {
	ID, Number, MailboxID int64
	Subject, Status       string
	Tags                  []string
	Locked                bool
	From                  string // the customer
	Mailbox               string
	Threads               int    // without line items
	Last                  Thread // that is no line item
	Changed               time.Time
}

// By is who wrote last, unless it was the customer.
func (r row) By() string {
	if r.Last.CreatedBy.Type == "customer" {
		return ""
	}
	return r.Last.CreatedBy.First
}

// handleInbox lists the conversations that changed last. Its script asks for it again and again.
func (s *Sim) handleInbox(w http.ResponseWriter, r *http.Request) {
	page, err := s.doInbox(r)
	if err != nil {
		http.Error(w, err.Error(), controlStatus(err))
		return
	}
	s.show(w, inboxTemplate, page, policy("frame-src 'none'"))
}

// doInbox returns the page of ?mailbox=, or of all mailboxes.
func (s *Sim) doInbox(r *http.Request) (inboxPage, error) {
	v, err := s.visitor(r)
	if err != nil {
		return inboxPage{}, err
	}
	mailbox, err := numberIn(r, "mailbox", 0)
	if err != nil {
		return inboxPage{}, err
	}
	if mailbox != 0 && !s.hasMailbox(mailbox) {
		return inboxPage{}, fmt.Errorf("mailbox %d: %w", mailbox, ErrNotFound)
	}
	rows, counts := s.latest(mailbox, inboxShown)
	page := inboxPage{visitor: v, Mailbox: mailbox, Tabs: []tab{{Mailbox{Name: "All"}, 0}}, Rows: rows}
	for _, m := range s.cfg.Mailboxes {
		page.Tabs = append(page.Tabs, tab{m, counts[m.ID]})
		page.Tabs[0].Count += counts[m.ID]
	}
	for _, t := range page.Tabs {
		if t.ID == mailbox {
			page.Total = t.Count
		}
	}
	return page, nil
}

// policy is what a page may do: use what is our own, and be framed by our own pages. frames says what it may frame itself.
func policy(frames string) string {
	return "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; media-src 'self'; " +
		frames + "; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
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

// asset serves a file that pages use.
func asset(contentType string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType+"; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(content)
	}
}

// latest returns the n conversations of a mailbox that changed last, newest change first, and how many each mailbox has.
// The mailbox 0 stands for all.
func (s *Sim) latest(mailbox int64, n int) (rows []row, counts map[int64]int) {
	counts = map[int64]int{}
	s.read(func(st *state) {
		var all []*record
		for _, id := range st.order {
			rec := st.conversations[id]
			if rec.gone() {
				continue
			}
			counts[rec.MailboxID]++
			if mailbox == 0 || mailbox == rec.MailboxID {
				all = append(all, rec)
			}
		}
		slices.SortFunc(all, func(a, b *record) int {
			return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(b.ID, a.ID))
		})
		for _, rec := range all[:min(n, len(all))] {
			rows = append(rows, st.row(rec))
		}
	})
	for i := range rows {
		rows[i].Mailbox = s.mailbox(rows[i].MailboxID).Name
	}
	return rows, counts
}

func (st *state) row(rec *record) row {
	r := row{
		ID: rec.ID, Number: rec.Number, MailboxID: rec.MailboxID, Subject: rec.Subject, Status: rec.Status, Tags: rec.Tags,
		Locked: rec.LockStatus != 0, From: customerName(value(st.customers[rec.CustomerID])), Changed: rec.UpdatedAt,
	}
	for _, t := range rec.Threads {
		if t.Type != "lineitem" {
			r.Threads++
			r.Last = t
		}
	}
	return r
}
