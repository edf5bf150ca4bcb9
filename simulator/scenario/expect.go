package scenario

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// expect waits until a phone or a ticket is exactly as described. Of texts, notes and ringing it remembers that: in the end
// there must be no more of them.
func (p *Player) expect(ctx context.Context, args []string) error {
	what, number, want := args[0], args[1], args[2:]
	look := map[string]func(string) []string{
		"phone": p.w.phone, "notes": p.w.notes, "ticket": p.w.ticket, "tags": p.w.tags, "status": p.w.status, "tickets": p.w.tickets,
		"subject": p.w.subject, "heard": p.heard, "rung": p.w.rung, "talked": p.w.talked, "files": p.w.files, "recordings": p.w.recordings,
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
			err = p.w.Twilio.Wait(ctx, func(*twiliosim.Sim) bool { return fits() })
		} else {
			err = p.w.HelpScout.Wait(ctx, func(*helpscoutsim.Sim) bool { return fits() })
		}
		if err == nil || fits() {
			return nil
		}
		return fmt.Errorf("%s has\n\t%s\nwant\n\t%s", what, strings.Join(quoted(got), "\n\t"), strings.Join(quoted(want), "\n\t"))
	}
	if what == "phone" || what == "notes" || what == "rung" {
		p.last[what+" "+number] = check
	}
	ctx, cancel := context.WithTimeout(ctx, p.Patience)
	defer cancel()
	return check(ctx)
}

// conversation is the newest of a number.
func (w World) conversation(number string) (c helpscoutsim.Conversation, found bool) {
	list := w.HelpScout.ConversationsOf(email(number))
	if len(list) == 0 {
		return c, false
	}
	return list[len(list)-1], true
}

// phone is what a phone has got from us, with [image/png 5] for each picture; what the carrier itself says is left out.
func (w World) phone(number string) (lines []string) {
	for _, m := range w.Twilio.Inbox(number) {
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

func (w World) ticket(number string) (lines []string) {
	c, _ := w.conversation(number)
	for _, th := range c.Threads {
		if th.Type != "lineitem" {
			lines = append(lines, oneLine(th.Type+": "+th.Body))
		}
	}
	return lines
}

func (w World) notes(number string) (lines []string) {
	for _, c := range w.HelpScout.ConversationsOf(email(number)) {
		for _, th := range c.Threads {
			if th.Type == "note" {
				lines = append(lines, oneLine(th.Body))
			}
		}
	}
	return lines
}

func (w World) tags(number string) []string {
	c, _ := w.conversation(number)
	return c.Tags
}

func (w World) status(number string) []string {
	c, _ := w.conversation(number)
	return []string{c.Status}
}

func (w World) subject(number string) []string {
	c, _ := w.conversation(number)
	return []string{c.Subject}
}

func (w World) tickets(number string) []string {
	return []string{strconv.Itoa(len(w.HelpScout.ConversationsOf(email(number))))}
}

// files is what is attached to the newest ticket of a number.
func (w World) files(number string) (lines []string) {
	c, _ := w.conversation(number)
	for _, th := range c.Threads {
		for _, a := range th.Attachments {
			lines = append(lines, fmt.Sprintf("%s %s", a.FileName, a.MimeType))
		}
	}
	return lines
}

// heard is what somebody heard and did in their newest call, or when their phone was last rung.
func (p *Player) heard(number string) (lines []string) {
	leg, _ := p.newest(number)
	for _, m := range leg.Moments {
		line := m.What
		if m.Text != "" && m.What != "connected" && m.What != "disconnected" {
			line += ": " + m.Text
		}
		lines = append(lines, line)
	}
	return lines
}

// rung is who called whom, as the phones showed it, in order.
func (w World) rung(number string) (lines []string) {
	for _, leg := range w.Twilio.LegsOf(number) {
		if leg.To == number {
			lines = append(lines, leg.From)
		}
	}
	return lines
}

// talked is whom somebody was connected with, in order.
func (w World) talked(number string) (lines []string) {
	for _, leg := range w.Twilio.LegsOf(number) {
		other, ok := w.Twilio.Leg(leg.BridgedWith)
		switch {
		case !ok:
		case other.ParentSid == leg.Sid:
			lines = append(lines, other.To)
		default:
			lines = append(lines, other.From)
		}
	}
	return lines
}

// recordings are those that Twilio has of a caller.
func (w World) recordings(number string) (lines []string) {
	for _, r := range w.Twilio.Recordings() {
		if r.From == number {
			lines = append(lines, r.Status)
		}
	}
	return lines
}

func oneLine(body string) string {
	return strings.NewReplacer("<br>\n", " / ", "\n", " / ", "&quot;", `"`, "&amp;", "&").Replace(body)
}
