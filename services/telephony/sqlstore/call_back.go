package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// The states of a call back. It only moves forward.
const (
	CallQueued       = "queued"
	CallingAgent     = "calling_agent"
	AskingAgent      = "asking_agent"
	CallingSupporter = "calling_supporter"
	CallConnected    = "connected"
	CallBackEnded    = "ended"
)

// progress is the order of the states.
var progress = map[string]int{CallQueued: 1, CallingAgent: 2, AskingAgent: 3, CallingSupporter: 4, CallConnected: 5, CallBackEnded: 6}

// The results of a call back, by which it is told how it ended.
const (
	BackTalked           = "talked"
	BackCancelled        = "cancelled"
	BackNotStarted       = "not_started"
	BackAgentNoAnswer    = "agent_no_answer"
	BackAgentBusy        = "agent_busy"
	BackAgentFailed      = "agent_failed"
	BackAgentUnconfirmed = "agent_unconfirmed"
	BackAgentHungUp      = "agent_hung_up"
	BackNoAnswer         = "no_answer"
	BackBusy             = "busy"
	BackFailed           = "failed"
)

// CallBackRow is a call back.
type CallBackRow struct {
	Key            string
	Lane           string
	Hotline        phone.Number
	Supporter      phone.Number
	Agent          string
	AgentName      string
	AgentPhone     phone.Number // empty when the call has ended
	ConversationID int64
	Trace          string
	CreatedAt      time.Time
	State          string
	StateAt        time.Time
	Cancelled      bool
	Result         string
	AttemptedAt    time.Time
	Looks          int
	AgentSID       string
	ConnectedAt    time.Time
	EndedAt        time.Time
	TalkedSeconds  int
	// SupporterCalled says that the key was pressed.
	SupporterCalled bool
	Told            bool
}

const callBackColumns = `key, lane, hotline, supporter, agent, agent_name, agent_phone, conversation_id, trace, created_at, state, state_at, cancelled,
	result, attempted_at, looks, agent_sid, connected_at, ended_at, talked_seconds, supporter_called, told`

func scanCallBack(row scanner) (c CallBackRow, err error) {
	var created, state, attempted, connected, ended int64
	err = row.Scan(&c.Key, &c.Lane, &c.Hotline, &c.Supporter, &c.Agent, &c.AgentName, &c.AgentPhone, &c.ConversationID, &c.Trace, &created, &c.State, &state,
		&c.Cancelled, &c.Result, &attempted, &c.Looks, &c.AgentSID, &connected, &ended, &c.TalkedSeconds, &c.SupporterCalled, &c.Told)
	c.CreatedAt, c.StateAt, c.AttemptedAt = fromMicros(created), fromMicros(state), fromMicros(attempted)
	c.ConnectedAt, c.EndedAt = fromMicros(connected), fromMicros(ended)
	return c, err
}

// ErrNoCallBack means that there is no call back with this key.
var ErrNoCallBack = errors.New("no such call back")

// FindCallBack returns a call back, or ErrNoCallBack.
func (s *Store) FindCallBack(ctx context.Context, key string) (CallBackRow, error) {
	c, err := scanCallBack(s.db.Read.QueryRowContext(ctx, `SELECT `+callBackColumns+` FROM call_back WHERE key = $1`, key))
	if errors.Is(err, sql.ErrNoRows) {
		return c, ErrNoCallBack
	}
	return c, err
}

// CallBackLoad is what else is going on when a call back is asked for.
type CallBackLoad struct {
	AgentBusy     bool // the agent, or the phone, is in a call back
	SupporterBusy bool // somebody calls the supporter back just now
	ByAgent       int  // the agent's calls back in the last hour
	ByHotline     int  // the hotline's
}

