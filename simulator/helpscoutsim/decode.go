package helpscoutsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// bodyLimit bounds a whole request. It leaves room for several attachments in base64.
const bodyLimit = 64 << 20

// decode reads a JSON body into a T. Help Scout overlooks fields it does not know; the simulator refuses them, because
// an overlooked field is a misspelled one.
func decode[T any](r *http.Request) (T, error) {
	var v T
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return v, refuse(http.StatusUnsupportedMediaType, "Unsupported media type")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, bodyLimit))
	if err != nil {
		return v, decodeProblem(err)
	}
	if err = decodeStrictly(body, &v); isUnknownField(err) {
		v = *new(T)
		err = decodeStrictly(withoutUnset(body), &v)
	}
	if err != nil {
		return v, decodeProblem(err)
	}
	return v, nil
}

func decodeStrictly(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

const unknownField = "json: unknown field "

func isUnknownField(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), unknownField)
}

// unset are the fields that have no meaning in a request. Help Scout's own PHP client sends them all the same, without a value: it
// writes each of an object's fields. See https://github.com/helpscout/helpscout-api-php, each extract().
var unset = strings.Fields("id number threadCount folderId state preview assignee closedAt closedBy userUpdatedAt cc bcc status action source " +
	"assignedTo savedReplyId to width height size webUrl")

// withoutUnset leaves such fields out that have no value.
func withoutUnset(body []byte) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&v) != nil || d.More() {
		return body
	}
	dropUnset(v)
	if less, err := json.Marshal(v); err == nil {
		return less
	}
	return body
}

func dropUnset(v any) {
	switch v := v.(type) {
	case []any:
		for _, inner := range v {
			dropUnset(inner)
		}
	case map[string]any:
		maps.DeleteFunc(v, func(name string, value any) bool { return slices.Contains(unset, name) && isEmpty(value) })
		for _, inner := range v {
			dropUnset(inner)
		}
	}
}

// isEmpty reports whether a value says nothing: null, [], {}, or an object of such.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, inner := range v {
			if !isEmpty(inner) {
				return false
			}
		}
		return true
	}
	return false
}

func decodeProblem(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refuse(http.StatusRequestEntityTooLarge, "Request entity too large")
	}
	if name, ok := strings.CutPrefix(err.Error(), unknownField); ok {
		var c checks
		c.add(strings.Trim(name, `"`), "unknown field", "UnknownField")
		return c.err()
	}
	return refuse(http.StatusBadRequest, "Error parsing request body into JSON")
}

// checks collects what is wrong with a request, so that it is told all at once.
type checks struct {
	fields   []fieldProblem
	tooLarge bool
}

func (c *checks) add(path, message, code string) {
	c.fields = append(c.fields, fieldProblem{path: path, message: message, code: code, source: "JSON"})
}

// err is the problem there was, or nil.
func (c *checks) err() error {
	switch {
	case len(c.fields) > 0:
		return &problem{http.StatusBadRequest, "Bad request", c.fields}
	case c.tooLarge:
		return refuse(http.StatusRequestEntityTooLarge, "Attachment is too large")
	}
	return nil
}

// required checks that a text is there and not blank.
func (c *checks) required(path string, text *string) {
	if text == nil || strings.TrimSpace(*text) == "" {
		c.add(path, "may not be empty", "NotEmpty")
	}
}

// absent checks that a field which has no meaning here was not sent.
func (c *checks) absent(path string, sent bool) {
	if sent {
		c.add(path, "unknown field", "UnknownField")
	}
}

// oneOf checks an enumerated value. The value is shown: it is ours or a slip.
func (c *checks) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.fields = append(c.fields, fieldProblem{path, "must be one of " + strings.Join(allowed, ", "), "InvalidValue", "JSON", value})
	}
}

// exists checks that an id stands for something.
func (c *checks) exists(path string, found bool) {
	if !found {
		c.add(path, "does not exist", "NotFound")
	}
}

// length checks the number of characters of an optional text.
func (c *checks) length(path string, text *string, least, most int) {
	if text == nil {
		return
	}
	if n := utf8.RuneCountInString(*text); n < least || n > most {
		c.add(path, "size must be between "+strconv.Itoa(least)+" and "+strconv.Itoa(most), "Size")
	}
}

func isEmail(address string) bool {
	a, err := mail.ParseAddress(address)
	return err == nil && a.Address == address
}

func (c *checks) email(path, address string) {
	if !isEmail(address) {
		c.add(path, "not a well-formed email address", "Email")
	}
}

// moment parses an optional time in the one format there is.
func (c *checks) moment(path string, text *string, otherwise time.Time) time.Time {
	if text == nil {
		return otherwise
	}
	t, err := time.Parse(timeFormat, *text)
	if err != nil {
		c.add(path, "must be a UTC time like 2026-01-31T12:00:00Z", "InvalidFormat")
	}
	return t
}

// optionalID is a number, null, or not there at all.
type optionalID struct {
	Sent bool
	ID   int64 // 0 for null
}

// UnmarshalJSON is called only if the field is there.
func (o *optionalID) UnmarshalJSON(b []byte) error {
	o.Sent = true
	return json.Unmarshal(b, &o.ID)
}

func value[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
