package main

import (
	"context"
	"errors"

	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator/playground"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

type staged struct {
	dir   string
	clock *twiliosim.VirtualClock
}

func stage(file string) (*staged, error) { return nil, errors.New("not yet") }
func (s *staged) close()                 {}
func (s *staged) Hotlines() []byte       { return nil }

func (g *ground) page() playground.Config {
	return playground.Config{Simulator: g.Simulator, StateDir: g.dir, Reset: g.reset, HotlineURL: g.public}
}

func (g *ground) playing(ready chan<- struct{}) playing {
	return playing{Now: g.Clock.Now, Ready: func(telephonyv1.TelephonyServiceClient, func(context.Context) error) { close(ready) }}
}
