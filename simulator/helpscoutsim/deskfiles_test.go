package helpscoutsim_test

import (
	"bytes"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// A stranger's file runs nothing, whatever it says it is; only images and audio are shown at all.
func TestDeskShowsFiles(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	for _, test := range []struct {
		name, mime, contentType, disposition, page string
	}{
		{"a.png", "image/png", "image/png", "inline", `<img src="/sim/attachments/%d" alt="a.png">`},
		{"a.jpg", "IMAGE/JPEG; q=1", "image/jpeg; q=1", "inline", `<img src="/sim/attachments/%d"`},
		{"a.mp3", "audio/mpeg", "audio/mpeg", "inline", `<audio controls preload="metadata" src="/sim/attachments/%d" aria-label="a.mp3">`},
		{"a.svg", "image/svg+xml", "image/svg+xml", "attachment", `<a href="/sim/attachments/%d" download="a.svg">a.svg</a> <span class="facts">5 bytes`},
		{"a.html", "text/html", "text/html", "attachment", `<a href="/sim/attachments/%d" download="a.html">`},
		{"a.xml", "application/xhtml+xml", "application/xhtml+xml", "attachment", `download="a.xml"`},
		{"a.pdf", "application/pdf", "application/pdf", "attachment", `download="a.pdf"`},
		{"a.mp4", "video/mp4", "video/mp4", "attachment", `download="a.mp4"`},
		{"x", "image/png, text/html", "application/octet-stream", "attachment", `download="x"`},
		{"x", "no type\r\nX-Evil: 1", "application/octet-stream", "attachment", `download="x"`},
		{"\"><script>é\r\n.png", "image/png", "image/png", "inline", `alt="&#34;&gt;&lt;script&gt;é`},
	} {
		thread, err := b.sim.AgentReply(id, helpscoutsim.Reply{Attachments: []helpscoutsim.Attachment{{FileName: test.name, MimeType: test.mime, Data: []byte("hello")}}})
		if err != nil {
			t.Fatal(err)
		}
		file := fileOf(b, id, thread)
		a := b.control("GET", fmt.Sprint("/sim/attachments/", file.ID), "")
		h := a.header
		disposition, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
		if a.status != 200 || string(a.body) != "hello" || h.Get("Content-Type") != test.contentType || err != nil || disposition != test.disposition || params["filename"] != test.name {
			t.Errorf("%+v: %d %v, %v", test, a.status, h, err)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "sandbox; default-src 'none'" || h.Get("X-Evil") != "" {
			t.Errorf("%+v: %v", test, h)
		}
		_, page := b.desk(id, "")
		want := test.page
		if strings.Contains(want, "%d") {
			want = fmt.Sprintf(want, file.ID)
		}
		contains(t, page, want)
		if strings.Contains(page, "<script>") {
			t.Errorf("page %s", page)
		}
	}
}

func fileOf(b *bench, conversation, thread int64) helpscoutsim.Attachment {
	b.Helper()
	conv, _ := b.sim.Conversation(conversation)
	for _, th := range conv.Threads {
		if th.ID == thread && len(th.Attachments) == 1 {
			return th.Attachments[0]
		}
	}
	b.Fatalf("no file in %+v", conv.Threads)
	return helpscoutsim.Attachment{}
}

// Players ask for a part of a file, and what is deleted is gone.
func TestDeskFileParts(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	thread, err := b.sim.AgentReply(id, helpscoutsim.Reply{Attachments: []helpscoutsim.Attachment{{FileName: "a.wav", MimeType: "audio/x-wav", Data: []byte("0123456789")}}})
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprint("/sim/attachments/", fileOf(b, id, thread).ID)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	r.Header.Set("Range", "bytes=2-4")
	w := httptest.NewRecorder()
	b.sim.Control().ServeHTTP(w, r)
	if w.Code != 206 || w.Body.String() != "234" || w.Header().Get("Content-Range") != "bytes 2-4/10" || w.Header().Get("Content-Type") != "audio/x-wav" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if err := b.sim.Delete(id); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{at, "/sim/attachments/5", "/sim/attachments/x"} {
		if a := b.control("GET", path, ""); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// upload sends the page's form with files, which have the given name, type and size.
func (b *bench) upload(path, text string, files ...helpscoutsim.Attachment) answer {
	b.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	form.WriteField("user", "7")
	form.WriteField("text", text)
	form.CreateFormFile("files", "") // what a browser sends for an empty field
	for _, f := range files {
		header := map[string][]string{"Content-Disposition": {mime.FormatMediaType("form-data", map[string]string{"name": "files", "filename": f.FileName})}}
		if f.MimeType != "" {
			header["Content-Type"] = []string{f.MimeType}
		}
		part, err := form.CreatePart(header)
		if err != nil {
			b.Fatal(err)
		}
		part.Write(f.Data)
	}
	form.Close()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	w := httptest.NewRecorder()
	b.sim.Control().ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}

func TestDeskUploads(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	at := func(action string) string { return fmt.Sprintf("/sim/inbox/%d/%s", id, action) }
	half := make([]byte, 5<<20)
	for _, test := range []struct {
		action, text string
		files        []helpscoutsim.Attachment
		status       int
		want         string // the last thread
	}{
		{"reply", "see", []helpscoutsim.Attachment{{FileName: "a.png", MimeType: "image/png", Data: []byte("x")}, {FileName: `é "b".txt`, MimeType: "text/plain"}}, 303,
			`message see a.png image/png 1, é "b".txt text/plain 0`},
		{"reply", "", []helpscoutsim.Attachment{{FileName: "a.pdf", Data: []byte("xy")}}, 303, "message  a.pdf application/pdf 2"},
		{"note", "", []helpscoutsim.Attachment{{FileName: "a", Data: []byte("xy")}}, 303, "note  a application/octet-stream 2"},
		{"reply", "", nil, 303, "note  a application/octet-stream 2"},
		{"reply", "both", []helpscoutsim.Attachment{{FileName: "a", MimeType: "a/b", Data: half}, {FileName: "b", MimeType: "a/b", Data: half}}, 303, "message both a a/b 5242880, b a/b 5242880"},
		{"reply", "more", []helpscoutsim.Attachment{{FileName: "a", MimeType: "a/b", Data: half}, {FileName: "b", MimeType: "a/b", Data: append(half, 1)}}, 413, "message both a a/b 5242880, b a/b 5242880"},
		{"reply", "far more", []helpscoutsim.Attachment{{FileName: "a", MimeType: "a/b", Data: make([]byte, 12<<20)}}, 413, "message both a a/b 5242880, b a/b 5242880"},
	} {
		a := b.upload(at(test.action), test.text, test.files...)
		if a.status != test.status || a.status == 413 && !strings.Contains(string(a.body), "together they may have 10 MB") {
			t.Errorf("%s %q: %d %s", test.action, test.text, a.status, a.body)
		}
		conv, _ := b.sim.Conversation(id)
		last := conv.Threads[len(conv.Threads)-1]
		var files []string
		for _, f := range last.Attachments {
			files = append(files, fmt.Sprint(f.FileName, " ", f.MimeType, " ", len(f.Data)))
		}
		if got := fmt.Sprint(last.Type, " ", last.Body, " ", strings.Join(files, ", ")); got != test.want || last.CreatedBy.ID != 7 {
			t.Errorf("%s %q: %s", test.action, test.text, got)
		}
	}
}
