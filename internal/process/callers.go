package process

import (
	"maps"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/rpc"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
)

// allowed is who calls whom, by the names in their certificates: the arrows of ARCHITECTURE.md. operator is whoever runs the
// commands of bling.
var allowed = rpc.Callers{
	telephonyv1.TwilioWebhookService_ServiceDesc.ServiceName:                     {"gateway"},
	telephonyv1.TwilioVoiceService_ServiceDesc.ServiceName:                       {"gateway"},
	telephonyv1.TelnyxWebhookService_ServiceDesc.ServiceName:                     {"gateway"},
	telephonyv1.LoadService_ServiceDesc.ServiceName:                              {"operator"},
	strings.TrimPrefix(telephonyv1.TelephonyService_GetFile_FullMethodName, "/"): {"gateway"},
	telephonyv1.TelephonyService_ServiceDesc.ServiceName:                         {"ticketing", "dialer", "switchboard", "operator"},
	telephonyv1.CallBackService_ServiceDesc.ServiceName:                          {"dialer"},
	ticketingv1.HelpScoutWebhookService_ServiceDesc.ServiceName:                  {"gateway"},
	ticketingv1.TicketingService_ServiceDesc.ServiceName:                         {"telephony", "dialer"},
	ticketingv1.AdoptService_ServiceDesc.ServiceName:                             {"operator"},
	dialerv1.DialerService_ServiceDesc.ServiceName:                               {"switchboard", "operator"},
	operatorv1.OperatorService_ServiceDesc.ServiceName:                           {"switchboard"},
	switchboardv1.SwitchboardService_ServiceDesc.ServiceName:                     {"operator"},
}

// callersFromEnv reads BLING_CALLERS, which lets others in: the organisation's own services, each by the name in its certificate.
func callersFromEnv(r *env.Reader) rpc.Callers {
	more := rpc.Callers{}
	for _, entry := range r.Optional("BLING_CALLERS") {
		caller, service, ok := strings.Cut(entry, ":")
		caller, service = strings.TrimSpace(caller), strings.TrimSpace(service)
		if !ok || caller == "" || allowed[service] == nil {
			r.Problem("BLING_CALLERS", "%q must be a name and a service, such as crm:%s; the services are %s", entry,
				telephonyv1.TelephonyService_ServiceDesc.ServiceName, strings.Join(slices.Sorted(maps.Keys(allowed)), ", "))
			continue
		}
		more[service] = append(more[service], caller)
	}
	return more
}
