package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const exampleHotlines = "../../docs/hotlines.example.yaml"

// What is written means the same, and writing that changes nothing more. No credentials are needed.
func TestConfig(t *testing.T) {
	for _, environ := range [][]string{
		{"BLING_CONFIG=" + exampleHotlines},
		{"BLING_MAILBOXES=twilio:+15017122661:206906, twilio:+442071838750:5", "BLING_WELCOME_TEXT=Hi", "BLING_TLS_DIR=/nowhere", "BLING_DIALER_KEY_FILE=/nowhere"},
		{"BLING_MAILBOXES=telnyx:+15017122661:206906, mobilecommons:189358:5"},
	} {
		var out bytes.Buffer
		if err := config(&out, environ, nil); err != nil {
			t.Fatal(err)
		}
		want, err := hotlinesOf(environ)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "hotlines.yaml")
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		again := []string{"BLING_CONFIG=" + path}
		if got, err := hotlinesOf(again); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %+v\nwant %+v\n%s", err, got, want, &out)
		}
		var twice bytes.Buffer
		if err := config(&twice, again, nil); err != nil || !bytes.Equal(twice.Bytes(), out.Bytes()) {
			t.Errorf("%v\n%s\nbecomes\n%s", err, &out, &twice)
		}
	}
}

func TestConfigSaysWhatIsEnglish(t *testing.T) {
	var out bytes.Buffer
	if err := config(&out, []string{"BLING_CONFIG=" + exampleHotlines}, nil); err != nil {
		t.Fatal(err)
	}
	if want := "\n# At +15017122663 these have the default, which is said in English: ask, again, taken, confirm, unreached.\n"; strings.Count(out.String(), "in English") != 1 ||
		!strings.Contains(out.String(), want) {
		t.Errorf("%s", &out)
	}
}

func TestConfigProblems(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hotlines.yaml")
	if err := os.WriteFile(path, []byte("hotlines:\n- {number: x, mailbox: 5}\n- {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := config(&out, []string{"BLING_CONFIG=" + path, "BLING_MAILBOX=x", "TWILIO_AUTH_TOKEN=secret"}, nil)
	want := "configuration:\nBLING_CONFIG: " + path + `:2: number: "x" is not a phone number` + "\nBLING_CONFIG: " + path + ":3: hotlines: must have fields\nBLING_MAILBOX: unknown name"
	if err == nil || err.Error() != want || out.Len() > 0 {
		t.Errorf("%v\nwant %s\n%s", err, want, &out)
	}
	if err := config(&out, nil, []string{"x"}); err == nil {
		t.Error("an argument is no problem")
	}
}

// Who carries a hotline is said, and nothing of calls where there are none.
func TestConfigElsewhere(t *testing.T) {
	var out bytes.Buffer
	if err := config(&out, []string{"BLING_MAILBOXES=mobilecommons:189358:5,telnyx:+15017122661:6"}, nil); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "transport: mobilecommons\n", `campaign: "189358"`, "transport: telnyx\n", `number: "+15017122661"`)
	for _, none := range []string{"calls:", "call_back:", "in English"} {
		if strings.Contains(out.String(), none) {
			t.Errorf("%q is there\n%s", none, &out)
		}
	}
}

// Editors can be given the schema by a binary alone.
func TestConfigSchema(t *testing.T) {
	var out bytes.Buffer
	if err := config(&out, nil, []string{"-schema"}); err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile("../../docs/hotlines.schema.json"); err != nil || !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%v: it is not docs/hotlines.schema.json", err)
	}
}
