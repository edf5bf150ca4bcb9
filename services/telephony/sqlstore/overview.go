package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// TopicRow is how much work of a topic there is, with what waits for the end of a pause.
type TopicRow struct {
	Name           string
	Waiting, Lanes int64
	Oldest         time.Time // zero: none
}

// LaneRow is a lane that has work.
type LaneRow struct {
	Topic     string
	Hotline   phone.Number
	Supporter string
	Waiting   int64
	Oldest    time.Time
	First     string // the id of the item whose turn it is
}

// head says which item of a topic's lane comes first: its id, and the lane's order.
var head = map[string][2]string{
	TextIn: {"message_sid", "seq"}, MediaIn: {"replace(key, ':', '/')", "seq, key"}, TextOut: {"text_key", "seq"}, Tell: {"key", "created_at"},
	CallOver: {"call_sid", "ended_at"}, Transcript: {"recording_sid", "recorded_at"}, CallBacks: {"key", "key"}, TellBacks: {"key", "key"},
}

// Backlog returns how much work there is in each topic, and the lanes that wait longest, oldest first.
func (s *Store) Backlog(ctx context.Context, limit int) (topics []TopicRow, lanes []LaneRow, err error) {
	for _, name := range Topics {
		t := TopicRow{Name: name}
		var oldest sql.NullInt64
		if err := s.db.Read.QueryRowContext(ctx, `SELECT count(*), count(DISTINCT lane), min(`+since[name]+`) FROM `+work[name]).
			Scan(&t.Waiting, &t.Lanes, &oldest); err != nil {
			return nil, nil, fmt.Errorf("counting work: %w", err)
		}
		t.Oldest = fromMicros(oldest.Int64)
		topics = append(topics, t)
		if t.Waiting == 0 {
			continue
		}
		if err := each(ctx, s.db.Read, func(rows *sql.Rows) error {
			l := LaneRow{Topic: name}
			var oldest int64
			var first sql.NullString // it may be done by now
			err := rows.Scan(&l.Hotline, &l.Supporter, &l.Waiting, &oldest, &first)
			l.Oldest, l.First = time.UnixMicro(oldest), first.String
			lanes = append(lanes, l)
			return err
		}, `SELECT g.hotline, g.supporter, g.n, g.oldest, (SELECT `+head[name][0]+` FROM `+work[name]+` AND lane = g.lane ORDER BY `+head[name][1]+` LIMIT 1)
			FROM (SELECT lane, min(hotline) AS hotline, min(supporter) AS supporter, count(*) AS n, min(`+since[name]+`) AS oldest FROM `+work[name]+`
				GROUP BY lane ORDER BY oldest LIMIT $1) g ORDER BY g.oldest`, limit); err != nil {
			return nil, nil, fmt.Errorf("listing lanes: %w", err)
		}
	}
	slices.SortStableFunc(lanes, func(a, b LaneRow) int { return a.Oldest.Compare(b.Oldest) })
	return topics, lanes[:min(limit, len(lanes))], nil
}

// CountRow is how many items of a kind are in a state.
type CountRow struct {
	Kind, State string
	Count       int64
}

