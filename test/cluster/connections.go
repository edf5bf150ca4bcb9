package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/certs"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/rpc"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

// may is who may connect to what. Nobody may anything else.
var may = map[string][]string{
	"gateway":     {"telephony:9101", "ticketing:9102", "dialer:9113"},
	"telephony":   {"ticketing:9102", "postgres:5432", "simulator:8081"},
	"ticketing":   {"telephony:9101", "postgres:5432", "simulator:8082"},
	"dialer":      {"telephony:9101", "ticketing:9102", "postgres:5432"},
	"switchboard": {"telephony:9101", "ticketing:9102", "dialer:9103", "postgres:5432"},
	"simulator":   {"gateway:8080"},
	"stranger":    {},
}

// targets are all ports of all pods.
var targets = []string{
	"gateway:8080", "telephony:9101", "ticketing:9102", "dialer:9103", "dialer:9113", "postgres:5432", "simulator:8081", "simulator:8082", "simulator:8083",
	"gateway:9464", "telephony:9464", "ticketing:9464", "dialer:9464", "switchboard:9104", "switchboard:9464",
}

// pretender is a pod that has the labels of a service, and a shell. It is never ready, so nobody sends it anything.
const pretender = `
apiVersion: v1
kind: Pod
metadata:
  name: pretend-%[1]s
  labels: {app.kubernetes.io/name: %[1]s, app.kubernetes.io/component: pretender}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 1
  readinessGates: [{conditionType: example.org/never}]
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: shell
      image: %[2]s
      command: [sleep, "600"]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`

// connections tries to connect each to each, by pods with the labels of the services, and one of another namespace.
func (t try) connections(ctx context.Context) (err error) {
	image, err := t.kubectl(ctx, "get", "statefulset", "postgres", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	if err != nil {
		return err
	}
	addrs := map[string]string{} // of one pod each, so that no Service stands in the way
	for _, target := range targets {
		name, port, _ := strings.Cut(target, ":")
		ips, err := t.pods(ctx, "app.kubernetes.io/name="+name, ".status.podIP")
		if err != nil {
			return err
		}
		addrs[target] = ips[0] + "/" + port
	}
	abroad := t
	abroad.namespace = "default"
	type from struct {
		try
		name string
		may  []string
	}
	all := []from{{abroad, "gateway", nil}} // the right label in the wrong namespace
	for name, allowed := range may {
		all = append(all, from{t, name, allowed})
	}
	for _, f := range all {
		defer func() {
			_, e := f.kubectl(context.WithoutCancel(ctx), "delete", "pod", "pretend-"+f.name, "--ignore-not-found", "--grace-period=1")
			err = errors.Join(err, e)
		}()
		if _, err := f.feed(ctx, fmt.Sprintf(pretender, f.name, image), "apply", "-f", "-"); err != nil {
			return err
		}
	}
	worked, refused := 0, 0
	for _, f := range all {
		if _, err := f.kubectl(ctx, "wait", "pod/pretend-"+f.name, "--for=condition=ContainersReady", "--timeout=2m"); err != nil {
			return err
		}
		script := ""
		for _, target := range targets {
			script += fmt.Sprintf("(timeout 3 bash -c '</dev/tcp/%s' 2>/dev/null && echo %s) & ", addrs[target], target)
		}
		out, err := f.kubectl(ctx, "exec", "pretend-"+f.name, "--", "bash", "-c", script+"wait")
		if err != nil {
			return err
		}
		for _, target := range targets {
			open, allowed := slices.Contains(strings.Fields(out), target), slices.Contains(f.may, target)
			switch {
			case open && !allowed:
				return fmt.Errorf("%s/%s can connect to %s", f.namespace, f.name, target)
			case !open && allowed:
				return fmt.Errorf("%s/%s cannot connect to %s", f.namespace, f.name, target)
			case open:
				worked++
			default:
				refused++
			}
		}
	}
	fmt.Printf("   %d connections work, %d do not, as it should be\n", worked, refused)
	return nil
}

// certificates asks telephony for the blocked numbers, with all sorts of certificates.
func (t try) certificates(ctx context.Context) error {
	pods, err := t.pods(ctx, "app.kubernetes.io/name=telephony", ".metadata.name")
	if err != nil {
		return err
	}
	now := time.Now()
	ours, err := certs.OpenAuthority(t.certs, now)
	if err != nil {
		return err
	}
	made := filepath.Join(t.certs, "made-for-a-try")
	others, err := certs.OpenAuthority(filepath.Join(made, "others"), now)
	if err != nil {
		return err
	}
	// An identity is opened while it is good, and is what the files say when it is used.
	open := func(folder string) (id *rpc.Identity) {
		id, e := rpc.OpenIdentity(folder, "")
		err = errors.Join(err, e)
		return id
	}
	issue := func(a *certs.Authority, folder, name string, from time.Time) *rpc.Identity {
		folder = filepath.Join(made, folder)
		err = errors.Join(err, a.Issue(folder, []string{name}, now, time.Hour))
		id := open(folder)
		err = errors.Join(err, a.Issue(folder, []string{name}, from, time.Hour))
		return id
	}
	for _, c := range []struct {
		what string
		id   *rpc.Identity
		want errs.Kind
	}{
		{"the operator's", open(filepath.Join(t.certs, "operator")), ""},
		{"the gateway's, which may not", open(filepath.Join(t.certs, "gateway")), errs.Forbidden},
		{"one that expired", issue(ours, "expired", "operator", now.Add(-2*time.Hour)), errs.Unavailable},
		{"one by somebody else", issue(others, "forged", "operator", now), errs.Unavailable},
		{"one of a name on no list", issue(ours, "nobody", "nobody", now), errs.Forbidden},
		{"none", nil, errs.Unavailable},
	} {
		if err != nil {
			return err
		}
		// kubectl stops to forward when a connection is refused, so each has its own.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		addrs, err := t.forward(ctx, "pod/"+pods[0], "9101")
		if err != nil {
			return err
		}
		conn, err := rpc.Dial("telephony", addrs[0], c.id)
		if err != nil {
			return err
		}
		_, err = telephonyv1.NewTelephonyServiceClient(conn).ListBlocks(ctx, &telephonyv1.ListBlocksRequest{})
		conn.Close()
		if errs.KindOf(err) != c.want {
			return fmt.Errorf("certificate %s: %w", c.what, err)
		}
		said := "is believed"
		if err != nil {
			said = err.Error()
		}
		fmt.Printf("   certificate %s: %s\n", c.what, said)
	}
	return nil
}
