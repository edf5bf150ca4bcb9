package telephony

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/callflow"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// ReceiveCall answers a call that begins. Whatever is down, there is an answer.
func (s *Service) ReceiveCall(ctx context.Context, r *telephonyv1.ReceiveCallRequest) (*telephonyv1.ReceiveCallResponse, error) {
	call := s.call(r.GetFrom(), r.GetTo())
	known := s.known(ctx, r.GetCallSid(), call)
	row := s.callRow(r.GetCallSid(), call)
	twiml, ringing := call.Begin(known)
	row.Rejected, row.Ringing = call.Rejected(known), numberList(ringing)
	s.beside(ctx, "the beginning of a call", func(ctx context.Context) error { return s.store.CallBegan(ctx, row) })
	s.metrics.call(ctx, "began")
	return &telephonyv1.ReceiveCallResponse{Twiml: twiml}, nil
}

// AskPhone asks a volunteer who has picked up for a key.
func (s *Service) AskPhone(ctx context.Context, r *telephonyv1.AskPhoneRequest) (*telephonyv1.AskPhoneResponse, error) {
	call := s.call("", r.GetHotline())
	leg := s.legRow(call, r)
	s.beside(ctx, "a phone that was picked up", func(ctx context.Context) error { return s.store.LegAnswered(ctx, leg) })
	return &telephonyv1.AskPhoneResponse{Twiml: call.Ask(callflow.Leg{Phone: int(r.GetPhone()), Round: int(r.GetRound())})}, nil
}

// TakeKey connects the volunteer who takes the call first. If it cannot be found out in time who that is, Twilio decides: it
// connects one, and hangs up on the others.
func (s *Service) TakeKey(ctx context.Context, r *telephonyv1.TakeKeyRequest) (*telephonyv1.TakeKeyResponse, error) {
	call := s.call("", r.GetHotline())
	leg := s.legRow(call, r)
	mine := func() bool {
		mine, known := inTime(ctx, s, func(ctx context.Context) (bool, error) { return s.store.Claim(ctx, leg) })
		if !known {
			s.beside(ctx, "who took a call", func(ctx context.Context) error {
				_, err := s.store.Claim(ctx, leg)
				return err
			})
		}
		return mine || !known
	}
	where := callflow.Leg{Phone: int(r.GetPhone()), Round: int(r.GetRound()), Again: int(r.GetAgain())}
	return &telephonyv1.TakeKeyResponse{Twiml: call.Key(where, r.GetDigits(), mine)}, nil
}

// EndRound goes on with the call when a round is over.
func (s *Service) EndRound(ctx context.Context, r *telephonyv1.EndRoundRequest) (*telephonyv1.EndRoundResponse, error) {
	call := s.call(r.GetFrom(), r.GetTo())
	talked := r.GetDialBridged() == "true" || r.GetDialBridged() == "" && r.GetDialCallStatus() == "completed"
	round := callflow.ParseRound(r.GetBegan(), r.GetSince(), r.GetRound(), r.GetRung(), r.GetRest())
	var known callflow.Known
	if !talked {
		known = s.known(ctx, r.GetCallSid(), call)
	}
	twiml, ringing := call.EndRound(round, talked, known)
	if talked {
		row := s.callRow(r.GetCallSid(), call)
		s.beside(ctx, "a talk", func(ctx context.Context) error { return s.store.CallTalked(ctx, row) })
	} else {
		s.beside(ctx, "that nobody talked", func(ctx context.Context) error {
			return s.store.NextRound(ctx, clean(r.GetCallSid()), int(r.GetRound()), numberList(ringing))
		})
	}
	if !talked && call.Now.Sub(round.Began) > call.Hotline.Calls.Ceiling {
		s.metrics.call(ctx, "late")
	}
	return &telephonyv1.EndRoundResponse{Twiml: twiml}, nil
}

