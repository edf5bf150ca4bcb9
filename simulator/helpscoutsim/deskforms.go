package helpscoutsim

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxFiles is how many bytes the files of one reply may have together.
const maxFiles = 10 << 20

var errTooLarge = fmt.Errorf("the files are too large: together they may have %d MB. Go back and choose fewer", maxFiles>>20)

// doDeskReply sends what an agent wrote, with files.
func (s *Sim) doDeskReply(id, user int64, r *http.Request) (wrote bool, err error) {
	html, files, err := writtenIn(r)
	if err != nil || html == "" && len(files) == 0 {
		return false, err
	}
	_, err = s.AgentReply(id, Reply{Text: html, UserID: user, Attachments: files})
	return true, err
}

// doDeskNote adds a note for other agents, with files.
func (s *Sim) doDeskNote(id, user int64, r *http.Request) (wrote bool, err error) {
	html, files, err := writtenIn(r)
	if err != nil || html == "" && len(files) == 0 {
		return false, err
	}
	_, err = s.note(id, user, html, files...)
	return true, err
}

// doDeskStatus makes the conversation active, pending, closed or spam.
func (s *Sim) doDeskStatus(id, user int64, r *http.Request) (wrote bool, err error) {
	status := r.PostFormValue("status")
	if !slices.Contains(statuses, status) {
		return false, fmt.Errorf("status %q: %w", status, ErrInvalid)
	}
	return false, s.act(id, user, func(t *tx, rec *record, by User) error {
		t.setStatus(rec, status, by)
		return nil
	})
}

// doDeskTags adds a tag, or removes one.
func (s *Sim) doDeskTags(id, user int64, r *http.Request) (wrote bool, err error) {
	add, remove := strings.TrimSpace(r.PostFormValue("add")), r.PostFormValue("remove")
	return false, s.act(id, user, func(t *tx, rec *record, _ User) error {
		tags := slices.DeleteFunc(slices.Clone(rec.Tags), func(tag string) bool { return tag == remove })
		if add != "" && !slices.Contains(tags, add) {
			tags = append(tags, add)
		}
		if !slices.Equal(tags, rec.Tags) {
			t.tag(rec, tags)
		}
		return nil
	})
}

// deskForm makes a handler of a form of the page, which is shown again. That nothing was written is no error; after something was,
// the script forgets the draft.
func deskForm(do func(id, user int64, r *http.Request) (wrote bool, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxFiles+1<<20)
		err := r.ParseMultipartForm(maxFiles)
		if r.MultipartForm != nil {
			defer r.MultipartForm.RemoveAll() //nolint:errcheck // temporary files are the system's concern
		}
		switch {
		case errors.As(err, new(*http.MaxBytesError)):
			http.Error(w, errTooLarge.Error(), http.StatusRequestEntityTooLarge)
			return
		case err != nil && !errors.Is(err, http.ErrNotMultipart):
			http.Error(w, "the form cannot be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
		user, _ := strconv.ParseInt(r.PostFormValue("user"), 10, 64)
		wrote, err := do(id, user, r)
		switch {
		case errors.Is(err, errTooLarge):
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		case err != nil:
			http.Error(w, err.Error(), controlStatus(err))
			return
		}
		back := url.URL{Path: "/sim/inbox/" + strconv.FormatInt(id, 10), RawQuery: url.Values{"user": {strconv.FormatInt(user, 10)}}.Encode()}
		if wrote {
			back.Fragment = "written"
		}
		http.Redirect(w, r, back.String(), http.StatusSeeOther)
	}
}

// writtenIn is what a form has: its text in HTML, and its files.
func writtenIn(r *http.Request) (html string, files []Attachment, err error) {
	if r.MultipartForm != nil {
		size := int64(0)
		for _, header := range r.MultipartForm.File["files"] {
			if size += header.Size; size > maxFiles {
				return "", nil, errTooLarge
			}
			file, err := uploaded(header)
			if err != nil {
				return "", nil, fmt.Errorf("reading a file: %w", err)
			}
			files = append(files, file)
		}
	}
	return written(r.PostFormValue("text")), files, nil
}

func uploaded(header *multipart.FileHeader) (Attachment, error) {
	f, err := header.Open()
	if err != nil {
		return Attachment{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	guess := mime.TypeByExtension(path.Ext(header.Filename))
	return Attachment{
		FileName: header.Filename, MimeType: cmp.Or(header.Header.Get("Content-Type"), guess, "application/octet-stream"), Data: data,
	}, err
}

// written is a text that was typed into a form, in HTML.
func written(text string) string {
	text = template.HTMLEscapeString(strings.TrimSpace(text))
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "<br>")
}
