// Package export writes what a service's tables have about somebody as JSON, for that person to read: an object with a list for each
// kind of thing, and in each list an object for each row.
package export

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bling-hotline/bling/internal/errs"
)

// List is a kind of thing.
type List struct {
	Name string
	// Query reads its rows, newest first. The columns have the names that they will have in the object. Those that end in _at, and
	// until, are times; those that end in _json are JSON, and lose that ending. What is empty is left out.
	Query string
	Args  []any
	// Words are the columns that are left out should all together be too much: of the oldest rows of the last list first.
	Words []string
}

// most is how many bytes an export may have. Those of two services, written nicely, must fit into one answer (rpc.MaxMessage).
var most = 9 << 19

// Write reads the lists and writes them as a JSON object. Its first member, note, says what the reader must know, and whether words
// were left out because they are too much. An errs.Precondition error: it is too much even without words.
func Write(ctx context.Context, db *sql.DB, note string, lists []List) ([]byte, error) {
	all := make([][]map[string]any, len(lists))
	size := 0
	for i, l := range lists {
		var err error
		if all[i], err = read(ctx, db, l); err != nil {
			return nil, fmt.Errorf("reading %s: %w", l.Name, err)
		}
		n, err := json.Marshal(all[i])
		if err != nil {
			return nil, err
		}
		size += len(n) + len(l.Name) + 5
	}
	without := 0
	for i, l := range slices.Backward(lists) {
		for _, row := range slices.Backward(all[i]) {
			if size > most && leaveOut(row, l.Words, &size) {
				without++
			}
		}
	}
	if size > most {
		return nil, errs.New(errs.Precondition, "there is so much about them that it does not fit into one answer")
	}
	if without > 0 {
		note += fmt.Sprintf(" It is very much: of %d things the words are not in here. They are in the help desk.", without)
	}
	said, err := json.Marshal(note)
	if err != nil {
		return nil, err
	}
	out := bytes.NewBufferString(`{"note":` + string(said))
	for i, l := range lists {
		rows, err := json.Marshal(all[i])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(out, ",%q:%s", l.Name, rows)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// leaveOut takes the words out of a row, and from the size of all. It reports whether there were any.
func leaveOut(row map[string]any, words []string, size *int) (some bool) {
	for _, w := range words {
		if v, there := row[w]; there {
			b, _ := json.Marshal(v) // it was written before
			*size -= len(b) + len(w) + 4
			delete(row, w)
			some = true
		}
	}
	if some {
		row["words_left_out"] = true
		*size += len(`"words_left_out":true,`)
	}
	return some
}

func read(ctx context.Context, db *sql.DB, l List) (all []map[string]any, err error) {
	rows, err := db.QueryContext(ctx, l.Query, l.Args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	all = []map[string]any{} // which is no null
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := map[string]any{}
		for i, column := range columns {
			if name, v := value(column, values[i]); v != nil {
				row[name] = v
			}
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// value is a column's value as it is written; nil: it is left out.
func value(column string, v any) (string, any) {
	if n, ok := v.(int64); ok && (strings.HasSuffix(column, "_at") || column == "until") {
		if n == 0 {
			return column, nil
		}
		return column, time.UnixMicro(n).UTC().Format(time.RFC3339Nano)
	}
	text, isText := v.(string)
	if b, ok := v.([]byte); ok {
		text, isText = string(b), true
	}
	if !isText {
		return column, v
	}
	name, isJSON := strings.CutSuffix(column, "_json")
	switch {
	case text == "" || isJSON && (text == "null" || text == "[]"):
		return name, nil
	case isJSON && json.Valid([]byte(text)):
		return name, json.RawMessage(text)
	case !utf8.ValidString(text):
		return name, []byte(text) // base64
	}
	return name, text
}
