package switchboard

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/switchboard/pages"
)

// people are the blocked and the opted out.
func (s *Service) people(w http.ResponseWriter, r *http.Request, me session) {
	s.showPeople(w, r, me, http.StatusOK, "")
}

func (s *Service) showPeople(w http.ResponseWriter, r *http.Request, me session, status int, problem string) {
	p := pages.People{Frame: s.frame(me, "people"), Hotlines: s.choices(""), Reason: r.PostFormValue("reason")}
	p.Problem = problem
	q := s.round(r.Context())
	kept := q.kept(me, "")
	p.Missing = q.wait()
	p.Blocks, p.Wishes = kept()
	s.show(w, r, status, p)
}

// kept asks who is blocked and who has opted out: all, or one. Who that is is known when the round has ended.
func (q *round) kept(me session, number string) func() ([]pages.Block, []pages.Wish) {
	var blocked *telephonyv1.ListBlocksResponse
	var wished *telephonyv1.ListWishesResponse
	ask(q, telephony, "blocks", q.Phones.ListBlocks, &telephonyv1.ListBlocksRequest{}, &blocked)
	ask(q, telephony, "opt-outs", q.Phones.ListWishes, &telephonyv1.ListWishesRequest{Supporter: number}, &wished)
	return func() ([]pages.Block, []pages.Wish) {
		return q.viewBlocks(me, blocked, number), q.viewWishes(me, wished)
	}
}

func (s *Service) viewBlocks(me session, blocked *telephonyv1.ListBlocksResponse, number string) (blocks []pages.Block) {
	for _, b := range blocked.GetBlocks() {
		if number != "" && b.GetNumber() != number {
			continue
		}
		v := pages.Block{
			Token: me.seal(sealedBlock, b.GetNumber()+" "+b.GetHotline()), Person: personHref(me, b.GetNumber()), Number: masked(b.GetNumber()), Hotline: "all of them",
			Reason: s.scrubTyped(b.GetReason()), By: b.GetBlockedBy(), Until: timeOf(b.GetUntil()),
		}
		if b.GetHotline() != "" {
			v.Hotline = s.hotline(b.GetHotline())
		}
		blocks = append(blocks, v)
	}
	return blocks
}

func (s *Service) viewWishes(me session, wished *telephonyv1.ListWishesResponse) (wishes []pages.Wish) {
	for _, wish := range wished.GetWishes() {
		v := pages.Wish{
			Person: personHref(me, wish.GetSupporter()), Number: masked(wish.GetSupporter()), Hotline: s.hotline(wish.GetHotline()), Since: timeOf(wish.GetSince()),
			Source: s.shown(wish.GetSource(), wish.GetSupporter()),
		}
		if strings.HasPrefix(wish.GetSource(), "SM") || strings.HasPrefix(wish.GetSource(), "MM") {
			v.SourceHref = s.itemHref(me, wish.GetSource(), wish.GetSupporter())
		}
		switch {
		case wish.GetNoTexts() && wish.GetNoCalls():
			v.What = "no texts, no calls"
		case wish.GetNoTexts():
			v.What = "no texts"
		default:
			v.What = "no calls"
		}
		wishes = append(wishes, v)
	}
	return wishes
}

// block keeps a number out: one that was typed, or one that a page stands for.
func (s *Service) block(w http.ResponseWriter, r *http.Request, me session) {
	number, next := "", "/switchboard/people"
	if sealed := r.PostFormValue("p"); sealed != "" {
		var ok bool
		if number, ok = me.open(sealedPerson, sealed); !ok {
			s.lost(w, r, me, "Who that was is not known any more. Nothing was done.")
			return
		}
		next = personHref(me, number)
	} else if id := phone.Parse(r.PostFormValue("number")); id.Kind == phone.Full || id.Kind == phone.ShortCode {
		number = string(id.Number)
	} else {
		s.showPeople(w, r, me, http.StatusUnprocessableEntity, "That is not a phone number. Nothing was done.")
		return
	}
	reason, problem := reasonIn(r)
	if problem != "" {
		s.showPeople(w, r, me, http.StatusUnprocessableEntity, problem)
		return
	}
	b := &telephonyv1.Block{Number: number, Hotline: r.PostFormValue("hotline"), Reason: reason, BlockedBy: me.name}
	if d, err := time.ParseDuration(r.PostFormValue("for")); err == nil && d > 0 {
		b.Until = timestamppb.New(s.Now().Add(d))
	}
	until := "for good"
	if b.Until != nil {
		until = "until " + b.Until.AsTime().UTC().Format("2006-01-02 15:04 UTC")
	}
	e := entry(r, me, blocked, masked(number))
	e.Detail = fmt.Sprintf("%s, %s: %s", s.reach(b.Hotline), until, s.scrubTyped(reason))
	s.change(w, r, me, e, next, func(ctx context.Context) error {
		_, err := s.Phones.BlockNumber(ctx, &telephonyv1.BlockNumberRequest{Block: b})
		return err
	})
}

// reach is which hotlines a block is for, as the audit log says it.
func (s *Service) reach(hotline string) string {
	if hotline == "" {
		return "on all hotlines"
	}
	return "on " + s.typedHotline(hotline)
}

// unblock lets a number in again.
func (s *Service) unblock(w http.ResponseWriter, r *http.Request, me session) {
	whom, ok := me.open(sealedBlock, r.PostFormValue("p"))
	number, hotline, _ := strings.Cut(whom, " ")
	if !ok {
		s.lost(w, r, me, "Who that was is not known any more. Nothing was done.")
		return
	}
	e := entry(r, me, unblocked, masked(number))
	e.Detail = s.reach(hotline)
	s.change(w, r, me, e, "/switchboard/people", func(ctx context.Context) error {
		_, err := s.Phones.UnblockNumber(ctx, &telephonyv1.UnblockNumberRequest{Number: number, Hotline: hotline})
		return err
	})
}
