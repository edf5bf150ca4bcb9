package sqlstore

import "github.com/bling-hotline/bling/internal/check"

// Schema is the dialer's tables as this build knows them.
func Schema() (check.Schema, error) { return check.NewSchema("dialer", migrations) }
