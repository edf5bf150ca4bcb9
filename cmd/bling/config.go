package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/hotline/document"
	"github.com/bling-hotline/bling/internal/process"
)

const configHelp = `bling config                    what the hotlines of the environment mean, in full

It reads BLING_CONFIG, or BLING_MAILBOXES and BLING_WELCOME_TEXT, and writes a hotlines.yaml with every default written out, which means the
same. What is wrong is reported as bling serve would, all at once. No accounts are needed, nor looked at.

`

// config writes what the environment's hotlines mean.
func config(w io.Writer, environ, args []string) error {
	flags := flag.NewFlagSet("config", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), configHelp); flags.PrintDefaults() }
	schema := flags.Bool("schema", false, "print the JSON Schema of hotlines.yaml instead, by which editors check it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("config takes no arguments; the hotlines are the environment's")
	}
	if *schema {
		data, err := document.Schema()
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
	all, err := hotlinesOf(environ)
	if err != nil {
		return err
	}
	file := document.Of(all)
	data, err := file.YAML()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "# What the environment says of hotlines, with every default. Of what is not here there is nothing: a hotline without hours is\n"+
		"# always open, one without phones rings nobody.\n%s%s", english(file), data)
	return err
}

// hotlinesOf reads the hotlines, and nothing that needs a file of a secret or of a certificate. Misspelt names are reported all the same.
func hotlinesOf(environ []string) (hotline.Hotlines, error) {
	r := env.New(slices.DeleteFunc(slices.Clone(environ), func(kv string) bool { return strings.HasPrefix(kv, "BLING_TLS_DIR=") }))
	process.Identity(r, "") // so that the names of all services are known
	all := hotline.FromEnv(r)
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	return all, nil
}

// english says, as comments, which sentences a hotline in another language has no words for.
func english(file document.Document) string {
	var b strings.Builder
	for _, h := range file.Hotlines {
		if h.Calls == nil {
			continue // its carrier has no calls
		}
		s := cmp.Or(h.Calls.Says, &document.Says{})
		var missing []string
		for _, sentence := range []struct {
			name string
			said bool
		}{
			{"greeting", s.Greeting != nil}, {"thanks", s.Thanks != nil}, {"ask", s.Ask != ""}, {"again", s.Again != ""},
			{"taken", s.Taken != ""}, {"confirm", s.Confirm != ""}, {"unreached", s.Unreached != ""},
		} {
			if !sentence.said {
				missing = append(missing, sentence.name)
			}
		}
		if len(missing) > 0 {
			fmt.Fprintf(&b, "#\n# At %s these have the default, which is said in English: %s.\n", h.Number, strings.Join(missing, ", "))
		}
	}
	return b.String()
}
