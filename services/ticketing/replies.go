package ticketing

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/telemetry"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/replytext"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

const (
	// maxReplyAge is how old a reply may be when we first hear of it. Help Scout delivers webhooks up to a day late; what is
	// older comes from a database that was restored, and may have been sent.
	maxReplyAge = 72 * time.Hour
	// maxReplyAttempts is how often an event may fail for a reason of ours before its replies are refused.
	maxReplyAttempts = 20
)

// machines are the sources of replies that nobody wrote.
var machines = map[string]bool{"api": true, "workflow": true, "workflows": true, "notification": true, "internal": true, "jira": true}

// isReply reports whether a thread is what an agent wrote to the supporter, and published. Nothing else ever leaves:
// no note, draft, forward or line item, and nothing that a machine wrote. What is not known to be a reply is none.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/list/.
func isReply(t helpscout.Thread) bool {
	return isAnswer(t) && t.CreatedBy.Type == "user" && t.Source.Via == "user" && t.Source.Type != "" && !machines[t.Source.Type]
}

// isAnswer reports whether a thread is published and addressed to the supporter, whoever wrote it.
func isAnswer(t helpscout.Thread) bool {
	return t.ID > 0 && (t.Type == "message" || t.Type == "reply") && t.State == "published"
}

// handleReplies hands the replies in a conversation's oldest event to telephony, each once, in the order in which they
// were written.
func (s *Service) handleReplies(ctx context.Context, conversation string) (more bool, err error) {
	e, err := s.store.NextEvent(ctx, conversation)
	if err != nil || e == nil {
		return false, err
	}
	ctx, end := telemetry.Resume(ctx, e.Trace, "handle replies")
	defer func() { end(err) }()
	v, err := s.repliesIn(ctx, e)
	if err != nil && e.Attempts >= maxReplyAttempts {
		s.Log.ErrorContext(ctx, "event is dead: its replies cannot be found", "conversation", conversation, "err", err)
		s.metrics.reply(ctx, "dead")
		return true, s.store.EventDone(ctx, e.Hash)
	}
	if err != nil {
		return false, s.eventFailed(ctx, e, err)
	}
	for _, t := range v.Embedded.Threads {
		done, err := s.handleReply(ctx, v, t, e.Attempts >= maxReplyAttempts)
		if err != nil {
			return false, s.eventFailed(ctx, e, err)
		}
		if !done {
			return true, nil // it has more files
		}
	}
	return true, s.store.EventDone(ctx, e.Hash)
}

// eventFailed decides when an event is tried again. What waiting cures is tried for ever.
func (s *Service) eventFailed(ctx context.Context, e *sqlstore.PendingEvent, err error) error {
	err = meaning(err)
	if errs.RetryAfter(err) > 0 || errs.KindOf(err) == errs.Unavailable {
		return err
	}
	if countErr := s.store.EventFailed(context.WithoutCancel(ctx), e.Hash); countErr != nil {
		return countErr
	}
	return errs.Wrap(errs.KindOf(err), err, "handling an agent's reply").After(min(time.Minute, time.Second<<min(e.Attempts, 6)))
}

// repliesIn returns the event's conversation with those of its threads that are answers to the supporter and not handled
// yet, oldest first. What the event does not hold is asked of Help Scout: what it carries is not documented.
func (s *Service) repliesIn(ctx context.Context, e *sqlstore.PendingEvent) (v helpscout.Conversation, err error) {
	if err := json.Unmarshal(e.Body, &v); err != nil {
		v = helpscout.Conversation{ID: v.ID} // of another generation
	}
	if v.ID == 0 {
		return v, nil
	}
	if v.MailboxID == 0 || v.Type == "" {
		threads := v.Embedded.Threads
		if v, err = s.current(ctx, v.ID); helpscout.StatusOf(err) == 404 {
			return helpscout.Conversation{}, nil
		} else if err != nil {
			return v, err
		}
		v.Embedded.Threads = threads
	}
	if _, ours := s.Hotlines.ByMailbox(v.MailboxID); !ours || v.Type != "phone" {
		v.Embedded.Threads = nil
		return v, nil
	}
	whole := len(v.Embedded.Threads) >= min(v.Threads, helpscout.ThreadsPage)
	fresh, err := s.fresh(ctx, v)
	if err != nil || whole && len(fresh) > 0 {
		v.Embedded.Threads = fresh
		return v, err
	}
	threads, err := s.desk.Threads(ctx, v.ID)
	if err != nil && helpscout.StatusOf(err) != 404 {
		return v, err
	}
	v.Embedded.Threads = append(threads, v.Embedded.Threads...)
	v.Embedded.Threads, err = s.fresh(ctx, v)
	return v, err
}

