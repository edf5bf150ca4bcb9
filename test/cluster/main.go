// Command cluster tries the hotline of k8s/overlays/local at its worst: people text and call it and agents answer while everything is
// replaced, killed, cut off and moved. In the end the books are compared: what was sent against what is in the help desk and on
// the phones. Before that it tries connections and certificates that must not work. The script run beside it applies the overlay
// first, in a namespace that is new.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// deployments are the five services.
var deployments = []string{"gateway", "telephony", "ticketing", "dialer", "switchboard"}

// try is one run.
type try struct {
	namespace, certs           string
	killFor, killEvery, cutFor time.Duration
	*load
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

func run(ctx context.Context) error {
	t := try{load: newLoad()}
	flag.StringVar(&t.namespace, "namespace", "bling-local", "where the hotline is")
	flag.StringVar(&t.certs, "certs", "k8s/overlays/local/certs", "the authority and the certificates of its services")
	flag.DurationVar(&t.killFor, "kill", 3*time.Minute, "how long pods are deleted at random")
	flag.DurationVar(&t.killEvery, "kill-every", 8*time.Second, "how often")
	flag.DurationVar(&t.cutFor, "cut", 30*time.Second, "how long the database is away")
	only := flag.String("only", "", "only these steps, comma-separated")
	flag.Parse()

	steps := []struct {
		name, what string
		loaded     bool
		do         func(context.Context) error
	}{
		{"connections", "connections that must work, and that must not", false, t.connections},
		{"certificates", "certificates that must be believed, and that must not", false, t.certificates},
		{"roll", "every Deployment is rolled", true, t.roll},
		{"kill", "pods are deleted at random", true, t.kill},
		{"cut", "the database is away", true, t.cut},
		{"drain", "a node is drained", true, t.drain},
		{"scale", "telephony grows under load, and shrinks again", false, t.scale},
	}
	wanted := func(name string) bool { return *only == "" || slices.Contains(strings.Split(*only, ","), name) }

	twilio, desk, err := t.vendors(ctx)
	if err != nil {
		return err
	}
	if err := t.load.begin(ctx, twilio, desk); err != nil {
		return err
	}
	books := func() error {
		if t.cancel == nil {
			return nil
		}
		fmt.Println("== the books")
		return t.stop(ctx)
	}
	for _, s := range steps {
		if !wanted(s.name) {
			continue
		}
		if s.loaded {
			t.start(ctx, s.name)
		} else if err := books(); err != nil {
			return err
		}
		began := time.Now()
		fmt.Printf("== %s\n", s.what)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Printf("   done after %v\n", time.Since(began).Round(time.Second))
	}
	return books()
}

// roll replaces all pods of all services, one service after the other, as a new version would.
func (t try) roll(ctx context.Context) error {
	for _, d := range deployments {
		if _, err := t.kubectl(ctx, "rollout", "restart", "deployment/"+d); err != nil {
			return err
		}
		if _, err := t.kubectl(ctx, "rollout", "status", "deployment/"+d, "--timeout=8m"); err != nil {
			return err
		}
		fmt.Printf("   %s: replaced\n", d)
	}
	return nil
}

// kill deletes one pod after the other, half of them with hardly any time to say good-bye.
func (t try) kill(ctx context.Context) error {
	tick := time.NewTicker(t.killEvery)
	defer tick.Stop()
	killed := map[string]int{}
	for until := time.Now().Add(t.killFor); time.Now().Before(until); {
		pods, err := t.pods(ctx, "app.kubernetes.io/component=service", ".metadata.name")
		if err != nil {
			return err
		}
		victim := pods[rand.IntN(len(pods))]
		args := []string{"delete", "pod", victim, "--wait=false"}
		if rand.IntN(2) == 0 {
			args = append(args, "--grace-period=1")
		}
		if _, err := t.kubectl(ctx, args...); err != nil {
			return err
		}
		service, _, _ := strings.Cut(victim, "-")
		killed[service]++
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	fmt.Printf("   deleted: %v\n", killed)
	return t.ready(ctx)
}

// cut kills the database, and brings it back after a while.
func (t try) cut(ctx context.Context) (err error) {
	defer func() {
		_, e := t.kubectl(context.WithoutCancel(ctx), "scale", "statefulset/postgres", "--replicas=1")
		for _, wait := range []func() error{
			func() error {
				_, err := t.kubectl(ctx, "rollout", "status", "statefulset/postgres", "--timeout=3m")
				return err
			},
			func() error { return t.ready(ctx) },
		} {
			if err, e = errors.Join(err, e), nil; err == nil {
				err = wait()
			}
		}
	}()
	if _, err := t.kubectl(ctx, "delete", "pod", "postgres-0", "--grace-period=0", "--force", "--wait=false"); err != nil {
		return err
	}
	if _, err := t.kubectl(ctx, "scale", "statefulset/postgres", "--replicas=0"); err != nil {
		return err
	}
	// Should it have been begun again in between.
	if _, err := t.kubectl(ctx, "delete", "pod", "postgres-0", "--grace-period=0", "--force", "--ignore-not-found"); err != nil {
		return err
	}
	return pause(ctx, t.cutFor)
}

// drain empties the node on which neither the database nor the vendors are, and lets it be used again.
func (t try) drain(ctx context.Context) error {
	used, err := t.kubectl(ctx, "get", "pods", "-l", "app.kubernetes.io/component notin (service)", "-o", "jsonpath={.items[*].spec.nodeName}")
	if err != nil {
		return err
	}
	nodes, err := t.kubectl(ctx, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
	if err != nil {
		return err
	}
	free := slices.DeleteFunc(strings.Fields(nodes), func(n string) bool { return slices.Contains(strings.Fields(used), n) })
	node, most := "", 0
	for _, n := range free {
		pods, err := t.kubectl(ctx, "get", "pods", "-l", "app.kubernetes.io/component=service", "--field-selector=spec.nodeName="+n, "-o", "name")
		if err != nil {
			return err
		}
		if here := len(strings.Fields(pods)); here > most {
			node, most = n, here
		}
	}
	if node == "" {
		return fmt.Errorf("of the nodes %s none has pods of ours and neither the database nor the simulator", strings.TrimSpace(nodes))
	}
	defer t.kubectl(context.WithoutCancel(ctx), "uncordon", node) //nolint:errcheck // whoever looks sees it
	if _, err := t.kubectl(ctx, "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=8m", "--pod-selector=app.kubernetes.io/component=service"); err != nil {
		return err
	}
	fmt.Printf("   %s: %d pods moved\n", node, most)
	return t.ready(ctx)
}

// ready waits until all services have all replicas they should have.
func (t try) ready(ctx context.Context) error {
	for _, d := range deployments {
		if _, err := t.kubectl(ctx, "rollout", "status", "deployment/"+d, "--timeout=5m"); err != nil {
			return err
		}
	}
	return nil
}

// scale floods the hotline until telephony gets more replicas, and waits until they are gone again.
func (t try) scale(ctx context.Context) error {
	replicas := func() (n int, err error) {
		out, err := t.kubectl(ctx, "get", "deployment", "telephony", "-o", "jsonpath={.status.readyReplicas}")
		if err == nil {
			_, err = fmt.Sscan(out, &n)
		}
		return n, err
	}
	before, err := replicas()
	if err != nil {
		return err
	}
	became := func(what string, patience time.Duration, so func(n int) bool) error {
		began := time.Now()
		for {
			n, err := replicas()
			if err != nil {
				return err
			}
			if so(n) {
				fmt.Printf("   %s: %d replicas after %v\n", what, n, time.Since(began).Round(time.Second))
				return nil
			}
			if time.Since(began) > patience {
				return fmt.Errorf("%s: still %d replicas", what, n)
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	fmt.Printf("   at first: %d replicas\n", before)
	flood, err := t.flood(ctx)
	if err != nil {
		return err
	}
	grown := became("under load", 6*time.Minute, func(n int) bool { return n > before })
	if err := flood(); err != nil {
		return err
	}
	if grown != nil {
		return grown
	}
	return became("without load", 15*time.Minute, func(n int) bool { return n <= before })
}
