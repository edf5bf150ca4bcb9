package helpscoutsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// saveDelay gathers the changes of a moment into one snapshot.
const saveDelay = 200 * time.Millisecond

// saver writes the state file after changes, in a goroutine of its own.
type saver struct {
	sim   *Sim
	dirty chan struct{} // holds a token while there is something to save
	quit  chan struct{}
	last  chan error // the result of the final save
	saves atomic.Int64
}

func startSaver(s *Sim) *saver {
	v := &saver{sim: s, dirty: make(chan struct{}, 1), quit: make(chan struct{}), last: make(chan error, 1)}
	go v.run()
	return v
}

// mark asks for a snapshot soon.
func (v *saver) mark() {
	select {
	case v.dirty <- struct{}{}:
	default:
	}
}

// stop saves a last time and ends the goroutine.
func (v *saver) stop() error {
	close(v.quit)
	return <-v.last
}

func (v *saver) run() {
	for {
		select {
		case <-v.dirty:
			v.wait()
			if err := v.save(); err != nil {
				v.sim.cfg.Logger.Error("saving the state failed", "err", err)
			}
		case <-v.quit:
			v.last <- v.save()
			return
		}
	}
}

// wait lets further changes come in, unless it is time to stop.
func (v *saver) wait() {
	timer := time.NewTimer(saveDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-v.quit:
	}
	select {
	case <-v.dirty:
	default:
	}
}

// save writes a new file and renames it over the old one, so that there is a whole one at any time.
func (v *saver) save() error {
	data, err := json.Marshal(v.sim.snapshot())
	if err != nil {
		return fmt.Errorf("encoding the state: %w", err)
	}
	path := v.sim.cfg.StateFile
	// CreateTemp makes a file that only its owner can read: the state holds messages and secrets.
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	defer os.Remove(f.Name()) // after the rename there is nothing to remove
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	v.saves.Add(1)
	v.sim.changed.send()
	return nil
}

// Saves returns how often the state file was written, so that a test can wait for it.
func (s *Sim) Saves() int {
	if s.saver == nil {
		return 0
	}
	return int(s.saver.saves.Load())
}

// load reads the state file. That there is none yet is no error.
func (s *Sim) load(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	var snap snapshot
	if err := json.Unmarshal(data, &snap); err != nil {
		return fmt.Errorf("reading the state from %s: %w", path, err)
	}
	s.state = snap.restore()
	return nil
}

// restore builds the state with its indexes. What was saved is in the lists at once.
func (snap snapshot) restore() *state {
	st := newState(snap.IDs)
	for i := range snap.Customers {
		st.indexCustomer(&snap.Customers[i])
	}
	for _, c := range snap.Conversations {
		rec := st.index(c)
		rec.see(time.Time{}, 0)
	}
	for i := range snap.Webhooks {
		st.webhooks[snap.Webhooks[i].ID] = &snap.Webhooks[i]
	}
	for name, id := range snap.Tags {
		st.tags[name] = id
	}
	for token, until := range snap.Tokens {
		st.tokens[token] = time.Unix(until, 0)
	}
	return st
}
