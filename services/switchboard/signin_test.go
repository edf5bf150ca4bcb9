package switchboard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
	"github.com/bling-hotline/bling/services/switchboard"
)

const (
	viewer   = switchboardv1.Role_ROLE_VIEWER
	operator = switchboardv1.Role_ROLE_OPERATOR
)

func TestInvitation(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		anna := b.browser()
		anna.get("/switchboard/").want(http.StatusOK, "Nobody can sign in yet", "bling operators add")
		link := b.invite("Anna", operator)
		for range 2 { // looking at it uses nothing up
			anna.get(link).want(http.StatusOK, "Welcome, anna")
		}
		token := anna.get(link).field("token")
		anna.post("/switchboard/invitation", "token", token, "password", "12345678901").want(http.StatusUnprocessableEntity, "at least 12")
		anna.post("/switchboard/invitation", "token", token, "password", "надёжный").want(http.StatusUnprocessableEntity, "at least 12")
		anna.post("/switchboard/invitation", "token", token, "password", strings.Repeat("x", 73)).want(http.StatusUnprocessableEntity, "at most 72")
		anna.post("/switchboard/invitation", "token", token+"x", "password", password).want(http.StatusGone)
		anna.post("/switchboard/invitation", "token", token, "password", password).want(http.StatusOK, "Overview", "anna operator")
		anna.get(link).want(http.StatusGone, "not any more")
		anna.post("/switchboard/invitation", "token", token, "password", "another password").want(http.StatusGone)
		b.wantEntry("anna chose a password : done")

		late := b.invite("ben", viewer)
		b.later(time.Hour + time.Second)
		b.browser().get(late).want(http.StatusGone)
		b.browser().post("/switchboard/invitation", "token", strings.TrimPrefix(late, "/switchboard/invitation?token="), "password", password).want(http.StatusGone)

		for _, bad := range []*switchboardv1.InviteOperatorRequest{
			{Name: "", Role: viewer}, {Name: "a b", Role: viewer}, {Name: strings.Repeat("a", 65), Role: viewer}, {Name: "<b>", Role: viewer}, {Name: "ben", Role: 7},
		} {
			if _, err := b.InviteOperator(t.Context(), bad); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%v: %v", bad, err)
			}
		}
	})
}

func (b *browser) signIn(name, password string) page {
	b.t.Helper()
	return b.post("/switchboard/sign-in", "name", name, "password", password, "next", "/switchboard/lanes")
}

func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		b.signedIn("anna", viewer)
		b.invite("invited", viewer) // has no password yet
		in := b.browser()
		in.get("/switchboard/items?state=dead").want(http.StatusOK, "Sign in")
		if next := in.get("/switchboard/items?state=dead").field("next"); next != "/switchboard/items?state=dead" {
			t.Errorf("brought back to %q", next)
		}
		var answers []string
		for _, name := range []string{"anna", "nobody", "invited", "", strings.Repeat("n", 500), "anna\x00", "' OR 1=1 --"} {
			p := in.signIn(name, "wrong password!").want(http.StatusUnauthorized, "Name or password is not right.")
			answers = append(answers, strings.Join(strings.Fields(tags.ReplaceAllString(p.body, "")), " "))
		}
		for _, a := range answers {
			if a != answers[0] {
				t.Errorf("the answer tells who is known: %q and %q", a, answers[0])
			}
		}
		in.signIn("invited", "").want(http.StatusUnauthorized)
		in.signIn(" Anna ", password).want(http.StatusOK, "Lanes", "anna viewer")
		b.wantEntry("anna signed in : done")
		b.wantEntry("anna could not sign in : wrong password")

		// As long as they do something, for a shift; a page that keeps itself fresh is not somebody who does something.
		for range 9 {
			b.later(50 * time.Minute)
			in.get("/switchboard/").want(http.StatusOK, "Overview")
		}
		b.later(31 * time.Minute) // 8 h 1 min
		in.get("/switchboard/").want(http.StatusOK, "Sign in")
		in.signIn("anna", password).want(http.StatusOK, "Lanes")
		b.later(50 * time.Minute)
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL+"/switchboard/", nil)
		r.Header.Set("X-Bling-Refresh", "1")
		in.do(r).want(http.StatusOK, "Overview")
		b.later(11 * time.Minute)
		in.get("/switchboard/").want(http.StatusOK, "Sign in")

		in.signIn("anna", password).want(http.StatusOK, "Lanes")
		cookies := in.Jar.Cookies(in.get("/switchboard/").url)
		in.post("/switchboard/sign-out").want(http.StatusOK, "Sign in")
		r, _ = http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL+"/switchboard/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		b.browser().do(r).want(http.StatusOK, "Sign in") // the cookie is worth nothing now
	})
}

