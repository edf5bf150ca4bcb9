package helpscoutsim

import (
	"fmt"
	"net/http"
	"sync/atomic"
)

// problem is a refusal, in the shape that all errors of the vendor API have.
// See https://developer.helpscout.com/mailbox-api/overview/errors/.
type problem struct {
	status  int
	message string
	fields  []fieldProblem
}

// fieldProblem is what is wrong with one field.
type fieldProblem struct {
	path     string // threads[0].customer.email
	message  string
	code     string // the anchor on the page about errors
	source   string // JSON or QUERY
	rejected any    // the value, if it may be shown
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s", p.status, p.message) }

func refuse(status int, message string) *problem { return &problem{status: status, message: message} }

func notFound() *problem { return refuse(http.StatusNotFound, "Not found") }

// badQuery is a query parameter that is wrong or not simulated.
func badQuery(parameter, message string) *problem {
	return &problem{http.StatusBadRequest, "Bad request", []fieldProblem{
		{path: parameter, message: message, code: "InvalidValue", source: "QUERY"},
	}}
}

const aboutErrors = "http://developer.helpscout.net/mailbox-api/overview/errors"

// requests numbers the errors, for logRef.
var requests atomic.Int64

func (p *problem) answer() answer {
	if p.status == http.StatusTooManyRequests {
		// The gateway in front of the API answers this one, in its own shape.
		return answer{status: p.status, body: map[string]string{"message": p.message}}
	}
	fields := make([]fieldProblemJSON, 0, len(p.fields))
	for _, f := range p.fields {
		fields = append(fields, fieldProblemJSON{
			Path: f.path, Message: f.message, Source: f.source, RejectedValue: f.rejected,
			Links: about(aboutErrors + "#" + f.code),
		})
	}
	body := problemJSON{
		LogRef:  fmt.Sprintf("64bb72b4-0a92-41e8-ba89-%012x", requests.Add(1)),
		Message: p.message,
		Links:   about(aboutErrors),
	}
	body.Embedded.Errors = fields
	return answer{status: p.status, body: body, contentType: "application/vnd.error+json"}
}

type problemJSON struct {
	LogRef   string `json:"logRef"`
	Message  string `json:"message"`
	Embedded struct {
		Errors []fieldProblemJSON `json:"errors"`
	} `json:"_embedded"`
	Links links `json:"_links"`
}

type fieldProblemJSON struct {
	Path          string `json:"path"`
	Message       string `json:"message"`
	Source        string `json:"source"`
	RejectedValue any    `json:"rejectedValue,omitempty"`
	Links         links  `json:"_links"`
}

func about(href string) links { return links{"about": {Href: href}} }
