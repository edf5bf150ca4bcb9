package helpscout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/internal/telemetry"
)

// tokenSource keeps one access token and renews it some minutes before it ends.
// See https://developer.helpscout.com/mailbox-api/overview/authentication/.
type tokenSource struct {
	base, id, secret string
	http             *http.Client
	now              func() time.Time

	mu    sync.Mutex // held while a token is fetched: all wait for the same one
	token string
	until time.Time
}

// ErrCredentials means that Help Scout gives no token for the app's credentials.
var ErrCredentials = errors.New("the app's credentials are refused")

func (t *tokenSource) get(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" && t.now().Before(t.until) {
		return t.token, nil
	}
	// In the body: the query would be written to logs on the way.
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {t.id}, "client_secret": {t.secret}}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base+"/v2/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := t.http.Do(q)
	if err != nil {
		return "", &Error{cause: fmt.Errorf("getting token: %w", telemetry.WithoutURL(err))}
	}
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if s := res.StatusCode; s == http.StatusBadRequest || s == http.StatusUnauthorized || s == http.StatusForbidden {
		return "", &Error{cause: fmt.Errorf("getting token: status %d: %w", s, ErrCredentials)}
	}
	if res.StatusCode != http.StatusOK {
		// Not as the status of the call that needs the token: this says nothing of that one.
		return "", &Error{cause: fmt.Errorf("getting token: status %d", res.StatusCode)}
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&answer); err != nil || answer.AccessToken == "" {
		return "", &Error{cause: fmt.Errorf("getting token: unreadable answer: %w", err)}
	}
	life := time.Duration(answer.ExpiresIn) * time.Second
	t.token, t.until = answer.AccessToken, t.now().Add(life-min(5*time.Minute, life/10))
	return t.token, nil
}

// drop forgets the token, which Help Scout does not take any more.
func (t *tokenSource) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token = ""
}
