// Package provision is the words in which telephony and ticketing say what at their vendor differs from the configuration, and make it the
// same: bling plan, bling apply and bling destroy. What it looks like at a vendor is in services/telephony/provision and
// services/ticketing/provision.
package provision

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/bling-hotline/bling/internal/env"
)

// Change is one thing at a vendor that is to be made, changed or deleted.
type Change struct {
	// What is it: "Twilio number +15017122661", "Help Scout webhook".
	What string
	// Action is Create, Update or Delete.
	Action Action
	// Fields are what differs. Of what is created, all that matters.
	Fields []Field
	// Do makes the change. Done again, or after an answer was lost, it does no harm.
	Do func(ctx context.Context) error
}

// Action is what is done to a thing.
type Action string

const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Field is a field that differs.
type Field struct {
	Name   string
	Is     string // empty: not set
	Should string // empty: not set
}

// Plan is what differs at a vendor.
type Plan struct {
	Changes []Change
	// Conflicts are what stands in the way and is not ours to change, each with what to do. While there is one nothing is applied.
	Conflicts []string
	// Notes are what nobody can do for the one who runs this.
	Notes []string
}

// Add takes another plan's parts as well.
func (p *Plan) Add(other Plan) {
	p.Changes = append(p.Changes, other.Changes...)
	p.Conflicts = append(p.Conflicts, other.Conflicts...)
	p.Notes = append(p.Notes, other.Notes...)
}

// Apply makes the changes in their order and stops at the first that fails. done is how many were made; each hears of one.
func (p Plan) Apply(ctx context.Context, each func(Change)) (done int, err error) {
	for _, c := range p.Changes {
		if err := c.Do(ctx); err != nil {
			return done, fmt.Errorf("%s %s: %w", c.Action, c.What, err)
		}
		done++
		each(c)
	}
	return done, nil
}

// Some is a list of what a vendor has, for people, who do not want to read hundreds.
func Some(names []string) string {
	const most = 20
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// Environment names an installation, such as "production" or "staging". What it makes at the vendors carries the name, so that two that
// share accounts leave each other's things alone.
type Environment string

// DefaultEnvironment is the name if none is given.
const DefaultEnvironment Environment = "production"

var environmentName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Check reports a name that cannot be one.
func (e Environment) Check() error {
	if !environmentName.MatchString(string(e)) {
		return fmt.Errorf("%q is not a name of an environment: 1 to 32 small letters, digits and dashes", string(e))
	}
	return nil
}

// FromEnv reads BLING_ENVIRONMENT; problems go to r.
func FromEnv(r *env.Reader) Environment {
	e := Environment(r.String("BLING_ENVIRONMENT", string(DefaultEnvironment)))
	if err := e.Check(); err != nil {
		r.Problem("BLING_ENVIRONMENT", "%v", err)
	}
	return e
}

const labelBegin = "bling "

// Label is the name of what an environment makes at a vendor: "bling production".
func (e Environment) Label() string { return labelBegin + string(e) }

// Labelled is the environment whose label something has, if it has one's.
func Labelled(label string) (e Environment, ok bool) {
	name, ok := strings.CutPrefix(label, labelBegin)
	e = Environment(name)
	return e, ok && e.Check() == nil
}
