package sqldbtest

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/bling-hotline/bling/internal/sqldb"
)

// Ready gives tests SQLite folders in which a service has made its tables already: to make them takes longer than most tests of a store do,
// and under the race detector much longer. Open is the service's. Safe for concurrent use.
type Ready struct {
	Open func(context.Context, sqldb.Config) (*sqldb.DB, error)

	once  sync.Once
	files map[string][]byte
}

// SQLite returns a folder of its own for each test.
func (r *Ready) SQLite(t *testing.T) sqldb.Config {
	t.Helper()
	r.once.Do(func() { r.files = r.make(t) })
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, content := range r.files {
		if err := root.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return sqldb.Config{Dir: dir}
}

func (r *Ready) make(t *testing.T) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	db, err := r.Open(t.Context(), sqldb.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	files := map[string][]byte{}
	for _, e := range entries {
		if files[e.Name()], err = root.ReadFile(e.Name()); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
