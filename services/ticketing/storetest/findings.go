package storetest

import "github.com/bling-hotline/bling/internal/check/checktest"

func findings(b *book) { checktest.Table(b.t, b.Findings(), start) }
