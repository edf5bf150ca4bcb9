package twilio

import (
	"context"

	messaging "github.com/twilio/twilio-go/rest/messaging/v1"

	"github.com/bling-hotline/bling/internal/phone"
)

// MessagingService is a Messaging Service of the account. What becomes of texts to its numbers is the service's business, unless it
// leaves that to them: https://www.twilio.com/docs/messaging/api/service-resource#service-properties.
type MessagingService struct {
	SID, Name string
	// ByNumber: texts go to the number's own address. Otherwise they go to the service's, or are lost if it has none.
	ByNumber bool
	Numbers  []phone.Number
}

// MessagingServices returns the account's Messaging Services. The error is always a *carrier.Error.
func (c *Client) MessagingServices(ctx context.Context) (found []MessagingService, err error) {
	params := &messaging.ListServiceParams{}
	params.SetPageSize(1000)
	call, rest := c.begin(ctx)
	defer call.cancel()
	service := messaging.NewApiServiceWithClient(rest)
	list, err := service.ListService(params)
	if err != nil {
		return nil, call.failed(err)
	}
	for _, s := range list {
		one := MessagingService{SID: word(s.Sid), Name: word(s.FriendlyName)}
		one.ByNumber = s.UseInboundWebhookOnNumber != nil && *s.UseInboundWebhookOnNumber
		numbers, err := service.ListPhoneNumber(one.SID, &messaging.ListPhoneNumberParams{})
		if err != nil {
			return nil, call.failed(err)
		}
		for _, n := range numbers {
			one.Numbers = append(one.Numbers, phone.Number(word(n.PhoneNumber)))
		}
		found = append(found, one)
	}
	return found, nil
}

// LeaveToNumbers makes texts to a Messaging Service's numbers go to the numbers' own addresses. The error is always a *carrier.Error.
func (c *Client) LeaveToNumbers(ctx context.Context, sid string) error {
	params := &messaging.UpdateServiceParams{}
	params.SetUseInboundWebhookOnNumber(true)
	call, rest := c.begin(ctx)
	defer call.cancel()
	if _, err := messaging.NewApiServiceWithClient(rest).UpdateService(sid, params); err != nil {
		return call.failed(err)
	}
	return nil
}
