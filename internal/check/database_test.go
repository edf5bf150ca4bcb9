package check_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
)

// What has become of the tables is seen beside a process that has them open, and after it, and nothing is changed by looking.
func TestDatabase(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		tables := fstest.MapFS{}
		for _, name := range []string{"0001_a.sql", "0002_b.sql", "0010_c.sql"} {
			tables[name] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE " + name[5:6] + " (x bigint);\n")}
		}
		schema := func(newest string) check.Schema {
			s, err := check.NewSchema("checked", fstest.MapFS{"migrations/0001_a.sql": {}, "migrations/" + newest: {}})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		look := func(newest string, want check.Level, says string) {
			t.Helper()
			found := check.Run(t.Context(), check.Database(c, schema(newest)))
			if len(found) != 1 || found[0].Level != want || !strings.Contains(found[0].Says, says) || found[0].Name != "database of checked" {
				t.Errorf("%+v", found)
			}
		}
		both := func() {
			t.Helper()
			look("0010_c.sql", check.OK, "of this version")
			look("0011_d.sql", check.OK, "an older version (10)")
			look("0002_b.sql", check.Warning, "a newer version (10) than this one (2)")
		}
		if c.URL == "" {
			look("0010_c.sql", check.OK, "not there yet")
			if entries, _ := os.ReadDir(c.Dir); len(entries) != 0 {
				t.Errorf("looking has made %v", entries)
			}
		} else {
			look("0010_c.sql", check.OK, "an older version (0)")
		}
		db, err := sqldb.Open(t.Context(), c, "checked", tables)
		if err != nil {
			t.Fatal(err)
		}
		both()
		// In the middle of a change, too.
		if err := db.Update(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec("INSERT INTO a (x) VALUES (1)")
			both()
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		before := names(t, c.Dir)
		both()
		if after := names(t, c.Dir); after != before {
			t.Errorf("looking has made of %s: %s", before, after)
		}
	})
}

func names(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	if dir != "" {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Name())
		}
	}
	return strings.Join(all, " ")
}

// Nobody who does not answer makes us tell the password.
func TestDatabaseGone(t *testing.T) {
	for _, address := range []string{
		"postgres://bling:pa55word@127.0.0.1:1/bling", "postgres://bling:pa55word@host:port/bling", "postgres://bling:pa55%ZZword@127.0.0.1:1/bling",
	} {
		found := check.Run(t.Context(), check.Database(sqldb.Config{URL: address}, check.Schema{Service: "checked"}))
		if len(found) != 1 || found[0].Level != check.Failure || strings.Contains(found[0].Says+found[0].Fix, "pa55") {
			t.Errorf("%+v", found)
		}
	}
	c := sqldbtest.Postgres(t)
	u, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path += "_no"
	found := check.Run(t.Context(), check.Database(sqldb.Config{URL: u.String()}, check.Schema{Service: "checked"}))
	if len(found) != 1 || found[0].Level != check.Failure {
		t.Errorf("%+v", found)
	}
}

func TestDatabaseDamaged(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "checked.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	found := check.Run(t.Context(), check.Database(sqldb.Config{Dir: dir}, check.Schema{Service: "checked"}))
	if len(found) != 1 || found[0].Level != check.Failure {
		t.Errorf("%+v", found)
	}
}

// A folder that is not there is made when it is needed, if the one above lets us.
func TestDisk(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]check.Level{
		dir: check.OK, filepath.Join(dir, "a", "b"): check.OK, file: check.Failure, filepath.Join(file, "below"): check.Failure, "/proc/self": check.Failure,
	} {
		found := check.Run(t.Context(), check.Disk(path))
		if len(found) != 1 || found[0].Level != want {
			t.Errorf("%s: %+v", path, found)
		}
	}
	if got := names(t, dir); got != "file" {
		t.Errorf("looking has made %s", got)
	}
}
