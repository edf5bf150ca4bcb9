package helpscoutsim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// pageJSON is one page of a list.
type pageJSON struct {
	Embedded map[string][]any `json:"_embedded,omitempty"`
	Page     struct {
		Size          int `json:"size"`
		TotalElements int `json:"totalElements"`
		TotalPages    int `json:"totalPages"`
		Number        int `json:"number"`
	} `json:"page"`
	Links links `json:"_links"`
}

// page answers with the page that the request asks for. row renders one of the total rows.
func (s *Sim) page(r *http.Request, name string, total, size int, row func(i int) any) (answer, error) {
	number := 1
	if text := r.URL.Query().Get("page"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return answer{}, badQuery("page", "must be a number from 1")
		}
		number = n
	}
	var p pageJSON
	p.Page.Size, p.Page.TotalElements, p.Page.Number = size, total, number
	p.Page.TotalPages = (total + size - 1) / size
	p.Links = pageLinks(r, number, max(1, p.Page.TotalPages))
	rows := []any{}
	if number <= p.Page.TotalPages {
		for i := (number - 1) * size; i < min(number*size, total); i++ {
			rows = append(rows, row(i))
		}
	}
	if len(rows) > 0 || s.cfg.EmptyList {
		p.Embedded = map[string][]any{name: rows}
	}
	return ok(p), nil
}

func pageLinks(r *http.Request, number, last int) links {
	at := func(page int) link {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(page))
		return link{Href: baseURL(r) + r.URL.Path + "?" + q.Encode()}
	}
	l := links{
		"self": at(number), "first": at(1), "last": at(last),
		"page": {Href: baseURL(r) + r.URL.Path + "{?page}", Templated: true},
	}
	if number < last {
		l["next"] = at(number + 1)
	}
	if number > 1 {
		l["previous"] = at(number - 1)
	}
	return l
}

// onlyParameters refuses query parameters that are misspelled or not simulated.
func onlyParameters(q url.Values, known ...string) error {
	for name := range q {
		if !slices.Contains(known, name) {
			return badQuery(name, "unknown or not simulated")
		}
	}
	return nil
}
