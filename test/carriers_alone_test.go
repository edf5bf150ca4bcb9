package test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
	"github.com/bling-hotline/bling/simulator/telnyxsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// alone is the environment of a hotline at one carrier, where no other carrier's account is set.
func alone(t *testing.T, mailboxes, gateway string) (v hotlinetest.Vendors, environ []string) {
	t.Helper()
	all, problems := hotline.Parse(mailboxes)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	v = hotlinetest.StartVendors(t, hotlinetest.Options{Hotlines: all, HelpScout: func(c *helpscoutsim.Config) { c.Webhooks = nil }}, "http://"+gateway)
	environ = slices.DeleteFunc(v.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "TWILIO_") || strings.HasPrefix(kv, "MOBILECOMMONS_") && v.MobileCommons == nil
	})
	if v.Telnyx != nil {
		environ = append(environ, "TELNYX_API_URL="+v.TelnyxURL, "TELNYX_API_KEY="+telnyxsim.DefaultAPIKey, "TELNYX_PUBLIC_KEY="+v.Telnyx.PublicKey())
	}
	return v, append(environ, "BLING_MAILBOXES="+mailboxes, "BLING_PUBLIC_URL=http://"+gateway, "BLING_GATEWAY_ADDR="+gateway, "BLING_POLL_EVERY=50ms",
		"BLING_PRIVATE_ADDR=127.0.0.1:0", "BLING_CHECK_EVERY=0", "HOME="+t.TempDir())
}

// textedAlone has somebody text the hotline, and waits until it is in the help desk and they have the welcome.
func textedAlone(ctx context.Context, t *testing.T, v hotlinetest.Vendors) {
	t.Helper()
	var err error
	if v.Telnyx != nil {
		if _, err = v.Telnyx.Text(supporter, simulator.Hotline, "hello 👋"); err == nil {
			err = v.Telnyx.Wait(ctx, func(s *telnyxsim.Sim) bool { return len(s.Inbox(supporter)) == 1 })
		}
	} else if _, err = v.MobileCommons.Text(supporter, campaign, "hello 👋"); err == nil {
		err = v.MobileCommons.Wait(ctx, func(s *mobilecommonssim.Sim) bool { return len(s.Inbox(supporter)) == 1 })
	}
	must(t, err)
	if c := conversationOf(v, supporter); !has("hello 👋")(c) {
		t.Errorf("the ticket has\n%s", entries(c))
	}
}

// Of a carrier that no hotline is at nothing need be set, from the first command to the last.
func TestOneCarrierAlone(t *testing.T) {
	bling := hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling")
	for transport, c := range map[string]struct {
		value, shown string   // as bling config has it
		account      []string // what doctor looks at there
		wrong        string   // what is wrong in doctor's environment
		found        string   // what it finds then
	}{
		"telnyx": {simulator.Hotline, `number: "` + simulator.Hotline + `"`, []string{"telnyx account", "signature of Telnyx"}, "TELNYX_API_KEY=other", "telnyx account"},
		"mobilecommons": {campaign, `campaign: "` + campaign + `"`, []string{"mobile commons campaign " + campaign},
			"BLING_MAILBOXES=mobilecommons:1:" + fmt.Sprint(simulator.MailboxID), "mobile commons campaign 1"},
	} {
		t.Run(transport, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			door := hotlinetest.FreeAddr(t)
			v, environ := alone(t, fmt.Sprintf("%s:%s:%d", transport, c.value, simulator.MailboxID), door)
			environ = append(environ, "BLING_DATA_DIR="+t.TempDir())
			run := func(args ...string) string {
				t.Helper()
				cmd := exec.CommandContext(ctx, bling, args...)
				cmd.Env = environ
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%q: %v\n%s", args, err, out)
				}
				return string(out)
			}
			if out := run("config"); !strings.Contains(out, "transport: "+transport) || !strings.Contains(out, c.shown) {
				t.Errorf("config says\n%s", out)
			}
			run("apply", "-yes")
			if out := run("plan"); strings.Contains(out, "/bling/telnyx_sms") != (v.Telnyx != nil) || strings.Contains(out, "Twilio") {
				t.Errorf("plan says\n%s", out)
			}
			p := hotlinetest.NewProcess(t, bling, []string{"serve"}, environ...)
			p.Start()
			hotlinetest.Ready(ctx, t, "http://"+door+"/readyz")
			textedAlone(ctx, t, v)

			var d struct{ Findings []finding }
			must(t, json.Unmarshal([]byte(run("doctor", "-json")), &d))
			var names []string
			for _, f := range d.Findings {
				if names = append(names, f.Name); strings.Contains(f.Name+f.Says, "wilio") {
					t.Errorf("%+v", f)
				}
			}
			for _, name := range append(c.account, "public address", "signature of Help Scout", "help scout account") {
				if !slices.Contains(names, name) {
					t.Errorf("doctor does not look at %s, but at %q", name, names)
				}
			}
			cmd := exec.CommandContext(ctx, bling, "doctor", "-json")
			cmd.Env = append(slices.Clone(environ), c.wrong)
			out, err := cmd.Output()
			must(t, json.Unmarshal(out, &d))
			bad := slices.DeleteFunc(d.Findings, func(f finding) bool { return f.Level == "ok" })
			if err == nil || len(bad) != 1 || bad[0].Name != c.found || bad[0].Level != "failure" || bad[0].Fix == "" {
				t.Errorf("with %s doctor finds %+v, %v", c.wrong, bad, err)
			}
			must(t, p.Stop())
		})
	}
}

