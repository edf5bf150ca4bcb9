package ticketing

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
	maxReplyAttempts = 60
	// maxFileAttempts is after how many of them a reply goes out without the file that cannot be fetched.
	maxFileAttempts = 5
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
	v, err := s.repliesIn(ctx, conversation, e)
	if err != nil && e.Attempts >= maxReplyAttempts {
		s.Log.ErrorContext(ctx, "event is dead: its replies cannot be found", "conversation", conversation, "err", err)
		s.metrics.reply(ctx, "dead")
		why := failure(err)
		return true, s.store.EventDead(ctx, e.Hash, strings.TrimSuffix(why.What+": "+why.Detail, ": "), s.Now())
	}
	if err != nil {
		return false, s.eventFailed(ctx, e, err)
	}
	for _, t := range v.Embedded.Threads {
		done, err := s.handleReply(ctx, e, v, t)
		if err != nil {
			return false, s.eventFailed(ctx, e, err)
		}
		if !done {
			return true, nil // it has more files
		}
	}
	return true, s.store.EventDone(ctx, e.Hash, s.Now())
}

// eventFailed decides when an event is tried again. What waiting cures is tried for ever.
func (s *Service) eventFailed(ctx context.Context, e *sqlstore.PendingEvent, err error) error {
	ours, why := stays(err), failure(err)
	why.Item = e.Hash
	err = meaning(err)
	if !ours && (errs.RetryAfter(err) > 0 || errs.KindOf(err) == errs.Unavailable) {
		return errors.Join(err, s.store.NoteStep(context.WithoutCancel(ctx), why, s.Now()))
	}
	if countErr := s.store.EventFailed(context.WithoutCancel(ctx), e.Hash, why, s.Now()); countErr != nil {
		return countErr
	}
	return errs.Wrap(errs.Unavailable, err, "handling an agent's reply").After(min(time.Minute, time.Second<<min(e.Attempts, 6)))
}

