package helpscoutsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// webhookJSON is a webhook as the API takes it.
// See https://developer.helpscout.com/mailbox-api/endpoints/webhooks/create/.
type webhookJSON struct {
	ID             int64    `json:"id,omitempty"`
	URL            string   `json:"url"`
	Events         []string `json:"events"`
	Secret         string   `json:"secret"`
	PayloadVersion string   `json:"payloadVersion,omitempty"`
	Label          string   `json:"label,omitempty"`
	Notification   bool     `json:"notification"`
	MailboxIDs     []int64  `json:"mailboxIds,omitempty"`
	State          string   `json:"state,omitempty"`
}

// check checks a webhook that the client sent. Notifications, which carry a link only, are not simulated.
func (in webhookJSON) check(c *checks, s *Sim) {
	c.oneOf("state", in.State, "", "enabled")
	checkURL(c, in.URL)
	if len(in.Events) == 0 {
		c.add("events", "may not be empty", "NotEmpty")
	}
	for i, name := range in.Events {
		c.oneOf("events["+strconv.Itoa(i)+"]", name, eventNames...)
	}
	c.length("secret", &in.Secret, 1, 40)
	c.oneOf("payloadVersion", in.PayloadVersion, "", "V2", "V3")
	if in.Notification {
		c.add("notification", "is not simulated", "InvalidValue")
	}
	for i, id := range in.MailboxIDs {
		c.exists("mailboxIds["+strconv.Itoa(i)+"]", s.hasMailbox(id))
	}
}

func checkURL(c *checks, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		c.add("url", "must be a URL", "URL")
	}
}

// webhook turns what the client sent into an enabled webhook.
func (in webhookJSON) webhook(id int64) *Webhook {
	fill(&in.PayloadVersion, "V2")
	return &Webhook{
		ID: id, URL: in.URL, Events: in.Events, Secret: in.Secret, PayloadVersion: in.PayloadVersion,
		Label: in.Label, MailboxIDs: in.MailboxIDs, State: "enabled",
	}
}

// webhookResource is a webhook as the API shows it. Its secret is not shown.
// See https://developer.helpscout.com/mailbox-api/endpoints/webhooks/get/.
type webhookResource struct {
	ID             int64    `json:"id"`
	URL            string   `json:"url"`
	State          string   `json:"state"`
	Events         []string `json:"events"`
	Notification   bool     `json:"notification"`
	PayloadVersion string   `json:"payloadVersion"`
	Label          string   `json:"label,omitempty"`
	MailboxIDs     []int64  `json:"mailboxIds"`
	Links          links    `json:"_links"`
}

func (w *Webhook) resource(base string) webhookResource {
	return webhookResource{
		ID: w.ID, URL: w.URL, State: w.State, Events: w.Events, PayloadVersion: w.PayloadVersion, Label: w.Label,
		MailboxIDs: some(w.MailboxIDs), Links: links{"self": {Href: base + "/v2/webhooks/" + strconv.FormatInt(w.ID, 10)}},
	}
}

// registerConfigured adds the webhooks of the configuration that the state does not have yet.
func (s *Sim) registerConfigured() error {
	for _, w := range s.cfg.Webhooks {
		fill(&w.Secret, s.cfg.WebhookSecret)
		if len(w.Events) == 0 {
			w.Events = slices.Clone(eventNames)
		}
		in := webhookJSON{
			URL: w.URL, Events: w.Events, Secret: w.Secret, PayloadVersion: w.PayloadVersion, Label: w.Label, MailboxIDs: w.MailboxIDs,
		}
		checked := in
		if checked.PayloadVersion == "V1" {
			checked.PayloadVersion = "" // all else is as usual
		}
		var c checks
		checked.check(&c, s)
		if len(c.fields) > 0 {
			return fmt.Errorf("webhook %s: %s %s", w.URL, c.fields[0].path, c.fields[0].message)
		}
		s.mu.Lock()
		if !slices.ContainsFunc(s.state.webhooksInOrder(), func(known *Webhook) bool { return known.URL == w.URL }) {
			id := next(&s.state.ids.Webhook)
			s.state.webhooks[id] = in.webhook(id)
		}
		s.mu.Unlock()
	}
	return nil
}

// GET /v2/webhooks
//
// https://developer.helpscout.com/mailbox-api/endpoints/webhooks/list/
func (s *Sim) listWebhooks(r *http.Request) (a answer, err error) {
	s.read(func(st *state) {
		all := st.webhooksInOrder()
		a, err = s.page(r, "webhooks", len(all), 50, func(i int) any { return all[i].resource(baseURL(r)) })
	})
	return a, err
}

// POST /v2/webhooks
//
// https://developer.helpscout.com/mailbox-api/endpoints/webhooks/create/
func (s *Sim) createWebhook(r *http.Request) (answer, error) {
	in, err := s.readWebhook(r, 0)
	if err != nil {
		return answer{}, err
	}
	var id int64
	err = s.change(func(t *tx) error {
		id = next(&t.ids.Webhook)
		t.webhooks[id] = in.webhook(id)
		return nil
	})
	return created(r, "/v2/webhooks", id), err
}

// GET /v2/webhooks/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/webhooks/get/
func (s *Sim) getWebhook(r *http.Request) (a answer, err error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	err = notFound()
	s.read(func(st *state) {
		if w := st.webhooks[id]; w != nil {
			a, err = ok(w.resource(baseURL(r))), nil
		}
	})
	return a, err
}

// PUT /v2/webhooks/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/webhooks/update/
//
// A webhook that was switched off is on again after this (U).
func (s *Sim) putWebhook(r *http.Request) (answer, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	in, err := s.readWebhook(r, id)
	if err != nil {
		return answer{}, err
	}
	return noContent(), s.change(func(t *tx) error {
		if t.webhooks[id] == nil {
			return notFound()
		}
		t.webhooks[id] = in.webhook(id)
		return nil
	})
}

// readWebhook reads a webhook with this id, which need not be said.
func (s *Sim) readWebhook(r *http.Request, id int64) (webhookJSON, error) {
	in, err := decode[webhookJSON](r)
	if err != nil {
		return in, err
	}
	var c checks
	c.absent("id", in.ID != 0 && in.ID != id)
	in.check(&c, s)
	return in, c.err()
}

// DELETE /v2/webhooks/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/webhooks/delete/
func (s *Sim) deleteWebhook(r *http.Request) (answer, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	return noContent(), s.change(func(t *tx) error {
		if t.webhooks[id] == nil {
			return notFound()
		}
		delete(t.webhooks, id)
		return nil
	})
}