// The same with each service in a process of its own; and whoever has a hotline at a carrier must say which account.
func TestOneCarrierProcesses(t *testing.T) {
	sqldbtest.Postgres(t) // or skip, before anything is built
	dir := t.TempDir()
	binaries := map[string]string{}
	for _, name := range []string{"gateway", "telephony", "ticketing", "dialer", "switchboard"} {
		binaries[name] = hotlinetest.BuildTo(t, dir, fmt.Sprintf("github.com/bling-hotline/bling/services/%s/cmd/%s", name, name))
	}
	for _, mailboxes := range []string{"telnyx:" + simulator.Hotline, "mobilecommons:" + campaign} {
		t.Run(mailboxes, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			door, telephony, ticketing := hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t)
			v, environ := alone(t, fmt.Sprintf("%s:%d", mailboxes, simulator.MailboxID), door)
			environ = append(environ, "BLING_DATABASE_URL="+sqldbtest.Postgres(t).URL, "BLING_TELEPHONY_ADDR="+telephony, "BLING_TICKETING_ADDR="+ticketing,
				"BLING_DIALER_PAGES_ADDR="+hotlinetest.FreeAddr(t))
			for name, addr := range map[string]string{"telephony": telephony, "ticketing": ticketing, "gateway": "", "dialer": "127.0.0.1:0", "switchboard": "127.0.0.1:0"} {
				p := hotlinetest.NewProcess(t, binaries[name], nil, append(slices.Clone(environ), "BLING_GRPC_ADDR="+addr)...)
				p.Start()
				defer func() {
					if err := p.Stop(); err != nil {
						t.Errorf("%s does not stop well: %v", name, err)
					}
				}()
			}
			hotlinetest.Ready(ctx, t, "http://"+door+"/readyz")
			textedAlone(ctx, t, v)
		})
	}
	_, environ := alone(t, fmt.Sprintf("telnyx:%s:%d", simulator.Hotline, simulator.MailboxID), "127.0.0.1:1")
	environ = append(environ, "BLING_DATABASE_URL=postgres://127.0.0.1:1/none", fmt.Sprintf("BLING_MAILBOXES=twilio:%s:1,mobilecommons:%s:2", simulator.Hotline, campaign))
	for name, want := range map[string][]string{"telephony": {"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "MOBILECOMMONS_USERNAME", "MOBILECOMMONS_PASSWORD"}, "gateway": {"TWILIO_AUTH_TOKEN"}} {
		cmd := exec.CommandContext(t.Context(), binaries[name])
		cmd.Env = environ
		out, err := cmd.CombinedOutput()
		for _, missing := range want {
			if err == nil || !strings.Contains(string(out), missing+": is not set") {
				t.Errorf("%s does not ask for %s: %v\n%s", name, missing, err, out)
			}
		}
	}
}

