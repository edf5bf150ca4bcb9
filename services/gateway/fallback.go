package gateway

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

// answerWithin is how long telephony may take for one answer: it gives up to store a text after 5 seconds.
const answerWithin = 5500 * time.Millisecond

// insist hands a text to telephony until it has it, or time is over. What failed without an answer may have been stored:
// only asking again can tell, and that changes nothing if it was. So the last attempt, too, is given the time for an answer: nobody is to
// be told that a text is lost which is then stored all the same.
func (s *Service) insist(ctx context.Context, in *telephonyv1.ReceiveTextRequest) (res *telephonyv1.ReceiveTextResponse, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.InsistFor+answerWithin)
	defer cancel()
	for begun := time.Now(); ; {
		if res, err = s.webhooks.ReceiveText(ctx, in); err == nil || errs.KindOf(err) == errs.Invalid || time.Since(begun) > s.InsistFor {
			return res, err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// fallback is where Twilio turns when a text could not be delivered to us (SmsFallbackUrl). It tries again for a while, and only
// if the text really cannot be stored the supporter is told so, in the hotline's own words. It needs configuration only.
func (s *Service) fallback(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, "the body is no form", http.StatusBadRequest)
		return
	}
	in := &telephonyv1.ReceiveTextRequest{}
	if err := fill(in.ProtoReflect(), form); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	twiml := "<Response></Response>"
	if res, err := s.insist(r.Context(), in); err == nil {
		twiml = res.GetTwiml()
	} else {
		s.Log.ErrorContext(r.Context(), "text is lost", "message_sid", in.GetMessageSid(), "err", err)
		s.metrics.webhook(r.Context(), "twilio", "lost")
		h, _ := s.Hotlines.ByNumber(phone.Parse(in.GetTo()).Number)
		if failure := h.TextsFor(in.GetBody()).Failure; failure != "" && phone.Parse(in.GetFrom()).CanText() {
			var escaped strings.Builder
			xml.EscapeText(&escaped, []byte(failure)) //nolint:errcheck // a builder takes everything
			twiml = "<Response><Message>" + escaped.String() + "</Message></Response>"
		}
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	io.WriteString(w, twiml) //nolint:errcheck // the asker is gone
}
