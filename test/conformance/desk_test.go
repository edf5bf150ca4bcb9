package conformance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// mailbox is the one the simulator has from the start; agent and owner are users of it.
const mailbox, agent, owner = 206906, 99, 1

type object = map[string]any

// desk is a simulated Help Scout, and a client with a token.
type desk struct {
	*testing.T
	*helpscoutsim.Sim
	address, token string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	sim, err := helpscoutsim.New(helpscoutsim.Config{ListLag: -1, RateLimit: -1})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() { server.Close(); sim.Close() })
	d := &desk{T: t, Sim: sim, address: server.URL}
	token := d.want(http.StatusOK, "POST", "/v2/oauth2/token", object{
		"grant_type": "client_credentials", "client_id": helpscoutsim.DefaultClientID, "client_secret": helpscoutsim.DefaultClientSecret,
	})
	d.reads("token", token.body, "token_type:string access_token:string expires_in:number")
	d.token = token.body["access_token"].(string)
	return d
}

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	body   object
}

// send sends a body as the PHP client does.
func (d *desk) send(method, path string, body any) reply {
	d.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			d.Fatal(err)
		}
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(d.Context(), method, d.address+path, sent)
	if err != nil {
		d.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json;charset=UTF-8")
	r.Header.Set("Authorization", "Bearer "+d.token)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		d.Fatal(err)
	}
	defer answer.Body.Close()
	got := reply{status: answer.StatusCode, header: answer.Header}
	if text, err := io.ReadAll(answer.Body); err != nil {
		d.Fatal(err)
	} else if len(text) > 0 {
		if err := json.Unmarshal(text, &got.body); err != nil {
			d.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	return got
}

// want sends a body and checks the status.
func (d *desk) want(status int, method, path string, body any) reply {
	d.Helper()
	got := d.send(method, path, body)
	if got.status != status {
		d.Fatalf("%s %s: %d, want %d: %v", method, path, got.status, status, got.body)
	}
	return got
}

// create makes something, and returns its id, which is in a header as its address is.
func (d *desk) create(path string, body object) int64 {
	d.Helper()
	got := d.want(http.StatusCreated, "POST", path, body)
	id, err := strconv.ParseInt(got.header.Get("Resource-ID"), 10, 64)
	if err != nil || got.body != nil || !strings.HasSuffix(got.header.Get("Location"), "/"+strconv.FormatInt(id, 10)) {
		d.Fatalf("POST %s: %v %v", path, got.header, got.body)
	}
	return id
}

func (d *desk) get(path string, args ...any) object {
	d.Helper()
	return d.want(http.StatusOK, "GET", fmt.Sprintf(path, args...), nil).body
}

// list returns the rows of a list, and checks what the client's PagedCollection reads.
func (d *desk) list(name, path string, args ...any) []object {
	d.Helper()
	got := d.get(path, args...)
	d.reads(name, got, "page.size:number page.totalElements:number page.totalPages:number page.number:number _links.self.href:string "+
		"_links.first.href:string _links.last.href:string _links.page.href:string _links.page.templated:bool")
	return d.rows(name, got)
}

func (d *desk) rows(name string, of object) []object {
	d.Helper()
	embedded, _ := of["_embedded"].(object)
	list, _ := embedded[name].([]any)
	rows := make([]object, len(list))
	for i := range list {
		rows[i] = list[i].(object)
	}
	return rows
}

// reads checks that fields are there, with their types.
func (d *desk) reads(where string, got object, fields string) {
	d.Helper()
	for field := range strings.FieldsSeq(fields) {
		path, want, _ := strings.Cut(field, ":")
		if kind := kindOf(at(got, path)); kind != want {
			d.Errorf("%s: %s is %s, want %s", where, path, kind, want)
		}
	}
}

func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		o, _ := v.(object)
		v = o[name]
	}
	return v
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	case []any:
		return "list"
	case object:
		return "object"
	}
	return "nothing"
}

// same checks values of fields.
func (d *desk) same(where string, got object, want object) {
	d.Helper()
	for path, value := range want {
		if n, ok := value.(int); ok {
			value = float64(n)
		} else if n, ok := value.(int64); ok {
			value = float64(n)
		}
		if v := at(got, path); !reflect.DeepEqual(v, value) {
			d.Errorf("%s: %s is %v, want %v", where, path, v, value)
		}
	}
}

// with is an object with some fields of it set.
func with(base, set object) object {
	base = maps.Clone(base)
	maps.Copy(base, set)
	return base
}

// conversationOf is what Conversation::extract() makes.
func conversationOf(set object) object {
	return with(object{
		"id": nil, "number": nil, "threadCount": nil, "autoReply": false, "type": "email", "assignTo": nil, "folderId": nil, "status": "active",
		"state": nil, "subject": "Help", "preview": nil, "mailboxId": mailbox, "assignee": nil, "createdAt": nil, "closedAt": nil, "closedBy": nil,
		"userUpdatedAt": nil, "cc": []string{}, "bcc": []string{},
	}, set)
}

// threadOf is what Thread::extract() makes, and those of its kinds.
func threadOf(kind string, set object) object {
	return with(object{
		"id": nil, "type": kind, "status": nil, "state": nil, "action": nil, "text": "Hello", "source": object{"type": nil, "via": nil},
		"assignedTo": nil, "savedReplyId": nil, "to": []string{}, "cc": []string{}, "bcc": []string{},
	}, set)
}

// attachmentOf is what Attachment::extract() makes.
func attachmentOf(name, mimeType, data string) object {
	return object{
		"id": nil, "fileName": name, "mimeType": mimeType, "data": base64.StdEncoding.EncodeToString([]byte(data)), "width": nil, "height": nil,
		"size": nil, "webUrl": nil,
	}
}

// customerOf is what Customer::extract() makes of a customer with an e-mail address: empty fields are left out.
func customerOf(email string, set object) object {
	return with(object{"email": email, "emails": []object{{"value": email, "type": "work"}}}, set)
}
