package sqlstore

import "github.com/bling-hotline/bling/internal/check"

// Findings is what ticketing's own checks found when they last ran.
func (s *Store) Findings() check.Table { return check.Table{DB: s.db} }

// Schema is ticketing's tables as this build knows them.
func Schema() (check.Schema, error) { return check.NewSchema("ticketing", migrations) }
