package twiliosim

import (
	"encoding/hex"
	"maps"
	"math/rand/v2"
	"slices"
)

// store is everything the account has. Sim.mu guards it, and what the records point to.
type store struct {
	messages map[string]*record
	// order lists the messages as they were created, byNumber the same for each number they are from or to.
	order    []*record
	byNumber map[string][]*record
	// inboxes lists what has arrived on each phone, in the order of arrival.
	inboxes map[string][]*record
	media   map[string]*record // the SID of a file, to its message
	optOuts map[optOut]bool
	lines   []*line
	// services are the Messaging Services.
	services []*service
	// carriers are the phones whose texts do not end as usual.
	carriers map[string]Carrier
	queue    []string // SIDs of queued outbound messages, for the carrier
	random   *rand.Rand
}

func newStore(seed uint64) *store {
	// The second word differs from the one that the fault switches use, to draw other numbers from the same seed.
	st := &store{random: rand.New(rand.NewPCG(seed, ^seed))}
	st.clear()
	return st
}

// clear forgets all but the numbers and Messaging Services of the account. SIDs do not come again.
func (st *store) clear() {
	st.messages = map[string]*record{}
	st.order = nil
	st.byNumber = map[string][]*record{}
	st.inboxes = map[string][]*record{}
	st.media = map[string]*record{}
	st.optOuts = map[optOut]bool{}
	st.carriers = map[string]Carrier{}
	st.queue = nil
}

// newSid returns a SID such as SM and 32 hexadecimal digits that no message or file has.
func (st *store) newSid(prefix string) string {
	for {
		sid := prefix + st.randomHex()
		if st.messages[sid] == nil && st.media[sid] == nil {
			return sid
		}
	}
}

func (st *store) randomHex() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(st.random.Uint32())
	}
	return hex.EncodeToString(b[:])
}

// newToken returns an idempotency token. Twilio does not document its form; this one looks like a UUID.
func (st *store) newToken() string {
	h := st.randomHex()
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// unqueue takes a message out of the queue.
func (st *store) unqueue(at int) {
	if at == 0 { // as nearly always: copies nothing
		st.queue = st.queue[1:]
		return
	}
	st.queue = slices.Delete(st.queue, at, at+1)
}

// add stores a message that has its SID.
func (st *store) add(r *record) {
	st.messages[r.Sid] = r
	st.order = append(st.order, r)
	for _, number := range r.numbers() {
		st.byNumber[number] = append(st.byNumber[number], r)
	}
	for _, m := range r.Media {
		st.media[m.Sid] = r
	}
}

// arrive puts a message into the inbox of the phone it is for.
func (st *store) arrive(r *record) {
	st.inboxes[r.To] = append(st.inboxes[r.To], r)
}

func (r *record) numbers() []string {
	if r.From == r.To {
		return []string{r.From}
	}
	return []string{r.From, r.To}
}

// between returns the shortest list that holds all messages from one number to another; empty means any number.
func (st *store) between(from, to string) []*record {
	shortest := st.order
	for _, number := range []string{from, to} {
		if list := st.byNumber[number]; number != "" && len(list) < len(shortest) {
			shortest = list
		}
	}
	return shortest
}

// find returns a message that the API may show, or nil.
func (st *store) find(sid string) *record {
	if r := st.messages[sid]; r != nil && !r.hidden() {
		return r
	}
	return nil
}

// optOut is a person who does not want texts from a number of ours.
type optOut struct {
	Phone   string `json:"phone"`
	Hotline string `json:"hotline"`
}

func (st *store) sortedOptOuts() []optOut {
	return slices.SortedFunc(maps.Keys(st.optOuts), func(a, b optOut) int {
		return slices.Compare([]string{a.Phone, a.Hotline}, []string{b.Phone, b.Hotline})
	})
}