// QueueCallBack accepts a call back, if allow has nothing against it. A key that is known changes nothing, and the first call is
// returned, which known says. What allow sees is exact: calls that are asked for at the same moment are judged one after the other.
//
// numbers are all those of the hotline: a supporter, and the hotline's limit, are the same at each of them.
func (s *Store) QueueCallBack(ctx context.Context, c CallBackRow, numbers []phone.Number, allow func(CallBackLoad) error) (queued CallBackRow, known bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO call_back_turn (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = call_back_turn.n + 1`); err != nil {
			return err
		}
		queued, err = scanCallBack(tx.QueryRowContext(ctx, `SELECT `+callBackColumns+` FROM call_back WHERE key = $1`, c.Key))
		if known = err == nil; !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var load CallBackLoad
		in, args := list(5, numbers)
		if err := tx.QueryRowContext(ctx, `
			SELECT EXISTS (SELECT 1 FROM call_back WHERE state <> 'ended' AND (agent = $1 OR agent_phone = $2)),
				EXISTS (SELECT 1 FROM call_back WHERE state <> 'ended' AND supporter = $3 AND hotline IN `+in+`),
				(SELECT count(*) FROM call_back WHERE agent = $1 AND created_at > $4),
				(SELECT count(*) FROM call_back WHERE hotline IN `+in+` AND created_at > $4)`,
			append([]any{c.Agent, string(c.AgentPhone), string(c.Supporter), c.CreatedAt.Add(-time.Hour).UnixMicro()}, args...)...).
			Scan(&load.AgentBusy, &load.SupporterBusy, &load.ByAgent, &load.ByHotline); err != nil {
			return err
		}
		if err := allow(load); err != nil {
			return err
		}
		if err := s.Wake(ctx, tx, CallBacks, c.Key); err != nil {
			return err
		}
		queued = c
		queued.State, queued.StateAt = CallQueued, c.CreatedAt
		_, err := tx.ExecContext(ctx, `
			INSERT INTO call_back (key, lane, hotline, supporter, agent, agent_name, agent_phone, conversation_id, trace, created_at, state, state_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10)`,
			c.Key, c.Lane, string(c.Hotline), string(c.Supporter), c.Agent, c.AgentName, string(c.AgentPhone), c.ConversationID, c.Trace,
			c.CreatedAt.UnixMicro(), queued.State)
		return err
	})
	return queued, known, err
}

// changeCallBack reads a call back, lets change work on it, and writes what it has become; change returns false to leave it as it
// is. States that are not ahead of the known one are not taken.
func (s *Store) changeCallBack(ctx context.Context, key string, now time.Time, change func(c *CallBackRow) (work, ok bool)) (c CallBackRow, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		// The wake-ups come first, as everywhere: whoever locks both does so in the same order.
		for _, topic := range []string{CallBacks, TellBacks} {
			if err := s.Wake(ctx, tx, topic, key); err != nil {
				return err
			}
		}
		c, err = scanCallBack(tx.QueryRowContext(ctx, `SELECT `+callBackColumns+` FROM call_back WHERE key = $1`+s.db.ForUpdate(), key))
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNoCallBack
		}
		if err != nil {
			return err
		}
		before := c
		work, ok := change(&c)
		if !ok {
			c = before
			return nil
		}
		if progress[c.State] < progress[before.State] {
			c.State = before.State
		}
		if c.State != before.State {
			c.StateAt = now
		}
		if c.State == CallBackEnded && before.State != CallBackEnded {
			c.EndedAt, c.AgentPhone = now, ""
		}
		for _, what := range milestones(before, c) {
			if err := note(ctx, tx, StepRow{Item: key, At: now, What: what}); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE call_back SET agent_phone = $1, state = $2, state_at = $3, cancelled = $4, result = $5, attempted_at = $6, looks = $7, agent_sid = $8,
				connected_at = $9, ended_at = $10, talked_seconds = $11, supporter_called = $12, told = $13, work = $14
			WHERE key = $15`,
			string(c.AgentPhone), c.State, c.StateAt.UnixMicro(), c.Cancelled, c.Result, micros(c.AttemptedAt), c.Looks, c.AgentSID,
			micros(c.ConnectedAt), micros(c.EndedAt), c.TalkedSeconds, c.SupporterCalled, c.Told, work, key)
		return err
	})
	if err != nil && !errors.Is(err, ErrNoCallBack) {
		err = fmt.Errorf("changing a call back: %w", err)
	}
	return c, err
}

// milestones are what has happened to a call back that it does not keep the time of.
func milestones(before, after CallBackRow) (reached []string) {
	if before.State != after.State && after.State == AskingAgent {
		reached = append(reached, "the agent picked up")
	}
	if !before.SupporterCalled && after.SupporterCalled {
		reached = append(reached, "the agent pressed 1: the supporter is called")
	}
	if !before.Cancelled && after.Cancelled {
		reached = append(reached, "the agent has cancelled it")
	}
	if !before.Told && after.Told {
		reached = append(reached, "the ticket was told")
	}
	return reached
}

// BeginCallBack notes that the carrier is about to be asked to call the agent: the intent. It reports false if that is not to be
// done any more.
func (s *Store) BeginCallBack(ctx context.Context, key string, now time.Time) (mine bool, err error) {
	_, err = s.changeCallBack(ctx, key, now, func(c *CallBackRow) (bool, bool) {
		mine = c.State == CallQueued && !c.Cancelled
		c.State, c.AttemptedAt = CallingAgent, now
		return true, mine
	})
	return mine, err
}

