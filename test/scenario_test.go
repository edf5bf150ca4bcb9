package test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// TestScenarios runs every file in testdata/scenarios against a hotline of its own, on both databases. The files' language
// is described in testdata/scenarios/README.md; a new one needs no Go.
func TestScenarios(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, _ sqldb.Config) {
		postgres := strings.HasSuffix(t.Name(), "/postgres")
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/scenarios",
			RequireExplicitExec: true,
			Setup: func(e *testscript.Env) error {
				s, err := newScenario(e, postgres)
				e.Values[scenarioKey{}] = s
				return err
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"text": act((*scenario).text), "reply": act((*scenario).reply), "note": act((*scenario).note),
				"agent": act((*scenario).agent), "expect": act((*scenario).expect), "carrier": act((*scenario).carrier),
				"fault": act((*scenario).fault), "twilio": act((*scenario).twilio), "advance": act((*scenario).advance),
				"clock": act((*scenario).setClock), "block": act((*scenario).block), "unblock": act((*scenario).unblock),
				"redeliver": act((*scenario).redeliver),
				"volunteer": act((*scenario).volunteer), "call": act((*scenario).call), "dial": act((*scenario).dial),
				"talk": act((*scenario).talk), "greeted": act((*scenario).greeted), "engine": act((*scenario).setEngine), "lose": act((*scenario).lose), "found": act((*scenario).found),
			},
		})
	})
}

type scenarioKey struct{}

// scenario is one file's hotline, and what was expected of it so far.
type scenario struct {
	*hotlinetest.Hotline
	t     testing.TB
	ctx   context.Context
	dir   string
	clock clock
	last  map[string]func(context.Context) error // by subject: what was last expected of texts and notes
	calls onPhone
}

// clock goes as fast as the real one, from where it was set.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func newScenario(e *testscript.Env, postgres bool) (*scenario, error) {
	t := e.T().(testing.TB)
	s := &scenario{t: t, dir: e.WorkDir, last: map[string]func(context.Context) error{}}
	o := hotlinetest.Options{DB: sqldb.Config{Dir: t.TempDir()}, Now: s.clock.now, Patience: 20 * time.Second, Virtual: true, Jump: s.jump, LookEvery: 200 * time.Millisecond, Engine: &s.calls.engine}
	if postgres {
		o.DB = sqldbtest.Postgres(t)
	}
	file := filepath.Join(e.WorkDir, "hotlines.yaml")
	if _, err := os.Stat(file); err == nil {
		r := env.New([]string{"BLING_CONFIG=" + file})
		o.Hotlines = hotline.FromEnv(r)
		if err := r.Err(); err != nil {
			return nil, err
		}
	}
	s.Hotline = hotlinetest.Start(t, o)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	s.ctx = ctx
	e.Defer(func() {
		defer cancel()
		// Nothing may follow that was not expected.
		if err := s.settle(); err != nil {
			t.Error(err)
		}
	})
	return s, nil
}

// act makes a method a command of the scripts.
func act(f func(*scenario, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		s := ts.Value(scenarioKey{}).(*scenario)
		if err := f(s, args); (err != nil) != neg {
			ts.Fatalf("%v", cmp.Or(err, fmt.Errorf("it worked")))
		}
	}
}

// settle waits until there is no work left, and looks again at all that was expected.
func (s *scenario) settle() error {
	if err := s.Idle(s.ctx); err != nil {
		return err
	}
	now, cancel := context.WithCancel(s.ctx)
	cancel()
	for subject, check := range s.last {
		if err := check(now); err != nil {
			return fmt.Errorf("in the end, %s: %w", subject, err)
		}
	}
	return nil
}

func (s *scenario) text(args []string) error {
	args, files, options, err := s.split(args, 2)
	if err != nil {
		return err
	}
	text := twiliosim.Text{From: args[0], Body: args[1], To: cmp.Or(options["to"], simulator.Hotline)}
	for _, f := range files {
		text.Media = append(text.Media, twiliosim.Media{ContentType: f.mimeType, Data: f.data})
	}
	d, err := s.Twilio.Text(s.ctx, text)
	if err == nil && d.Lost {
		err = fmt.Errorf("the hotline did not take it: %+v", d.Attempts)
	}
	return err
}

func (s *scenario) reply(args []string) error {
	args, files, options, err := s.split(args, 2)
	if err != nil {
		return err
	}
	c, err := s.conversation(args[0])
	if err != nil {
		return err
	}
	r := helpscoutsim.Reply{Text: args[1]}
	for _, f := range files {
		r.Attachments = append(r.Attachments, helpscoutsim.Attachment{FileName: f.name, MimeType: f.mimeType, Data: f.data})
	}
	if err := set(&r, options); err != nil {
		return err
	}
	_, err = s.HelpScout.AgentReply(c.ID, r)
	return err
}