// Counts returns how many items somebody should look at: all that are dead or unrouted, and those since a time that failed or of which
// nobody can know; and how many were done since then. states are those that are wanted; none: all of these.
func (s *Store) Counts(ctx context.Context, since time.Time, states ...string) (all []CountRow, err error) {
	for _, src := range sources {
		for _, is := range src.states {
			if len(states) > 0 && !slices.Contains(states, is.state) {
				continue
			}
			w := where{}.and(is.condition)
			switch is.state {
			case ItemDead, ItemUnrouted:
			case ItemFailed, ItemUnknown, ItemDone:
				w = w.and(src.at+" >= ?", since.UnixMicro())
			default:
				continue
			}
			c := CountRow{Kind: src.kind, State: is.state}
			if err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM `+src.from+w.text, w.args...).Scan(&c.Count); err != nil {
				return nil, fmt.Errorf("counting items: %w", err)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// OpenCall is a call that goes on, with the phones that were picked up or have ended.
type OpenCall struct {
	CallInRow
	Recorded bool // a voicemail is there
	Legs     []LegRow
}

// CallsGoingOn returns the calls and the calls back that have not ended as far as we were told, oldest first, at most limit of each.
func (s *Store) CallsGoingOn(ctx context.Context, now time.Time, limit int) (calls []OpenCall, back []CallBackRow, err error) {
	after := now.Add(-longestCall).UnixMicro()
	var sids []string
	if err := each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var c OpenCall
		var at int64
		err := rows.Scan(&c.CallSID, &c.Hotline, &c.Supporter, &at, &c.Ringing, &c.Recorded)
		c.At = time.UnixMicro(at)
		calls, sids = append(calls, c), append(sids, c.CallSID)
		return err
	}, `SELECT call_sid, hotline, supporter, began_at, ringing, recorded = 'yes' FROM call_in
		WHERE state = 'open' AND began_at > $1 AND outcome <> 'refused' ORDER BY began_at LIMIT $2`, after, limit); err != nil {
		return nil, nil, fmt.Errorf("listing calls: %w", err)
	}
	legs, err := s.Legs(ctx, sids...)
	if err != nil {
		return nil, nil, err
	}
	for i := range calls {
		for _, l := range legs {
			if l.CallSID == calls[i].CallSID {
				calls[i].Legs = append(calls[i].Legs, l)
			}
		}
	}
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		c, err := scanCallBack(rows)
		back = append(back, c)
		return err
	}, `SELECT `+callBackColumns+` FROM call_back WHERE state <> 'ended' AND state_at > $1 ORDER BY created_at LIMIT $2`, after, limit)
	return calls, back, err
}

// Legs returns the volunteers' phones of some calls, in the order in which something happened to them.
func (s *Store) Legs(ctx context.Context, callSIDs ...string) (legs []LegRow, err error) {
	if len(callSIDs) == 0 {
		return nil, nil
	}
	w := where{}.and("call_sid IN ("+marks(len(callSIDs))+")", anys(callSIDs)...)
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var l LegRow
		var answered, accepted, ended int64
		err := rows.Scan(&l.LegSID, &l.CallSID, &l.Phone, &l.Round, &answered, &accepted, &ended, &l.Status)
		l.At, l.AcceptedAt, l.EndedAt = fromMicros(answered), fromMicros(accepted), fromMicros(ended)
		legs = append(legs, l)
		return err
	}, `SELECT leg_sid, call_sid, phone, round, answered_at, accepted_at, ended_at, status FROM call_leg WHERE TRUE`+w.text, w.args...)
	began := func(l LegRow) int64 { return cmp.Or(micros(l.At), micros(l.EndedAt)) }
	slices.SortFunc(legs, func(a, b LegRow) int {
		return cmp.Or(cmp.Compare(a.Round, b.Round), cmp.Compare(began(a), began(b)), cmp.Compare(a.LegSID, b.LegSID))
	})
	return legs, err
}

// WishRow is what a supporter does not want.
type WishRow struct {
	Hotline   phone.Number
	Supporter string
	NoCalls   bool // no calls; otherwise no texts
	Since     time.Time
	Source    string
}

// Wishes returns who wants no texts from a hotline's number, or no calls, newest first; of one supporter or of all.
func (s *Store) Wishes(ctx context.Context, supporter string, limit int) (all []WishRow, err error) {
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var w WishRow
		var at int64
		err := rows.Scan(&w.Hotline, &w.Supporter, &w.NoCalls, &at, &w.Source)
		w.Since = time.UnixMicro(at)
		all = append(all, w)
		return err
	}, `SELECT hotline, supporter, no_calls, at, source FROM (
			SELECT hotline, supporter, FALSE AS no_calls, at, source FROM opt_out WHERE opted_out
			UNION ALL SELECT hotline, supporter, TRUE AS no_calls, at, source FROM no_calls WHERE refused) w
		WHERE $1 = '' OR supporter = $1 ORDER BY at DESC, hotline, supporter LIMIT $2`, supporter, limit)
	return all, err
}
