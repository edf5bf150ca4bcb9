package helpscoutsim

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const tokenPath = "/v2/oauth2/token"

// grant is a request for a token.
type grant struct {
	Type   string `json:"grant_type"`
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// POST /v2/oauth2/token
//
// https://developer.helpscout.com/mailbox-api/overview/authentication/
//
// Help Scout takes the credentials in the URL as well, where they end up in logs: the history warns of it.
func (s *Sim) issueToken(r *http.Request) (answer, error) {
	if r.URL.Query().Has("client_secret") {
		entryOf(r).warning = "client_secret in the URL"
	}
	g, err := readGrant(r)
	if err != nil {
		return answer{}, err
	}
	if g.Type != "client_credentials" {
		return oauthError(http.StatusBadRequest, "unsupported_grant_type"), nil
	}
	if !same(g.ID, s.cfg.ClientID) || !same(g.Secret, s.cfg.ClientSecret) {
		return oauthError(http.StatusUnauthorized, "invalid_client"), nil
	}
	token := newToken()
	err = s.change(func(t *tx) error {
		t.dropExpired()
		t.tokens[token] = t.now.Add(s.cfg.TokenLifetime)
		return nil
	})
	return answer{status: http.StatusOK, contentType: "application/json", body: map[string]any{
		"token_type": "bearer", "access_token": token, "expires_in": int(s.cfg.TokenLifetime / time.Second),
	}}, err
}

// readGrant takes the credentials from a form, a JSON body or the query.
func readGrant(r *http.Request) (grant, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 64<<10))
	if err != nil {
		return grant{}, refuse(http.StatusRequestEntityTooLarge, "Request entity too large")
	}
	form := r.URL.Query()
	switch {
	case kind == "application/json":
		var g grant
		if err := json.Unmarshal(body, &g); err != nil {
			return grant{}, refuse(http.StatusBadRequest, "Error parsing request body into JSON")
		}
		return g, nil
	case kind == "application/x-www-form-urlencoded":
		if form, err = url.ParseQuery(string(body)); err != nil {
			return grant{}, refuse(http.StatusBadRequest, "Error parsing request body")
		}
		if len(form) == 0 {
			form = r.URL.Query()
		}
	case len(body) > 0:
		return grant{}, refuse(http.StatusUnsupportedMediaType, "Unsupported media type")
	}
	return grant{form.Get("grant_type"), form.Get("client_id"), form.Get("client_secret")}, nil
}

// oauthError is the shape of RFC 6749, section 5.2 (U).
func oauthError(status int, code string) answer {
	return answer{status: status, contentType: "application/json", body: map[string]string{"error": code}}
}

// authorize admits a request with a valid access token.
func (s *Sim) authorize(r *http.Request) error {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	var until time.Time
	if strings.EqualFold(scheme, "bearer") {
		s.read(func(st *state) { until = st.tokens[token] })
	}
	if !s.cfg.Now().Before(until) {
		return refuse(http.StatusUnauthorized, "Unauthorized")
	}
	return nil
}

func (t *tx) dropExpired() {
	for token, until := range t.tokens {
		if !t.now.Before(until) {
			delete(t.tokens, token)
		}
	}
}

func newToken() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
