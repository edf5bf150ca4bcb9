package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/phone"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
)

const personHelp = `bling person export NUMBER      writes all that is kept about somebody, in all services, as JSON
bling person erase NUMBER       deletes it, here, at the carrier and in Help Scout; asks for the number again before

They talk gRPC to the switchboard` + orToBling

// eraseFor is how long one request to erase may take; each does as much as it can.
const eraseFor = 30 * time.Second

// patience is how often nothing may come of such a request before we give up.
const patience = 30

// person exports or erases what is kept about somebody. in is who is asked, and out where it is shown.
func person(ctx context.Context, in io.Reader, out io.Writer, environ, args []string) error {
	r := env.New(environ)
	flags := flag.NewFlagSet("person", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), personHelp); flags.PrintDefaults() }
	addr := switchboardFlag(flags, r)
	file := flags.String("o", "", "the file to write to; default: the terminal")
	yes := flags.Bool("yes", false, "do not ask for the number again")
	words, err := mixed(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 2 || words[0] != "export" && words[0] != "erase" {
		flags.Usage()
		return errors.New("want export or erase, and a number")
	}
	id := phone.Parse(words[1])
	if id.Kind != phone.Full && id.Kind != phone.ShortCode {
		return fmt.Errorf("%q is not a whole phone number", words[1])
	}
	conn, err := dial(r, "switchboard", *addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	switchboard := switchboardv1.NewSwitchboardServiceClient(conn)
	if words[0] == "export" {
		res, err := switchboard.ExportPerson(ctx, &switchboardv1.ExportPersonRequest{Number: string(id.Number)})
		if err != nil {
			return err
		}
		if *file != "" {
			return os.WriteFile(*file, res.GetJson(), 0o600)
		}
		_, err = fmt.Fprintf(out, "%s\n", res.GetJson())
		return err
	}
	if !*yes {
		fmt.Fprintf(out, "All that is kept about %s is deleted: here, at the carrier as far as it lets us, and in Help Scout with their conversations. That cannot be undone.\nType the number again: ", id.Display())
		again, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if phone.Parse(again).Number != id.Number {
			return errors.New("that is another number; nothing was deleted")
		}
	}
	return erase(ctx, out, switchboard, id.Number)
}

// erase asks again and again, until nothing is left, and says what was deleted.
func erase(ctx context.Context, out io.Writer, switchboard switchboardv1.SwitchboardServiceClient, number phone.Number) error {
	for idle := 0; idle < patience; {
		callCtx, cancel := context.WithTimeout(ctx, eraseFor)
		res, err := switchboard.ErasePerson(callCtx, &switchboardv1.ErasePersonRequest{Number: string(number)})
		cancel()
		if err != nil {
			return fmt.Errorf("not all is deleted; what is deleted stays so, try again: %w", err)
		}
		var deleted []string
		for _, what := range slices.Sorted(maps.Keys(res.GetDeleted())) {
			if n := res.GetDeleted()[what]; n > 0 {
				deleted = append(deleted, fmt.Sprintf("%d %s", n, what))
			}
		}
		if len(deleted) > 0 {
			fmt.Fprintln(out, "deleted:", strings.Join(deleted, ", "))
		}
		if res.GetDone() {
			fmt.Fprintln(out, "They are erased.")
			return nil
		}
		if len(deleted) > 0 {
			idle = 0
			continue
		}
		idle++
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("something of theirs cannot be deleted just now; try again later")
}
