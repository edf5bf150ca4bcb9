package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

func (p *Player) text(ctx context.Context, args []string) error {
	args, files, options, err := p.split(args, 2)
	if err != nil {
		return err
	}
	text := twiliosim.Text{From: args[0], Body: args[1], To: cmp.Or(options["to"], simulator.Hotline)}
	for _, f := range files {
		text.Media = append(text.Media, twiliosim.Media{ContentType: f.mimeType, Data: f.data})
	}
	d, err := p.w.Twilio.Text(ctx, text)
	if err == nil && d.Lost {
		err = fmt.Errorf("the hotline did not take it: %+v", d.Attempts)
	}
	return err
}

func (p *Player) reply(ctx context.Context, args []string) error {
	args, files, options, err := p.split(args, 2)
	if err != nil {
		return err
	}
	c, err := p.conversation(ctx, args[0])
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
	_, err = p.w.HelpScout.AgentReply(c.ID, r)
	return err
}

func (p *Player) note(ctx context.Context, args []string) error {
	args, _, _, err := p.split(args, 2)
	if err != nil {
		return err
	}
	c, err := p.conversation(ctx, args[0])
	if err == nil {
		_, err = p.w.HelpScout.AgentNote(c.ID, args[1])
	}
	return err
}

// agent does something else to the newest conversation of a number.
func (p *Player) agent(ctx context.Context, args []string) error {
	what, number, more := args[0], args[1], args[2:]
	c, err := p.conversation(ctx, number)
	if err != nil {
		return err
	}
	switch what {
	case "close":
		return p.w.HelpScout.SetStatus(c.ID, "closed")
	case "spam":
		return p.w.HelpScout.SetStatus(c.ID, "spam")
	case "delete":
		return p.w.HelpScout.Delete(c.ID)
	}
	if len(more) == 0 {
		return fmt.Errorf("an agent cannot %s a ticket, or it is not said to what", what)
	}
	switch what {
	case "move":
		id, err := strconv.ParseInt(more[0], 10, 64)
		if err != nil {
			return err
		}
		return p.w.HelpScout.Move(c.ID, id)
	case "merge": // into that of another number
		into, err := p.conversation(ctx, more[0])
		if err != nil {
			return err
		}
		return p.w.HelpScout.Merge(c.ID, into.ID)
	case "phone": // the customer's phone is edited
		// The hotline has heard of it before anything else happens: events overtake one another.
		before := p.w.HelpScout.Delivered()
		if err := p.w.HelpScout.SetPhones(email(number), more...); err != nil {
			return err
		}
		return p.w.HelpScout.Wait(ctx, func(sim *helpscoutsim.Sim) bool { return sim.Delivered() > before })
	case "customer": // the conversation gets the customer of another number
		return p.w.HelpScout.ChangeCustomer(c.ID, email(more[0]))
	}
	return fmt.Errorf("an agent cannot %s", what)
}

// email is the contact address of a number; an address is its own.
func email(number string) string {
	if strings.Contains(number, "@") {
		return number
	}
	return phone.Parse(number).Address("") + "@" + simulator.Domain
}

// conversation waits for the newest conversation of a number, and returns it.
func (p *Player) conversation(ctx context.Context, number string) (helpscoutsim.Conversation, error) {
	c, found := p.w.conversation(number)
	if !found {
		if err := p.w.Idle(ctx); err != nil {
			return c, err
		}
		c, found = p.w.conversation(number)
	}
	if !found {
		return c, fmt.Errorf("%s has no ticket", number)
	}
	return c, nil
}

func (p *Player) carrier(_ context.Context, args []string) error {
	_, _, options, err := p.split(args, 1)
	var c twiliosim.Carrier
	if err == nil {
		err = set(&c, options)
	}
	if err == nil {
		p.w.Twilio.SetCarrier(args[0], c)
	}
	return err
}

func (p *Player) fault(_ context.Context, args []string) error {
	vendor := map[string]*fault.Injector{"twilio": p.w.Twilio.Faults(), "helpscout": p.w.HelpScout.Faults()}[args[0]]
	if vendor == nil {
		return fmt.Errorf("no vendor is called %s", args[0])
	}
	_, _, options, err := p.split(args, 1)
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
func (p *Player) twilio(_ context.Context, args []string) error {
	_, _, options, err := p.split(args, 0)
	settings := p.w.Twilio.Settings()
	if err == nil {
		err = set(&settings, options)
	}
	if err == nil {
		p.w.Twilio.SetSettings(settings)
	}
	return err
}

// redeliver has Help Scout deliver its last webhook again, so many times.
func (p *Player) redeliver(ctx context.Context, args []string) error {
	times, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if err := p.w.Idle(ctx); err != nil {
		return err
	}
	all := p.w.HelpScout.Deliveries()
	if len(all) == 0 {
		return errors.New("no webhook was delivered yet")
	}
	for range times {
		if err := p.w.HelpScout.Redeliver(all[len(all)-1].Index); err != nil {
			return err
		}
	}
	return nil
}

func (p *Player) advance(ctx context.Context, args []string) error {
	d, err := time.ParseDuration(args[0])
	if err == nil {
		err = p.w.Idle(ctx)
	}
	if err == nil {
		p.w.Advance(d)
	}
	return err
}

// clockLayout is how stories write the time.
const clockLayout = "2006-01-02 15:04 -0700"

func (p *Player) setClock(_ context.Context, args []string) error {
	at, err := time.Parse(clockLayout, args[0])
	if err == nil && (at.Year() < 1980 || at.Year() > 2200) {
		return errors.New("the clock shows the years from 1980 to 2200")
	}
	if err == nil {
		p.w.Advance(at.Sub(p.w.Now()))
	}
	return err
}

func (p *Player) block(ctx context.Context, args []string) error {
	args, _, options, err := p.split(args, 2)
	if err != nil {
		return err
	}
	b := &telephonyv1.Block{Number: args[0], Reason: args[1], Hotline: options["hotline"]}
	if options["for"] != "" {
		d, err := time.ParseDuration(options["for"])
		if err != nil {
			return err
		}
		b.Until = timestamppb.New(p.w.Now().Add(d))
	}
	_, err = p.w.Telephony.BlockNumber(ctx, &telephonyv1.BlockNumberRequest{Block: b})
	return err
}

func (p *Player) unblock(ctx context.Context, args []string) error {
	_, err := p.w.Telephony.UnblockNumber(ctx, &telephonyv1.UnblockNumberRequest{Number: args[0]})
	return err
}

// lose keeps requests for these paths from arriving, until found.
func (p *Player) lose(_ context.Context, args []string) error {
	p.w.Lose(args...)
	return nil
}

func (p *Player) found(context.Context, []string) error {
	p.w.Lose()
	return nil
}