// fresh returns the answers among a conversation's threads that are not handled yet, oldest first.
func (s *Service) fresh(ctx context.Context, v helpscout.Conversation) (fresh []helpscout.Thread, err error) {
	since, err := s.store.Since(ctx, v.MailboxID)
	if err != nil {
		return nil, err
	}
	for _, t := range v.Embedded.Threads {
		seen := slices.ContainsFunc(fresh, func(f helpscout.Thread) bool { return f.ID == t.ID })
		if !isAnswer(t) || seen || t.CreatedAt.Before(since.Add(-clockSkew)) {
			continue
		}
		handled, err := s.store.ReplyHandled(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		if !handled {
			fresh = append(fresh, t)
		}
	}
	slices.SortFunc(fresh, func(a, b helpscout.Thread) int { return cmp.Compare(a.ID, b.ID) })
	return fresh, nil
}

// handleReply sends a reply, or says in a note why not. It reports false when there is more to do before that.
func (s *Service) handleReply(ctx context.Context, v helpscout.Conversation, t helpscout.Thread, giveUp bool) (done bool, err error) {
	switch {
	case !isReply(t):
		return true, s.refuse(ctx, v, t, sqlstore.Contact{}, "it was not written by an agent but by a workflow or a program")
	case s.Now().Sub(t.CreatedAt) > maxReplyAge:
		return true, s.refuse(ctx, v, t, sqlstore.Contact{}, "we learned of it only now, and it is older than three days. What to do: write it once more if it still matters")
	case giveUp:
		s.Log.ErrorContext(ctx, "reply is dead: it cannot be handed to telephony", "thread", t.ID)
		return true, s.refuse(ctx, v, t, sqlstore.Contact{}, "because of a fault of ours. What to do: call, and tell whoever runs this hotline")
	}
	to, reason, err := s.addressee(ctx, v)
	if err != nil {
		return false, err
	}
	if reason != "" {
		return true, s.refuse(ctx, v, t, to, reason)
	}
	files, remark, done, err := s.files(ctx, v.ID, t)
	if err != nil || !done {
		return false, err
	}
	body := replytext.Text(t.Body)
	if body == "" && len(files) == 0 {
		return true, s.refuse(ctx, v, t, to, strings.TrimSpace("there is no text in it. "+remark))
	}
	_, err = s.Telephony.SendText(ctx, &telephonyv1.SendTextRequest{
		Key: fmt.Sprintf("reply:%d", t.ID), Hotline: to.Hotline, To: to.Supporter, Body: body, FileKey: files,
		AgentReply: true, ConversationId: v.ID, Remark: remark,
	})
	if errs.KindOf(err) == errs.Invalid {
		s.Log.WarnContext(ctx, "telephony refuses a reply", "thread", t.ID, "err", err)
		return true, s.refuse(ctx, v, t, to, refusal(err))
	}
	if err != nil {
		return false, err
	}
	s.metrics.reply(ctx, "sent")
	return true, s.store.ReplySent(ctx, t.ID, v.ID, s.Now())
}

// refusal says in an agent's words what telephony says of a text's fields.
func refusal(err error) string {
	for _, f := range errs.Fields(err) {
		switch f.Name {
		case "to":
			return "this number cannot be texted. What to do: call"
		case "hotline":
			return "the number they wrote to is no longer a hotline's. What to do: tell whoever runs this hotline"
		case "body":
			return "it is too long. What to do: send it in smaller parts"
		}
	}
	return "it cannot be sent as a text"
}

// refuse notes that a reply is not sent, with a note that says why.
func (s *Service) refuse(ctx context.Context, v helpscout.Conversation, t helpscout.Thread, to sqlstore.Contact, reason string) error {
	s.metrics.reply(ctx, "refused")
	lane := to.Lane
	if lane == "" {
		lane = fmt.Sprintf("%d|conversation-%d", v.MailboxID, v.ID)
	}
	return s.store.ReplyRefused(ctx, t.ID, reason, lane, sqlstore.Entry{
		Key: fmt.Sprintf("reply:%d", t.ID), ConversationID: v.ID, Trace: telemetry.Carry(ctx),
		Body: "NOT SENT as a text: " + strings.TrimSuffix(reason, ".") + ".",
	}, s.Now())
}

// files brings an answer's attachments to telephony, one at a time, and returns their keys, and what must be said of those
// that cannot go. It reports false while there are more.
func (s *Service) files(ctx context.Context, conversationID int64, t helpscout.Thread) (keys []string, remark string, done bool, err error) {
	const most = 10
	var left []string
	for i, a := range t.Embedded.Attachments {
		key := fmt.Sprintf("reply:%d:%d", t.ID, a.ID)
		switch {
		case i >= most:
			left = append(left, a.FileName+" (more than ten files)")
			continue
		case a.Size > maxAttachment:
			left = append(left, a.FileName+" (larger than 10 MB)")
			continue
		}
		has, err := s.store.HasFile(ctx, key)
		if err != nil {
			return nil, "", false, err
		}
		if has {
			keys = append(keys, key)
			continue
		}
		data, err := s.desk.AttachmentData(ctx, conversationID, a.ID)
		if status := helpscout.StatusOf(err); status >= 400 && status < 500 && status != 401 && status != 403 && status != 429 {
			left = append(left, a.FileName+" (the help desk does not hand it out)")
			continue
		}
		if err != nil {
			return nil, "", false, err
		}
		_, err = s.Telephony.PutFile(ctx, &telephonyv1.PutFileRequest{Key: key, Name: cmp.Or(strings.TrimSpace(a.FileName), "file"), MimeType: a.MIMEType, Data: data})
		if errs.KindOf(err) == errs.Invalid {
			left = append(left, a.FileName+" (empty, or larger than 10 MB)")
			continue
		}
		if err != nil {
			return nil, "", false, err
		}
		return nil, "", false, s.store.FilePut(ctx, key)
	}
	if len(left) > 0 {
		remark = "Not sent with it: " + strings.Join(left, ", ") + "."
	}
	return keys, remark, true, nil
}
