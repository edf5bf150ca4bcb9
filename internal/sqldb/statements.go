package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

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
	return &cachedConn{sqliteConn: full, statements: map[string]*statement{}}, nil
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

// QueryContext runs a query, compiled before or now.
func (c *cachedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
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
