package mobilecommonssim_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
)

const (
	kim   = "+16175550142"
	help  = "998"
	other = "999"
)

// bench is a simulator behind HTTP.
type bench struct {
	*testing.T
	sim *mobilecommonssim.Sim
	url string
	now time.Time
}

func start(t *testing.T, cfg mobilecommonssim.Config) *bench {
	t.Helper()
	b := &bench{T: t, now: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)}
	cfg.Campaigns = []mobilecommonssim.Campaign{{ID: help, Name: "Help & <care>"}, {ID: other, Name: "Other"}}
	cfg.Now = func() time.Time { return b.now }
	b.sim = mobilecommonssim.New(cfg)
	server := httptest.NewServer(b.sim.Handler())
	t.Cleanup(server.Close)
	b.url = server.URL + "/api/"
	return b
}

func (b *bench) text(from, campaign, body string) string {
	b.Helper()
	id, err := b.sim.Text(from, campaign, body)
	if err != nil {
		b.Fatal(err)
	}
	return id
}

// answer has what the tests look at.
type answer struct {
	Status  int    `xml:"-"`
	Retry   string `xml:"-"`
	Success bool   `xml:"success,attr"`
	Error   struct {
		ID      int    `xml:"id,attr"`
		Message string `xml:"message,attr"`
	} `xml:"error"`
	Message struct {
		ID string `xml:"id,attr"`
	} `xml:"message"`
	Messages struct {
		Pages int `xml:"page_count,attr"`
		All   []struct {
			ID   string `xml:"id,attr"`
			Body string `xml:"body"`
			At   string `xml:"received_at"`
		} `xml:"message"`
	} `xml:"messages"`
	Subs []struct {
		Phone      string `xml:"phone_number"`
		OptedOutAt string `xml:"opted_out_at"`
	} `xml:"subscriptions>sub"`
	Profile struct {
		FirstName string `xml:"first_name"`
		Phone     string `xml:"phone_number"`
		OptedOut  string `xml:"opted_out_at"`
		Messages  []struct {
			Body string `xml:"body"`
		} `xml:"messages>message"`
	} `xml:"profile"`
}

func (b *bench) do(method, path, contentType, body string) (a answer) {
	b.Helper()
	r, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.SetBasicAuth(mobilecommonssim.DefaultUsername, mobilecommonssim.DefaultPassword)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	a.Status, a.Retry = res.StatusCode, res.Header.Get("Retry-After")
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/xml") {
		if err := xml.Unmarshal(data, &a); err != nil {
			b.Fatalf("%v: %s", err, data)
		}
	}
	return a
}

const form = "application/x-www-form-urlencoded"

func (b *bench) post(path string, pairs ...string) answer {
	b.Helper()
	return b.do(http.MethodPost, path, form, values(pairs...).Encode())
}

func (b *bench) get(path string, pairs ...string) answer {
	b.Helper()
	return b.do(http.MethodGet, path+"?"+values(pairs...).Encode(), "", "")
}

func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func (b *bench) send(to, body string) answer {
	b.Helper()
	return b.post("send_message", "campaign_id", help, "phone_number", to, "body", body)
}
