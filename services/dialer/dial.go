package dialer

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer/pages"
)

const (
	// proofLife is how long it counts that an agent has proved to work in a mailbox.
	proofLife = 90 * 24 * time.Hour
	// noCallsTag on a conversation keeps its supporter from being called, whoever has put it there.
	noCallsTag = "no-calls"
)

// home is for who comes without a conversation.
func (s *Service) home(w http.ResponseWriter, r *http.Request, me session) {
	p := pages.Home{Agent: me.Name, Phone: display(me.phone)}
	if typed := strings.TrimSpace(r.FormValue("conversation")); typed != "" {
		if id, err := strconv.ParseInt(typed, 10, 64); err == nil && id > 0 {
			http.Redirect(w, r, conversationPath(id), http.StatusSeeOther)
			return
		}
		p.Problem = "A conversation's id is a number: the long one in its address in Help Scout."
	}
	if key := s.activeCall(r.Context(), me.UserID); key != "" {
		id, err := s.store.CallConversation(r.Context(), key, me.UserID)
		if err != nil {
			s.trouble(w, r, err)
			return
		}
		p.Active = &pages.ActiveCall{Href: callPath(key), Supporter: s.whom(r.Context(), id).Supporter}
	}
	s.show(w, r, http.StatusOK, p)
}

// conversation is what a page is about, once it is known that the agent may see it.
type conversation struct {
	*ticketingv1.FindSupporterResponse
	id      int64
	hotline hotline.Hotline
}

// mine finds the request's conversation, if the agent may see it. Otherwise it has answered.
func (s *Service) mine(w http.ResponseWriter, r *http.Request, me session) (c conversation, ok bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		s.unknown(w, r)
		return c, false
	}
	c.id = id
	c.FindSupporterResponse, err = s.Ticketing.FindSupporter(r.Context(), &ticketingv1.FindSupporterRequest{ConversationId: id, MakeSure: true})
	switch errs.KindOf(err) {
	case "":
	case errs.NotFound, errs.Invalid:
		s.unknown(w, r)
		return c, false
	default:
		s.trouble(w, r, err)
		return c, false
	}
	c.hotline, _ = s.Hotlines.ByMailbox(c.GetParty().GetMailboxId())
	member, err := s.store.Member(r.Context(), me.UserID, c.hotline.MailboxID, s.Now().Add(-proofLife))
	if err != nil {
		s.trouble(w, r, err)
		return c, false
	}
	t := ticket{Conversation: id, Mailbox: c.hotline.MailboxID, User: me.UserID, Until: s.Now().Add(codeLife).Unix()}
	if _, _, err := s.worksIn(r, t); errs.KindOf(err) == errs.NotFound || err != nil && !member {
		s.keptOut(w, r, t, err) // who has left is out at once; while Help Scout does not answer, what was proved counts
		return c, false
	}
	if !member {
		s.offer(w, r, c.hotline, pages.Enrol{Agent: me.Name, Number: display(me.phone), Ticket: s.ring.ticket(t)})
		return c, false
	}
	return c, true
}

func (s *Service) unknown(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusNotFound, pages.Message{
		Title: "There is nothing here", Text: "This is not a conversation of the hotline's, or not a call of yours.", Href: "/dialer/", Link: "Start page",
	})
}

// dialPage shows whom the agent is about to call. Who is in a call already is shown that.
func (s *Service) dialPage(w http.ResponseWriter, r *http.Request, me session) {
	if key := s.activeCall(r.Context(), me.UserID); key != "" {
		http.Redirect(w, r, callPath(key), http.StatusSeeOther)
		return
	}
	if c, ok := s.mine(w, r, me); ok {
		s.showDial(w, r, me, c, http.StatusOK, s.press(me, c.id, rand.Text()), "")
	}
}

