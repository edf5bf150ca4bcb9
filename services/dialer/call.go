package dialer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer/pages"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

func callPath(key string) string { return "/dialer/calls/" + key }

// callPage shows how a call stands. With script it stays true by itself (callEvents), without it is loaded again.
func (s *Service) callPage(w http.ResponseWriter, r *http.Request, me session) {
	p, ok := s.call(w, r, me)
	if !ok {
		return
	}
	stands, err := s.stands(r.Context(), p.ID)
	if err != nil {
		s.Log.ErrorContext(r.Context(), "nobody can tell how a call stands", "err", err)
		p.State, p.Lost = pages.Starting, true
	} else {
		p = standing(p, stands)
	}
	s.show(w, r, http.StatusOK, p)
}

// call is the page of the request's call without how it stands, if it is the agent's. Otherwise it has answered.
func (s *Service) call(w http.ResponseWriter, r *http.Request, me session) (p pages.Call, ok bool) {
	key := r.PathValue("key")
	id, err := s.theirs(r, key, me)
	if errors.Is(err, sqlstore.ErrNotFound) {
		s.unknown(w, r)
		return p, false
	}
	if err != nil {
		s.trouble(w, r, err)
		return p, false
	}
	p = s.whom(r.Context(), id)
	p.ID, p.Agent, p.Phone, p.Again = key, me.Name, display(me.phone), conversationPath(id)
	return p, true
}

// whom says whom a conversation's call calls, as far as that can be found out: the page is there all the same.
func (s *Service) whom(ctx context.Context, conversationID int64) pages.Call {
	find, err := s.Ticketing.FindSupporter(ctx, &ticketingv1.FindSupporterRequest{ConversationId: conversationID})
	if err != nil {
		return pages.Call{Supporter: "the supporter"}
	}
	h, _ := s.Hotlines.ByMailbox(find.GetParty().GetMailboxId())
	return pages.Call{Supporter: phone.Parse(find.GetParty().GetSupporter()).Display(), Hotline: called(h), Back: find.GetUrl()}
}

// theirs returns the conversation of a call of theirs, or sqlstore.ErrNotFound.
func (s *Service) theirs(r *http.Request, key string, me session) (conversationID int64, err error) {
	if !callKey.MatchString(key) {
		return 0, sqlstore.ErrNotFound
	}
	return s.store.CallConversation(r.Context(), key, me.UserID)
}

var callKey = regexp.MustCompile(`^dialer-[A-Z0-9]+$`)

// stands asks telephony how a call stands.
func (s *Service) stands(ctx context.Context, key string) (*telephonyv1.CallBack, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	stream, err := s.CallBacks.WatchCallBack(ctx, &telephonyv1.WatchCallBackRequest{Key: key})
	if err != nil {
		return nil, err
	}
	first, err := stream.Recv()
	return first.GetCallBack(), err
}

// beatEvery is how often a live page hears that it is still connected.
const beatEvery = 15 * time.Second

