// Package sqlstore is telephony's ledger: every text and call, from the moment it is accepted to its end.
// It runs on SQLite and PostgreSQL; package storetest holds what both must do.
//
// A row moves through its states forward only, and each state is committed before the world can see its effect. What is
// old is deleted if the hotline says so (keep.go), and what is somebody's who is erased (erase.go).
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/sqldb"
)

// The topics of telephony's jobs: one lane's texts in, its media, its texts out, what the ticket is told about those, its
// calls that have ended, the words of its voicemails, calls back, and what the ticket is told about those.
const (
	TextIn     = "text_in"
	MediaIn    = "media_in"
	TextOut    = "text_out"
	Tell       = "tell"
	CallOver   = "call_over"
	Transcript = "transcript"
	CallBacks  = "call_back" // each call back is a lane of its own
	TellBacks  = "tell_back" // the same
)

// Topics are all of them.
var Topics = []string{TextIn, MediaIn, TextOut, Tell, CallOver, Transcript, CallBacks, TellBacks}

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the ledger.
type Store struct {
	db *sqldb.DB
	// Wake says in a transaction that lanes of a topic have work; jobs.Queue.Wake fits. Set it before use.
	Wake func(ctx context.Context, tx *sql.Tx, topic string, lanes ...string) error
	// SaysStop reports whether an error code of a carrier's says that the supporter has opted out. Set it before use.
	SaysStop func(by hotline.Transport, code int) bool
}

// Open opens telephony's database and brings it up to date.
func Open(ctx context.Context, c sqldb.Config) (*sqldb.DB, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return sqldb.Open(ctx, c, "telephony", files)
}

// New returns the store on an open database.
func New(db *sqldb.DB) *Store { return &Store{db: db} }

// Work is what is left to do in a topic, but for what waits for the end of a pause.
func (s *Store) Work(topic string) jobs.Rows { return jobs.Rows{DB: s.db, From: unpausedWork(topic)} }

func unpausedWork(topic string) string {
	switch topic {
	case CallBacks: // what has begun is finished
		return work[topic]
	case TextOut:
		return work[topic] + ` AND ` + unpausedMessage
	}
	return work[topic] + ` AND ` + unpaused
}

// work says what work there is in a topic, paused or not. The conditions are those of the partial indexes.
var work = map[string]string{
	TextIn:     `text_in WHERE state = 'pending'`,
	MediaIn:    `media_in WHERE state = 'pending'`,
	TextOut:    `message_out WHERE state IN ('queued', 'sending')`,
	Tell:       `text_out WHERE tell`,
	CallOver:   `call_in WHERE state = 'ended'`,
	CallBacks:  `(SELECT key AS lane, key, hotline, supporter, created_at FROM call_back WHERE work AND state <> 'ended') c WHERE TRUE`,
	TellBacks:  `(SELECT key AS lane, key, hotline, supporter, ended_at FROM call_back WHERE state = 'ended' AND NOT told) c WHERE TRUE`,
	Transcript: `voicemail WHERE conversation_id > 0 AND transcript_state IN ('wanted', 'ready', 'failed')`,
}

// since is what says since when work of a topic waits. A text that was loaded is old, but waits since then only.
var since = map[string]string{
	TextIn: "CASE WHEN loaded THEN found_at ELSE received_at END", MediaIn: "received_at", TextOut: "created_at", Tell: "created_at", CallOver: "ended_at", Transcript: "recorded_at",
	CallBacks: "created_at", TellBacks: "ended_at",
}

// Oldest returns when the oldest work of a topic was accepted, but for what waits for the end of a pause; false when there is none.
func (s *Store) Oldest(ctx context.Context, topic string) (time.Time, bool, error) {
	var at sql.NullInt64
	err := s.db.Read.QueryRowContext(ctx, `SELECT min(`+since[topic]+`) FROM `+unpausedWork(topic)).Scan(&at)
	return time.UnixMicro(at.Int64), at.Valid, err
}
