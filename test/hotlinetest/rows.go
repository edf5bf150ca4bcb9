package hotlinetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/sqldb"
)

// Rows is all that the services have in their databases, River's tables included: each row as text, by service and table.
func (h *Hotline) Rows(t testing.TB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	r := (*h.replicas.Load())[0]
	for service, db := range map[string]*sqldb.DB{"telephony": r.telephony, "ticketing": r.ticketing, "dialer": r.dialer} {
		tables := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`
		if db.Shared() {
			tables = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1`
		}
		for _, table := range query(t, db, tables) {
			name := strings.Trim(table, "{}")
			all[service+"."+name] = query(t, db, `SELECT * FROM `+name)
		}
	}
	return all
}

// query returns rows as text: {value value}.
func query(t testing.TB, db *sqldb.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.Read.Query(query)
	fatal(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	fatal(t, err)
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		fatal(t, rows.Scan(into...))
		var words []string
		for i, v := range values {
			if columns[i] == "listed" { // when lists are looked at, a test does not know
				continue
			}
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			words = append(words, fmt.Sprint(v))
		}
		all = append(all, "{"+strings.Join(words, " ")+"}")
	}
	fatal(t, rows.Err())
	return all
}
