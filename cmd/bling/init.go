package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/hotline/document"
	"github.com/bling-hotline/bling/internal/phone"
)

const initHelp = `bling init [FILE]               writes a hotlines.yaml by asking what it needs

FILE is hotlines.yaml unless it is named. A file that is there already is left alone. Each answer is checked at once, and nothing is written before
the last one.

`

// accounts are what bling init can offer to choose from. Each is optional.
type accounts struct {
	// Numbers returns the phone numbers of the Twilio account, with their country codes.
	Numbers func(context.Context) ([]string, error)
	// Mailboxes returns those of the Help Scout account.
	Mailboxes func(context.Context) ([]Mailbox, error)
}

// Mailbox is one of Help Scout's.
type Mailbox struct {
	ID   int64
	Name string
}

// initialise asks for a hotline, and writes its file.
func initialise(ctx context.Context, environ, args []string, in io.Reader, out io.Writer, from accounts) error {
	flags := flag.NewFlagSet("init", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), initHelp); flags.PrintDefaults() }
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 1 {
		return fmt.Errorf("want one file, got %d", flags.NArg())
	}
	path := cmp.Or(flags.Arg(0), "hotlines.yaml")
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is there already, and left alone; name another file", path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return err
	}
	fmt.Fprintf(out, "This writes %s, which says what your hotline is. Enter takes what is in [brackets]. Ctrl-C stops, and nothing is written.\n", path)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	q := &questions{out: out, lines: readLines(ctx, in)}
	if err := q.all(ctx, from, machineZone(environ)); err != nil {
		fmt.Fprintln(out, "\nNothing was written.")
		return err
	}
	data, err := document.Document{Hotlines: []document.Hotline{q.hotline}}.Commented()
	if err != nil {
		return err
	}
	if err := writeNew(path, data); err != nil {
		return err
	}
	fmt.Fprintf(out, nextSteps, path, path)
	if language := string(q.hotline.Language); language != "" && !strings.HasPrefix(language+"-", "en-") {
		fmt.Fprint(out, "\nWhat you did not write is said in English: see texts, and says of calls, in docs/hotlines.example.yaml.\n")
	}
	return nil
}

const nextSteps = `
%s is written. Next:

  export BLING_CONFIG=%s    and what docs/configuration.md says of the accounts
  bling plan      shows what is to be set at Twilio and Help Scout
  bling apply     sets it
  bling doctor    looks whether all is well
  bling serve     opens the hotline

If the number is not at Twilio but at Telnyx, or people write to a campaign at Mobile Commons: see transport in docs/hotlines.example.yaml.
`

// writeNew writes a file that is not there yet. It has people's numbers.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// readLines reads until in ends, or ctx does.
func readLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// machineZone is the time zone of this machine, UTC if it does not say.
func machineZone(environ []string) string {
	zone := strings.TrimPrefix(env.New(environ).String("TZ", ""), ":")
	if zone == "" {
		link, _ := os.Readlink("/etc/localtime")
		_, zone, _ = strings.Cut(link, "zoneinfo/")
	}
	if _, found := understood(document.Hotline{TimeZone: document.TimeZone(zone)}); zone == "" || len(found) > 0 {
		return "UTC"
	}
	return zone
}

// questions asks for a hotline, one thing after the other.
type questions struct {
	out     io.Writer
	lines   <-chan string
	hotline document.Hotline // what was answered
}

