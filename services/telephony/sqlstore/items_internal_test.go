package sqlstore

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
)

// Whatever operators look for among millions of items, an index leads to it, on both databases.
func TestItemsHaveIndexes(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		db, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		conn, err := db.Read.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		explain, everything := "EXPLAIN QUERY PLAN ", "SCAN %s"
		if db.Shared() {
			explain, everything = "EXPLAIN ", "Seq Scan on %s"
			// Empty tables are read from end to end, unless that is made dear.
			if _, err := conn.ExecContext(t.Context(), `SET enable_seqscan = off`); err != nil {
				t.Fatal(err)
			}
		}
		filters := map[string]ItemFilter{
			"all": {}, "hotline": {Hotlines: []phone.Number{"+1"}}, "id": {ID: "SM1"}, "digits": {ID: "0142", Digits: "0142"}, "conversation": {ConversationID: 7},
		}
		for _, state := range []string{ItemWaiting, ItemUnderWay, ItemRefused, ItemFailed, ItemUnknown, ItemUnrouted, ItemDead} {
			filters[state] = ItemFilter{States: []string{state}}
		}
		for name, f := range filters {
			for _, src := range sources {
				table, _, _ := strings.Cut(src.from, " ")
				for _, w := range f.conditions(src) {
					if f.ConversationID != 0 && src.conversation == none {
						continue
					}
					query := explain + `SELECT ` + src.id + ` FROM ` + src.from + src.newest(&w, 1, 50)
					var plan []string
					rows, err := conn.QueryContext(t.Context(), query, w.args...)
					if err != nil {
						t.Fatalf("%s: %v", query, err)
					}
					for rows.Next() {
						var id, parent, unused sql.NullInt64
						var line string
						err := rows.Scan(&id, &parent, &unused, &line)
						if db.Shared() {
							err = rows.Scan(&line)
						}
						if err != nil {
							t.Fatal(err)
						}
						plan = append(plan, line)
					}
					rows.Close()
					for _, line := range plan {
						_, using, reads := strings.Cut(line, fmt.Sprintf(everything, table))
						byTime := strings.Contains(line, table+"_at") // which is right for what is not rare
						if reads && using == "" || byTime && name != "all" && name != "hotline" {
							t.Errorf("%s of %s reads everything:\n%s\n%s", name, src.kind, query, strings.Join(plan, "\n"))
						}
					}
				}
			}
		}
	})
}