// callEvents keeps a page live: https://html.spec.whatwg.org/multipage/server-sent-events.html. It ends with the call, and with the
// process: the page then comes back, and meets another one.
func (s *Service) callEvents(w http.ResponseWriter, r *http.Request, me session) {
	p, ok := s.call(w, r, me)
	if !ok {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stream, err := s.CallBacks.WatchCallBack(ctx, &telephonyv1.WatchCallBackRequest{Key: p.ID})
	if err != nil {
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	changes := make(chan *telephonyv1.CallBack)
	go func() {
		defer close(changes)
		for {
			change, err := stream.Recv()
			if err != nil {
				return
			}
			select {
			case changes <- change.GetCallBack():
			case <-ctx.Done():
				return
			}
		}
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx
	out := http.NewResponseController(w)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	fmt.Fprint(w, "retry: 1000\n\n")
	for {
		if out.Flush() != nil {
			return
		}
		select {
		case stands, ok := <-changes:
			if !ok {
				return
			}
			if err := event(w, standing(p, stands)); err != nil || stands.GetState() == telephonyv1.CallBackState_CALL_BACK_STATE_ENDED {
				out.Flush() //nolint:errcheck // the asker is gone
				return
			}
		case <-beat.C:
			if again, err := s.session(r); err != nil || again.UserID != me.UserID {
				return // signed out, or revoked
			}
			fmt.Fprint(w, ": still here\n\n")
		case <-s.stopping:
			return
		case <-ctx.Done():
			return
		}
	}
}

// event writes how a call stands as a server-sent event.
func event(w http.ResponseWriter, p pages.Call) error {
	var b bytes.Buffer
	if err := pages.Fragment(&b, p); err != nil {
		return err
	}
	name := "status"
	if p.State == pages.Ended {
		name = "end"
	}
	_, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", "\ndata: "))
	return err
}

// cancel ends a call.
func (s *Service) cancel(w http.ResponseWriter, r *http.Request, me session) {
	key := r.PathValue("key")
	id, err := s.theirs(r, key, me)
	if errors.Is(err, sqlstore.ErrNotFound) {
		s.unknown(w, r)
		return
	}
	var res *telephonyv1.CancelCallBackResponse
	if err == nil {
		res, err = s.CallBacks.CancelCallBack(r.Context(), &telephonyv1.CancelCallBackRequest{Key: key})
	}
	if err != nil && errs.KindOf(err) != errs.NotFound {
		s.trouble(w, r, err)
		return
	}
	if err == nil && res.GetCallBack().GetState() != telephonyv1.CallBackState_CALL_BACK_STATE_ENDED {
		log := entry(r, me.AgentRow, callCancelled)
		log.ConversationID = id
		s.note(r.Context(), log)
	}
	http.Redirect(w, r, callPath(key), http.StatusSeeOther)
}

// standing puts into a page how its call stands.
func standing(p pages.Call, c *telephonyv1.CallBack) pages.Call {
	p.State, p.Since = states[c.GetState()], c.GetSince().AsTime()
	if p.State != pages.Ended {
		if c.GetCancelled() {
			p.State = pages.Ending
		}
		return p
	}
	p.Talked = time.Duration(c.GetTalkedSeconds()) * time.Second
	p.Good = c.GetResult() == telephonyv1.CallBackResult_CALL_BACK_RESULT_TALKED
	r := results[c.GetResult()]
	p.Result, p.Hint = r.result, r.hint
	if p.Good {
		p.Result = "You talked for " + length(c.GetTalkedSeconds()) + "."
	}
	return p
}

var states = map[telephonyv1.CallBackState]pages.CallState{
	telephonyv1.CallBackState_CALL_BACK_STATE_QUEUED: pages.Starting, telephonyv1.CallBackState_CALL_BACK_STATE_CALLING_AGENT: pages.RingingYou,
	telephonyv1.CallBackState_CALL_BACK_STATE_ASKING_AGENT: pages.AskingYou, telephonyv1.CallBackState_CALL_BACK_STATE_CALLING_SUPPORTER: pages.CallingThem,
	telephonyv1.CallBackState_CALL_BACK_STATE_CONNECTED: pages.Connected, telephonyv1.CallBackState_CALL_BACK_STATE_ENDED: pages.Ended,
}

// results say how a call ended, and what to do then.
var results = map[telephonyv1.CallBackResult]struct{ result, hint string }{
	telephonyv1.CallBackResult_CALL_BACK_RESULT_UNSPECIFIED:       {"The call is over.", ""},
	telephonyv1.CallBackResult_CALL_BACK_RESULT_CANCELLED:         {"You cancelled the call.", ""},
	telephonyv1.CallBackResult_CALL_BACK_RESULT_NOT_STARTED:       {"The call could not be started.", "They were not called. Try again in a moment."},
	telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_NO_ANSWER:   {"Your phone was not picked up.", "They were not called. Check the number, and that your phone can be reached."},
	telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_BUSY:        {"Your phone was busy.", "They were not called."},
	telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_FAILED:      {"Your phone could not be called.", "They were not called. Check the number."},
	telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_UNCONFIRMED: {"Your phone was picked up, but nobody pressed 1.", "They were not called. Perhaps your voicemail answered."},
	telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_HUNG_UP:     {"You hung up before they answered.", ""},
	telephonyv1.CallBackResult_CALL_BACK_RESULT_NO_ANSWER:         {"They did not answer.", "You can try again later, or text them from the ticket."},
	telephonyv1.CallBackResult_CALL_BACK_RESULT_BUSY:              {"They were busy, or declined the call.", "You can try again later, or text them from the ticket."},
	telephonyv1.CallBackResult_CALL_BACK_RESULT_FAILED:            {"Their phone cannot be reached.", "Perhaps the number does not exist any more."},
}

// brief are the results in few words, for the sidebar.
var brief = map[telephonyv1.CallBackResult]string{
	telephonyv1.CallBackResult_CALL_BACK_RESULT_UNSPECIFIED: "not known", telephonyv1.CallBackResult_CALL_BACK_RESULT_CANCELLED: "cancelled",
	telephonyv1.CallBackResult_CALL_BACK_RESULT_NOT_STARTED: "not started", telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_NO_ANSWER: "did not pick up",
	telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_BUSY: "own phone busy", telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_FAILED: "own phone not reached",
	telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_UNCONFIRMED: "no key pressed", telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_HUNG_UP: "hung up",
	telephonyv1.CallBackResult_CALL_BACK_RESULT_NO_ANSWER: "no answer", telephonyv1.CallBackResult_CALL_BACK_RESULT_BUSY: "busy",
	telephonyv1.CallBackResult_CALL_BACK_RESULT_FAILED: "not reached",
}
