package helpscoutsim

import (
	"fmt"
	"slices"
	"time"
)

// timeFormat is how all times are written: UTC, whole seconds, Z.
const timeFormat = "2006-01-02T15:04:05Z"

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeFormat)
}

type link struct {
	Href      string `json:"href"`
	Templated bool   `json:"templated,omitempty"`
}

type links map[string]link

type personJSON struct {
	ID       int64  `json:"id"`
	Type     string `json:"type,omitempty"`
	First    string `json:"first"`
	Last     string `json:"last"`
	PhotoURL string `json:"photoUrl,omitempty"`
	Email    string `json:"email,omitempty"`
}

type sourceJSON struct {
	Type string `json:"type"`
	Via  string `json:"via"`
}

type tagJSON struct {
	ID    int64  `json:"id"`
	Color string `json:"color"`
	Tag   string `json:"tag"`
}

type waitingJSON struct {
	Time            string `json:"time"`
	Friendly        string `json:"friendly"`
	LatestReplyFrom string `json:"latestReplyFrom,omitempty"`
}

// conversationJSON is a conversation as the API and the webhooks show it.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/get/.
type conversationJSON struct {
	ID                   int64           `json:"id"`
	Number               int64           `json:"number"`
	Threads              int             `json:"threads"` // a count
	Type                 string          `json:"type"`
	FolderID             int64           `json:"folderId"`
	Status               string          `json:"status"`
	State                string          `json:"state"`
	Subject              string          `json:"subject"`
	Preview              string          `json:"preview"`
	MailboxID            int64           `json:"mailboxId"`
	Assignee             *personJSON     `json:"assignee,omitempty"`
	CreatedBy            personJSON      `json:"createdBy"`
	CreatedAt            string          `json:"createdAt"`
	ClosedBy             int64           `json:"closedBy"`
	ClosedAt             string          `json:"closedAt,omitempty"`
	UserUpdatedAt        string          `json:"userUpdatedAt"`
	CustomerWaitingSince waitingJSON     `json:"customerWaitingSince"`
	Source               sourceJSON      `json:"source"`
	Tags                 []tagJSON       `json:"tags"`
	CC                   []string        `json:"cc"`
	BCC                  []string        `json:"bcc"`
	PrimaryCustomer      personJSON      `json:"primaryCustomer"`
	CustomFields         []struct{}      `json:"customFields"`
	Embedded             *threadListJSON `json:"_embedded,omitempty"`
	Links                links           `json:"_links"`
}

type threadListJSON struct {
	Threads []threadJSON `json:"threads"`
}

type actionJSON struct {
	Type     string   `json:"type"`
	Text     string   `json:"text,omitempty"`
	Entities struct{} `json:"associatedEntities"`
}

// threadJSON is a thread as the API and the webhooks show it.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/list/.
type threadJSON struct {
	ID           int64       `json:"id"`
	Type         string      `json:"type"`
	Status       string      `json:"status"`
	State        string      `json:"state"`
	Action       actionJSON  `json:"action"`
	Body         string      `json:"body,omitempty"`
	Source       sourceJSON  `json:"source"`
	Customer     *personJSON `json:"customer,omitempty"`
	CreatedBy    personJSON  `json:"createdBy"`
	AssignedTo   *personJSON `json:"assignedTo,omitempty"`
	SavedReplyID int64       `json:"savedReplyId"`
	To           []string    `json:"to"`
	CC           []string    `json:"cc"`
	BCC          []string    `json:"bcc"`
	CreatedAt    string      `json:"createdAt"`
	Embedded     struct {
		Attachments []attachmentJSON `json:"attachments"`
	} `json:"_embedded"`
	Links links `json:"_links"`
}