// From a hotline without calls nobody is called back: the sidebar says so, and who asks all the same is refused. What its carrier cannot delete of
// somebody is said.
func TestCarrierWithoutCalls(t *testing.T) {
	for transport, c := range map[string]struct{ value, left string }{
		"telnyx": {simulator.Hotline, "messages left at Telnyx, which cannot delete them"}, "mobilecommons": {campaign, "messages left at Mobile Commons, which cannot delete them"},
	} {
		all := at(t, transport, c.value)
		h := hotlinetest.Start(t, hotlinetest.Options{DB: sqldbtest.Any(t), Hotlines: all, PollEvery: 50 * time.Millisecond})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		textedAlone(ctx, t, h.Vendors)
		b := (&backs{Hotline: h, t: t, conversation: conversationOf(h.Vendors, supporter).ID}).browser()
		side := b.sidebar(danaID)
		b.want(side, http.StatusOK, "617-555-0142", "No call back.", "This hotline does not call back.")
		if callBackLink.MatchString(side.body) {
			t.Error("there is a button")
		}
		_, err := h.CallBacks.StartCallBack(ctx, &telephonyv1.StartCallBackRequest{
			Key: "k", Hotline: string(all[0].Number), Supporter: supporter, AgentPhone: dana, Agent: "helpscout:7", AgentName: "Dana", ConversationId: b.conversation,
		})
		if errs.KindOf(err) != errs.Precondition || len(h.Twilio.Legs()) > 0 {
			t.Errorf("%v, and calls %+v", err, h.Twilio.Legs())
		}
		nothingLeft(t, h)
		deleted := map[string]int64{}
		for done := false; !done; {
			res, err := h.Operator.Telephony.ErasePerson(ctx, &operatorv1.ErasePersonRequest{Number: supporter})
			must(t, err)
			for what, n := range res.GetDeleted() {
				deleted[what] += n
			}
			done = res.GetDone()
		}
		if deleted[c.left] != 2 {
			t.Errorf("erased are %v", deleted)
		}
		cancel()
	}
}

// What runs looks at the accounts by itself: at those that there are.
func TestCarrierFindings(t *testing.T) {
	for transport, c := range map[string]struct{ value, path, name string }{
		"telnyx": {simulator.Hotline, "GET /v2/messages/", "telnyx account"}, "mobilecommons": {campaign, "GET /api/messages", "mobile commons campaign " + campaign},
	} {
		log := changes{slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}), make(chan string, 1000)}
		h := hotlinetest.Start(t, hotlinetest.Options{DB: sqldbtest.Any(t), Hotlines: at(t, transport, c.value), CheckEvery: 50 * time.Millisecond, Log: slog.New(log)})
		faults := map[bool]func() *fault.Injector{true: h.Telnyx.Faults, false: h.MobileCommons.Faults}[h.Telnyx != nil]()
		await := func(want string) {
			t.Helper()
			for timeout := time.After(30 * time.Second); ; {
				select {
				case got := <-log.heard:
					if got == want {
						return
					}
				case <-timeout:
					t.Fatalf("nothing is heard of %q", want)
				}
			}
		}
		faults.Set(fault.Switches{ErrorRate: 1, Path: c.path})
		await("ERROR " + c.name)
		faults.Set(fault.Switches{})
		await("INFO " + c.name)
		res, err := h.Operator.Telephony.ListFindings(t.Context(), &operatorv1.ListFindingsRequest{})
		must(t, err)
		for _, f := range res.GetFindings() {
			if strings.Contains(f.GetName()+f.GetSays(), "wilio") || f.GetLevel() != operatorv1.Level_LEVEL_OK {
				t.Errorf("%v", f)
			}
		}
	}
}

// A call that Twilio brings to a number that is at Telnyx is answered as one to a number that nobody knows: it reaches the voicemail.
func TestCallElsewhere(t *testing.T) {
	all := hotline.Load([]byte("hotlines:\n- {number: '+15017122661', mailbox: 1}\n- {transport: telnyx, number: '+15017122662', mailbox: 2, language: en-GB}\n"), func(line int, problem string) {
		t.Errorf("%d: %s", line, problem)
	})
	h := hotlinetest.Start(t, hotlinetest.Options{DB: sqldbtest.Any(t), Hotlines: all})
	answer := func(to phone.Number) []string { // its words, sorted: attributes come in any order
		t.Helper()
		address, form := h.URL+"/bling/twilio_voice", url.Values{"CallSid": {"CA" + string(to[1:])}, "From": {supporter}, "To": {string(to)}, "CallStatus": {"ringing"}}
		r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Twilio-Signature", signature.Twilio(twiliosim.DefaultAuthToken, address, form))
		res, err := http.DefaultClient.Do(r)
		must(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		must(t, err)
		if res.StatusCode != http.StatusOK || !strings.Contains(string(body), "<Record") {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		return slices.Sorted(strings.FieldsFuncSeq(strings.ReplaceAll(string(body), string(to[1:]), "TO"), func(c rune) bool { return strings.ContainsRune(" <>/", c) }))
	}
	if elsewhere, unknown := answer("+15017122662"), answer("+15017129999"); !slices.Equal(elsewhere, unknown) {
		t.Errorf("%q\nwant\n%q", elsewhere, unknown)
	}
}
