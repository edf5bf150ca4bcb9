package telephony

import (
	"testing"

	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

func TestWish(t *testing.T) {
	for _, tt := range []struct{ body, optOutType, want string }{
		{"STOP", "", sqlstore.OptOut}, {" stop. ", "", sqlstore.OptOut}, {"Stop!!!", "", sqlstore.OptOut}, {"“stop”", "", sqlstore.OptOut},
		{"StopAll", "", sqlstore.OptOut}, {"unsubscribe", "", sqlstore.OptOut}, {"CANCEL", "", sqlstore.OptOut}, {"end", "", sqlstore.OptOut},
		{"quit", "", sqlstore.OptOut}, {"revoke", "", sqlstore.OptOut}, {"OPTOUT", "", sqlstore.OptOut}, {"opt out", "", sqlstore.OptOut}, {"Opt-Out", "", sqlstore.OptOut},
		{"start", "", sqlstore.OptIn}, {"UNSTOP\n", "", sqlstore.OptIn}, {"Yes", "", sqlstore.OptIn},
		{"help", "", ""}, {"stop it please", "", ""}, {"the end", "", ""}, {"", "", ""}, {"...", "", ""}, {"stopp", "", ""}, {"yes please", "", ""},
		{"arrêt", "STOP", sqlstore.OptOut}, {"dale", "START", sqlstore.OptIn}, {"info", "HELP", ""},
	} {
		if got := wish(tt.body, tt.optOutType); got != tt.want {
			t.Errorf("wish(%q, %q) = %q, want %q", tt.body, tt.optOutType, got, tt.want)
		}
	}
}
