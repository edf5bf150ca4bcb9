package dialer

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

// Codes come from a hotline that can text whoever it likes: the agent's own if it calls back, else another one.
func TestHotlineOf(t *testing.T) {
	db, err := sqlstore.Open(t.Context(), sqldbtest.Any(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all, errs := hotline.Parse("mobilecommons:189358:1,twilio:+15017122661:2,twilio:+15017122662:3")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	s := &Service{Config: Config{Hotlines: all}, store: sqlstore.New(db)}
	for user, mailbox := range map[int64]int64{1: 1, 2: 2, 3: 3, 9: 9} {
		a := sqlstore.AgentRow{UserID: user, Name: "Dana", Phone: []byte("sealed"), PhoneIndex: string(rune('a' + user)), EnrolledAt: time.Now()}
		if ok, err := s.store.Enrol(t.Context(), a, mailbox, a.PhoneIndex); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	for user, want := range map[int64]int64{1: 2, 2: 2, 3: 3, 9: 2, 10: 2} { // 9 proved what is no hotline's any more, and nobody knows 10
		if got := s.hotlineOf(t.Context(), user); got.MailboxID != want {
			t.Errorf("of %d: %d, want %d", user, got.MailboxID, want)
		}
	}
	s.Hotlines = all[:1]
	if got := s.hotlineOf(t.Context(), 2); got.MailboxID != 1 {
		t.Errorf("%+v", got)
	}
	for h, want := range map[int]string{0: "the hotline campaign 189358 (Mobile Commons)", 1: "the hotline 501-712-2661"} {
		if got := called(all[h]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// staff is a ticketing where everybody works.
type staff struct {
	ticketingv1.TicketingServiceClient
}

func (staff) FindAgent(context.Context, *ticketingv1.FindAgentRequest, ...grpc.CallOption) (*ticketingv1.FindAgentResponse, error) {
	return &ticketingv1.FindAgentResponse{Name: "Dana"}, nil
}

// Nobody is set up for a hotline that does not call back.
func TestOpenWithoutCalls(t *testing.T) {
	all, errs := hotline.Parse("mobilecommons:189358:1,telnyx:+15017122661:2,twilio:+15017122662:3")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	db, err := sqlstore.Open(t.Context(), sqldbtest.Any(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := New(Config{Hotlines: all, Keys: []string{strings.Repeat("k", 32)}}, Deps{DB: db, Ticketing: staff{}})
	if err != nil {
		t.Fatal(err)
	}
	for mailbox, offered := range map[int64]bool{1: false, 2: false, 3: true} {
		raw := s.ring.ticket(ticket{Conversation: 42, Mailbox: mailbox, User: 7, Until: time.Now().Add(time.Hour).Unix()})
		w := httptest.NewRecorder()
		s.open(w, httptest.NewRequest(http.MethodGet, "/dialer/open?ticket="+url.QueryEscape(raw), nil))
		body := w.Body.String()
		if w.Code != http.StatusOK || strings.Contains(body, raw) != offered || strings.Contains(body, "does not call back") == offered {
			t.Errorf("mailbox %d: %d %s", mailbox, w.Code, body)
		}
	}
}
