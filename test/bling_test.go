package test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// What a newcomer does: one command starts everything, another one texts; what happened survives a restart.
func TestPlayground(t *testing.T) {
	bling := hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling") // which may take minutes the first time
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	gateway, twilio, desk, page := hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t)
	// The real account in the environment must not be touched.
	p := hotlinetest.NewProcess(t, bling, []string{"-twilio", twilio, "-helpscout", desk, "-page", page}, "BLING_GATEWAY_ADDR="+gateway, "BLING_DATA_DIR="+t.TempDir(),
		"BLING_PRIVATE_ADDR=127.0.0.1:0", "TWILIO_API_URL=http://192.0.2.1", "HELPSCOUT_API_CLIENT_SECRET=real", "BLING_MAILBOXES=nonsense")
	say := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(ctx, bling, append([]string{"text", "-twilio", "http://" + twilio, "-helpscout", "http://" + desk}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	p.Start()
	hotlinetest.Ready(ctx, t, "http://"+gateway+"/readyz")
	out := say(supporter, "hello")
	for _, want := range []string{"the hotline has it", `"Request from 617-555-0142"`, "customer  hello", "back on the phone: " + hotline.DefaultWelcome} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if err := p.Stop(); err != nil {
		t.Errorf("it does not stop well: %v", err)
	}
	p.Start()
	hotlinetest.Ready(ctx, t, "http://"+gateway+"/readyz")
	if out := say("617-555-0142", "again"); !strings.Contains(out, "customer  hello") || !strings.Contains(out, "customer  again") || strings.Contains(out, "back on the phone") {
		t.Errorf("after the restart:\n%s", out)
	}
	res, err := http.Get("http://" + page + "/sim/inbox")
	if err != nil || res.StatusCode != 200 {
		t.Errorf("the inbox: %v, %v", res, err)
	}
}

// H8, C5: what is missing or wrong is reported at start, all at once, and nothing starts.
func TestConfigurationErrors(t *testing.T) {
	bling := hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling")
	cmd := exec.CommandContext(t.Context(), bling, "serve")
	cmd.Env = []string{"HOME=" + t.TempDir(), "BLING_MAILBOXES=twilio:12:x", "BLING_PUBLIC_URL=hotline.example.org", "BLING_MAILBOX=y", "BLING_DATABASE_URL=mysql://x", "BLACKHOLE_DOMAIN=no domain"}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("it started")
	}
	for _, want := range []string{
		"TWILIO_ACCOUNT_SID: is not set", "TWILIO_AUTH_TOKEN: is not set", "HELPSCOUT_API_CLIENT_ID: is not set", "HELPSCOUT_API_CLIENT_SECRET: is not set",
		"HELPSCOUT_WEBHOOK_SECRET: is not set", `BLACKHOLE_DOMAIN: "no domain" is not a domain`, "BLING_PUBLIC_URL: must be an address", `entry "twilio:12:x"`,
		"BLING_MAILBOX: unknown name", "BLING_DATABASE_URL: must begin with postgres://",
	} {
		if strings.Count(string(out), want) != 1 {
			t.Errorf("%d times %q in\n%s", strings.Count(string(out), want), want, out)
		}
	}
}

// Every name that a process reads is explained.
func TestConfigurationIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../internal/process/process.go")
	if err != nil {
		t.Fatal(err)
	}
	_, names, _ := strings.Cut(string(source), "var names = []string{")
	names, _, _ = strings.Cut(names, "}")
	for _, name := range strings.Split(strings.TrimSuffix(strings.TrimSpace(names), ","), ",") {
		name = strings.TrimSuffix(strings.Trim(strings.TrimSpace(name), `"`), "_FILE")
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/configuration.md does not explain %s", name)
		}
	}
}
