package hotlinetest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// VersionBefore returns a folder with the code as it was before the newest migration came. It skips the test where there is no
// history.
func VersionBefore(t testing.TB) (dir string) {
	t.Helper()
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", ".."}, args...)...).Output()
		if err != nil {
			t.Skipf("no version before: git %s: %v", strings.Join(args, " "), err)
		}
		return strings.TrimSpace(string(out))
	}
	if git("rev-parse", "--is-shallow-repository") == "true" {
		t.Skip("no version before: this is a shallow clone")
	}
	newest := git("log", "-1", "--diff-filter=A", "--format=%H", "--", "services/*/sqlstore/migrations/*.sql")
	// The folder always has the same name, so that the compiler knows again what it has compiled.
	dir, err := filepath.Abs("../.cache/upgrade")
	fatal(t, err)
	script := `set -o pipefail; rm -rf "$2" && mkdir -p "$2" && git -C .. archive "$1" | tar -x -C "$2"`
	if out, err := exec.Command("bash", "-c", script, "-", newest+"^", dir).CombinedOutput(); err != nil {
		t.Fatalf("exporting %s^: %v\n%s", newest, err, out)
	}
	return dir
}
