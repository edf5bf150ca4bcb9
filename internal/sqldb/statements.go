package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"modernc.org/sqlite"
)

// openCached opens a SQLite database whose connections keep their compiled statements. database/sql compiles a
// statement each time it is used unless its caller keeps it, and River's are not ours to keep; on SQLite that was a
// fifth of the processor time of a text.
func openCached(dsn string) *sql.DB { return sql.OpenDB(connector(dsn)) }

type connector string

// Connect opens a connection.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(string(c))
	if err != nil {
		return nil, err
	}
	full, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("sqlite driver lacks methods"), conn.Close())
	}
	return &cachedConn{sqliteConn: full, statements: map[string]*statement{}, limits: map[string]limited{}}, nil
}

// Driver returns the driver underneath.
func (connector) Driver() driver.Driver { return &sqlite.Driver{} }

// sqliteConn is what the driver's connections can do and database/sql makes use of.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// maxStatements bounds the memory of a connection's statements; there are fewer different ones than that, but for
// inserts of several rows.
const maxStatements = 300

// cachedConn is a connection with its compiled statements. Like every driver.Conn it is used by one goroutine at a
// time.
type cachedConn struct {
	sqliteConn
	statements map[string]*statement
	limits     map[string]limited // by query
}

// statement is a compiled statement. It is busy while rows of it are read: then it can't be used a second time.
type statement struct {
	driver.Stmt
	busy bool
}

func (c *cachedConn) statement(ctx context.Context, query string) (*statement, error) {
	if s := c.statements[query]; s != nil {
		return s, nil
	}
	compiled, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(c.statements) >= maxStatements {
		c.closeIdle()
	}
	s := &statement{Stmt: compiled}
	c.statements[query] = s
	return s, nil
}

func (c *cachedConn) closeIdle() {
	for query, s := range c.statements {
		if !s.busy {
			s.Close() //nolint:errcheck // it is not used any more
			delete(c.statements, query)
		}
	}
}

// ExecContext runs a statement, compiled before or now.
func (c *cachedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	exec, ok := s.Stmt.(driver.StmtExecContext)
	if !ok || s.busy {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	return exec.ExecContext(ctx, args)
}

// limited is a query around its limits.
type limited struct {
	parts  []string
	params []int // the numbers of the limits' parameters, each between two parts
}

var limitParam = regexp.MustCompile(`\bLIMIT [?$](\d+)\b`)

func newLimited(query string) (l limited) {
	end := 0
	for _, at := range limitParam.FindAllStringSubmatchIndex(query, -1) {
		param, err := strconv.Atoi(query[at[2]:at[3]])
		if err != nil {
			continue // it is none
		}
		l.parts, l.params, end = append(l.parts, query[end:at[2]-1]), append(l.params, param), at[3]
	}
	l.parts = append(l.parts, query[end:])
	return l
}

// literal writes the limits of a query into it. SQLite plans by a limit, and compiles a statement anew when another one is bound
// (sqlite3ExprIsInteger in its expr.c); different limits are few. River looks for jobs with such a query, and that was half of the processor
// time of an idle hotline.
func (c *cachedConn) literal(query string, args []driver.NamedValue) (string, []driver.NamedValue) {
	l, known := c.limits[query]
	if !known {
		if len(c.limits) >= maxStatements {
			clear(c.limits)
		}
		l = newLimited(query)
		c.limits[query] = l
	}
	if len(l.params) == 0 {
		return query, args
	}
	var text strings.Builder
	for i, param := range l.params {
		if param > len(args) {
			return query, args
		}
		limit, ok := args[param-1].Value.(int64)
		if !ok {
			return query, args
		}
		text.WriteString(l.parts[i])
		text.WriteString(strconv.FormatInt(limit, 10))
	}
	text.WriteString(l.parts[len(l.params)])
	return text.String(), args // what stands for no parameter any more is not looked at
}

// QueryContext runs a query, compiled before or now.
func (c *cachedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	query, args = c.literal(query, args)
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	run, ok := s.Stmt.(driver.StmtQueryContext)
	if !ok || s.busy {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := run.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &cachedRows{rows, s}, nil
}

// Close closes the connection and its statements.
func (c *cachedConn) Close() error {
	for _, s := range c.statements {
		s.Close() //nolint:errcheck // the connection goes anyway
	}
	return c.sqliteConn.Close()
}

// cachedRows frees its statement at its end.
type cachedRows struct {
	driver.Rows
	statement *statement
}

// Close ends the reading.
func (r *cachedRows) Close() error {
	r.statement.busy = false
	return r.Rows.Close()
}
