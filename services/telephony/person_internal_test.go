package telephony

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/errs"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

// Who has written so much to other numbers of the account that the hotline's are not in the first pages of Twilio's list is not erased.
func TestEraseInLongList(t *testing.T) {
	b := newBench(t)
	list := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{ //nolint:errcheck // it would not be a list
			"messages":      []map[string]string{{"sid": "SM1", "from": caller, "to": "+15550100", "direction": "inbound"}},
			"next_page_uri": r.URL.Path + "?Page=1&PageToken=PT",
		})
	}))
	defer list.Close()
	b.APIURL = list.URL
	fatal(t, b.makeCarriers())
	res, err := b.ErasePerson(b.ctx, &operatorv1.ErasePersonRequest{Number: caller})
	if errs.KindOf(err) != errs.Precondition || !strings.Contains(err.Error(), "more messages at Twilio with them than can be looked at") {
		t.Errorf("erased: %v, %v", res, err)
	}
}
