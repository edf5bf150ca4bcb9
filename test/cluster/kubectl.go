package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// kubectl runs it in the namespace and returns what it prints.
func (t try) kubectl(ctx context.Context, args ...string) (string, error) {
	return t.feed(ctx, "", args...)
}

// feed is kubectl with something to read.
func (t try) feed(ctx context.Context, in string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "kubectl", append([]string{"--namespace", t.namespace}, args...)...)
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaints.String()))
	}
	return out.String(), nil
}

// pods is a field of each of the pods with a label that run and are not told to end.
func (t try) pods(ctx context.Context, label, field string) ([]string, error) {
	out, err := t.kubectl(ctx, "get", "pods", "-l", label, "--field-selector=status.phase=Running",
		"-o", "go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{"+field+"}} {{end}}{{end}}")
	if err == nil && strings.TrimSpace(out) == "" {
		err = fmt.Errorf("no pod with %s runs", label)
	}
	return strings.Fields(out), err
}

var forwarding = regexp.MustCompile(`^Forwarding from (127\.0\.0\.1:\d+) -> (\d+)`)

// forward makes ports of a pod reachable from here until ctx ends, and returns their addresses.
func (t try) forward(ctx context.Context, target string, ports ...string) ([]string, error) {
	args := []string{"--namespace", t.namespace, "port-forward", target}
	for _, p := range ports {
		args = append(args, ":"+p)
	}
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var addrs []string
	lines := bufio.NewScanner(out)
	for len(addrs) < len(ports) && lines.Scan() {
		if m := forwarding.FindStringSubmatch(lines.Text()); m != nil {
			addrs = append(addrs, m[1])
		}
	}
	if len(addrs) < len(ports) {
		cmd.Wait() //nolint:errcheck // it has failed, and says why
		return nil, fmt.Errorf("forwarding to %s: %s", target, strings.TrimSpace(complaints.String()))
	}
	go func() {
		for lines.Scan() { // a line for each connection
		}
		cmd.Wait() //nolint:errcheck // it was ended by ctx
	}()
	return addrs, nil
}

// vendors are the addresses of the simulated vendors.
func (t try) vendors(ctx context.Context) (twilio, desk string, err error) {
	addrs, err := t.forward(ctx, "deployment/simulator", "8081", "8082")
	if err != nil {
		return "", "", err
	}
	return "http://" + addrs[0], "http://" + addrs[1], nil
}
