package dialer

import (
	"context"

	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

// What the audit log says that somebody did.
const (
	askedToEnrol  = "asked for codes to be set up"
	enrolled      = "was set up"
	askedToSignIn = "asked for a code to sign in"
	signedIn      = "signed in"
	codeRefused   = "gave a wrong code"
	askRefused    = "was refused a code"
	signedOut     = "signed out"
	askedForPhone = "asked for a code to change the phone"
	phoneChanged  = "changed the phone"
	callStarted   = "started a call"
	callRefused   = "was refused a call"
	callCancelled = "cancelled a call"
	wasKeptOut    = "was kept out of a conversation"
	agentRevoked  = "was revoked"
	badLink       = "came with a link that is not good"
)

// note writes an entry of the audit log. What cannot be written there is in the log at least, and so is what somebody did of whom
// nothing is known: strangers must not fill it.
func (s *Service) note(ctx context.Context, a sqlstore.AuditRow) {
	a.At = s.Now()
	s.Log.InfoContext(ctx, "audit", "user_id", a.UserID, "action", a.Action, "conversation_id", a.ConversationID, "detail", a.Detail)
	if a.UserID == 0 {
		return
	}
	if err := s.store.AddAudit(context.WithoutCancel(ctx), a); err != nil {
		s.Log.ErrorContext(ctx, "an entry of the audit log could not be written", "action", a.Action, "err", err)
	}
}