func (s *scenario) note(args []string) error {
	c, err := s.conversation(args[0])
	if err == nil {
		_, err = s.HelpScout.AgentNote(c.ID, args[1])
	}
	return err
}

// agent does something else to the newest conversation of a number.
func (s *scenario) agent(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("want what to do, and a number")
	}
	c, err := s.conversation(args[1])
	if err != nil {
		return err
	}
	switch args[0] {
	case "close":
		return s.HelpScout.SetStatus(c.ID, "closed")
	case "spam":
		return s.HelpScout.SetStatus(c.ID, "spam")
	case "delete":
		return s.HelpScout.Delete(c.ID)
	case "move":
		id, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil {
			return err
		}
		return s.HelpScout.Move(c.ID, id)
	case "merge": // into that of another number
		into, err := s.conversation(args[2])
		if err != nil {
			return err
		}
		return s.HelpScout.Merge(c.ID, into.ID)
	case "phone": // the customer's phone is edited
		// The hotline has heard of it before anything else happens: events overtake one another.
		before := s.HelpScout.Delivered()
		if err := s.HelpScout.SetPhones(email(args[1]), args[2:]...); err != nil {
			return err
		}
		return s.HelpScout.Wait(s.ctx, func(sim *helpscoutsim.Sim) bool { return sim.Delivered() > before })
	case "customer": // the conversation gets the customer of another number
		return s.HelpScout.ChangeCustomer(c.ID, email(args[2]))
	}
	return fmt.Errorf("an agent cannot %s", args[0])
}

// expect waits until a phone or a ticket is exactly as described. Of texts and notes it remembers that: in the end there
// must be no more of them.
func (s *scenario) expect(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("want what, and a number")
	}
	what, number, want := args[0], args[1], args[2:]
	look := map[string]func(string) []string{
		"phone": s.phone, "notes": s.notes, "ticket": s.ticket, "tags": s.tags, "status": s.status, "tickets": s.tickets, "subject": s.subject,
		"heard": s.heard, "rung": s.rung, "talked": s.talked, "files": s.files, "recordings": s.recordings,
	}[what]
	if look == nil {
		return fmt.Errorf("nothing is known of %s", what)
	}
	check := func(ctx context.Context) error {
		var got []string
		fits := func() bool {
			got = look(number)
			return matches(got, want) || what == "notes" && matchesInAnyOrder(got, want)
		}
		var err error
		if slices.Contains([]string{"phone", "heard", "rung", "talked", "recordings"}, what) {
			err = s.Twilio.Wait(ctx, func(*twiliosim.Sim) bool { return fits() })
		} else {
			err = s.HelpScout.Wait(ctx, func(*helpscoutsim.Sim) bool { return fits() })
		}
		if err == nil || fits() {
			return nil
		}
		return fmt.Errorf("%s has\n\t%s\nwant\n\t%s", what, strings.Join(quoted(got), "\n\t"), strings.Join(quoted(want), "\n\t"))
	}
	if what == "phone" || what == "notes" || what == "rung" {
		s.last[what+" "+number] = check
	}
	ctx, cancel := context.WithTimeout(s.ctx, 20*time.Second)
	defer cancel()
	return check(ctx)
}

// phone is what a phone has got from us, with [image/png 5] for each picture; what the carrier itself says is left out.
func (s *scenario) phone(number string) (lines []string) {
	for _, m := range s.Twilio.Inbox(number) {
		line := m.Body
		if m.From != simulator.Hotline {
			line = m.From + ": " + line
		}
		for _, file := range m.Media {
			line += fmt.Sprintf(" [%s %d]", file.ContentType, len(file.Data))
		}
		lines = append(lines, oneLine(line))
	}
	return lines
}

func (s *scenario) ticket(number string) (lines []string) {
	c, _ := s.conversation(number)
	for _, th := range c.Threads {
		if th.Type != "lineitem" {
			lines = append(lines, oneLine(th.Type+": "+th.Body))
		}
	}
	return lines
}

func (s *scenario) notes(number string) (lines []string) {
	for _, c := range s.HelpScout.ConversationsOf(email(number)) {
		for _, th := range c.Threads {
			if th.Type == "note" {
				lines = append(lines, oneLine(th.Body))
			}
		}
	}
	return lines
}

func (s *scenario) tags(number string) []string {
	c, _ := s.conversation(number)
	return c.Tags
}

func (s *scenario) status(number string) []string {
	c, _ := s.conversation(number)
	return []string{c.Status}
}

func (s *scenario) subject(number string) []string {
	c, _ := s.conversation(number)
	return []string{c.Subject}
}

func (s *scenario) tickets(number string) []string {
	return []string{strconv.Itoa(len(s.HelpScout.ConversationsOf(email(number))))}
}

