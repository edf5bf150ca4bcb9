package conformance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// helpScoutDeviations are what the PHP client can ask for and the simulator refuses, and how.
var helpScoutDeviations = func() map[string]string {
	all := map[string]string{}
	for what, refused := range helpScoutRefused {
		all[what] = refused.how
	}
	return all
}()

// refused are requests that the simulator refuses.
type refused struct {
	how    string // begins with the status
	method string
	// paths are separated by blanks, and may have the id of a conversation or a customer.
	paths string
	body  any
	field string // what the error is about, if it says so
}

const (
	noFields   = "404, 400: custom fields are not simulated"
	noContacts = "404: customers have e-mail addresses and phones only"
)

var helpScoutRefused = map[string]refused{
	"PUT /v2/conversations/{id}/fields": {noFields, "PUT", "/v2/conversations/{conversation}/fields", object{"fields": []any{}}, ""},
	"POST /v2/conversations, fields":    {noFields, "POST", "/v2/conversations", conversationOf(object{"fields": []object{{"id": 1, "value": "x"}}}), "fields"},
	"GET /v2/conversations, folder or customFieldsByIds": {
		"400: there are no folders and no custom fields", "GET", "/v2/conversations?folder=1 /v2/conversations?customFieldsByIds=1:x", nil, "",
	},
	"GET /v2/conversations, several tags":    {"400", "GET", "/v2/conversations?tag=a,b", nil, "tag"},
	"GET /v2/conversations, sortField score": {"400", "GET", "/v2/conversations?sortField=score", nil, "sortField"},
	"GET /v2/conversations, query": {
		"400 for OR, NOT, fields other than email, tag, status, mailboxid, number, id and customerIds, and ranges but of createdAt and modifiedAt", "GET",
		"/v2/conversations?query=number:1+OR+number:2 /v2/conversations?query=NOT+number:1 /v2/conversations?query=number:[1+TO+2] " +
			"/v2/conversations?query=subject:x", nil, "query",
	},
	"GET /v2/conversations/{id}/threads/{id}/original-source": {
		"404: there is no e-mail behind a thread", "GET", "/v2/conversations/{conversation}/threads/1/original-source", nil, "",
	},
	"GET /v2/customers, filters": {
		"400: nothing but `query=(email:\"...\")` and `page`", "GET", "/v2/customers?mailbox=1 /v2/customers?firstName=Kim /v2/customers?lastName=Lee " +
			"/v2/customers?modifiedSince=2026-01-02T03:04:05Z /v2/customers?sortField=score /v2/customers?sortOrder=asc", nil, "",
	},
	"POST /v2/customers/{id}/chats, social-profiles, websites":  {noContacts, "POST", "/v2/customers/{customer}/chats /v2/customers/{customer}/social-profiles /v2/customers/{customer}/websites", object{"value": "x"}, ""},
	"PUT /v2/customers/{id}/address":                            {noContacts, "PUT", "/v2/customers/{customer}/address", object{}, ""},
	"PATCH /v2/customers/{id}/properties":                       {noContacts, "PATCH", "/v2/customers/{customer}/properties", []object{}, ""},
	"GET /v2/mailboxes/{id}/fields, folders":                    {"404: mailboxes have no links to them either", "GET", "/v2/mailboxes/206906/fields /v2/mailboxes/206906/folders", nil, ""},
	"POST /v2/webhooks, notification true":                      {"400: events come with what they are about", "POST", "/v2/webhooks", object{"url": "https://example.org", "events": []string{"convo.created"}, "secret": "x", "notification": true}, "notification"},
	"POST /v2/oauth2/token, authorization_code, refresh_token":  {"400: the app's own credentials only", "POST", "/v2/oauth2/token", object{"grant_type": "refresh_token"}, ""},
	"GET /v2/tags, teams, workflows, chats/{id}, reports/email": {"404", "GET", "/v2/tags /v2/teams /v2/workflows /v2/chats/1 /v2/reports/email", nil, ""},
}

func TestHelpScoutRefused(t *testing.T) {
	d := newDesk(t)
	kim := customerOf("kim@example.org", nil)
	conversation := d.create("/v2/conversations", conversationOf(object{"customer": kim, "threads": []object{threadOf("customer", object{"customer": kim})}}))
	customer := at(d.get("/v2/conversations/%d", conversation), "primaryCustomer.id")
	ids := strings.NewReplacer("{conversation}", fmt.Sprint(conversation), "{customer}", fmt.Sprint(customer))
	for what, refused := range helpScoutRefused {
		statuses, _, _ := strings.Cut(refused.how, ":")
		for path := range strings.FieldsSeq(ids.Replace(refused.paths)) {
			got := d.send(refused.method, path, refused.body)
			if !strings.Contains(statuses, strconv.Itoa(got.status)) {
				t.Errorf("%s: %d, listed as %s", what, got.status, refused.how)
			} else if refused.field != "" && !hasError(d.rows("errors", got.body), refused.field) {
				t.Errorf("%s: refused for something else: %v", what, got.body)
			}
		}
	}
}

func hasError(errors []object, field string) bool {
	return slices.ContainsFunc(errors, func(e object) bool { return e["path"] == field })
}
