package hotlinetest

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Build compiles a command of the workspace and returns the binary's path.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	return BuildTo(t, t.TempDir(), pkg)
}

// BuildTo compiles a command of the workspace into a folder and returns the binary's path. Short tests, which are for the race
// detector, skip: it sees nothing of other processes.
func BuildTo(t testing.TB, dir, pkg string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("short: processes of their own")
	}
	path := filepath.Join(dir, filepath.Base(pkg))
	out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput()
	if err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return path
}

// FreeAddr returns a loopback address that nobody listens on.
func FreeAddr(t testing.TB) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err)
	defer lis.Close()
	return lis.Addr().String()
}

// Process is a program that can be killed and started again.
type Process struct {
	path    string
	args    []string
	environ []string
	t       testing.TB

	mu  sync.Mutex
	cmd *exec.Cmd
}

// NewProcess returns a program that is not started. It is killed when the test ends.
func NewProcess(t testing.TB, path string, args []string, environ ...string) *Process {
	p := &Process{path: path, args: args, environ: append(withoutBling(os.Environ()), environ...), t: t}
	t.Cleanup(p.Kill)
	return p
}

// withoutBling drops what the one who runs the tests has set for a hotline of theirs.
func withoutBling(environ []string) (kept []string) {
	for _, kv := range environ {
		if len(kv) < 6 || kv[:6] != "BLING_" {
			kept = append(kept, kv)
		}
	}
	return kept
}

// Start starts the program.
func (p *Process) Start() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Env = p.environ
	p.cmd.Stdout, p.cmd.Stderr = p.t.Output(), p.t.Output()
	if err := p.cmd.Start(); err != nil {
		p.t.Error(err)
	}
}

// Kill ends the program with SIGKILL and returns when it is gone.
func (p *Process) Kill() { p.signal(syscall.SIGKILL) } //nolint:errcheck // it says that it was killed

// Stop asks the program to end and returns when it has.
func (p *Process) Stop() error { return p.signal(syscall.SIGTERM) }

func (p *Process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		return err
	}
	err := p.cmd.Wait()
	p.cmd = nil
	return err
}

// PID returns the program's process id.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// Ready waits until an address answers 200.
func Ready(ctx context.Context, t testing.TB, url string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if res, err := http.Get(url); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s is not ready: %v", url, ctx.Err())
		}
	}
}