func (s *Service) showDial(w http.ResponseWriter, r *http.Request, me session, c conversation, status int, press, problem string) {
	p := pages.Dial{
		Agent: me.Name, Supporter: phone.Parse(c.GetParty().GetSupporter()).Display(), Hotline: called(c.hotline), Phone: display(me.phone),
		Press: press, Action: conversationPath(c.id) + "/call", Here: conversationPath(c.id), Problem: problem, Back: c.GetUrl(), Refusal: refusal(c),
	}
	if c.GetNumber() != 0 {
		p.Conversation = "#" + strconv.FormatInt(c.GetNumber(), 10)
	}
	if p.Refusal == "" {
		known, err := s.CallBacks.GetSupporter(r.Context(), &telephonyv1.GetSupporterRequest{Hotline: c.GetParty().GetHotline(), Supporter: c.GetParty().GetSupporter()})
		if p.Refusal = known.GetNotCalled(); err != nil {
			p.Problem = plain(err)
		}
		if known.GetOptedOut() {
			p.Warning = "They asked for no more texts. About calls they said nothing."
		}
	}
	s.show(w, r, status, p)
}

// refusal is why nobody is called from a conversation, as far as the ticket says.
func refusal(c conversation) string {
	if c.GetRefused() == "" && slices.Contains(c.GetTag(), noCallsTag) {
		return "They asked not to be called: the conversation has the tag " + noCallsTag + "."
	}
	return c.GetRefused()
}

// press names one press of the button, for this session and conversation only. Pressing it twice is one press.
func (s *Service) press(me session, conversationID int64, id string) string {
	return id + "." + base64.RawURLEncoding.EncodeToString(mac(s.ring[0].ticket, "press", me.hash, strconv.FormatInt(conversationID, 10), id))
}

// dial has the call made. Whom to call is looked up; nothing of that comes from the browser.
func (s *Service) dial(w http.ResponseWriter, r *http.Request, me session) {
	c, ok := s.mine(w, r, me)
	if !ok {
		return
	}
	press := r.FormValue("press")
	id, _, _ := strings.Cut(press, ".")
	if !hmac.Equal([]byte(press), []byte(s.press(me, c.id, id))) {
		s.showDial(w, r, me, c, http.StatusUnprocessableEntity, s.press(me, c.id, rand.Text()), "The page was too old. Press Dial again.")
		return
	}
	key := "dialer-" + id
	log := entry(r, me.AgentRow, callStarted)
	log.ConversationID = c.id
	if why := refusal(c); why != "" {
		log.Action, log.Detail = callRefused, why
		s.note(r.Context(), log)
		s.showDial(w, r, me, c, http.StatusConflict, press, "")
		return
	}
	if theirs, err := s.store.AddCall(r.Context(), key, me.UserID, c.id, s.Now()); err != nil || !theirs {
		s.trouble(w, r, errors.Join(err, errors.New("whose a call is could not be noted")))
		return
	}
	res, err := s.CallBacks.StartCallBack(r.Context(), &telephonyv1.StartCallBackRequest{
		Key: key, Hotline: c.GetParty().GetHotline(), Supporter: c.GetParty().GetSupporter(), AgentPhone: string(me.phone),
		Agent: "helpscout:" + strconv.FormatInt(me.UserID, 10), AgentName: me.Name, ConversationId: c.id,
	})
	if err != nil {
		log.Action, log.Detail = callRefused, plain(err)
		s.note(r.Context(), log)
		status, refused := map[errs.Kind]int{errs.Precondition: http.StatusConflict, errs.RateLimited: http.StatusTooManyRequests}[errs.KindOf(err)]
		if refused {
			err = errors.Join(err, s.store.CallOver(r.Context(), key)) // there is none
		} else {
			status = http.StatusServiceUnavailable
		}
		s.showDial(w, r, me, c, status, press, plain(err))
		return
	}
	if !res.GetKnown() {
		s.note(r.Context(), log)
	}
	http.Redirect(w, r, callPath(key), http.StatusSeeOther)
}

// activeCall is the agent's call that goes on, or nothing.
func (s *Service) activeCall(ctx context.Context, userID int64) (key string) {
	key, startedAt, err := s.store.OpenCall(ctx, userID)
	if err != nil {
		return ""
	}
	stands, err := s.stands(ctx, key)
	gone := errs.KindOf(err) == errs.NotFound
	if gone && s.Now().Sub(startedAt) > time.Minute || stands.GetState() == telephonyv1.CallBackState_CALL_BACK_STATE_ENDED {
		if err := s.store.CallOver(ctx, key); err != nil {
			s.Log.ErrorContext(ctx, "the end of a call could not be noted", "err", err)
		}
	}
	if gone || stands.GetState() == telephonyv1.CallBackState_CALL_BACK_STATE_ENDED {
		return ""
	}
	return key
}
