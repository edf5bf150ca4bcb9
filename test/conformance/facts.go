//go:build ignore

// Command facts cuts Twilio's published OpenAPI description down to what the simulator serves: methods, paths, the names and
// types of parameters and of the fields of answers. No prose and no examples are kept. What comes out is an OpenAPI document
// of its own. To record a newer one:
//
//	git clone --depth 1 https://github.com/twilio/twilio-oai
//	go run facts.go -from "twilio-oai $(git -C twilio-oai describe --tags)" \
//		< twilio-oai/spec/json/twilio_api_v2010.json > testdata/twilio_api.json
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

const account = "/2010-04-01/Accounts/{AccountSid}"

// simulated are the operations of package twiliosim, see its rest.go. But for the account itself, paths are within it.
var simulated = map[string][]string{
	"/2010-04-01/Accounts/{Sid}.json":                      {"get"},
	"/Balance.json":                                        {"get"},
	"/Messages.json":                                       {"get", "post"},
	"/Messages/{Sid}.json":                                 {"get", "post", "delete"},
	"/Messages/{MessageSid}/Media.json":                    {"get"},
	"/Messages/{MessageSid}/Media/{Sid}.json":              {"get", "delete"},
	"/IncomingPhoneNumbers.json":                           {"get"},
	"/IncomingPhoneNumbers/{Sid}.json":                     {"get", "post"},
	"/Calls.json":                                          {"get", "post"},
	"/Calls/{Sid}.json":                                    {"get", "post", "delete"},
	"/Calls/{CallSid}/Recordings.json":                     {"get"},
	"/Calls/{CallSid}/Recordings/{Sid}.json":               {"get", "delete"},
	"/Recordings.json":                                     {"get"},
	"/Recordings/{Sid}.json":                               {"get", "delete"},
	"/Recordings/{RecordingSid}/Transcriptions.json":       {"get"},
	"/Recordings/{RecordingSid}/Transcriptions/{Sid}.json": {"get", "delete"},
	"/Transcriptions.json":                                 {"get"},
	"/Transcriptions/{Sid}.json":                           {"get", "delete"},
}

// kept are the keywords of OpenAPI that say something about shape.
var kept = strings.Fields("$ref additionalProperties anyOf content enum format in items maxLength maximum minLength minimum name nullable " +
	"oneOf parameters pattern properties requestBody required responses schema type")

type object = map[string]any

func main() {
	from := flag.String("from", "", "where the description is from, and its version")
	flag.Parse()
	if err := run(*from); err != nil {
		fmt.Fprintln(os.Stderr, "facts:", err)
		os.Exit(1)
	}
}

func run(from string) error {
	var published struct {
		Info       struct{ Title, Version string }
		Servers    any
		Paths      map[string]object
		Components struct {
			Schemas         map[string]any
			SecuritySchemes any
		}
	}
	if err := json.NewDecoder(os.Stdin).Decode(&published); err != nil {
		return err
	}
	paths, schemas := object{}, object{}
	for path, methods := range simulated {
		operations := object{}
		if !strings.HasPrefix(path, "/2010-04-01/") {
			path = account + path
		}
		for _, method := range methods {
			operation, ok := published.Paths[path][method].(object)
			if !ok {
				return fmt.Errorf("%s %s is not published any more", method, path)
			}
			operations[method] = cut(operation)
		}
		paths[path] = operations
	}
	refer(paths, published.Components.Schemas, schemas)
	text, err := json.Marshal(object{
		"openapi": "3.0.1", "info": object{"title": published.Info.Title, "version": published.Info.Version, "x-recorded-from": from},
		"servers": published.Servers, "paths": paths, "components": object{"schemas": schemas},
	})
	if err != nil {
		return err
	}
	return write(text)
}

// cut keeps what is said about shape. Responses need a description in OpenAPI, which is left empty.
func cut(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = cut(v[i])
		}
		return list
	case object:
		o := object{}
		for name, inner := range v {
			switch {
			case name == "responses":
				o[name] = responses(inner.(object))
			case name == "properties", name == "content": // their names are names of things
				o[name] = each(inner.(object))
			case slices.Contains(kept, name):
				o[name] = cut(inner)
			}
		}
		return o
	}
	return value
}

func each(o object) object {
	all := object{}
	for name, inner := range o {
		all[name] = cut(inner)
	}
	return all
}

func responses(published object) object {
	all := each(published)
	for _, response := range all {
		response.(object)["description"] = ""
	}
	return all
}

// refer adds the schemas that a value refers to.
func refer(value any, published map[string]any, schemas object) {
	switch v := value.(type) {
	case []any:
		for _, inner := range v {
			refer(inner, published, schemas)
		}
	case object:
		if ref, ok := v["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, "#/components/schemas/")
			if schemas[name] == nil {
				schemas[name] = cut(published[name])
				refer(schemas[name], published, schemas)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			refer(v[name], published, schemas)
		}
	}
}

// write puts each operation and each schema on a line of its own, in the order of their names.
func write(text []byte) error {
	var doc struct {
		OpenAPI    string                                `json:"openapi"`
		Info       json.RawMessage                       `json:"info"`
		Servers    json.RawMessage                       `json:"servers"`
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\"openapi\": %q,\n\"info\": %s,\n\"servers\": %s,\n\"paths\": {\n", doc.OpenAPI, doc.Info, doc.Servers)
	for i, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		fmt.Fprintf(&b, "%s%q: {\n", comma(i), path)
		for i, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			fmt.Fprintf(&b, "%s%q: %s", comma(i), method, doc.Paths[path][method])
		}
		b.WriteString("}")
	}
	b.WriteString("},\n\"components\": {\"schemas\": {\n")
	for i, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		fmt.Fprintf(&b, "%s%q: %s", comma(i), name, doc.Components.Schemas[name])
	}
	b.WriteString("}}}\n")
	_, err := os.Stdout.WriteString(b.String())
	return err
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ",\n"
}
