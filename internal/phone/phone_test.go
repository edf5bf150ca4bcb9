package phone

import (
	"log/slog"
	"strings"
	"testing"
)

// The ids are the lines of the parity checklist.
func TestParse(t *testing.T) {
	tests := []struct {
		id, raw          string
		kind             Kind
		number           Number
		display, address string
	}{
		{"P1", "+15556667777", Full, "+15556667777", "555-666-7777", "5556667777"},
		{"P1", "555-666-7777", Full, "+15556667777", "555-666-7777", "5556667777"},
		{"P1", " (617) 555-0142 ", Full, "+16175550142", "617-555-0142", "6175550142"},
		{"P2", "+447911123456", Full, "+447911123456", "+44 7911 123456", "e164-447911123456"},
		{"P4", "+17911123456", Full, "+17911123456", "791-112-3456", "7911123456"},
		{"P5", "+390612345678", Full, "+390612345678", "+39 06 1234 5678", "e164-390612345678"},
		{"P6", "12345", ShortCode, "12345", "short code 12345", "short-12345"},
		{"P7", "+266696687", Withheld, "+266696687", "withheld number", "withheld-" + digest("CA1")},
		{"P7", "Anonymous", Withheld, "Anonymous", "withheld number", "withheld-" + digest("CA1")},
		{"P8", "+12025550123x45", Full, "+12025550123", "202-555-0123", "2025550123"},
		{"P9", "client:alice", Unknown, "client:alice", "unknown sender", "unknown-" + digest("client:alice")},
		{"P9", "", Unknown, "", "unknown sender", "unknown-" + digest("")},
		{"P9", "WINNER", Unknown, "WINNER", "unknown sender", "unknown-" + digest("WINNER")},
		{"P10", "+4712345678", Full, "+4712345678", "+47 12345678", "e164-4712345678"},
		{"P9", "+", Unknown, "+", "unknown sender", "unknown-" + digest("+")},
		{"P9", strings.Repeat("9", 400), Unknown, Number(strings.Repeat("9", 400)), "unknown sender", "unknown-" + digest(strings.Repeat("9", 400))},
	}
	for _, tt := range tests {
		t.Run(tt.id+" "+tt.raw[:min(20, len(tt.raw))], func(t *testing.T) {
			id := Parse(tt.raw)
			if id.Kind != tt.kind || id.Number != tt.number {
				t.Errorf("Parse = %v %q, want %v %q", id.Kind, id.Number, tt.kind, tt.number)
			}
			if got := id.Display(); got != tt.display {
				t.Errorf("Display = %q, want %q", got, tt.display)
			}
			if got := id.Address("CA1"); got != tt.address {
				t.Errorf("Address = %q, want %q", got, tt.address)
			}
		})
	}
}

// P4, P10: the original gave +44 7911 123456 and +1 791 112 3456 one ticket.
func TestAddressesDoNotCollide(t *testing.T) {
	seen := map[string]string{}
	for _, raw := range []string{"+447911123456", "+17911123456", "+4712345678", "+14712345678", "471234", "Anonymous", "client:471234"} {
		a := Parse(raw).Address("SM1")
		if seen[a] != "" {
			t.Errorf("%s and %s share %s", raw, seen[a], a)
		}
		seen[a] = raw
	}
	if a, b := Parse("Anonymous").Address("CA1"), Parse("Anonymous").Address("CA2"); a == b {
		t.Error("two withheld callers share an address")
	}
}

func TestCanText(t *testing.T) {
	for raw, want := range map[string]bool{
		"+16175550142": true, "+447911123456": true, "12345": false, "Anonymous": false, "client:alice": false, "+18005551212": false,
	} {
		if got := Parse(raw).CanText(); got != want {
			t.Errorf("CanText(%s) = %v", raw, got)
		}
	}
}

func TestLogsHideNumbers(t *testing.T) {
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "phone", Parse("+16175550142").Number)
	if strings.Contains(b.String(), "6175550142") || !strings.Contains(b.String(), "..42") {
		t.Error(b.String())
	}
}
