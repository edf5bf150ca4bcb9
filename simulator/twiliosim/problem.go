package twiliosim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// problem is an error answer of the API. See https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions.
type problem struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

// Error implements error.
func (p *problem) Error() string { return strconv.Itoa(p.Code) + ": " + p.Message }

// statuses are the HTTP statuses of codes that do not go with 400.
var statuses = map[int]int{
	20003: http.StatusUnauthorized,
	20004: http.StatusMethodNotAllowed,
	20005: http.StatusForbidden, // unverified
	20404: http.StatusNotFound,
	20429: http.StatusTooManyRequests,
}

// refuse returns the problem with this code. See https://www.twilio.com/docs/api/errors.
func refuse(code int, format string, args ...any) *problem {
	status := statuses[code]
	if status == 0 {
		status = http.StatusBadRequest
	}
	return &problem{
		Code:     code,
		Message:  fmt.Sprintf(format, args...),
		MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(code),
		Status:   status,
	}
}

func notFound(r *http.Request) *problem {
	return refuse(20404, "The requested resource %s was not found", r.URL.Path)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encoding %T: %v", value, err)) // only types of this package get here
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}
