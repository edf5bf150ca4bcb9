package twiliosim

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"
)

// The states of an account, and its types. See https://www.twilio.com/docs/iam/api/account#account-properties.
const (
	AccountActive    = "active"
	AccountSuspended = "suspended"
	AccountClosed    = "closed"

	AccountFull  = "Full"
	AccountTrial = "Trial"
)

// Account is what the account says of itself. It is not in the state file.
type Account struct {
	// Status is active (default), suspended or closed. If it is not active, all that would change something is refused.
	Status string `json:"status"`
	// Type is Full (default) or Trial. What a trial account may not do is not simulated.
	Type string `json:"type"`
	// FriendlyName is the account's name. Default: Simulator.
	FriendlyName string `json:"friendly_name"`
	// Balance is the money that is left, such as 100.00 (default), in Currency (default: USD).
	Balance  string `json:"balance"`
	Currency string `json:"currency"`
}

func (a Account) withDefaults() Account {
	return Account{
		Status: cmp.Or(a.Status, AccountActive), Type: cmp.Or(a.Type, AccountFull), FriendlyName: cmp.Or(a.FriendlyName, "Simulator"),
		Balance: cmp.Or(a.Balance, "100.00"), Currency: cmp.Or(a.Currency, "USD"),
	}
}

func (a Account) check() error {
	switch {
	case !slices.Contains([]string{AccountActive, AccountSuspended, AccountClosed}, a.Status):
		return errors.New("status must be active, suspended or closed")
	case a.Type != AccountFull && a.Type != AccountTrial:
		return errors.New("type must be Full or Trial")
	}
	return nil
}

// Account returns what the account says of itself.
func (s *Sim) Account() Account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.account
}

// SetAccount replaces what the account says of itself. What is left out gets its default.
func (s *Sim) SetAccount(a Account) {
	s.mu.Lock()
	s.account = a.withDefaults()
	s.mu.Unlock()
	s.changed.send()
}

// mayChange refuses what would change an account that is not active. That it can still be read is unverified, and so is the
// answer. See https://www.twilio.com/docs/api/errors/20005.
func (s *Sim) mayChange(r *http.Request) error {
	if status := s.Account().Status; status != AccountActive && r.Method != http.MethodGet {
		return refuse(20005, "The account is %s.", status)
	}
	return nil
}

// accountSince is when the account was made. Nobody asks.
var accountSince = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)

// fetchAccount returns the account itself, its token included.
//
// GET /2010-04-01/Accounts/{Sid}.json
// https://www.twilio.com/docs/iam/api/account
func (s *Sim) fetchAccount(w http.ResponseWriter, r *http.Request) error {
	sid, err := jsonFile(r)
	if err != nil || sid != s.cfg.AccountSID {
		return notFound(r)
	}
	a, parts := s.Account(), map[string]string{}
	for name, path := range map[string]string{
		"balance": "/Balance.json", "calls": "/Calls.json", "incoming_phone_numbers": "/IncomingPhoneNumbers.json",
		"messages": "/Messages.json", "recordings": "/Recordings.json", "transcriptions": "/Transcriptions.json",
	} {
		parts[name] = s.uri(path)
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"sid": sid, "owner_account_sid": sid, "auth_token": s.cfg.AuthToken, "friendly_name": a.FriendlyName, "status": a.Status,
		"type": a.Type, "date_created": rfc2822(accountSince), "date_updated": rfc2822(accountSince), "uri": s.uri(".json"),
		"subresource_uris": parts,
	})
	return nil
}

// fetchBalance returns the money that is left.
//
// GET /2010-04-01/Accounts/{AccountSid}/Balance.json
// https://github.com/twilio/twilio-oai, FetchBalance
func (s *Sim) fetchBalance(w http.ResponseWriter, _ *http.Request) error {
	a := s.Account()
	writeJSON(w, http.StatusOK, map[string]string{"account_sid": s.cfg.AccountSID, "balance": a.Balance, "currency": a.Currency})
	return nil
}
