package export

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
)

var migrations = fstest.MapFS{"0001_thing.sql": {Data: []byte(`-- +goose Up
CREATE TABLE thing (n bigint NOT NULL, name text NOT NULL, made_at bigint NOT NULL, files text NOT NULL, data bytea NOT NULL);
INSERT INTO thing VALUES (1, 'first', 1772600767089000, '[{"a":1}]', '{"b":2}');
INSERT INTO thing VALUES (2, '', 0, 'null', 'no JSON');`)}}

func write(t *testing.T, c sqldb.Config, lists ...List) (string, error) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), c, "demo", migrations)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b, err := Write(t.Context(), db.Read, "Hello.", lists)
	return string(b), err
}

func TestWrite(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		got, err := write(t, c, List{
			Name: "things", Query: `SELECT n, name, made_at, files AS files_json, data AS data_json FROM thing WHERE n < $1 ORDER BY n`, Args: []any{10},
		}, List{Name: "none", Query: `SELECT n FROM thing WHERE n > 10`})
		const want = `{"note":"Hello.","things":[{"data":{"b":2},"files":[{"a":1}],"made_at":"2026-03-04T05:06:07.089Z","n":1,"name":"first"},` +
			`{"data":"no JSON","n":2}],"none":[]}`
		if got != want || err != nil {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	})
}

// What is too much loses the words of the oldest of the last list first, and says so.
func TestTooMuch(t *testing.T) {
	defer func(n int) { most = n }(most)
	most = 1000
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		list := func(name string, rows string) List {
			return List{Name: name, Words: []string{"body"}, Query: `WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < ` + rows + `)
				SELECT n, '` + strings.Repeat("x", 100) + `' AS body FROM r ORDER BY n`}
		}
		got, err := write(t, c, list("a", "8"), list("b", "5"))
		if err != nil || len(got) > most+200 {
			t.Fatal(len(got), err)
		}
		var all struct {
			Note string
			A, B []struct {
				Body    string
				LeftOut bool `json:"words_left_out"`
			}
		}
		if err := json.Unmarshal([]byte(got), &all); err != nil {
			t.Fatal(err)
		}
		var without []bool
		for _, row := range append(all.A, all.B...) {
			if (row.Body == "") != row.LeftOut {
				t.Errorf("%+v", row)
			}
			without = append(without, row.LeftOut)
		}
		want := []bool{false, false, false, false, false, false, true, true, true, true, true, true, true}
		if !reflect.DeepEqual(without, want) || !strings.Contains(all.Note, "of 7 things") {
			t.Errorf("%v, %s", without, all.Note)
		}
		if _, err := write(t, c, list("a", "1000")); errs.KindOf(err) != errs.Precondition {
			t.Errorf("%v", err)
		}
	})
}
