package telephony

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// erasure is one go at erasing somebody: as much as there is time for. It takes up what another one has left, from the ledger and from Twilio's
// lists: a record is removed when Twilio has nothing of it any more.
type erasure struct {
	*Service
	supporter string
	till      time.Time // who texts or calls after this is somebody new; see settle
	deleted   map[string]int64
	tooEarly  int // what Twilio does not delete yet
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
		if failure, ok := errors.AsType[*twilio.Error](err); ok && failure.Outcome == twilio.Refused {
			refused, err = err, nil // the rest can be deleted all the same
		}
		if err != nil {
			return err
		}
	}
	if refused != nil {
		return refused
	}
	if err := e.searchTwilio(ctx); err != nil || e.tooEarly > 0 {
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
		e.count("messages at Twilio", int64(len(r.Messages)))
		e.count("recordings at Twilio", int64(len(r.Recordings)))
		e.count("calls at Twilio", int64(len(r.Calls)))
	}
	return nil
}

// searchTwilio deletes what Twilio's lists still have between them and us: of what the ledger has forgotten, or has never known. Of a long list
// the first pages are looked at; they are others once what was found there is deleted.
func (e *erasure) searchTwilio(ctx context.Context) error {
	for _, l := range []struct {
		kind, name string
		list       func(context.Context, phone.Number) ([]twilio.Found, bool, error)
		del        func(context.Context, string) error
	}{
		{sqlstore.ItemTextIn, "messages at Twilio", e.twilio.MessagesOf, e.twilio.DeleteMessage},
		{sqlstore.ItemCall, "calls at Twilio", e.twilio.CallsOf, e.twilio.DeleteCall},
	} {
		for whole := false; !whole; {
			var found []twilio.Found
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
			return errs.New(errs.Precondition, "Twilio has more %s with them than can be looked at, and the first of them are not the hotlines'; "+
				"look for the others in Twilio's Console, and delete them there", strings.TrimSuffix(l.name, " at Twilio"))
		}
	}
	return nil
}

func (e *erasure) deleteFound(ctx context.Context, kind, name string, f twilio.Found, del func(context.Context, string) error) error {
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
		free, err = e.store.Bury(ctx, kind, f.SID, number, f.At, e.Now())
	} else if kind == sqlstore.ItemTextIn {
		known, listErr := e.store.MessagesByID(ctx, []string{f.SID})
		free, err = len(known) == 0, listErr
	}
	if err != nil || !free {
		return err // the ledger has it: it is new, or cannot be deleted yet
	}
	switch err := del(ctx, f.SID); {
	case twilio.TooEarly(err):
		e.tooEarly++
	case err != nil:
		return err
	default:
		e.count(name, 1)
	}
	return nil
}