// EndVoicemail says goodbye, also to who has hung up.
func (s *Service) EndVoicemail(ctx context.Context, r *telephonyv1.EndVoicemailRequest) (*telephonyv1.EndVoicemailResponse, error) {
	call := s.call(r.GetFrom(), r.GetTo())
	if r.GetRecordingUrl() != "" {
		row := s.callRow(r.GetCallSid(), call)
		s.beside(ctx, "a voicemail", func(ctx context.Context) error { return s.store.CallRecorded(ctx, row) })
	}
	return &telephonyv1.EndVoicemailResponse{Twiml: call.Goodbye()}, nil
}

// ReceiveLegStatus notes what became of a volunteer's phone.
func (s *Service) ReceiveLegStatus(ctx context.Context, r *telephonyv1.ReceiveLegStatusRequest) (*telephonyv1.ReceiveLegStatusResponse, error) {
	var check errs.Check
	check.That(r.GetCallSid() != "", "CallSid", "must not be empty")
	if err := check.Err(); err != nil {
		return nil, err
	}
	leg := s.legRow(s.call("", r.GetHotline()), r)
	store := s.store.LegEnded
	if r.GetCallStatus() == "in-progress" {
		store = s.store.LegAnswered
	} else {
		leg.Status = clean(r.GetCallStatus())
	}
	if err := store(ctx, leg); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the status could not be stored; send it again")
	}
	return &telephonyv1.ReceiveLegStatusResponse{}, nil
}

// ReceiveCallStatus notes the end of a call.
func (s *Service) ReceiveCallStatus(ctx context.Context, r *telephonyv1.ReceiveCallStatusRequest) (*telephonyv1.ReceiveCallStatusResponse, error) {
	var check errs.Check
	check.That(r.GetCallSid() != "", "CallSid", "must not be empty")
	if err := check.Err(); err != nil {
		return nil, err
	}
	row := s.callRow(r.GetCallSid(), s.call(r.GetFrom(), r.GetTo()))
	row.Seconds, row.Answered = int(max(0, r.GetCallDuration())), r.GetCallStatus() == "completed"
	if err := s.store.CallEnded(ctx, row); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the end of the call could not be stored; send it again")
	}
	return &telephonyv1.ReceiveCallStatusResponse{}, nil
}

// call is a call to one of our numbers. A number that is not configured is answered all the same: what is said there is kept
// until it is. So is one at a carrier that has no calls.
func (s *Service) call(from, to string) callflow.Call {
	from = cmp.Or(clean(from), "anonymous") // whoever calls is somebody
	number := phone.Parse(clean(to))
	h, ok := s.Hotlines.ByNumber(number.Number)
	if !ok || !h.Transport.Can().Calls {
		h = hotline.New(number.Number, 0)
	}
	return callflow.Call{Hotline: h, From: phone.Parse(from), To: number, Base: s.PublicURL, Now: s.Now()}
}

func (s *Service) callRow(sid string, c callflow.Call) sqlstore.CallInRow {
	supporter := string(c.From.Number)
	return sqlstore.CallInRow{CallSID: clean(sid), Lane: lane(c.To.Number, supporter), Hotline: c.To.Number, Supporter: supporter, At: c.Now}
}

// numberList is how the phones that ring are noted.
func numberList(numbers []phone.Number) string {
	list := make([]string, len(numbers))
	for i, number := range numbers {
		list[i] = string(number)
	}
	return strings.Join(list, ",")
}

// legRequest is any request about a volunteer's phone.
type legRequest interface {
	GetCallSid() string
	GetParentCallSid() string
	GetTo() string
	GetRound() int32
}

func (s *Service) legRow(c callflow.Call, r legRequest) sqlstore.LegRow {
	return sqlstore.LegRow{
		LegSID: clean(r.GetCallSid()), CallSID: clean(r.GetParentCallSid()), Phone: phone.Parse(clean(r.GetTo())).Number, Round: int(r.GetRound()), At: c.Now,
	}
}

