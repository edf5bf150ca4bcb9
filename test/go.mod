module github.com/bling-hotline/bling/test

go 1.26.0

replace (
	github.com/bling-hotline/bling/cmd/bling => ../cmd/bling
	github.com/bling-hotline/bling/internal => ../internal
	github.com/bling-hotline/bling/proto => ../proto
	github.com/bling-hotline/bling/services/dialer => ../services/dialer
	github.com/bling-hotline/bling/services/gateway => ../services/gateway
	github.com/bling-hotline/bling/services/telephony => ../services/telephony
	github.com/bling-hotline/bling/services/ticketing => ../services/ticketing
	github.com/bling-hotline/bling/simulator => ../simulator
)