func (q *questions) all(ctx context.Context, from accounts, zone string) error {
	return inTurn(
		func() error {
			return q.ask(ctx, "What is the hotline called? For people who read logs.", "no name", func(h *document.Hotline, name string) error {
				h.Name = document.Label(name)
				return nil
			})
		},
		func() error { return q.number(ctx, from.Numbers) },
		func() error { return q.mailbox(ctx, from.Mailboxes) },
		func() error {
			return q.ask(ctx, "The language of its texts, such as en, es or pt-BR?", "en", func(h *document.Hotline, code string) error {
				h.Language = document.LanguageCode(code)
				return nil
			})
		},
		func() error {
			q.hotline.TimeZone = document.TimeZone(zone)
			return q.ask(ctx, "The time zone of its hours, such as America/New_York?", zone, func(h *document.Hotline, zone string) error {
				h.TimeZone = document.TimeZone(zone)
				return nil
			})
		},
		func() error {
			return q.ask(ctx, "When do people answer? Such as: mon-fri 09:00-12:30 13:30-17:00, sat 10:00-14:00", "always", func(h *document.Hotline, hours string) error {
				h.Hours = weekOf(hours)
				return nil
			})
		},
		func() error { return q.phones(ctx) },
		func() error {
			return q.ask(ctx, "The first answer to a new supporter? (- is none)", hotline.DefaultWelcome, func(h *document.Hotline, welcome string) error {
				if welcome == "-" {
					welcome = ""
				}
				h.Texts = &document.Texts{Welcome: &welcome}
				return nil
			})
		},
	)
}