// known asks the database what may make the answer to a call better.
func (s *Service) known(ctx context.Context, sid string, c callflow.Call) (k callflow.Known) {
	f, ok := inTime(ctx, s, func(ctx context.Context) (sqlstore.CallFacts, error) {
		return s.store.CallFacts(ctx, clean(sid), string(c.From.Number), c.To.Number, c.Now)
	})
	if !ok {
		s.metrics.call(ctx, "unadvised")
		return k
	}
	k = callflow.Known{
		Blocked: f.Blocked, Paused: f.Paused, Talked: f.Talked,
		Busy: map[phone.Number]bool{}, PickedUp: map[phone.Number]bool{}, Declined: map[phone.Number]bool{}, Silenced: map[phone.Number]time.Time{},
	}
	for _, n := range f.Busy {
		k.Busy[n] = true
	}
	for _, leg := range f.Legs {
		if leg.At.IsZero() && (leg.Status == "canceled" || leg.Status == "no-answer") && leg.EndedAt.After(k.Silenced[leg.Phone]) {
			k.Silenced[leg.Phone] = leg.EndedAt
		}
		k.PickedUp[leg.Phone] = k.PickedUp[leg.Phone] || !leg.At.IsZero()
		k.Declined[leg.Phone] = k.Declined[leg.Phone] || leg.Status == "busy" || leg.Status == "failed"
	}
	return k
}

// inTime asks the database for something, and does without it after CallPatience. A database that hangs keeps a bounded
// number of askers waiting; those that come then do not even ask.
func inTime[T any](ctx context.Context, s *Service, ask func(context.Context) (T, error)) (answer T, ok bool) {
	select {
	case s.asking <- struct{}{}:
	default:
		return answer, false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.CallPatience)
	got := make(chan T, 1)
	go func() {
		defer func() { <-s.asking; cancel() }()
		if answer, err := ask(ctx); err == nil {
			got <- answer
		} else {
			s.Log.WarnContext(ctx, "a call goes on without the database", "err", err)
			close(got)
		}
	}()
	select {
	case answer, ok = <-got:
		return answer, ok
	case <-ctx.Done(): // a driver need not heed it
		select {
		case answer, ok = <-got: // it was just in time
		default:
		}
		return answer, ok
	}
}

// beside writes a record of a call while the call goes on. What cannot be written within recordFor is lost, and said to be:
// nothing that a caller or an agent needs depends on it alone.
func (s *Service) beside(ctx context.Context, what string, write func(context.Context) error) {
	select {
	case s.writing <- struct{}{}:
	default:
		s.metrics.call(ctx, "unrecorded")
		s.Log.ErrorContext(ctx, "too many records of calls wait to be written", "record", what)
		return
	}
	ctx = context.WithoutCancel(ctx)
	s.writes.Go(func() {
		defer func() { <-s.writing }()
		const recordFor = time.Minute
		until := time.Now().Add(recordFor)
		for wait := 100 * time.Millisecond; ; wait *= 2 {
			try, cancel := context.WithTimeout(ctx, 5*time.Second)
			err := write(try)
			cancel()
			if err == nil {
				return
			}
			select {
			case <-s.stopping:
			case <-time.After(wait):
				if time.Now().Before(until) {
					continue
				}
			}
			s.metrics.call(ctx, "unrecorded")
			s.Log.ErrorContext(ctx, "a record of a call could not be written", "record", what, "err", err)
			return
		}
	})
}

// besides is what records of calls need. It is part of Service.
type besides struct {
	asking, writing chan struct{} // one place for each that asks or writes
	writes          sync.WaitGroup
	stopping        chan struct{}
}

func newBesides() besides {
	return besides{asking: make(chan struct{}, 64), writing: make(chan struct{}, 256), stopping: make(chan struct{})}
}

// Recorded waits until the records of calls that have been begun are written, or given up.
func (b *besides) Recorded() { b.writes.Wait() }
