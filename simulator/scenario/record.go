package scenario

import (
	"bytes"
	"cmp"
	"fmt"
	"mime"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// Did is something that was done to the vendors, such as a fault, as commands of a story.
type Did struct {
	At       time.Time
	Commands []string
}

// Record makes a story of what people have done so far, as the vendors know it, with what phones and tickets have now as what is
// expected. hotlines, if it is not nil, becomes its hotlines.yaml. did is what the vendors do not keep: faults, carriers, blocks.
//
// Not in it are what the hotline's own transcription heard, what else agents do to tickets, such as merging them, and calls that have
// not ended. Nor are files that are no text; a comment stands in their place. Of words with a line that begins a file, as "-- name --"
// does, the line breaks are lost. When things happened at the same moment, their order in the ticket may be another when it is played.
func Record(w World, hotlines []byte, did ...Did) []byte {
	r := &recorder{w: w, numbers: map[string]string{}}
	if hotlines != nil {
		r.files = append(r.files, txtar.File{Name: hotlinesFile, Data: hotlines})
	}
	r.texts()
	r.calls()
	r.agents()
	for _, d := range did {
		r.events = append(r.events, event{began: d.At, ended: d.At, lines: d.Commands})
	}
	return r.story()
}

// recorder gathers what happened.
type recorder struct {
	w       World
	events  []event
	files   []txtar.File
	people  []string          // the numbers of those who texted or called
	numbers map[string]string // theirs, by contact address
}

// event is something that people did.
type event struct {
	began, ended time.Time
	lines        []string // of the story
	// thread is what an agent wrote, and after what stands right before it in the ticket; 0: nothing.
	thread, after int64
}

func (r *recorder) met(number string) {
	if !slices.Contains(r.people, number) {
		r.people = append(r.people, number)
		r.numbers[email(number)] = number
	}
}

func (r *recorder) texts() {
	for _, m := range r.w.Twilio.Messages() {
		if m.Direction != twiliosim.Inbound {
			continue
		}
		r.met(m.From)
		var files []attached
		for i, media := range m.Media {
			files = append(files, attached{fmt.Sprintf("picture%d%s", i+1, extension(media.ContentType)), media.ContentType, media.Data})
		}
		lines, options := r.attach(files)
		if m.To != simulator.Hotline {
			options += " to=" + bare(m.To)
		}
		if m.Body == "" && options == "" {
			lines = append(lines, "# It was all of a text from "+m.From+".")
		} else {
			lines = append(lines, "text "+bare(m.From)+" "+r.words(m.Body)+options)
		}
		r.events = append(r.events, event{began: m.DateCreated, ended: m.DateCreated, lines: lines})
	}
}

// agents are what they did in the tickets of those who are known by now.
func (r *recorder) agents() {
	all := r.w.HelpScout.Conversations()
	owner := ownerOf(all)
	for _, c := range all {
		if c.Customer == nil || r.numbers[c.Customer.Email()] == "" {
			continue
		}
		number := bare(r.numbers[c.Customer.Email()])
		var before helpscoutsim.Thread
		for _, th := range c.Threads {
			if th.CreatedBy.Type == "user" && th.CreatedBy.ID != owner {
				if lines := r.agent(number, th, before.Status); lines != nil {
					r.events = append(r.events, event{began: th.CreatedAt, ended: th.CreatedAt, lines: lines, thread: th.ID, after: before.ID})
				}
			}
			before = th
		}
	}
}

// ownerOf is the user by whom the app writes; 0 if it has not written.
func ownerOf(all []helpscoutsim.Conversation) int64 {
	for _, c := range all {
		for _, th := range c.Threads {
			if th.SourceType == "api" && th.CreatedBy.Type == "user" {
				return th.CreatedBy.ID
			}
		}
	}
	return 0
}

// agent is a thread that an agent wrote, or caused; nil: none that a story can have. before is the ticket's status before it.
func (r *recorder) agent(number string, th helpscoutsim.Thread, before string) []string {
	switch {
	case th.Type == "lineitem" && th.Action == "changed-status-to-closed":
		return []string{"agent close " + number}
	case th.Type == "lineitem" && th.Action == "changed-status-to-spam":
		return []string{"agent spam " + number}
	case th.State != "published" || th.Via != "user" || th.SourceType == "workflows":
		return nil
	case th.Type == "note":
		return []string{"note " + number + " " + r.words(th.Body)}
	case th.Type != "message" && th.Type != "reply":
		return nil
	}
	var files []attached
	for _, a := range th.Attachments {
		files = append(files, attached{path.Base(a.FileName), a.MimeType, a.Data})
	}
	lines, options := r.attach(files)
	if th.Type != "message" {
		options += " type=" + th.Type
	}
	if th.SourceType != "web" {
		options += " source_type=" + bare(th.SourceType)
	}
	if th.Status != before {
		options += " status=" + th.Status
	}
	if th.Body == "" && len(lines) == len(files) { // nothing is left of it
		return lines
	}
	return append(lines, "reply "+number+" "+r.words(th.Body)+options)
}

// story writes it all down in the order of time.
func (r *recorder) story() []byte {
	slices.SortStableFunc(r.events, func(a, b event) int { return a.began.Compare(b.began) })
	var b strings.Builder
	b.WriteString("# What happened, as it was recorded.\n")
	if len(r.events) > 0 {
		fmt.Fprintf(&b, "clock %s\n", quote(r.events[0].began.Format(clockLayout)))
	}
	broken := map[string]bool{}  // what keeps the hotline from finishing its work, which time waits for
	noted := map[string]string{} // by number, the notes that are expected so far
	expectNotes := func(before time.Time) {
		for _, number := range r.people {
			if notes := patterns(r.notes(number, before)); notes != noted[number] {
				fmt.Fprintf(&b, "expect notes %s%s\n", bare(number), notes)
				noted[number] = notes
			}
		}
	}
	for i, e := range r.events {
		if i > 0 && len(broken) == 0 {
			expectNotes(e.began)
			b.WriteString(between(r.events[:i], e))
		}
		for _, line := range e.lines {
			b.WriteString(line + "\n")
			breaks(broken, line)
		}
	}
	b.WriteString("\n# What came of it.\n")
	for _, number := range r.people {
		fmt.Fprintf(&b, "expect phone %s%s\n", bare(number), patterns(r.w.phone(number)))
		if _, found := r.w.conversation(number); found {
			fmt.Fprintf(&b, "expect ticket %s%s\n", bare(number), patterns(r.w.ticket(number)))
		} else {
			fmt.Fprintf(&b, "expect tickets %s 0\n", bare(number))
		}
	}
	expectNotes(r.w.Now())
	b.WriteString("\n")
	return txtar.Format(&txtar.Archive{Comment: []byte(b.String()), Files: r.files})
}

// breaks notes whether a command breaks something, or mends it.
func breaks(broken map[string]bool, line string) {
	words := strings.Fields(line)
	switch words[0] {
	case "fault":
		delete(broken, words[1])
		if slices.Contains(words, "error_rate=1") {
			broken[words[1]] = true
		}
	case "lose":
		broken["webhooks"] = true
	case "found":
		delete(broken, "webhooks")
	}
}

// notes are those about a number that were there before a time. The next thing happened after they had come, which may take longer
// than the hotline's own work.
func (r *recorder) notes(number string, before time.Time) (lines []string) {
	for _, c := range r.w.HelpScout.ConversationsOf(email(number)) {
		for _, th := range c.Threads {
			if th.Type == "note" && th.CreatedAt.Before(before) {
				lines = append(lines, oneLine(th.Body))
			}
		}
	}
	return lines
}

// between lets the time go by that went by before e, and lets the hotline do what it then has to do. Not between what
// agents wrote that stands together in a ticket: the hotline's note about the first was not there yet.
func between(before []event, e event) string {
	if e.after != 0 && e.after == before[len(before)-1].thread {
		return ""
	}
	last := slices.MaxFunc(before, func(a, b event) int { return a.ended.Compare(b.ended) })
	return "advance " + max(e.began.Sub(last.ended).Round(time.Second), time.Second).String() + "\n"
}

// What is another each time: addresses, pictures, which may have been left out, how long something took, and the time of day.
var varies = regexp.MustCompile(`https?://[^\s"'<>]+| \[[a-z]+/\S+ \d+\]|\d+ (second|minute|hour)s?\b|\d{1,2}:\d{2}( ?[AaPp][Mm])?`)

// patterns are what fits these lines, and those that differ from them in nothing but what is another each time.
func patterns(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(" " + quote(varies.ReplaceAllString(line, "*")))
	}
	return b.String()
}