// repliesIn returns the event's conversation with those of its threads that are answers to the supporter and not handled
// yet, oldest first. What the event does not hold is asked of Help Scout: what it carries is not documented.
func (s *Service) repliesIn(ctx context.Context, conversation string, e *sqlstore.PendingEvent) (v helpscout.Conversation, err error) {
	if err := json.Unmarshal(e.Body, &v); err != nil {
		v = helpscout.Conversation{ID: v.ID} // of another generation
	}
	if v.ID == 0 {
		if v.ID, err = strconv.ParseInt(conversation, 10, 64); err != nil {
			return v, err
		}
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
	people, err := s.store.ContactsOf(ctx, v.ID)
	if err != nil {
		return v, err
	}
	if _, ours := s.Hotlines.ByMailbox(v.MailboxID); !ours || v.Type != "phone" && len(people) == 0 {
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
	if gone(err) { // merged or deleted meanwhile
		known := v.Embedded.Threads
		if v, err = s.current(ctx, v.ID); helpscout.StatusOf(err) == 404 {
			return helpscout.Conversation{}, nil
		} else if err != nil {
			return v, err
		}
		v.Embedded.Threads = known
		threads, err = s.desk.Threads(ctx, v.ID)
	}
	if err != nil {
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
		old := s.Now().Sub(t.CreatedAt) > maxReplyAge
		if !isAnswer(t) || seen || t.CreatedAt.Before(since.Add(-clockSkew)) || old && !writtenTo(t, v) || sentByOriginal(v.Embedded.Threads, t) {
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
func (s *Service) handleReply(ctx context.Context, e *sqlstore.PendingEvent, v helpscout.Conversation, t helpscout.Thread) (done bool, err error) {
	r := sqlstore.Reply{ThreadID: t.ID, ConversationID: v.ID, Event: e.Hash, Trace: telemetry.Carry(ctx)}
	switch {
	case !writtenTo(t, v):
		return true, s.refuse(ctx, v, r, "it was written to another customer than this conversation has now. What to do: answer that one in their own conversation")
	case v.Type != "phone":
		return true, s.refuse(ctx, v, r, "this is not a phone conversation. What to do: answer in the one that began with their text, or call")
	case !isReply(t):
		return true, s.refuse(ctx, v, r, "it was not written by an agent but by a workflow or a program")
	case s.Now().Sub(t.CreatedAt) > maxReplyAge:
		return true, s.refuse(ctx, v, r, "we learned of it only now, and it is older than three days. What to do: write it once more if it still matters")
	case e.Attempts >= maxReplyAttempts:
		s.Log.ErrorContext(ctx, "reply is dead: it cannot be handed to telephony", "thread", t.ID)
		s.metrics.reply(ctx, "dead")
		return true, s.refuse(ctx, v, r, "because of a fault of ours. What to do: call, and tell whoever runs this hotline")
	}
	to, reason, err := s.addressee(ctx, v)
	if err != nil {
		return false, err
	}
	r.Lane = to.Lane
	if reason != "" {
		return true, s.refuse(ctx, v, r, reason)
	}
	files, remark, done, err := s.files(ctx, v.ID, t, e.Attempts)
	if err != nil || !done {
		return false, err
	}
	body := replytext.Text(t.Body)
	if body == "" && len(files) == 0 {
		return true, s.refuse(ctx, v, r, strings.TrimSpace("there is no text in it. "+remark))
	}
	_, err = s.Telephony.SendText(ctx, &telephonyv1.SendTextRequest{
		Key: fmt.Sprintf("reply:%d", t.ID), Hotline: to.Hotline, To: to.Supporter, Body: body, FileKey: files,
		AgentReply: true, ConversationId: v.ID, Remark: remark,
	})
	if errs.KindOf(err) == errs.Invalid {
		s.Log.WarnContext(ctx, "telephony refuses a reply", "thread", t.ID, "err", err)
		return true, s.refuse(ctx, v, r, refusal(err))
	}
	if err != nil {
		return false, byTelephony(err)
	}
	s.metrics.reply(ctx, "sent")
	return true, s.store.ReplySent(ctx, r, s.Now())
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

// writtenTo reports whether a thread was written to the customer that its conversation has now. After a merge, or when the
// customer was changed, there are threads of others in it.
func writtenTo(t helpscout.Thread, v helpscout.Conversation) bool {
	switch {
	case t.Customer.ID != 0 && v.PrimaryCustomer.ID != 0:
		return t.Customer.ID == v.PrimaryCustomer.ID
	case t.Customer.Email != "" && v.PrimaryCustomer.Email != "":
		return strings.EqualFold(t.Customer.Email, v.PrimaryCustomer.Email)
	}
	return true // it does not say
}

// stays reports whether waiting will not cure an error: Help Scout refuses us this very thing, or what it says cannot be read.
func stays(err error) bool {
	status := helpscout.StatusOf(err)
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, other := errors.AsType[*json.UnmarshalTypeError](err)
	return status >= 400 && status < 500 && status != 429 || syntax || other || errors.Is(err, errFile)
}

// errFile is a file that cannot be fetched; whether for good nobody can tell.
var errFile = errors.New("the help desk does not hand out a file")

// byTelephony says of an error whose it is.
func byTelephony(err error) error {
	return errs.Wrap(errs.KindOf(err), err, "telephony does not take it").After(errs.RetryAfter(err))
}

// refuse notes that a reply is not sent, with a note that says why.
func (s *Service) refuse(ctx context.Context, v helpscout.Conversation, r sqlstore.Reply, reason string) error {
	if r.Lane == "" {
		r.Lane = nobodysLane(v)
	}
	// A reply that telephony has got is sent, whatever has changed since: an answer of it may have been lost.
	_, err := s.Telephony.GetText(ctx, &telephonyv1.GetTextRequest{Key: fmt.Sprintf("reply:%d", r.ThreadID)})
	switch errs.KindOf(err) {
	case "":
		return s.store.ReplySent(ctx, r, s.Now())
	case errs.Unavailable:
		return byTelephony(err)
	}
	s.metrics.reply(ctx, "refused")
	return s.store.ReplyRefused(ctx, r, reason, sqlstore.Entry{
		Key: fmt.Sprintf("reply:%d", r.ThreadID), Trace: r.Trace,
		Body: "NOT SENT as a text: " + strings.TrimSuffix(reason, ".") + ".",
	}, s.Now())
}

// nobodysLane is the lane of what belongs to no supporter that we know of. It names the mailbox, by which it is forgotten some day.
func nobodysLane(v helpscout.Conversation) string {
	return fmt.Sprintf("%d|conversation-%d", v.MailboxID, v.ID)
}

// files brings an answer's attachments to telephony, one at a time, and returns their keys, and what must be said of those
// that cannot go. It reports false while there are more.
func (s *Service) files(ctx context.Context, conversationID int64, t helpscout.Thread, attempts int) (keys []string, remark string, done bool, err error) {
	const most = 10
	var left []string
	for i, a := range t.Embedded.Attachments {
		key := fmt.Sprintf("reply:%d:%d", t.ID, a.ID)
		a.FileName = cmp.Or(shorten(strings.TrimSpace(a.FileName), 80), "file")
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
		if err != nil && (errors.Is(err, helpscout.ErrDown) || helpscout.StatusOf(err) == 429 || errs.RetryAfter(err) > 0) {
			return nil, "", false, err
		}
		if err != nil && attempts < maxFileAttempts {
			return nil, "", false, fmt.Errorf("%w: %w", errFile, err)
		}
		if err != nil || len(data) > maxAttachment {
			left = append(left, a.FileName+" (it could not be fetched)")
			continue
		}
		_, err = s.Telephony.PutFile(ctx, &telephonyv1.PutFileRequest{Key: key, Name: a.FileName, MimeType: shorten(a.MIMEType, 80), Data: data})
		if errs.KindOf(err) == errs.Invalid {
			left = append(left, a.FileName+" (empty, or larger than 10 MB)")
			continue
		}
		if err != nil {
			return nil, "", false, byTelephony(err)
		}
		return nil, "", false, s.store.FilePut(ctx, key)
	}
	if len(left) > 0 {
		remark = "Not sent with it: " + strings.Join(left, ", ") + "."
	}
	return keys, remark, true, nil
}

// shorten cuts a name that is too long to be one.
func shorten(name string, most int) string {
	if r := []rune(name); len(r) > most {
		return string(r[:most])
	}
	return name
}
