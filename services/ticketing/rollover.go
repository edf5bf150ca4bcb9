package ticketing

import (
	"context"
	"fmt"
	"slices"

	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// inherit gives a new conversation the assignee and the tags of the full one that it follows, which is returned; nil
// when that is not there any more.
func (s *Service) inherit(ctx context.Context, oldID int64, v *helpscout.NewConversation) (*helpscout.Conversation, error) {
	old, err := s.current(ctx, oldID)
	if helpscout.StatusOf(err) == 404 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if old.Assignee != nil {
		v.AssignTo = old.Assignee.ID
	}
	v.Tags = slices.Clone(v.Tags)
	for _, t := range old.Tags {
		if !slices.Contains(v.Tags, t.Tag) {
			v.Tags = append(v.Tags, t.Tag)
		}
	}
	return &old, nil
}

// link is the two notes by which agents find the way between a full conversation and its successor.
func (s *Service) link(old *helpscout.Conversation, newID int64) []sqlstore.Entry {
	return []sqlstore.Entry{
		{Key: fmt.Sprintf("next:%d", old.ID), Kind: sqlstore.Note, State: sqlstore.Pending, ConversationID: old.ID,
			Body: "This conversation is full. It goes on here: " + s.webURL(newID)},
		{Key: fmt.Sprintf("previous:%d", newID), Kind: sqlstore.Note, State: sqlstore.Pending, ConversationID: newID,
			Body: "This goes on from an earlier conversation: " + s.webURL(old.ID)},
	}
}

func (s *Service) webURL(conversationID int64) string {
	return fmt.Sprintf("%s/conversation/%d", s.WebURL, conversationID)
}
