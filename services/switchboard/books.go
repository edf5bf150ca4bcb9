package switchboard

import (
	"cmp"
	"net/http"
	"slices"

	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/switchboard/pages"
)

// days are the daily books of all services.
func (s *Service) days(w http.ResponseWriter, r *http.Request, me session) {
	p := pages.Days{Frame: s.frame(me, "days")}
	q := s.round(r.Context())
	books := askAll(q, "days", operatorv1.OperatorServiceClient.ListDays, &operatorv1.ListDaysRequest{})
	p.Missing = q.wait()
	p.Days = s.viewDays(books)
	s.show(w, r, http.StatusOK, p)
}

// viewDays are the books, the newest day first. Of the same texts telephony knows what came, and ticketing what is there twice.
func (s *Service) viewDays(books []*operatorv1.ListDaysResponse) (all []pages.Day) {
	for _, b := range books {
		for _, d := range b.GetDays() {
			v := pages.Day{
				Date: d.GetDate(), Hotline: s.hotline(d.GetHotline()), Kind: kinds[d.GetKind()], Received: d.GetReceived(), Delivered: d.GetDelivered(),
				Recovered: d.GetRecovered(), Missing: d.GetMissing(), Doubled: d.GetDoubled(), Compared: timeOf(d.GetComparedAt()),
			}
			i := slices.IndexFunc(all, func(has pages.Day) bool { return has.Date == v.Date && has.Hotline == v.Hotline && has.Kind == v.Kind })
			if i < 0 {
				all = append(all, v)
				continue
			}
			has := &all[i]
			has.Received, has.Delivered, has.Recovered = has.Received+v.Received, has.Delivered+v.Delivered, has.Recovered+v.Recovered
			has.Missing, has.Doubled = has.Missing+v.Missing, has.Doubled+v.Doubled
		}
	}
	slices.SortStableFunc(all, func(a, b pages.Day) int {
		return cmp.Or(cmp.Compare(b.Date, a.Date), cmp.Compare(a.Hotline, b.Hotline))
	})
	return all
}

// findings are what the services' checks found.
func (s *Service) findings(w http.ResponseWriter, r *http.Request, me session) {
	p := pages.Findings{Frame: s.frame(me, "findings")}
	q := s.round(r.Context())
	found := askAll(q, "findings", operatorv1.OperatorServiceClient.ListFindings, &operatorv1.ListFindingsRequest{})
	p.Missing = q.wait()
	p.Findings = s.viewFindings(found)
	s.show(w, r, http.StatusOK, p)
}

// viewFindings are the findings, the worst first.
func (s *Service) viewFindings(found []*operatorv1.ListFindingsResponse) (all []pages.Finding) {
	levels := map[string]operatorv1.Level{}
	for i, l := range s.ledgers() {
		for _, f := range found[i].GetFindings() {
			v := pages.Finding{
				Service: l.name, Name: s.scrub(f.GetName()), Tone: "bad", Level: slug(f.GetLevel()), Says: s.scrub(f.GetSays()), Fix: s.scrub(f.GetFix()),
				At: timeOf(f.GetAt()), Since: timeOf(f.GetSince()),
			}
			switch f.GetLevel() {
			case operatorv1.Level_LEVEL_OK:
				v.Tone = "good"
			case operatorv1.Level_LEVEL_WARNING:
				v.Tone = "warn"
			}
			levels[v.Level] = f.GetLevel()
			all = append(all, v)
		}
	}
	slices.SortStableFunc(all, func(a, b pages.Finding) int { return cmp.Compare(levels[b.Level], levels[a.Level]) })
	return all
}
