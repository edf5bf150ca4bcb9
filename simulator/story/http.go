package story

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// shown is how much of a body a line shows, in bytes.
const shown = 16 << 10

// Exchange is a request with its answer.
type Exchange struct {
	Vendor       string // Twilio or Help Scout
	Request      *http.Request
	Sent, Got    []byte // the bodies, as far as they are shown
	Status       int    // 0: there was no answer
	AnswerHeader http.Header
}

// Listener writes down what passes between one vendor and the hotline.
type Listener struct {
	Book   *Book
	Vendor string
	// Hotline is what the other side is called.
	Hotline string
	// People tells the numbers of those whom an exchange is about. Optional.
	People func(Exchange) []string
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

func (l Listener) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

// Webhooks listens to the requests that a vendor makes.
func (l Listener) Webhooks(next http.RoundTripper) http.RoundTripper { return webhooks{l, next} }

type webhooks struct {
	Listener
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper]. The line is written when the answer's body is closed.
func (w webhooks) RoundTrip(r *http.Request) (*http.Response, error) {
	x := Exchange{Vendor: w.Vendor, Request: r}
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			x.Sent, _ = io.ReadAll(io.LimitReader(body, shown)) // what can be read is shown
			body.Close()
		}
	}
	at, began := w.now(), time.Now()
	line := func(result string) {
		w.write(x, Line{At: at, Took: time.Since(began), Kind: Webhook, From: w.Vendor, To: w.Hotline, Result: result})
	}
	res, err := w.next.RoundTrip(r)
	if err != nil {
		line("no answer: " + err.Error())
		return nil, err
	}
	x.Status, x.AnswerHeader = res.StatusCode, res.Header
	res.Body = &heard{body: res.Body, done: func(body []byte) {
		x.Got = body
		line(strconv.Itoa(x.Status))
	}}
	return res, nil
}

// heard remembers the beginning of what is read, and tells it once it is closed.
type heard struct {
	body      io.ReadCloser
	beginning bytes.Buffer
	done      func([]byte)
}

// Read implements [io.Reader].
func (h *heard) Read(p []byte) (int, error) {
	n, err := h.body.Read(p)
	h.beginning.Write(p[:min(n, shown-h.beginning.Len())])
	return n, err
}

// Close implements [io.Closer].
func (h *heard) Close() error {
	if h.done != nil {
		h.done(h.beginning.Bytes())
		h.done = nil
	}
	return h.body.Close()
}

// Calls listens to the requests that a vendor answers.
func (l Listener) Calls(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := Exchange{Vendor: l.Vendor, Request: r}
		sent := &heard{body: r.Body}
		r.Body = sent
		answer := &answer{ResponseWriter: w}
		at, began := l.now(), time.Now()
		cut := true
		defer func() {
			x.Sent, x.Got, x.Status, x.AnswerHeader = sent.beginning.Bytes(), answer.body.Bytes(), answer.status, w.Header()
			result := strconv.Itoa(x.Status)
			if cut {
				x.Status, result = 0, "no answer: connection cut"
			}
			l.write(x, Line{At: at, Took: time.Since(began), Kind: Call, From: l.Hotline, To: l.Vendor, Result: result})
		}()
		next.ServeHTTP(answer, r)
		cut = false
	})
}

// answer remembers the beginning of an answer.
type answer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.body.Write(b[:min(len(b), shown-a.body.Len())])
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// write completes a line and adds it to the book.
func (l Listener) write(x Exchange, line Line) {
	line.Title = words(x)
	line.Failed = x.Status == 0 || x.Status >= 400
	header := x.Request.Header
	if line.Kind == Webhook {
		header = x.AnswerHeader
	}
	// The hotline names its trace in both directions: https://www.w3.org/TR/trace-context-2/.
	for _, name := range []string{"Traceparent", "Traceresponse"} {
		if parts := strings.Split(header.Get(name), "-"); len(parts) == 4 {
			line.Trace = parts[1]
		}
	}
	if l.People != nil {
		line.People = l.People(x)
	}
	line.Details = []Detail{{Name: "request", Text: x.Request.Method + " " + address(x.Request)}}
	for _, body := range []struct {
		name, contentType string
		data              []byte
	}{{"sent", x.Request.Header.Get("Content-Type"), x.Sent}, {"answer", x.AnswerHeader.Get("Content-Type"), x.Got}} {
		if len(body.data) > 0 {
			line.Details = append(line.Details, Detail{body.name, readable(body.contentType, body.data)})
		}
	}
	l.Book.Add(line)
}

// address is where a request went. The name of the vendor's host says nothing.
func address(r *http.Request) string {
	if r.URL.Host == "" {
		return r.URL.RequestURI()
	}
	return r.URL.String()
}

// readable is a body as a person reads it.
func readable(contentType string, data []byte) string {
	switch {
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		return readableForm(data)
	case strings.Contains(contentType, "json"):
		return readableJSON(data)
	}
	text := strings.ToValidUTF8(string(data), "�")
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }) {
		return strconv.Itoa(len(data)) + " bytes"
	}
	return text
}