// CallBackNotBegun takes the intent back: the carrier surely was not asked.
func (s *Store) CallBackNotBegun(ctx context.Context, key string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE call_back SET state = 'queued', attempted_at = 0 WHERE key = $1 AND state = 'calling_agent' AND agent_sid = ''`, key)
		return err
	})
}

// CallBackLooked counts that the carrier said that it has no such call.
func (s *Store) CallBackLooked(ctx context.Context, key string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE call_back SET looks = looks + 1 WHERE key = $1`, key)
		return err
	})
}

// IsAgentLeg reports whether a leg belongs to a call back.
func (s *Store) IsAgentLeg(ctx context.Context, sid string) (bool, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM call_back WHERE agent_sid = $1`, sid).Scan(&n)
	return n > 0, err
}

// AgentLeg notes the carrier's id of the agent's leg, and how far the call has come by what the carrier says of it. It reports
// whether the leg is the call's: the first that we hear of is, and no second one ever.
func (s *Store) AgentLeg(ctx context.Context, key, sid, state string, now time.Time) (c CallBackRow, mine bool, err error) {
	c, err = s.changeCallBack(ctx, key, now, func(c *CallBackRow) (bool, bool) {
		if c.AgentSID == "" && c.State != CallBackEnded {
			c.AgentSID = sid
		}
		if mine = c.AgentSID == sid && c.State != CallBackEnded; mine {
			c.State, c.SupporterCalled = state, c.SupporterCalled || state == CallingSupporter
		}
		return c.Cancelled, mine
	})
	return c, mine && !c.Cancelled, err
}

// Connected notes that the supporter has answered.
func (s *Store) Connected(ctx context.Context, key string, now time.Time) error {
	_, err := s.changeCallBack(ctx, key, now, func(c *CallBackRow) (bool, bool) {
		if !c.ConnectedAt.IsZero() || c.State == CallBackEnded {
			return false, false
		}
		c.State, c.ConnectedAt = CallConnected, now
		return c.Cancelled, true
	})
	return err
}

// EndCallBack notes how a call back ended. What result says is asked of the call as it stands. That they talked is known better
// than anything else; otherwise what was noted first stands.
func (s *Store) EndCallBack(ctx context.Context, key string, talked int, now time.Time, result func(CallBackRow) string) (CallBackRow, error) {
	return s.changeCallBack(ctx, key, now, func(c *CallBackRow) (bool, bool) {
		over := c.State == CallBackEnded
		switch {
		case talked > 0:
			c.Result, c.TalkedSeconds = BackTalked, talked
		case over:
			return false, false
		case c.Result == "":
			c.Result = result(*c)
		}
		if c.Result == BackTalked && c.TalkedSeconds == 0 && !c.ConnectedAt.IsZero() {
			c.TalkedSeconds = max(1, int(now.Sub(c.ConnectedAt).Round(time.Second)/time.Second))
		}
		c.State = CallBackEnded
		return false, true
	})
}

// CancelCallBack notes that a call is to be ended, and that somebody must see to it.
func (s *Store) CancelCallBack(ctx context.Context, key string, now time.Time) (CallBackRow, error) {
	return s.changeCallBack(ctx, key, now, func(c *CallBackRow) (bool, bool) {
		if c.State == CallBackEnded || c.Cancelled {
			return false, false
		}
		c.Cancelled = true
		return true, true
	})
}

// CallBackTold notes that the ticket knows how a call back ended.
func (s *Store) CallBackTold(ctx context.Context, key string, now time.Time) error {
	_, err := s.changeCallBack(ctx, key, now, func(c *CallBackRow) (bool, bool) {
		c.Told = true
		return false, true
	})
	return err
}

// OpenCallBacks returns the calls back that have been in their state since before a time.
func (s *Store) OpenCallBacks(ctx context.Context, before time.Time) (open []CallBackRow, err error) {
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		c, err := scanCallBack(rows)
		open = append(open, c)
		return err
	}, `SELECT `+callBackColumns+` FROM call_back WHERE state <> 'ended' AND agent_sid <> '' AND state_at < $1 ORDER BY state_at LIMIT 100`, before.UnixMicro())
	return open, err
}

// list is values as SQL takes them after IN, with placeholders from the nth on.
func list[T ~string](n int, values []T) (in string, args []any) {
	var b strings.Builder
	for i := range values {
		fmt.Fprintf(&b, ", $%d", n+i)
	}
	return "(" + strings.TrimPrefix(b.String(), ", ") + ")", anys(values)
}