// inTurn does things until one fails.
func inTurn(things ...func() error) error {
	for _, do := range things {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// number asks for the hotline's number; list may be nil.
func (q *questions) number(ctx context.Context, list func(context.Context) ([]string, error)) error {
	question, choices := "Which number do people text and call? With the country code.", []string(nil)
	if list != nil {
		all, err := list(ctx)
		if err != nil {
			fmt.Fprintf(q.out, "\n(The numbers of the account could not be listed: %s)\n", visible(err.Error()))
		}
		choices = all
	}
	fallback := q.offer(choices, func(n string) string { return phone.Parse(n).Display() })
	return q.ask(ctx, question, fallback, func(h *document.Hotline, answer string) error {
		h.Number = phone.Number(chosen(choices, answer))
		return nil
	})
}

// mailbox asks for the mailbox; list may be nil.
func (q *questions) mailbox(ctx context.Context, list func(context.Context) ([]Mailbox, error)) error {
	question := "Which Help Scout mailbox? The number in its address, https://secure.helpscout.net/mailbox/..."
	var choices, names []string
	if list != nil {
		all, err := list(ctx)
		if err != nil {
			fmt.Fprintf(q.out, "\n(The mailboxes of the account could not be listed: %s)\n", visible(err.Error()))
		}
		for _, m := range all {
			choices, names = append(choices, strconv.FormatInt(m.ID, 10)), append(names, m.Name)
		}
	}
	fallback := q.offer(choices, func(id string) string { return id + "  " + names[slices.Index(choices, id)] })
	return q.ask(ctx, question, fallback, func(h *document.Hotline, answer string) (err error) {
		if h.Mailbox, err = strconv.ParseInt(chosen(choices, answer), 10, 64); err != nil || h.Mailbox <= 0 {
			return fmt.Errorf("mailbox: %q is not a mailbox id", answer)
		}
		return nil
	})
}

// offer lists choices. It returns the default, which is the only one, if there is only one.
func (q *questions) offer(choices []string, display func(string) string) (fallback string) {
	if len(choices) > 0 {
		fmt.Fprintln(q.out)
	}
	for i, choice := range choices {
		fmt.Fprintf(q.out, "  %d  %s\n", i+1, strings.ReplaceAll(visible(display(choice)), "\n", " "))
	}
	if len(choices) == 1 {
		return "1"
	}
	return ""
}

// chosen is the choice with a number in the list, or the answer itself.
func chosen(choices []string, answer string) string {
	if i, err := strconv.Atoi(answer); err == nil && i >= 1 && i <= len(choices) && !slices.Contains(choices, answer) {
		return choices[i-1]
	}
	return answer
}

// phones asks who is rung, until nobody more is named.
func (q *questions) phones(ctx context.Context) error {
	for {
		before := q.hotline.Calls
		var list []document.Phone
		if before != nil {
			list = before.Phones
		}
		with := func(h *document.Hotline, p document.Phone) error {
			h.Calls = &document.Calls{Phones: append(slices.Clone(list), p)}
			return nil
		}
		question, fallback := "Who is rung when somebody calls? A name.", "nobody: callers reach the voicemail"
		if len(list) > 0 {
			question, fallback = "Who else?", "nobody else"
		}
		named := func(h *document.Hotline, name string) error {
			return with(h, document.Phone{Name: document.Label(name)})
		}
		if err := q.ask(ctx, question, fallback, named); err != nil || q.hotline.Calls == before {
			return err
		}
		name := q.hotline.Calls.Phones[len(list)].Name
		if err := q.ask(ctx, "The phone of "+string(name)+"? With the country code.", "", func(h *document.Hotline, number string) error {
			return with(h, document.Phone{Name: name, Number: phone.Number(number)})
		}); err != nil {
			return err
		}
	}
}

// ask asks until the answer can be used, which set puts into the hotline. Enter alone takes the fallback, without which there must be an answer;
// the hotline then stays as it is, unless the fallback is a choice of a list.
func (q *questions) ask(ctx context.Context, question, fallback string, set func(h *document.Hotline, answer string) error) error {
	prompt := "\n" + question
	if fallback != "" {
		prompt += "\n[" + fallback + "]"
	}
	for {
		fmt.Fprint(q.out, prompt+"\n> ")
		answer, err := q.read(ctx)
		if err != nil {
			return err
		}
		if answer == "" && fallback == "1" {
			answer = fallback
		}
		problem := ""
		switch h := q.hotline; {
		case fallback != "" && (answer == "" || answer == fallback && fallback != "1"):
			return nil
		case answer == "":
			problem = "There must be an answer."
		case !utf8.ValidString(answer) || strings.ContainsFunc(answer, unicode.IsControl): // such as those of the arrow keys
			problem = "It has characters that cannot be seen. Please type it again."
		default:
			if err := set(&h, answer); err != nil {
				problem = err.Error()
				break
			}
			known, found := understood(h)
			if len(found) == 0 {
				q.hotline = known
				return nil
			}
			problem = strings.Join(found, "\n  ")
		}
		fmt.Fprintf(q.out, "\n  %s\n", problem)
	}
}

// read returns the next line without the space around it.
func (q *questions) read(ctx context.Context) (string, error) {
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case line, more := <-q.lines:
		if !more {
			return "", cmp.Or(ctx.Err(), errors.New("the answers ended too early"))
		}
		return strings.TrimSpace(line), nil
	}
}

// understood asks the reader of the file about what was answered so far. It returns the hotline with numbers and language as the reader writes
// them, and what is wrong but for what is still to come.
func understood(h document.Hotline) (document.Hotline, []string) {
	file, err := document.Document{Hotlines: []document.Hotline{h}}.YAML()
	if err != nil {
		return h, []string{err.Error()}
	}
	var found []string
	all := hotline.Load(file, func(_ int, problem string) {
		if toCome := problem == "number: is not set" || strings.HasPrefix(problem, `number: "" is`) || strings.HasPrefix(problem, `mailbox: "0" is`); !toCome {
			found = append(found, problem)
		}
	})
	if len(found) > 0 || len(all) != 1 {
		return h, found
	}
	h.Number = all[0].Number
	if h.Language != "" {
		h.Language = document.LanguageCode(all[0].Language)
	}
	if h.Calls != nil {
		for i, p := range all[0].Calls.Phones {
			h.Calls.Phones[i].Number = p.Number
		}
	}
	return h, nil
}

// weekOf reads hours as people type them: days and their times, with commas between the days.
func weekOf(s string) (week document.Week) {
	for part := range strings.SplitSeq(s, ",") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		ranges := []document.Hours{}
		for _, r := range words[1:] {
			ranges = append(ranges, document.Hours(r))
		}
		week = append(week, document.Entry[[]document.Hours]{Key: strings.ToLower(words[0]), Value: ranges})
	}
	return week
}
