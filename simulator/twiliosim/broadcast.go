package twiliosim

import "sync"

// broadcast wakes everybody who waits for a change. Its zero value is ready.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{} // closed by the next send; nil while nobody waits
}

// wait returns a channel that the next send closes. Take it before looking at what may change.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