func oneLine(body string) string {
	return strings.NewReplacer("<br>\n", " / ", "\n", " / ", "&quot;", `"`, "&amp;", "&").Replace(body)
}

// email is the contact address of a number; an address is its own.
func email(number string) string {
	if strings.Contains(number, "@") {
		return number
	}
	return phone.Parse(number).Address("") + "@" + simulator.Domain
}

// conversation waits for the newest conversation of a number, and returns it.
func (s *scenario) conversation(number string) (c helpscoutsim.Conversation, err error) {
	list := s.HelpScout.ConversationsOf(email(number))
	if len(list) == 0 {
		if err = s.Idle(s.ctx); err == nil {
			list = s.HelpScout.ConversationsOf(email(number))
		}
	}
	if len(list) == 0 {
		return c, cmp.Or(err, fmt.Errorf("%s has no ticket", number))
	}
	return list[len(list)-1], nil
}

func (s *scenario) carrier(args []string) error {
	_, _, options, err := s.split(args, 1)
	var c twiliosim.Carrier
	if err == nil {
		err = set(&c, options)
	}
	if err == nil {
		s.Twilio.SetCarrier(args[0], c)
	}
	return err
}

func (s *scenario) fault(args []string) error {
	vendor := map[string]*fault.Injector{"twilio": s.Twilio.Faults(), "helpscout": s.HelpScout.Faults()}[args[0]]
	if vendor == nil {
		return fmt.Errorf("no vendor is called %s", args[0])
	}
	_, _, options, err := s.split(args, 1)
	var f fault.Switches
	if err == nil {
		err = set(&f, options)
	}
	if err == nil {
		vendor.Set(f)
	}
	return err
}

// twilio turns its switches.
func (s *scenario) twilio(args []string) error {
	_, _, options, err := s.split(args, 0)
	settings := s.Twilio.Settings()
	if err == nil {
		err = set(&settings, options)
	}
	if err == nil {
		s.Twilio.SetSettings(settings)
	}
	return err
}

// redeliver has Help Scout deliver its last webhook again, so many times.
func (s *scenario) redeliver(args []string) error {
	times, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if err := s.Idle(s.ctx); err != nil {
		return err
	}
	all := s.HelpScout.Deliveries()
	for range times {
		if err := s.HelpScout.Redeliver(all[len(all)-1].Index); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) advance(args []string) error {
	d, err := time.ParseDuration(args[0])
	if err == nil {
		err = s.Idle(s.ctx)
	}
	s.clock.advance(d)
	return err
}

func (s *scenario) setClock(args []string) error {
	at, err := time.Parse("2006-01-02 15:04 -0700", args[0])
	if err == nil {
		s.clock.advance(at.Sub(s.Now()))
	}
	return err
}

func (s *scenario) block(args []string) error {
	args, _, options, err := s.split(args, 2)
	if err != nil {
		return err
	}
	b := &telephonyv1.Block{Number: args[0], Reason: args[1], Hotline: options["hotline"]}
	if options["for"] != "" {
		d, err := time.ParseDuration(options["for"])
		if err != nil {
			return err
		}
		b.Until = timestamppb.New(s.Now().Add(d))
	}
	_, err = s.Telephony.BlockNumber(s.ctx, &telephonyv1.BlockNumberRequest{Block: b})
	return err
}

func (s *scenario) unblock(args []string) error {
	_, err := s.Telephony.UnblockNumber(s.ctx, &telephonyv1.UnblockNumberRequest{Number: args[0]})
	return err
}

type attached struct {
	name, mimeType string
	data           []byte
}

// split takes arguments apart: n of them as they are, then file=name, which is a file of the script, and other key=value.
func (s *scenario) split(args []string, n int) (plain []string, files []attached, options map[string]string, err error) {
	if len(args) < n {
		return nil, nil, nil, fmt.Errorf("want %d arguments, got %q", n, args)
	}
	plain = slices.Clone(args[:n])
	for i, arg := range plain {
		if name, ok := strings.CutPrefix(arg, "@"); ok {
			data, err := os.ReadFile(filepath.Join(s.dir, name))
			if err != nil {
				return nil, nil, nil, err
			}
			plain[i] = string(data)
		}
	}
	options = map[string]string{}
	for _, arg := range args[n:] {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, nil, nil, fmt.Errorf("%q is not key=value", arg)
		}
		if key != "file" {
			options[key] = value
			continue
		}
		data, err := os.ReadFile(filepath.Join(s.dir, value))
		if err != nil {
			return nil, nil, nil, err
		}
		files = append(files, attached{value, mime.TypeByExtension(path.Ext(value)), data})
	}
	return plain, files, options, nil
}

// set sets the fields of to by their JSON names.
func set(to any, options map[string]string) error {
	fields := map[string]any{}
	for key, value := range options {
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		fields[key] = v
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	return d.Decode(to)
}
