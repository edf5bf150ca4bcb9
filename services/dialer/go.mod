module github.com/bling-hotline/bling/services/dialer

go 1.26.0

replace (
	github.com/bling-hotline/bling/internal => ../../internal
	github.com/bling-hotline/bling/proto => ../../proto
	github.com/bling-hotline/bling/simulator => ../../simulator
)
