package telephony

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// erasure is one go at erasing somebody: as much as there is time for. It takes up what another one has left, from the ledger and from the carriers'
// lists: a record is removed when its carrier has nothing of it any more that it can delete.
type erasure struct {
	*Service
	supporter string
	till      time.Time // who texts or calls after this is somebody new; see settle
	deleted   map[string]int64
	tooEarly  int // what the carriers do not delete yet
}

// removed is what records are called in the answer.
var removed = map[string]string{
	sqlstore.ItemTextIn: "texts and voicemails", sqlstore.ItemTextOut: "texts sent", sqlstore.ItemCall: "calls", sqlstore.ItemCallBack: "calls back",
	sqlstore.ItemVoicemail: "transcripts",
}

// run does what it can. A precondition that is not met is the error.
func (e *erasure) run(ctx context.Context) error {
	goesOn, err := e.store.OnCall(ctx, e.supporter, e.Now())
	if err != nil {
		return err
	}
	if goesOn {
		return errs.New(errs.Precondition, "a call with them goes on; erase them when it is over")
	}
	if err := e.settle(ctx); err != nil {
		return err
	}
	var refused error
	for _, kind := range sqlstore.RecordKinds {
		early, err := e.work(ctx, func(after sqlstore.Record) ([]sqlstore.Record, error) {
			return e.store.RecordsOf(ctx, kind, e.supporter, e.till, after, recordBatch)
		}, e.deleteRecord, e.remove)
		e.tooEarly += early
		if failure, ok := errors.AsType[*carrier.Error](err); ok && failure.Outcome == carrier.Refused {
			refused, err = err, nil // the rest can be deleted all the same
		}
		if err != nil {
			return err
		}
	}
	if refused != nil {
		return refused
	}
	if err := e.searchLists(ctx); err != nil || e.tooEarly > 0 {
		return err
	}
	wishes, blocks, err := e.store.ForgetWishes(ctx, e.supporter, e.till)
	if err != nil {
		return err
	}
	e.count("wishes", wishes)
	e.count("blocks", blocks)
	_, err = e.forgetJobs(ctx, e.theirs(nil)) // those of just now name them, too
	return err
}

func (e *erasure) count(what string, n int64) {
	if n > 0 {
		e.deleted[what] += n
	}
}

// theirs says which lanes are theirs.
func (e *erasure) theirs(callBacks map[string]bool) func(lane string) bool {
	return func(lane string) bool {
		_, supporter, _ := strings.Cut(lane, "|")
		return supporter == e.supporter || callBacks[lane]
	}
}

// settle drops what waits, and waits for what is being worked on. A step that was under way may have left something behind, such as a welcome to
// be sent, so it does so until nothing was under way. All until then is erased.
func (e *erasure) settle(ctx context.Context) error {
	callBacks, err := e.store.CallBacksOf(ctx, e.supporter)
	if err != nil {
		return err
	}
	for quiet := 0; quiet < 2; quiet++ {
		e.till = e.Now()
		if err := e.store.DropWaiting(ctx, e.supporter, e.till, e.till); err != nil {
			return err
		}
		waited, err := e.forgetJobs(ctx, e.theirs(callBacks))
		if err != nil {
			return err
		}
		if waited {
			quiet = -1
		}
	}
	return nil
}

// forgetJobs deletes the jobs of lanes, and waits for those that are being worked on.
func (e *erasure) forgetJobs(ctx context.Context, is func(lane string) bool) (waited bool, err error) {
	for {
		busy, err := e.queue.Forget(ctx, is)
		if err != nil || !busy {
			return waited, err
		}
		waited = true
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return waited, errs.New(errs.Precondition, "something of theirs is being worked on; erase them in a moment")
		}
	}
}

func (e *erasure) remove(ctx context.Context, all []sqlstore.Record) error {
	if err := e.store.RemoveRecords(ctx, all, e.Now()); err != nil {
		return err
	}
	for _, r := range all {
		e.count(removed[r.Kind], 1)
		for _, m := range r.Messages {
			e.count(messagesAt(e.carrierNamed(m.Carrier)), 1)
		}
		e.count("recordings at Twilio", int64(len(r.Recordings)))
		e.count("calls at Twilio", int64(len(r.Calls)))
	}
	return nil
}

// search is a carrier's list of what there was with somebody.
type search struct {
	kind, name string
	list       func(context.Context, phone.Number) ([]carrier.Found, bool, error)
	del        func(context.Context, string) error
}

func (s *Service) searches() (all []search) {
	for _, c := range s.carry {
		if eraser, can := c.(carrier.Eraser); can {
			all = append(all, search{sqlstore.ItemTextIn, messagesAt(c), eraser.MessagesOf, eraser.DeleteMessage})
		}
	}
	if s.AccountSID != "" {
		all = append(all, search{sqlstore.ItemCall, "calls at Twilio", s.twilio.CallsOf, s.twilio.DeleteCall})
	}
	return all
}

// messagesAt is what a carrier's messages are called in the answer.
func messagesAt(c carrier.Carrier) string {
	if _, can := c.(carrier.Eraser); !can {
		return "messages left at " + c.Name() + ", which cannot delete them"
	}
	return "messages at " + c.Name()
}

// searchLists deletes what the carriers' lists still have between them and us: of what the ledger has forgotten, or has never known. Of a long
// list the first pages are looked at; they are others once what was found there is deleted.
func (e *erasure) searchLists(ctx context.Context) error {
	for _, l := range e.searches() {
		for whole := false; !whole; {
			var found []carrier.Found
			var err error
			if found, whole, err = l.list(ctx, phone.Number(e.supporter)); err != nil {
				return err
			}
			before := e.deleted[l.name]
			for _, f := range found {
				if err := e.deleteFound(ctx, l.kind, l.name, f, l.del); err != nil {
					return err
				}
			}
			if whole || e.deleted[l.name] > before {
				continue
			}
			if e.tooEarly > 0 {
				break // it is not done in any case
			}
			return errs.New(errs.Precondition, "there are more %s with them than can be looked at, and the first of them are not the hotlines'; "+
				"look for the others in the carrier's console, and delete them there", l.name)
		}
	}
	return nil
}

func (e *erasure) deleteFound(ctx context.Context, kind, name string, f carrier.Found, del func(context.Context, string) error) error {
	ours := f.From
	if f.Inbound {
		ours = f.To
	}
	number := phone.Parse(ours).Number
	if _, isOurs := e.Hotlines.ByNumber(number); !isOurs || f.At.After(e.till) {
		return nil
	}
	free := true
	var err error
	if f.Inbound {
		free, err = e.store.Bury(ctx, kind, f.ID, number, f.At, e.Now())
	} else if kind == sqlstore.ItemTextIn {
		known, listErr := e.store.MessagesByID(ctx, []string{f.ID})
		free, err = len(known) == 0, listErr
	}
	if err != nil || !free {
		return err // the ledger has it: it is new, or cannot be deleted yet
	}
	switch err := del(ctx, f.ID); {
	case carrier.TooEarly(err):
		e.tooEarly++
	case err != nil:
		return err
	default:
		e.count(name, 1)
	}
	return nil
}
