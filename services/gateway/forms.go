package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
)

// newTranslator returns the mux that turns verified webhooks into RPCs, by the rules of proto/http.yaml.
func newTranslator(log *slog.Logger) *runtime.ServeMux {
	return runtime.NewServeMux(
		// Twilio's callers accept anything, so answers are written by the marshaler of the request.
		runtime.WithMarshalerOption(runtime.MIMEWildcard, twilioForm{}),
		runtime.WithMarshalerOption("application/x-www-form-urlencoded", twilioForm{}),
		runtime.WithMarshalerOption("application/json", verbatim{&runtime.JSONPb{}}),
		runtime.WithErrorHandler(answerError(log)),
		runtime.WithForwardResponseOption(answerEmpty),
		// Both read forms of their own accord, and nobody here needs either.
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
	)
}

// answerEmpty answers 204 to Help Scout, which wants no body.
func answerEmpty(_ context.Context, w http.ResponseWriter, m proto.Message) error {
	if _, ok := m.(*ticketingv1.ReceiveEventResponse); ok {
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// answerError answers 400 to what will stay wrong, and 5xx to what a later attempt may cure, so that the vendor sends it
// again.
func answerError(log *slog.Logger) runtime.ErrorHandlerFunc {
	return func(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
		st := status.Convert(err)
		code := http.StatusServiceUnavailable
		switch st.Code() {
		case codes.InvalidArgument, codes.OutOfRange:
			code = http.StatusBadRequest
		case codes.NotFound, codes.Unimplemented:
			code = http.StatusNotFound
		case codes.Internal, codes.Unknown, codes.DataLoss:
			code = http.StatusInternalServerError
		}
		log.WarnContext(ctx, "webhook was not taken", "path", r.URL.Path, "status", code, "err", st.Message())
		if code >= 500 {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			io.WriteString(w, `{"message":"Server error"}`) //nolint:errcheck // the asker is gone
			return
		}
		http.Error(w, st.Message(), code)
	}
}

// verbatim hands a bytes field the body as it was received, and writes nothing.
type verbatim struct{ runtime.Marshaler }

func (m verbatim) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) (err error) {
		b, ok := v.(*[]byte)
		if !ok {
			return fmt.Errorf("cannot put a body into %T", v)
		}
		*b, err = io.ReadAll(r)
		return err
	})
}

func (verbatim) Marshal(any) ([]byte, error) { return nil, nil }

// twilioForm reads Twilio's parameters into the message's fields, by their JSON names, and writes TwiML.
//
// Parameters that the message does not have are ignored: Twilio adds new ones without notice. A repeated field
// takes the numbered parameters: MediaUrl0, MediaUrl1, ... Only the form is read here; its signature was checked before.
type twilioForm struct{}

func (twilioForm) ContentType(any) string { return "text/xml; charset=utf-8" }

func (twilioForm) Marshal(v any) ([]byte, error) {
	if twiml, ok := v.(string); ok {
		return []byte(twiml), nil
	}
	return []byte("<Response></Response>"), nil
}

func (m twilioForm) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		b, err := m.Marshal(v)
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	})
}

func (m twilioForm) Unmarshal(data []byte, v any) error {
	return m.NewDecoder(bytes.NewReader(data)).Decode(v)
}

func (twilioForm) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		body, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return err
		}
		message, ok := v.(proto.Message)
		if !ok {
			return fmt.Errorf("cannot put a form into %T", v)
		}
		return fill(message.ProtoReflect(), form)
	})
}

func fill(m protoreflect.Message, form url.Values) error {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		name := field.JSONName()
		if field.IsList() {
			list := m.Mutable(field).List()
			for _, s := range numbered(form, name) {
				list.Append(protoreflect.ValueOfString(valid(s)))
			}
			continue
		}
		if !form.Has(name) {
			continue
		}
		v, err := value(field, form.Get(name))
		if err != nil {
			return err
		}
		m.Set(field, v)
	}
	return nil
}

// maxNumbered is how far numbered parameters are looked for; Twilio sends ten at most.
const maxNumbered = 16

// numbered returns the values of name0, name1, ... up to the last one there is; a missing one is empty.
func numbered(form url.Values, name string) (values []string) {
	for n := range maxNumbered {
		if key := name + strconv.Itoa(n); form.Has(key) {
			values = append(values, make([]string, n-len(values))...)
			values = append(values, form.Get(key))
		}
	}
	return values
}

func value(field protoreflect.FieldDescriptor, s string) (protoreflect.Value, error) {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(valid(s)), nil
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		bits := map[protoreflect.Kind]int{protoreflect.Int32Kind: 32, protoreflect.Int64Kind: 64}[field.Kind()]
		if s == "" {
			s = "0"
		}
		n, err := strconv.ParseInt(s, 10, bits)
		if err != nil {
			return protoreflect.Value{}, fmt.Errorf("%s is not a number", field.JSONName())
		}
		if bits == 64 {
			return protoreflect.ValueOfInt64(n), nil
		}
		return protoreflect.ValueOfInt32(int32(n)), nil
	case protoreflect.EnumKind: // "delivered" is MESSAGE_STATUS_DELIVERED; a word we do not know is the zero value
		values := field.Enum().Values()
		prefix := strings.TrimSuffix(string(values.ByNumber(0).Name()), "UNSPECIFIED")
		word := strings.ToUpper(strings.NewReplacer("-", "_", " ", "_").Replace(s))
		if known := values.ByName(protoreflect.Name(prefix + word)); known != nil {
			return protoreflect.ValueOfEnum(known.Number()), nil
		}
		return protoreflect.ValueOfEnum(0), nil
	default:
		return protoreflect.Value{}, fmt.Errorf("%s: a form cannot carry %v", field.JSONName(), field.Kind())
	}
}

// valid makes a string one that protobuf and every database can carry; a text with broken characters is better than
// none.
func valid(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "") }
