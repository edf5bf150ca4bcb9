package switchboard

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/switchboard/pages"
	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
)

// newest is how many items the page about somebody shows.
const newest = 20

// findPerson goes to the page about somebody, by their whole number.
func (s *Service) findPerson(w http.ResponseWriter, r *http.Request, me session) {
	id := phone.Parse(r.PostFormValue("number"))
	if id.Kind != phone.Full && id.Kind != phone.ShortCode {
		s.showPeople(w, r, me, http.StatusUnprocessableEntity, "That is not a whole phone number.")
		return
	}
	http.Redirect(w, r, personHref(me, string(id.Number)), http.StatusSeeOther)
}

// personIn is whose number was sealed in a form or an address. It says so if that is not known any more.
func (s *Service) personIn(w http.ResponseWriter, r *http.Request, me session) (number string, ok bool) {
	if number, ok = me.open(sealedPerson, r.FormValue("p")); !ok {
		s.lost(w, r, me, "Whose page that was is not known any more. Search for them again.")
	}
	return number, ok
}

// person is the page about somebody.
func (s *Service) person(w http.ResponseWriter, r *http.Request, me session) {
	if number, ok := s.personIn(w, r, me); ok {
		s.showPerson(w, r, me, number, "")
	}
}

func (s *Service) showPerson(w http.ResponseWriter, r *http.Request, me session, number, shown string) {
	p := pages.Person{
		Frame: s.frame(me, "people"), Token: me.seal(sealedPerson, number), Number: masked(number), Revealed: shown, Hotlines: s.choices(""),
		AllItems: "/switchboard/items?q=" + me.seal(sealedQuery, number),
	}
	q := s.round(r.Context())
	kept, items := q.kept(me, number), q.items(&operatorv1.ListItemsRequest{Limit: newest}, number)
	p.Missing = q.wait()
	p.Blocks, p.Wishes = kept()
	all := items()
	p.Items = s.viewItems(me, all[:min(newest, len(all))])
	s.show(w, r, http.StatusOK, p)
}

// revealPerson shows the page with the number.
func (s *Service) revealPerson(w http.ResponseWriter, r *http.Request, me session) {
	number, ok := s.personIn(w, r, me)
	if !ok {
		return
	}
	if err := s.act(r.Context(), entry(r, me, revealed, masked(number)), func(context.Context) (string, error) { return done, nil }); err != nil {
		s.trouble(w, r, me, err)
		return
	}
	s.showPerson(w, r, me, number, whole(number))
}

// exportPerson sends a file with all that is kept about somebody.
func (s *Service) exportPerson(w http.ResponseWriter, r *http.Request, me session) {
	number, ok := s.personIn(w, r, me)
	if !ok {
		return
	}
	var all []byte
	err := s.act(r.Context(), entry(r, me, exported, masked(number)), func(ctx context.Context) (outcome string, err error) {
		all, err = s.export(ctx, number)
		return fmt.Sprintf("%d bytes", len(all)), err
	})
	if err != nil {
		s.trouble(w, r, me, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="person-%s.json"`, s.Now().UTC().Format("2006-01-02")))
	w.Write(all) //nolint:errcheck // the asker is gone
}

// export is all that is kept about somebody, in all services: a JSON object with a member for each. It is all of it or an error.
func (s *Service) export(ctx context.Context, number string) ([]byte, error) {
	all := map[string]json.RawMessage{}
	for _, l := range s.ledgers() {
		answer, err := l.client.ExportPerson(ctx, &operatorv1.ExportPersonRequest{Number: number})
		if err != nil {
			return nil, named(l, err)
		}
		all[l.name] = answer.GetJson()
	}
	return json.MarshalIndent(all, "", "  ")
}

// erase deletes what it can in its time of what is kept about somebody, in all services and at the vendors: first in telephony, which would hand
// more of it on to ticketing. deleted is also what was deleted before an error.
func (s *Service) erase(ctx context.Context, number string) (finished bool, deleted map[string]int64, err error) {
	deleted = map[string]int64{}
	for _, l := range s.ledgers() {
		answer, err := l.client.ErasePerson(ctx, &operatorv1.ErasePersonRequest{Number: number})
		if err != nil {
			return false, deleted, named(l, err)
		}
		for what, n := range answer.GetDeleted() {
			deleted[l.name+" "+what] += n
		}
		if !answer.GetDone() {
			return false, deleted, nil
		}
	}
	return true, deleted, nil
}

// counted says how many of what: "12 telephony texts".
func counted(all map[string]int64) (list []string) {
	for _, what := range slices.Sorted(maps.Keys(all)) {
		if all[what] > 0 {
			list = append(list, fmt.Sprintf("%d %s", all[what], what))
		}
	}
	return list
}

// eraseAudited erases, and the audit log says what, but not whose it was.
func (s *Service) eraseAudited(ctx context.Context, e sqlstore.AuditRow, number string) (finished bool, deleted map[string]int64, err error) {
	err = s.act(ctx, e, func(ctx context.Context) (outcome string, err error) {
		finished, deleted, err = s.erase(ctx, number)
		outcome = "deleted: " + strings.Join(counted(deleted), ", ")
		if len(counted(deleted)) == 0 {
			outcome = "deleted nothing"
		}
		if err == nil && !finished {
			outcome += "; there is more"
		}
		return outcome, err
	})
	return finished, deleted, err
}

// erasePerson asks whether somebody is to be erased, and does it if the end of their number was typed.
func (s *Service) erasePerson(w http.ResponseWriter, r *http.Request, me session) {
	number, ok := s.personIn(w, r, me)
	if !ok {
		return
	}
	p := pages.Erase{Frame: s.frame(me, "people"), Token: me.seal(sealedPerson, number), Number: masked(number)}
	last4, typed := number[max(0, len(number)-4):], strings.TrimSpace(r.PostFormValue("last4"))
	if typed != last4 {
		status := http.StatusOK
		if typed != "" {
			p.Problem, status = "These are not the last four digits of their number. Nothing was deleted.", http.StatusUnprocessableEntity
		}
		p.Has = s.has(r.Context(), number)
		s.show(w, r, status, p)
		return
	}
	finished, deleted, err := s.eraseAudited(r.Context(), entry(r, me, erased, ""), number)
	if err != nil && len(deleted) == 0 {
		s.trouble(w, r, me, err)
		return
	}
	if err != nil {
		p.Problem = sentence(s.scrub(plain(err)))
	}
	p.Deleted, p.Finished, p.Begun, p.Last4 = counted(deleted), finished, !finished, last4
	s.show(w, r, http.StatusOK, p)
}

// has is how much there is of somebody, as far as that can be said in the time that a page has.
func (s *Service) has(ctx context.Context, number string) []string {
	q := s.round(ctx)
	answers := askAll(q, "data", operatorv1.OperatorServiceClient.ExportPerson, &operatorv1.ExportPersonRequest{Number: number})
	q.wait()
	all := map[string]int64{}
	for i, l := range s.ledgers() {
		var lists map[string]json.RawMessage
		if json.Unmarshal(answers[i].GetJson(), &lists) != nil {
			continue
		}
		for what, raw := range lists {
			var list []json.RawMessage
			if json.Unmarshal(raw, &list) == nil {
				all[l.name+" "+strings.ReplaceAll(what, "_", " ")] += int64(len(list))
			}
		}
	}
	return counted(all)
}
