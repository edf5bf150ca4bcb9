package helpscoutsim

import (
	"net/http"
	"slices"
	"strconv"
)

// threadsPerPage is fixed by Help Scout.
const threadsPerPage = 25

// GET /v2/conversations/{id}/threads
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/list/
//
// Newest first. A merged conversation has no threads of its own: 404 (U), and reading the conversation tells more.
func (s *Sim) listThreads(r *http.Request) (a answer, err error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	if err := onlyParameters(r.URL.Query(), "page"); err != nil {
		return answer{}, err
	}
	s.read(func(st *state) {
		rec := st.conversations[id]
		if rec == nil || rec.gone() {
			err = notFound()
			return
		}
		if !s.sees(rec.MailboxID) {
			err = noAccess()
			return
		}
		rd, n := s.render(st, r), len(rec.Threads)
		a, err = s.page(r, "threads", n, threadsPerPage, func(i int) any {
			return rd.thread(rec.Conversation, rec.Threads[n-1-i])
		})
	})
	return a, err
}

// PATCH /v2/conversations/{id}/threads/{thread}
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/update/
func (s *Sim) patchThread(r *http.Request) (answer, error) {
	in, err := decode[patchInput](r)
	if err != nil {
		return answer{}, err
	}
	return noContent(), s.changeThread(r, func(t *tx, rec *record, thread Thread) error {
		var c checks
		switch in.Op + " " + in.Path {
		case "replace /text":
			thread.Body = text(&c, in)
		case "replace /hidden":
			thread.State = stateOf(flag(&c, in), "hidden")
		default:
			c.add("path", "no such operation", "InvalidValue")
		}
		if err := c.err(); err != nil {
			return err
		}
		rec.replaceThread(thread)
		t.touch(rec)
		return nil
	})
}

// POST /v2/conversations/{id}/threads/{thread}/attachments
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/attachments/create/
func (s *Sim) createAttachment(r *http.Request) (answer, error) {
	in, err := decode[attachmentInput](r)
	if err != nil {
		return answer{}, err
	}
	var c checks
	attachment := in.prepare(&c, "", s.cfg.AttachmentLimit)
	err = s.changeThread(r, func(t *tx, rec *record, thread Thread) error {
		if err := c.err(); err != nil {
			return err
		}
		attachment.ID = next(&t.ids.Attachment)
		thread.Attachments = append(slices.Clone(thread.Attachments), attachment)
		rec.replaceThread(thread)
		t.touch(rec)
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return created(r, "/v2/conversations/"+r.PathValue("id")+"/attachments", attachment.ID), nil
}

// changeThread runs f with the thread of the path.
func (s *Sim) changeThread(r *http.Request, f func(*tx, *record, Thread) error) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	threadID, err := pathID(r, "thread")
	if err != nil {
		return err
	}
	return s.change(func(t *tx) error {
		rec, err := t.writable(id)
		if err != nil {
			return err
		}
		thread := rec.thread(threadID)
		if thread == nil {
			return notFound()
		}
		return f(t, rec, *thread)
	})
}

// GET /v2/conversations/{id}/attachments/{attachment}/data
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/attachments/get-data/
func (s *Sim) getAttachment(r *http.Request) (a answer, err error) {
	conversation, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	id, err := strconv.ParseInt(r.PathValue("attachment"), 10, 64)
	if err != nil {
		return answer{}, notFound()
	}
	err = notFound()
	s.read(func(st *state) {
		rec := st.conversations[conversation]
		if rec == nil || rec.gone() {
			return
		}
		for _, t := range rec.Threads {
			for _, file := range t.Attachments {
				if file.ID == id {
					// A []byte is base64 in JSON.
					a, err = ok(map[string][]byte{"data": file.Data}), nil
				}
			}
		}
	})
	return a, err
}

// DELETE /v2/conversations/{id}/attachments/{attachment}
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/attachments/delete/
func (s *Sim) deleteAttachment(r *http.Request) (answer, error) {
	conversation, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	id, err := pathID(r, "attachment")
	if err != nil {
		return answer{}, err
	}
	return noContent(), s.change(func(t *tx) error {
		rec, err := t.writable(conversation)
		if err != nil {
			return err
		}
		for _, thread := range rec.Threads {
			if at := slices.IndexFunc(thread.Attachments, func(a Attachment) bool { return a.ID == id }); at >= 0 {
				thread.Attachments = slices.Delete(slices.Clone(thread.Attachments), at, at+1)
				rec.replaceThread(thread)
				t.touch(rec)
				return nil
			}
		}
		return notFound()
	})
}