type attachmentJSON struct {
	ID       int64  `json:"id"`
	FileName string `json:"filename"`
	MimeType string `json:"mimeType"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Size     int    `json:"size"`
	State    string `json:"state"`
	Links    links  `json:"_links"`
}

// renderer turns stored values into what is sent. It reads the state, so the lock must be held.
type renderer struct {
	*state
	sim     *Sim
	base    string // of all links, such as https://api.helpscout.net
	version string // of a webhook's body; the API shows what V2 shows
}

func (rd renderer) conversation(c Conversation) conversationJSON {
	self := fmt.Sprintf("%s/v2/conversations/%d", rd.base, c.ID)
	j := conversationJSON{
		ID: c.ID, Number: c.Number, Threads: rd.sim.countThreads(c), Type: c.Type, FolderID: 10 + c.MailboxID,
		Status: c.Status, State: c.State, Subject: c.Subject, Preview: preview(c), MailboxID: c.MailboxID,
		Assignee: rd.assignee(c.AssigneeID), CreatedBy: personOf(rd.shown(c.CreatedBy)), CreatedAt: stamp(c.CreatedAt),
		ClosedBy: c.ClosedBy, ClosedAt: stamp(c.ClosedAt), UserUpdatedAt: stamp(c.UpdatedAt),
		CustomerWaitingSince: waiting(c), Source: sourceJSON{c.SourceType, c.Via},
		Tags: rd.tagList(c.Tags), CC: []string{}, BCC: []string{}, CustomFields: []struct{}{},
		Links: links{
			"self":    {Href: self},
			"threads": {Href: self + "/threads"},
			"web":     {Href: fmt.Sprintf("https://secure.helpscout.net/conversation/%d/%d", c.ID, c.Number)},
		},
	}
	if p := rd.customer(c.CustomerID); p != nil {
		j.PrimaryCustomer = *p
	}
	rd.linkPeople(j.Links, c)
	return j
}

// linkPeople adds where a conversation's people and its mailbox are.
func (rd renderer) linkPeople(l links, c Conversation) {
	at := func(name, what string, id int64) {
		if id != 0 {
			l[name] = link{Href: fmt.Sprintf("%s/v2/%s/%d", rd.base, what, id)}
		}
	}
	at("mailbox", "mailboxes", c.MailboxID)
	at("primaryCustomer", "customers", c.CustomerID)
	at("assignee", "users", c.AssigneeID)
	at("closedBy", "users", c.ClosedBy)
	if c.CreatedBy.Type == "customer" {
		at("createdByCustomer", "customers", c.CreatedBy.ID)
	} else {
		at("createdByUser", "users", c.CreatedBy.ID)
	}
}

func (rd renderer) thread(c Conversation, t Thread) threadJSON {
	j := threadJSON{
		ID: t.ID, Type: t.Type, Status: t.Status, State: t.State, Action: actionJSON{Type: "default"}, Body: t.Body,
		Source: sourceJSON{t.SourceType, t.Via}, Customer: rd.customer(t.CustomerID), CreatedBy: personOf(rd.shown(t.CreatedBy)),
		AssignedTo: rd.assignee(t.AssigneeID), To: some(t.To), CC: some(t.CC), BCC: some(t.BCC),
		CreatedAt: stamp(t.CreatedAt), Links: links{},
	}
	if t.Type == "lineitem" {
		j.Action = actionJSON{Type: t.Action, Text: t.Action}
	}
	j.Embedded.Attachments = make([]attachmentJSON, 0, len(t.Attachments))
	for _, a := range t.Attachments {
		self := fmt.Sprintf("%s/v2/conversations/%d/attachments/%d", rd.base, c.ID, a.ID)
		j.Embedded.Attachments = append(j.Embedded.Attachments, attachmentJSON{
			ID: a.ID, FileName: a.FileName, MimeType: a.MimeType, Size: len(a.Data), State: "valid",
			Links: links{"self": {Href: self}, "data": {Href: self + "/data"}, "web": {Href: self + "/web"}},
		})
	}
	return j
}

// threads renders the given threads, which are oldest first, newest first.
func (rd renderer) threads(c Conversation, of []Thread) *threadListJSON {
	list := &threadListJSON{Threads: make([]threadJSON, 0, len(of))}
	for _, t := range slices.Backward(of) {
		list.Threads = append(list.Threads, rd.thread(c, t))
	}
	return list
}

func (rd renderer) customer(id int64) *personJSON {
	c := rd.state.customers[id]
	if c == nil {
		return nil
	}
	p := personOf(c.person())
	p.PhotoURL = c.PhotoURL
	return &p
}

func (rd renderer) assignee(id int64) *personJSON {
	u, ok := rd.sim.user(id)
	if id == 0 || !ok {
		return nil
	}
	p := personOf(u.person())
	return &p
}

func (rd renderer) tagList(names []string) []tagJSON {
	list := make([]tagJSON, 0, len(names))
	for _, name := range names {
		list = append(list, tagJSON{ID: rd.tags[name], Color: "#929499", Tag: name})
	}
	return list
}

// shown is how a version shows an author: before V3 there is no system_user.
func (rd renderer) shown(p Person) Person {
	if p.Type == "system_user" && rd.version != "V3" {
		p.Type = "user"
	}
	return p
}

func personOf(p Person) personJSON {
	return personJSON{ID: p.ID, Type: p.Type, First: p.First, Last: p.Last, Email: p.Email}
}

// countThreads is the threads field, which is not the number of threads there are.
func (s *Sim) countThreads(c Conversation) int {
	if s.cfg.CountAllThreads {
		return len(c.Threads)
	}
	n := 0
	for _, t := range c.Threads {
		if t.State == "published" && t.Type != "note" && t.Type != "lineitem" {
			n++
		}
	}
	return n
}

// preview is the start of the newest text.
func preview(c Conversation) string {
	for _, t := range slices.Backward(c.Threads) {
		if t.Body == "" || t.State != "published" {
			continue
		}
		text := []rune(plainText(t.Body))
		return string(text[:min(len(text), 80)])
	}
	return ""
}

// waiting tells since when the customer has had no answer.
func waiting(c Conversation) waitingJSON {
	w := waitingJSON{Time: stamp(c.CreatedAt)}
	for _, t := range slices.Backward(c.Threads) {
		switch t.Type {
		case "customer", "chat", "phone":
			return waitingJSON{Time: stamp(t.CreatedAt), LatestReplyFrom: "customer"}
		case "message", "reply":
			return waitingJSON{Time: stamp(t.CreatedAt), LatestReplyFrom: "user"}
		}
	}
	return w
}

// some turns a missing list into an empty one.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
