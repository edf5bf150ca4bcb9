module github.com/bling-hotline/bling/simulator

go 1.26.0

require github.com/bling-hotline/bling/internal v0.0.0

require golang.org/x/sync v0.25.0

replace (
	github.com/bling-hotline/bling/internal => ../internal
	github.com/bling-hotline/bling/proto => ../proto
)
