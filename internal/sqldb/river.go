package sqldb

import (
	"context"
	"database/sql"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// River returns the driver for River on this database.
func (db *DB) River() riverdriver.Driver[*sql.Tx] {
	if db.postgres {
		return riverdatabasesql.NewWithPgxListener(db.write, db.listen)
	}
	return &eager{Driver: riversqlite.New(db.write), nudge: db.nudge}
}

// Nudge lets River look for new jobs right after the update under way is committed. Call it within the update that
// inserts them. PostgreSQL notifies by itself.
func (db *DB) Nudge() { db.nudgeDue.Store(true) }

// committed passes a nudge on.
func (db *DB) committed() {
	if db.nudgeDue.Swap(false) {
		select {
		case db.nudge <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// eager is River's driver for SQLite, which looks for notifications every 50 ms, and here also when nudged: the file
// belongs to one process, which knows when it has inserted something.
type eager struct {
	*riversqlite.Driver
	nudge chan struct{}
}

// GetListener returns a listener that can be nudged.
func (d *eager) GetListener(params *riverdriver.GetListenenerParams) riverdriver.Listener {
	return &eagerListener{d.Driver.GetListener(params), d.nudge}
}

type eagerListener struct {
	riverdriver.Listener
	nudge chan struct{}
}

// WaitForNotification returns the next notification. A nudge breaks off the wait for the next look and begins with
// another look at once.
func (l *eagerListener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	for {
		look, cancel := context.WithCancel(ctx)
		waited := make(chan struct{})
		go func() {
			defer close(waited)
			select {
			case <-l.nudge:
				cancel()
			case <-look.Done():
			}
		}()
		n, err := l.Listener.WaitForNotification(look)
		cancel()
		<-waited
		if err != nil && ctx.Err() == nil && look.Err() != nil {
			continue
		}
		return n, err
	}
}
