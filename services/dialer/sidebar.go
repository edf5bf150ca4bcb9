package dialer

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/webui"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer/pages"
)

// sidebar shows, beside a conversation in Help Scout, who the supporter is to the hotline. Help Scout's page alone may frame it.
func (s *Service) sidebar(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	id := func(name string) int64 {
		n, _ := strconv.ParseInt(q.Get(name), 10, 64) // what is no number names nothing
		return n
	}
	webui.Headers(w, s.WebURL)
	p := s.about(r, ticket{Conversation: id("conversation-id"), Mailbox: id("mailbox-id"), User: id("user-id")})
	p.ParentOrigin = s.WebURL
	s.show(w, r, http.StatusOK, p)
}

// legacySidebar is the same for legacy dynamic apps: https://developer.helpscout.com/apps/guides/dynamic-content/.
func (s *Service) legacySidebar(w http.ResponseWriter, r *http.Request) {
	type named struct {
		ID anID `json:"id"`
	}
	var in struct {
		Ticket  json.RawMessage `json:"ticket"` // false for a draft
		User    named           `json:"user"`
		Mailbox named           `json:"mailbox"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		http.Error(w, "this is not what Help Scout sends", http.StatusBadRequest)
		return
	}
	var conversation named
	json.Unmarshal(in.Ticket, &conversation) //nolint:errcheck // a draft is no conversation
	html, err := pages.LegacySidebar(s.about(r, ticket{Conversation: int64(conversation.ID), Mailbox: int64(in.Mailbox.ID), User: int64(in.User.ID)}))
	if err != nil {
		s.trouble(w, r, err)
		return
	}
	webui.Headers(w, webui.Nobody)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"html": html}) //nolint:errcheck // the asker is gone
}

// anID is a number, or the same in quotes.
type anID int64

// UnmarshalJSON reads it. What is neither is 0.
func (i *anID) UnmarshalJSON(b []byte) error {
	n, _ := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	*i = anID(n)
	return nil
}

// about is what the sidebar says of a conversation. Help Scout is not asked: it shows the sidebar with each conversation.
func (s *Service) about(r *http.Request, t ticket) pages.Sidebar {
	h, ours := s.Hotlines.ByMailbox(t.Mailbox)
	if t.Conversation == 0 || !ours {
		return pages.Sidebar{Notice: "This conversation is not one of the hotline's."}
	}
	find, err := s.Ticketing.FindSupporter(r.Context(), &ticketingv1.FindSupporterRequest{ConversationId: t.Conversation})
	if errs.KindOf(err) == errs.NotFound || err == nil && find.GetParty().GetMailboxId() != t.Mailbox {
		return pages.Sidebar{Notice: "This conversation is not one of the hotline's."}
	}
	var known *telephonyv1.GetSupporterResponse
	if err == nil {
		known, err = s.CallBacks.GetSupporter(r.Context(), &telephonyv1.GetSupporterRequest{Hotline: find.GetParty().GetHotline(), Supporter: find.GetParty().GetSupporter()})
	}
	if err != nil {
		s.Log.ErrorContext(r.Context(), "the sidebar has nothing to show", "err", err)
		return pages.Sidebar{Notice: "The hotline does not answer just now. Reload the page in a moment."}
	}
	p := pages.Sidebar{
		Supporter: phone.Parse(find.GetParty().GetSupporter()).Display(), Hotline: called(h), TextsOff: known.GetOptedOut(), NoCalls: known.GetNoCalls(),
		Blocked: known.GetBlocked(), WhyNot: find.GetRefused(),
	}
	if known.GetLastText() != nil {
		p.LastText = lastText(known)
	}
	for _, c := range known.GetCalls() {
		p.Calls = append(p.Calls, pastCall(c))
	}
	switch {
	case p.WhyNot != "":
	case known.GetNotCalled() != "":
		p.WhyNot = known.GetNotCalled()
	case t.User == 0:
		p.WhyNot = "Help Scout does not say who you are."
	default:
		t.Until = s.Now().Add(ticketLife).Unix()
		p.CallBack = s.PublicURL + "/dialer/open?ticket=" + url.QueryEscape(s.ring.ticket(t))
	}
	return p
}

func lastText(known *telephonyv1.GetSupporterResponse) *pages.Text {
	t := known.GetLastText()
	out := &pages.Text{At: known.GetLastTextAt().AsTime(), State: map[telephonyv1.TextState]string{
		telephonyv1.TextState_TEXT_STATE_QUEUED: "waiting", telephonyv1.TextState_TEXT_STATE_SENDING: "being sent",
		telephonyv1.TextState_TEXT_STATE_ACCEPTED: "on its way", telephonyv1.TextState_TEXT_STATE_SENT: "sent, not confirmed",
		telephonyv1.TextState_TEXT_STATE_DELIVERED: "delivered", telephonyv1.TextState_TEXT_STATE_FAILED: "failed",
		telephonyv1.TextState_TEXT_STATE_UNKNOWN: "nobody knows whether it arrived",
	}[t.GetState()]}
	if out.Problem = t.GetRefused(); out.Problem == "" && t.GetErrorCode() != 0 {
		out.Problem = fmt.Sprintf("the carrier's code is %d", t.GetErrorCode())
	}
	return out
}

func pastCall(c *telephonyv1.PastCall) pages.Event {
	e := pages.Event{At: c.GetAt().AsTime(), Incoming: c.GetKind() != telephonyv1.PastCallKind_PAST_CALL_KIND_CALL_BACK}
	took := length(c.GetSeconds())
	switch c.GetKind() {
	case telephonyv1.PastCallKind_PAST_CALL_KIND_TALKED:
		e.What = "They called, " + took
	case telephonyv1.PastCallKind_PAST_CALL_KIND_VOICEMAIL:
		e.What = "Voicemail"
	case telephonyv1.PastCallKind_PAST_CALL_KIND_MISSED:
		e.What = "Missed call"
	default:
		who := c.GetAgentName()
		if who == "" {
			who = "an agent"
		}
		if c.GetResult() == telephonyv1.CallBackResult_CALL_BACK_RESULT_TALKED {
			e.What = "Called back by " + who + ", " + took
		} else {
			e.What = who + " tried to call back: " + brief[c.GetResult()]
		}
	}
	return e
}

// length is a duration as people say it.
func length(seconds int32) string {
	if d := time.Duration(seconds) * time.Second; d >= time.Minute {
		return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d s", seconds)
}
