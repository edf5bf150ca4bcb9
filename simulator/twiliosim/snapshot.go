package twiliosim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// snapshot is the content of the state file.
type snapshot struct {
	Lines    []line              `json:"numbers"`
	Services []service           `json:"services"`
	Flows    []storedFlow        `json:"flows"`
	OptOuts  []optOut            `json:"opt_outs"`
	Messages []record            `json:"messages"` // oldest first
	Inboxes  map[string][]string `json:"inboxes"`  // SIDs, in the order of arrival
}

// snapshot copies all that the state file keeps, so that it can be encoded without the lock.
func (s *Sim) snapshot() snapshot {
	flows := s.studio.snapshot()
	s.mu.RLock()
	defer s.mu.RUnlock()
	snap := snapshot{Flows: flows, OptOuts: s.store.sortedOptOuts(), Inboxes: map[string][]string{}}
	for _, l := range s.store.lines {
		c := *l
		c.Props = maps.Clone(l.Props)
		snap.Lines = append(snap.Lines, c)
	}
	for _, svc := range s.store.services {
		c := *svc
		c.Props = maps.Clone(svc.Props)
		snap.Services = append(snap.Services, c)
	}
	for _, r := range s.store.order {
		snap.Messages = append(snap.Messages, record{Message: r.copy(), Token: r.Token})
	}
	for number, inbox := range s.store.inboxes {
		for _, r := range inbox {
			snap.Inboxes[number] = append(snap.Inboxes[number], r.Sid)
		}
	}
	return snap
}

func (st *studio) snapshot() (flows []storedFlow) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, stored := range st.order {
		if st.flows[stored.Sid] == stored {
			flows = append(flows, *stored)
		}
	}
	return flows
}

// load reads the state file, if there is one. What was queued goes on from there.
func (s *Sim) load(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var snap snapshot
	if err := json.Unmarshal(data, &snap); err != nil {
		return err
	}
	return s.restore(snap)
}

func (s *Sim) restore(snap snapshot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.store
	for _, l := range snap.Lines {
		st.lines = append(st.lines, &l)
	}
	for _, svc := range snap.Services {
		st.services = append(st.services, &svc)
	}
	if err := s.studio.restore(snap.Flows); err != nil {
		return err
	}
	for _, o := range snap.OptOuts {
		st.optOuts[o] = true
	}
	for _, r := range snap.Messages {
		r.settled, r.taken = make(chan struct{}), true
		st.add(&r)
		if r.Status == StatusQueued {
			st.queue = append(st.queue, r.Sid)
		}
	}
	for number, sids := range snap.Inboxes {
		for _, sid := range sids {
			r := st.messages[sid]
			if r == nil {
				return fmt.Errorf("the inbox of %s has an unknown message %s", number, sid)
			}
			st.inboxes[number] = append(st.inboxes[number], r)
		}
	}
	return nil
}

func (st *studio) restore(flows []storedFlow) (err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, stored := range flows {
		if len(stored.Published) > 0 {
			if stored.flow, err = parseFlow(stored.Published); err != nil {
				return fmt.Errorf("the flow %s: %w", stored.Sid, err)
			}
		}
		st.add(&stored)
	}
	return nil
}

// saver writes the state file, some time after each change and in the end.
type saver struct {
	sim  *Sim
	path string
	work chan struct{} // has room for one: "something changed"
	quit chan struct{} // closed by stop
	done chan error    // gets the result of the last write
}

// saveDelay collects the changes of a moment into one write.
const saveDelay = 200 * time.Millisecond

func startSaver(s *Sim, path string) *saver {
	v := &saver{sim: s, path: path, work: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan error, 1)}
	go v.run()
	return v
}

func (v *saver) wake() {
	select {
	case v.work <- struct{}{}:
	default:
	}
}

// stop makes the last write.
func (v *saver) stop() error {
	close(v.quit)
	return <-v.done
}

func (v *saver) run() {
	delay := saveDelay
	for {
		select {
		case <-v.work:
		case <-v.quit:
			v.done <- v.save()
			return
		}
		select {
		case <-time.After(delay):
		case <-v.quit:
			v.done <- v.save()
			return
		}
		began := time.Now()
		if err := v.save(); err != nil {
			v.sim.cfg.Logger.Error("state not saved", "err", err)
		}
		// With very many messages a write takes long: leave most of the time to other things.
		delay = max(saveDelay, 10*time.Since(began))
	}
}

// save replaces the file in one step, so that it is never half written.
func (v *saver) save() error {
	snap := v.sim.snapshot()
	temp, err := os.CreateTemp(filepath.Dir(v.path), filepath.Base(v.path)+".*")
	if err != nil {
		return fmt.Errorf("saving the state: %w", err)
	}
	defer os.Remove(temp.Name()) // fails, as it should, once the file has its name
	err = json.NewEncoder(temp).Encode(snap)
	if err := errors.Join(err, temp.Close()); err != nil {
		return fmt.Errorf("saving the state: %w", err)
	}
	return os.Rename(temp.Name(), v.path)
}