// words are user text as an argument: what is read back is exactly that. Text that does not fit in a line gets a file.
func (r *recorder) words(text string) string {
	if !strings.ContainsAny(text, "\r\n") && !strings.HasPrefix(text, "@") {
		return quote(text)
	}
	if name := r.free("words.txt"); r.keep(name, []byte(text+"\n")) {
		return "@" + name
	}
	// A line of it begins another file, and no quoting helps.
	return quote(strings.Join(strings.Fields(text), " "))
}

// attach makes options of files; of those that a story cannot hold, comments.
func (r *recorder) attach(files []attached) (comments []string, options string) {
	for _, f := range files {
		name := r.free(f.name)
		if mime.TypeByExtension(path.Ext(name)) == f.mimeType && utf8.Valid(f.data) && r.keep(name, f.data) {
			options += " " + bare("file="+name)
			continue
		}
		comments = append(comments, fmt.Sprintf("# A file is left out: %s, %d bytes.", cmp.Or(f.mimeType, "of no type"), len(f.data)))
	}
	return comments, options
}

// free is a path for a file that no other has yet. Its last part is the name.
func (r *recorder) free(name string) string {
	taken := func(p string) bool {
		return slices.ContainsFunc(r.files, func(f txtar.File) bool { return f.Name == p })
	}
	for i, p := 2, name; ; i++ {
		if !taken(p) {
			return p
		}
		p = strconv.Itoa(i) + "/" + name
	}
}

// keep adds a file, if it can be read back exactly.
func (r *recorder) keep(name string, data []byte) bool {
	read := txtar.Parse(txtar.Format(&txtar.Archive{Files: []txtar.File{{Name: name, Data: data}}}))
	if len(read.Files) != 1 || read.Files[0].Name != name || !bytes.Equal(read.Files[0].Data, data) {
		return false
	}
	r.files = append(r.files, txtar.File{Name: name, Data: data})
	return true
}

// extension is one by which a type is found again, or "".
func extension(mimeType string) string {
	all, _ := mime.ExtensionsByType(mimeType)
	for _, ext := range all {
		if mime.TypeByExtension(ext) == mimeType {
			return ext
		}
	}
	return ""
}

// quote makes one argument of any line.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

var harmless = regexp.MustCompile(`^[\w+./:=|,-]+$`)

// bare quotes only what needs it.
func bare(s string) string {
	if harmless.MatchString(s) {
		return s
	}
	return quote(s)
}
