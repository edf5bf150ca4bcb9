package twiliosim

import (
	"maps"
	"net/url"
	"strconv"
	"strings"
)

var pageParams = []string{"PageSize", "Page", "PageToken"}

// page is a part of a list. See https://www.twilio.com/docs/usage/twilios-response#response-formats-list-paging-information.
type page struct {
	size, number int
	// after is the SID of the last message of the page before, from the PageToken: new messages do not shift it.
	after string
}

const (
	defaultPageSize = 50
	maxPageSize     = 1000
)

func pageOf(query url.Values) (page, error) {
	p := page{size: defaultPageSize}
	if value := query.Get("PageSize"); value != "" {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxPageSize {
			return p, refuse(20001, "PageSize %q is not from 1 to %d", value, maxPageSize)
		}
		p.size = n
	}
	if value := query.Get("Page"); value != "" {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > 1_000_000 {
			return p, refuse(20001, "Page %q is no number of a page", value)
		}
		p.number = n
	}
	if value := query.Get("PageToken"); value != "" {
		after, ok := strings.CutPrefix(value, "PA")
		if !ok || after == "" {
			return p, refuse(20001, "PageToken %q was not given out", value)
		}
		p.after = after
	}
	return p, nil
}

// at is the address of a page of a list.
func (p page) at(list string, query url.Values, number int, token string) string {
	q := maps.Clone(query)
	q.Del("PageToken")
	q.Set("PageSize", strconv.Itoa(p.size))
	q.Set("Page", strconv.Itoa(number))
	if token != "" {
		q.Set("PageToken", token)
	}
	return list + "?" + q.Encode()
}

// describe returns the paging fields of a list answer.
func (p page) describe(path string, query url.Values, count int, last string, more bool) map[string]any {
	start := p.number * p.size
	answer := map[string]any{
		"uri": p.at(path, query, p.number, query.Get("PageToken")), "first_page_uri": p.at(path, query, 0, ""),
		"next_page_uri": nil, "previous_page_uri": nil,
		"page": p.number, "page_size": p.size, "start": start, "end": max(start, start+count-1),
	}
	if more {
		answer["next_page_uri"] = p.at(path, query, p.number+1, "PA"+last)
	}
	if p.number > 0 {
		answer["previous_page_uri"] = p.at(path, query, p.number-1, "")
	}
	return answer
}

// meta returns the same in the form of Twilio's newer products, whose addresses are absolute. The rows are under key.
func (p page) meta(list string, query url.Values, key, last string, more bool) map[string]any {
	meta := map[string]any{
		"key": key, "page": p.number, "page_size": p.size, "url": p.at(list, query, p.number, query.Get("PageToken")),
		"first_page_url": p.at(list, query, 0, ""), "next_page_url": nil, "previous_page_url": nil,
	}
	if more {
		meta["next_page_url"] = p.at(list, query, p.number+1, "PA"+last)
	}
	if p.number > 0 {
		meta["previous_page_url"] = p.at(list, query, p.number-1, "")
	}
	return meta
}
