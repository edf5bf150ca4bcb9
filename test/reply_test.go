package test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// reply answers in the supporter's newest conversation.
func reply(t *testing.T, h *hotlinetest.Hotline, c helpscoutsim.Conversation, r helpscoutsim.Reply) {
	t.Helper()
	if _, err := h.HelpScout.AgentReply(c.ID, r); err != nil {
		t.Fatal(err)
	}
}

// O8, O9: an agent's reply is one text, from the number the supporter wrote to, and one note says what became of it.
func TestReply(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		text(t, h, supporter, "hello")
		c := desk(t, h, supporter, has("hello"))
		reply(t, h, c, helpscoutsim.Reply{Text: "<p>Hi Ann,</p><p>we can <b>help</b>.</p>"})
		got := phoneHas(t, h, supporter, 2)
		slices.Sort(got)
		if want := []string{"Hi Ann,\nwe can help.", hotline.DefaultWelcome}; !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		c = desk(t, h, supporter, has("Delivered to 617-555-0142"))
		if strings.Count(entries(c), "note:") != 1 {
			t.Error(entries(c))
		}
	}, func(o *hotlinetest.Options) { o.Patience = 10 * time.Second })
}
