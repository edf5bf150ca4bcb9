package ticketing

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"

	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// errSpam means that agents marked the supporter's conversation as spam: what comes is kept out of the desk until they
// unmark it.
var errSpam = errors.New("the supporter's conversation is marked as spam")

// choose brings the lane's conversation up to date: the one that the next text goes to, or none (0) when a new one is
// to be made. It may ask Help Scout, and changes nothing there.
//
// The own table decides. The search is asked only for somebody we have never seen, whose conversation may be
// older than our table; the newest one counts, as in the original.
func (s *Service) choose(ctx context.Context, who supporter, lane *sqlstore.Lane) error {
	switch {
	case lane.ConversationID == 0 && !lane.Searched:
		return s.adopt(ctx, who, lane)
	case lane.ConversationID != 0 && lane.Stale():
		return s.refresh(ctx, lane, lane.ConversationID)
	}
	return nil
}

func (s *Service) adopt(ctx context.Context, who supporter, lane *sqlstore.Lane) error {
	found, err := s.desk.Search(ctx, lane.MailboxID, who.customer.Email)
	if err != nil {
		return err
	}
	lane.Searched = true
	if len(found) == 0 {
		return nil
	}
	lane.Known = true
	newest := found[0]
	if newest.Status == "spam" {
		lane.ConversationID = newest.ID
		lane.Seen = lane.Changes - 1 // look again next time
		return errSpam
	}
	if newest.State != "deleted" {
		lane.ConversationID, lane.Threads = newest.ID, newest.Threads
	}
	return nil
}

// refresh asks Help Scout about a conversation: it may have been merged (then the survivor is the lane's), moved to
// another mailbox or deleted (then the lane has none), or marked as spam.
func (s *Service) refresh(ctx context.Context, lane *sqlstore.Lane, id int64) error {
	changes := lane.Changes
	v, err := s.current(ctx, id)
	switch {
	case helpscout.StatusOf(err) == 404:
		lane.ConversationID, lane.Threads = 0, 0
	case err != nil:
		return err
	case v.Status == "spam":
		return errSpam
	case v.State == "deleted" || v.MailboxID != lane.MailboxID:
		lane.ConversationID, lane.Threads = 0, 0
	case v.ID == lane.ConversationID:
		lane.Threads = max(lane.Threads, v.Threads)
	default:
		lane.ConversationID, lane.Threads = v.ID, v.Threads
	}
	lane.Seen = changes
	return nil
}

// current returns a conversation, or the one it was merged into.
func (s *Service) current(ctx context.Context, id int64) (helpscout.Conversation, error) {
	for range 5 {
		v, err := s.desk.Conversation(ctx, id)
		moved, ok := errors.AsType[*helpscout.Error](err)
		if !ok || moved.Status != 301 {
			return v, err
		}
		if id, err = strconv.ParseInt(path.Base(moved.Location), 10, 64); err != nil {
			return v, fmt.Errorf("reading where a conversation was merged to: %w", err)
		}
	}
	return helpscout.Conversation{}, fmt.Errorf("conversation %d was merged in circles", id)
}
