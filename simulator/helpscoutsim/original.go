package helpscoutsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Former is a conversation that is there before a hotline comes, as the original program made it
// (https://github.com/Elizabeth-Warren/bling-open, bling/incoming.py).
type Former struct {
	MailboxID int64
	Email     string // the supporter's contact address
	Phone     string // as the original showed it
	CreatedAt time.Time
	Texts     []string // at least one
}

// AddFormer adds conversations, as many as you like at once, and returns their ids. No webhook tells of them.
func (s *Sim) AddFormer(former ...Former) (ids []int64, err error) {
	err = s.change(func(t *tx) error {
		for _, f := range former {
			subject, by := "Request from "+f.Phone, &customerInput{Email: &f.Email, FirstName: &f.Phone, Phone: &f.Phone}
			in := conversationInput{Subject: &subject, Type: "phone", MailboxID: f.MailboxID, Status: "active", Customer: by, Imported: true}
			var threads []Thread
			for _, words := range f.Texts {
				in.Threads = append(in.Threads, threadInput{Text: &words, Customer: by})
				threads = append(threads, Thread{Type: "customer", State: "published", Body: words, SourceType: "api", Via: "customer", CreatedAt: f.CreatedAt})
			}
			ids = append(ids, t.create(in, f.CreatedAt.UTC(), threads, slices.Repeat([]kind{customerThread}, len(threads))))
		}
		return nil
	})
	return ids, err
}

// TellSent adds what the original wrote into a conversation when it had sent an agent's reply (bling/outgoing.py).
func (s *Sim) TellSent(conversationID int64, words string) error {
	return s.change(func(t *tx) error {
		rec, err := t.writable(conversationID)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("SMS reply sent successfully: %s", strings.TrimSpace(words))
		in := threadInput{Text: &text, Imported: true}
		t.write(rec, phoneThread, in, Thread{Type: "phone", State: "published", Body: text, SourceType: "api", Via: "customer"})
		return nil
	})
}
