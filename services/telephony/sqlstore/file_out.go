package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// FileOutRow is a file of an outgoing text.
type FileOutRow struct {
	Key       string
	ID        string // its name in the address
	Name      string
	MIMEType  string
	Size      int
	Data      []byte
	ExpiresAt time.Time
}

// PutFile stores a file. One with the same key stays as it is.
func (s *Store) PutFile(ctx context.Context, f FileOutRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO file_out (key, id, name, mime_type, data, expires_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO NOTHING`,
			f.Key, f.ID, f.Name, f.MIMEType, f.Data, f.ExpiresAt.UnixMicro())
		return err
	})
}

// FilesByKey returns files without their data, in the order of the keys. A key that has none is an error.
func (s *Store) FilesByKey(ctx context.Context, keys []string) (files []FileOutRow, err error) {
	for _, key := range keys {
		f := FileOutRow{Key: key}
		var expires int64
		err := s.db.Read.QueryRowContext(ctx, `SELECT id, name, mime_type, length(data), expires_at FROM file_out WHERE key = $1`, key).
			Scan(&f.ID, &f.Name, &f.MIMEType, &f.Size, &expires)
		if err != nil {
			return nil, fmt.Errorf("reading file %s: %w", key, err)
		}
		f.ExpiresAt = time.UnixMicro(expires)
		files = append(files, f)
	}
	return files, nil
}

// FileByID returns a file that has not expired, or nil.
func (s *Store) FileByID(ctx context.Context, id string, now time.Time) (*FileOutRow, error) {
	f := FileOutRow{ID: id}
	err := s.db.Read.QueryRowContext(ctx, `SELECT key, name, mime_type, data FROM file_out WHERE id = $1 AND expires_at > $2`, id, now.UnixMicro()).
		Scan(&f.Key, &f.Name, &f.MIMEType, &f.Data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &f, err
}

// DropFiles deletes files whose addresses do not work any more.
func (s *Store) DropFiles(ctx context.Context, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM file_out WHERE expires_at <= $1`, now.UnixMicro())
		return err
	})
}
