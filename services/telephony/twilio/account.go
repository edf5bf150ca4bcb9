package twilio

import (
	"context"
	"net/http"
	"strconv"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"
)

// Account is the account as Twilio has it.
// See https://www.twilio.com/docs/iam/api/account#account-properties.
type Account struct {
	Status string // active, suspended or closed
	Trial  bool   // it may text and call verified numbers only
	// Date is when Twilio answered, by its own clock, in whole seconds; zero if it did not say.
	Date time.Time
}

// Account returns the account. The error is always a *carrier.Error.
func (c *Client) Account(ctx context.Context) (Account, error) {
	call, service := c.call(ctx)
	defer call.cancel()
	a, err := service.FetchAccount(c.sid)
	if err != nil {
		return Account{}, call.failed(err)
	}
	date, _ := http.ParseTime(call.header.Get("Date"))
	return Account{Status: word(a.Status), Trial: word(a.Type) == "Trial", Date: date}, nil
}

// Balance returns the money that is left and its currency, such as USD. It is not known of subaccounts, whose main account pays.
// See https://help.twilio.com/articles/360025294494.
func (c *Client) Balance(ctx context.Context) (amount float64, currency string, known bool, err error) {
	call, service := c.call(ctx)
	defer call.cancel()
	b, err := service.FetchBalance(&api.FetchBalanceParams{})
	if err != nil {
		if call.status == http.StatusNotFound {
			return 0, "", false, nil
		}
		return 0, "", false, call.failed(err)
	}
	amount, err = strconv.ParseFloat(word(b.Balance), 64)
	return amount, word(b.Currency), err == nil, nil
}

// AccountSID is the account's name.
func (c *Client) AccountSID() string { return c.sid }
