package ticketing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

const reply = "convo.agent.reply.created"

// thread is a thread in a payload; fields replace the usual ones.
func thread(id int, body string, fields ...string) string {
	t := map[string]string{
		"id": fmt.Sprint(id), "type": `"message"`, "state": `"published"`, "body": fmt.Sprintf("%q", body), "createdAt": `"2100-01-01T00:00:00Z"`,
		"source": `{"type":"web","via":"user"}`, "createdBy": `{"id":99,"type":"user"}`,
	}
	for i := 0; i < len(fields); i += 2 {
		t[fields[i]] = fields[i+1]
	}
	var parts []string
	for name, value := range t {
		parts = append(parts, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// payload is an event about the supporter's conversation with these threads in it.
func payload(c helpscoutsim.Conversation, threads ...string) string {
	return fmt.Sprintf(`{"id":%d,"threads":1,"type":"phone","mailboxId":%d,"primaryCustomer":{"id":1,"type":"customer","email":"%s"},"_embedded":{"threads":[%s]}}`,
		c.ID, mailbox, address, strings.Join(threads, ","))
}

// Ports of bling/outgoing_test.py; the ids are the lines of the parity checklist. After each case a reply that must be sent
// shows that the case is over.
func TestOriginalsCases(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.text("SM1", "hello")
		c := d.one()
		last, notes := 1000, 0
		for _, tt := range []struct {
			id, name, event, body string
			sent                  string // empty: nothing
			note                  string // part of the note that says why not; empty: none
		}{
			{"O1", "send", reply, payload(c, thread(1, "abc")), "abc", ""},
			{"O2", "another event", "convo.note.created", payload(c, thread(2, "abc")), "", ""},
			{"O3", "not a phone conversation", reply, strings.Replace(payload(helpscoutsim.Conversation{ID: 77}, thread(3, "abc")), `"phone"`, `"email"`, 1), "", ""},
			{"O3", "no id", reply, strings.Replace(payload(c, thread(4, "abc")), `"id":`, `"no":`, 1), "", ""},
			{"O4", "two quick replies, newest first", reply, payload(c, thread(6, "second"), thread(5, "first")), "first|second", ""},
			{"O4", "body is null", reply, payload(c, thread(7, "", "body", "null")), "", "no text in it"},
			{"O5", "a private note", reply, payload(c, thread(8, "abc", "type", `"note"`)), "", ""},
			{"O5", "a draft", reply, payload(c, thread(9, "abc", "state", `"draft"`)), "", ""},
			{"O5", "not an agent", reply, payload(c, thread(10, "abc", "type", `"customer"`, "createdBy", `{"type":"customer"}`)), "", ""},
			{"O6", "source type", reply, payload(c, thread(11, "abc", "source", `{"type":"api","via":"user"}`)), "", "workflow or a program"},
			{"O6", "source via", reply, payload(c, thread(12, "abc", "source", `{"type":"web","via":"customer"}`)), "", "workflow or a program"},
			{"O6", "from a phone", reply, payload(c, thread(13, "abc", "source", `{"type":"mobile","via":"user"}`)), "abc", ""},
			{"O7", "empty", reply, payload(c, thread(14, " <br> ")), "", "no text in it"},
			{"X1", "HTML", reply, payload(c, thread(15, " abc <p>foo <br /> bar</p>  ")), "abc\nfoo\nbar", ""},
			{"X2", "signature", reply, payload(c, thread(16, "foo\nbar -- baz\n-- bax\n--\nsome signature")), "foo\nbar -- baz\n-- bax", ""},
			{"H10", "another mailbox", reply, strings.Replace(payload(c, thread(17, "abc")), "206906", "206907", 1), "", ""},
			{"P13", "another customer", reply, strings.Replace(payload(c, thread(18, "abc")), "6175550142@", "6175550143@", 1), "", "not the one who wrote"},
			{"P13", "written to another customer", reply, payload(c, thread(19, "abc", "customer", `{"id":7,"email":"x@example.org"}`)), "", "another customer"},
			{"P13", "an e-mail ticket with their texts", reply, strings.Replace(payload(c, thread(20, "abc")), `"phone"`, `"email"`, 1), "", "not a phone conversation"},
			{"O1", "no id, and the conversation of another", reply, `{"id":"x"}`, "", ""},
			{"O1", "again", reply, payload(c, thread(1, "abc"), thread(6, "second")), "", ""},
		} {
			d.event(tt.event, tt.body)
			last++
			d.event(reply, payload(c, thread(last, "the end")))
			var sent []string
			for {
				r := d.next()
				if r.GetBody() == "the end" {
					break
				}
				sent = append(sent, r.GetBody())
				if r.GetTo() != caller || r.GetHotline() != "+15017122661" || r.GetConversationId() != c.ID || !r.GetAgentReply() {
					t.Errorf("%s %s: %v", tt.id, tt.name, r)
				}
			}
			if got := strings.Join(sent, "|"); got != tt.sent {
				t.Errorf("%s %s: sent %q, want %q", tt.id, tt.name, got, tt.sent)
			}
			if tt.note != "" {
				notes++
			}
			if all := d.notes(c.ID, notes); tt.note != "" && !strings.Contains(all[len(all)-1], tt.note) {
				t.Errorf("%s %s: the note says %q, want %q", tt.id, tt.name, all[len(all)-1], tt.note)
			}
		}
	})
}

// O1: the first generation's payload is only a sign that there is something; what, is asked.
func TestFirstGeneration(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.text("SM1", "hello")
		c := d.one()
		id, err := d.sim.AgentReply(c.ID, helpscoutsim.Reply{Text: "<p>abc</p>"})
		check(t, err)
		d.event(reply, fmt.Sprintf(`{"id":%d,"type":"phone","mailbox":{"id":%d},"customer":{"phone":"791-112-3456"},
			"threads":[{"type":"message","source":{"type":"web","via":"user"},"createdAt":"2026-11-20T15:02:11Z","body":"abc"}]}`, c.ID, mailbox))
		if r := d.next(); r.GetBody() != "abc" || r.GetTo() != caller || r.GetKey() != fmt.Sprintf("reply:%d", id) {
			t.Errorf("%v", r)
		}
	})
}

