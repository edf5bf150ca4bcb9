package helpscout

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Mailbox is an inbox of the account.
// See https://developer.helpscout.com/mailbox-api/endpoints/mailboxes/list/.
type Mailbox struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Mailboxes returns the inboxes that the app's user may see.
func (c *Client) Mailboxes(ctx context.Context) ([]Mailbox, error) {
	return all[Mailbox](ctx, c, "/v2/mailboxes", "mailboxes")
}

// Rate is how many units the account may use a minute, and how many of them are left; zero if Help Scout did not say.
// See https://developer.helpscout.com/mailbox-api/overview/rate-limiting/.
type Rate struct{ Limit, Left int }

// Me returns the user as whom the app acts, and what is left of the account's budget.
// See https://developer.helpscout.com/mailbox-api/endpoints/users/me/.
func (c *Client) Me(ctx context.Context) (u User, rate Rate, err error) {
	r, err := c.do(ctx, http.MethodGet, "/v2/users/me", nil, &u)
	if err != nil {
		return u, rate, err
	}
	limit, err1 := strconv.Atoi(r.header.Get("X-RateLimit-Limit-Minute"))
	left, err2 := strconv.Atoi(r.header.Get("X-RateLimit-Remaining-Minute"))
	if err1 == nil && err2 == nil {
		rate = Rate{limit, left}
	}
	return u, rate, nil
}

// Unlimited is the budget of whoever makes a few calls and is gone, such as a command: nothing waits.
type Unlimited struct{}

// Take implements [Budget].
func (Unlimited) Take(context.Context, Class, int) error { return nil }

// Report implements [Budget].
func (Unlimited) Report(context.Context, int, int) {}

// Exhausted implements [Budget].
func (Unlimited) Exhausted(context.Context, time.Duration) {}
