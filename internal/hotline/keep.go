package hotline

import (
	"fmt"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"
)

// Keep says for how long what people said is kept, here and at the carrier: whole days, and 0 for ever. What is in a ticket
// is the help desk's.
type Keep struct {
	Texts      time.Duration // the words of texts and of voicemails, in our tables and at the carrier
	Files      time.Duration // pictures and other files, at the carrier
	Recordings time.Duration // the audio of voicemails, at the carrier, once it is in the ticket
	// Records is for who wrote and called when. After it nothing is left, whatever the others say.
	Records time.Duration
}

// ForRecords is for how long records are kept: what can still come back is kept in any case, which it can for some time.
func (k Keep) ForRecords(comesBack time.Duration) time.Duration {
	if k.Records <= 0 {
		return 0
	}
	return max(k.Records, comesBack)
}

// day is a day of retention. That of a change to summer time is not shorter.
const day = 24 * time.Hour

// maxKeepDays is a hundred years.
const maxKeepDays = 36500

func defaultKeep() Keep { return Keep{Recordings: 30 * day} }

func (f *file) keep(n *yaml.Node, k *Keep) {
	days := map[string]*time.Duration{"texts": &k.Texts, "files": &k.Files, "recordings": &k.Recordings, "records": &k.Records}
	f.fields(n, func(field string, value *yaml.Node) bool {
		kept, known := days[field]
		if known {
			*kept = scalar(f, value, parseDays)
		}
		return known
	})
}

func parseDays(s string) (time.Duration, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxKeepDays {
		return 0, fmt.Errorf("%q is not a number of days from 0 to %d; 0 is for ever", s, maxKeepDays)
	}
	return time.Duration(n) * day, nil
}