// A reply from before the mailbox was ours was somebody else's to send.
func TestOldReplies(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.text("SM1", "hello")
		c := d.one()
		d.event(reply, payload(c, thread(2, "new"), thread(1, "old", "createdAt", `"2020-01-01T00:00:00Z"`)))
		if r := d.next(); r.GetBody() != "new" {
			t.Errorf("%v", r)
		}
		d.event(reply, payload(c, thread(3, "newer")))
		if r := d.next(); r.GetBody() != "newer" {
			t.Errorf("%v", r)
		}
		d.notes(c.ID, 0)
	})
}

// O14: files go to telephony once each, and what cannot go is said.
func TestReplyFiles(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.text("SM1", "hello")
		c := d.one()
		_, err := d.sim.AgentReply(c.ID, helpscoutsim.Reply{Text: "look", Attachments: []helpscoutsim.Attachment{
			{FileName: "a.jpg", MimeType: "image/jpeg", Data: []byte("jpeg")}, {FileName: "b.pdf", MimeType: "application/pdf", Data: []byte("pdf")},
			{FileName: "huge.mov", MimeType: "video/quicktime", Data: make([]byte, 10<<20+1)},
		}})
		check(t, err)
		d.event(reply, fmt.Sprintf(`{"id":%d,"threads":9,"type":"phone","mailboxId":%d,"primaryCustomer":{"email":"%s"}}`, c.ID, mailbox, address))
		r := d.next()
		if len(r.GetFileKey()) != 2 || !strings.Contains(r.GetRemark(), "huge.mov (larger than 10 MB)") {
			t.Errorf("%v", r)
		}
		for i, want := range []string{"jpeg", "pdf"} {
			if f := <-d.phone.files; string(f.GetData()) != want || f.GetKey() != r.GetFileKey()[i] {
				t.Errorf("%v", f)
			}
		}
	})
}

// Whatever the body looks like, it is taken, and the next reply goes out.
func TestRepliesOfAnyShape(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.text("SM1", "hello")
		c := d.one()
		for _, body := range []string{
			`{}`, `[]`, `null`, `"x"`, `{"id":"one"}`, `{"id":1e30}`, `{"id":-1,"mailboxId":206906}`,
			fmt.Sprintf(`{"id":%d}`, c.ID),
			fmt.Sprintf(`{"id":%d,"mailboxId":%d,"type":"phone","_embedded":null}`, c.ID, mailbox),
			fmt.Sprintf(`{"id":%d,"mailboxId":%d,"type":"phone","_embedded":{"threads":{}}}`, c.ID, mailbox),
			fmt.Sprintf(`{"id":%d,"mailboxId":%d,"type":"phone","_embedded":{"threads":[null,{"id":"x"},{"createdAt":"yesterday"}]}}`, c.ID, mailbox),
			payload(c, thread(1, "abc", "createdBy", `[]`)),
			payload(c, thread(1, "abc", "_embedded", `{"attachments":[{"id":"x"}]}`)),
			payload(c, thread(1, "abc", "type", `"note"`), thread(2, "abc", "type", `"lineitem"`, "body", "null")),
			strings.Replace(payload(c, thread(1, "abc", "type", `"note"`)), `"email"`, `"mail"`, 1),
		} {
			d.event(reply, body)
		}
		d.event(reply, payload(c, thread(99, "the end")))
		if r := d.next(); r.GetBody() != "the end" {
			t.Errorf("%v", r)
		}
	})
}