// The time that an answer takes does not tell who is known either.
func TestUnknownNamesTakeAsLong(t *testing.T) {
	b := open(t, sqldbtest.Any(t), func(c *switchboard.Config) { c.Cost = 9 })
	b.signedIn("anna", viewer)
	b.invite("invited", viewer)
	in := b.browser()
	least := func(name string) time.Duration {
		least := time.Hour
		for range 5 {
			began := time.Now()
			in.signIn(name, "wrong password!").want(http.StatusUnauthorized)
			least = min(least, time.Since(began))
		}
		return least
	}
	known := least("anna")
	for _, name := range []string{"nobody", "invited"} {
		if d := least(name); d < known/8 { // to compare nothing takes a twentieth
			t.Errorf("%s is refused after %v, somebody who is known after %v", name, d, known)
		}
	}
}

// Whoever guesses is stopped, whatever name they take, and whoever was locked out is let in by an invitation.
func TestGuessing(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		b.signedIn("anna", viewer)
		b.signedIn("ben", viewer)
		in := b.browser()
		for range 9 {
			in.signIn("anna", "wrong password!").want(http.StatusUnauthorized)
		}
		in.signIn("anna", password).want(http.StatusOK, "Lanes") // the tenth; it clears those before
		for range 10 {
			in.signIn("anna", "wrong password!").want(http.StatusUnauthorized)
		}
		in.signIn("anna", password).want(http.StatusTooManyRequests, "too often")
		in.signIn("ANNA ", password).want(http.StatusTooManyRequests)
		for _, name := range strings.Fields("a b c d e f g h i j k l m n o p q r s t") {
			in.signIn(name, "wrong password!").want(http.StatusUnauthorized)
		}
		in.signIn("ben", password).want(http.StatusTooManyRequests)
		if strings.Contains(strings.Join(b.entries(), "\n"), "q could not") {
			t.Error("strangers fill the audit log")
		}
		b.later(15*time.Minute + time.Second)
		in.signIn("ben", password).want(http.StatusOK, "Lanes")

		for range 10 {
			in.signIn("anna", "wrong password!").want(http.StatusUnauthorized)
		}
		again := b.browser()
		again.post("/switchboard/invitation", "token", again.get(b.invite("anna", viewer)).field("token"), "password", "another password").want(http.StatusOK, "Overview")
		b.browser().signIn("anna", password).want(http.StatusUnauthorized)
		b.browser().signIn("anna", "another password").want(http.StatusOK, "Lanes")
	})
}

// What is done to an operator counts at once.
func TestOperators(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		anna, ben := b.signedIn("anna", operator), b.signedIn("ben", operator)
		ben.get("/switchboard/people").want(http.StatusOK, "Block a number")
		link := b.invite("ben", viewer) // the role counts now, the password until another one is chosen
		ben.get("/switchboard/people").want(http.StatusOK, "ben viewer").lacks("Block a number")
		anna.get("/switchboard/operators").want(http.StatusOK, "anna operator", "ben viewer")
		other := b.browser()
		other.post("/switchboard/invitation", "token", other.get(link).field("token"), "password", "another password").want(http.StatusOK)
		ben.get("/switchboard/").want(http.StatusOK, "Sign in")
		other.get("/switchboard/").want(http.StatusOK, "Overview")

		b.invite("anna", switchboardv1.Role_ROLE_UNSPECIFIED) // for another password
		b.invite("cleo", switchboardv1.Role_ROLE_UNSPECIFIED)
		anna.get("/switchboard/operators").want(http.StatusOK, "anna operator", "cleo viewer")
		b.wantEntry("somebody at a terminal invited an operator anna: as before, or viewer: done")
		if _, err := b.RemoveOperator(t.Context(), &switchboardv1.RemoveOperatorRequest{Name: "cleo"}); err != nil {
			t.Fatal(err)
		}

		if _, err := b.RemoveOperator(t.Context(), &switchboardv1.RemoveOperatorRequest{Name: "Ben"}); err != nil {
			t.Fatal(err)
		}
		other.get("/switchboard/").want(http.StatusOK, "Sign in")
		other.signIn("ben", "another password").want(http.StatusUnauthorized)
		if _, err := b.RemoveOperator(t.Context(), &switchboardv1.RemoveOperatorRequest{Name: "ben"}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("removed twice: %v", err)
		}
		b.wantEntry("somebody at a terminal invited an operator ben: as viewer: done")
		b.wantEntry("somebody at a terminal removed an operator ben: done")
		res, err := b.ListOperators(t.Context(), &switchboardv1.ListOperatorsRequest{})
		if err != nil || len(res.GetOperators()) != 1 || res.GetOperators()[0].GetName() != "anna" || res.GetOperators()[0].GetRole() != operator || res.GetOperators()[0].GetSeenAt() == nil {
			t.Errorf("%v, %v", res, err)
		}
	})
}
