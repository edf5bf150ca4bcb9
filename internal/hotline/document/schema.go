package document

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/invopop/jsonschema"

	"github.com/bling-hotline/bling/internal/phone"
)

//go:generate go test -run TestSchemaFile . -update

// SchemaURL is where editors find the schema of a file that stands alone.
const SchemaURL = "https://raw.githubusercontent.com/bling-hotline/bling/main/docs/hotlines.schema.json"

// draft07 is what all editors know: https://github.com/redhat-developer/yaml-language-server.
const draft07 = "http://json-schema.org/draft-07/schema#"

// Schema is the JSON Schema of the file: docs/hotlines.schema.json. It refuses nothing that the reader takes, but for space around a
// text that only fits without. What goes together, such as a number that two hotlines have, only the reader knows.
func Schema() ([]byte, error) {
	s := schemaOf(Document{})
	complete(s)
	s.Version, s.ID, s.Title = draft07, SchemaURL, "The hotlines of Bling"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(s)
	return b.Bytes(), err
}

func schemaOf(v any) *jsonschema.Schema {
	r := jsonschema.Reflector{
		FieldNameTag: "yaml", Anonymous: true, DoNotReference: true, // references hide the comments of fields in draft 7
		Mapper: valueSchema,
		LookupComment: func(t reflect.Type, field string) string {
			if field == "" {
				return "" // what is said of a field is said of its type
			}
			return comments()[t.Name()+"."+field]
		},
	}
	s := r.Reflect(v)
	s.Version = "" // it may be a part of another one
	return s
}

// look is what a value looks like, as far as a pattern can tell, and what editors say if it does not.
type look struct{ pattern, like string }

// looks are those of the words of values.go.
var looks = map[reflect.Type]look{
	reflect.TypeFor[LanguageCode](): {languageCode, "a language code such as en or pt-BR"},
	reflect.TypeFor[TimeZone]():     {`^[A-Za-z0-9_+/-]+$`, "a time zone such as America/New_York"},
	reflect.TypeFor[Date]():         {`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`, "a day such as 2026-12-25"},
	reflect.TypeFor[Hours]():        {`^([01]?[0-9]|2[0-3]):[0-5][0-9]-(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)$`, "a time such as 09:00-12:30"},
	reflect.TypeFor[Duration]():     {`^\+?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`, "a duration such as 24h, 90s or 1m30s"},
	reflect.TypeFor[Country]():      {`^[A-Z]{2}$`, "the code of a country such as US"},
}

const (
	languageCode = `^[A-Za-z0-9]+([_-][A-Za-z0-9]+)*$`
	oneDay       = `(sun|mon|tue|wed|thu|fri|sat)`
	someDays     = `^` + oneDay + `(-` + oneDay + `)?$`
)

var (
	phoneNumber = look{`^\s*\+?[0-9()./\s-]+(\s*([xX]|[eE][xX][tT]\.?)\s*[0-9]+)?\s*$`, "a phone number"} // see internal/phone
	campaign    = look{`^[0-9]{1,18}$`, "the id of a campaign"}
	address     = look{`^[Hh][Tt][Tt][Pp][Ss]?://`, "the address of an audio file such as https://example.org/hello.mp3"}
	filled      = look{`\S`, "a text: it is empty"}
	whole       = look{`^[+-]?[0-9]+$`, "a whole number"}
	number      = look{`[0-9]`, "a number"}
	truth       = look{`^(true|false)$`, "true or false"}
)

// schema is that of a value with the look.
func (l look) schema(types ...string) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: types[0]}
	l.of(s, types...)
	return s
}

func (l look) of(s *jsonschema.Schema, types ...string) {
	s.Pattern, s.Extras = l.pattern, map[string]any{"patternErrorMessage": "This is not " + l.like + "."}
	if len(types) > 1 {
		s.Type, s.Extras["type"] = "", types
	}
}

// valueSchema returns the schema of a type that is something else in the file than it is in Go, otherwise nil.
func valueSchema(t reflect.Type) *jsonschema.Schema {
	if l, isWord := looks[t]; isWord {
		return l.schema("string")
	}
	switch t {
	case reflect.TypeFor[phone.Number](): // without quotes it is a number for YAML
		return phoneNumber.schema("string", "integer")
	case reflect.TypeFor[Campaign]():
		return campaign.schema("string", "integer")
	case reflect.TypeFor[Word](): // any word is, such as 1 or true
		return filled.schema("string", "number", "boolean")
	case reflect.TypeFor[Label]():
		return text(1600)
	case reflect.TypeFor[Sentence]():
		return text(1000)
	case reflect.TypeFor[Said]():
		audio := address.schema("string")
		audio.Description = "The address of an audio file, which is played instead."
		recording := &jsonschema.Schema{
			Type: "object", Properties: jsonschema.NewProperties(), Required: []string{"audio"}, AdditionalProperties: jsonschema.FalseSchema,
		}
		recording.Properties.Set("audio", audio)
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text(1000), recording}}
	case reflect.TypeFor[Week]():
		week := &jsonschema.Schema{
			Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema,
			PatternProperties: map[string]*jsonschema.Schema{someDays: schemaOf([]Hours{})},
		}
		for _, days := range []string{"mon-fri", "mon", "tue", "wed", "thu", "fri", "sat", "sun"} { // editors offer these
			week.Properties.Set(days, &jsonschema.Schema{Description: `Times such as "09:00-12:30", or none: [] is closed.`})
		}
		return week
	case reflect.TypeFor[Languages]():
		return &jsonschema.Schema{
			Type: "object", PropertyNames: &jsonschema.Schema{Pattern: languageCode}, AdditionalProperties: schemaOf(Language{}),
		}
	}
	return nil
}

func text(most uint64) *jsonschema.Schema {
	s := filled.schema("string")
	s.MaxLength = &most
	return s
}

// complete says what is true of all values in the file: a mapping has fields, and what is a number or a truth may be in quotes.
func complete(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	switch s.Type {
	case "object":
		if len(s.Required) == 0 {
			one := uint64(1)
			s.MinProperties = &one
		}
	case "integer":
		whole.of(s, s.Type, "string")
	case "number":
		number.of(s, s.Type, "string")
	case "boolean":
		truth.of(s, s.Type, "string")
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		complete(p.Value)
	}
	for _, part := range s.PatternProperties {
		complete(part)
	}
	for _, part := range slices.Concat(s.AnyOf, []*jsonschema.Schema{s.Items, s.AdditionalProperties}) {
		complete(part)
	}
}

// source has the comments, which are written once, for whoever reads the types and whoever writes a file.
//
//go:embed document.go
var source string

// comments are those of the fields in document.go, each under its Type.Field.
var comments = sync.OnceValue(func() map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), "document.go", source, parser.ParseComments)
	if err != nil {
		panic(err) // it was compiled
	}
	found := map[string]string{}
	for _, decl := range file.Decls {
		types, _ := decl.(*ast.GenDecl)
		for _, spec := range types.Specs {
			t, isType := spec.(*ast.TypeSpec)
			if !isType {
				continue
			}
			for _, field := range t.Type.(*ast.StructType).Fields.List {
				for _, name := range field.Names {
					found[t.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
				}
			}
		}
	}
	return found
})
