package document

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/bling-hotline/bling/internal/hotline"
)

var update = flag.Bool("update", false, "write docs/hotlines.schema.json")

const (
	example    = "../../../docs/hotlines.example.yaml"
	schemaFile = "../../../docs/hotlines.schema.json"
)

func TestSchemaFile(t *testing.T) {
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(schemaFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types give; go generate ./internal/hotline/document writes it: %v", schemaFile, err)
	}
}

// validator is the schema, as a stranger reads it.
func validator(t testing.TB) *jsonschema.Schema {
	t.Helper()
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaURL, schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(SchemaURL)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// validate asks the schema about a file.
func validate(t testing.TB, s *jsonschema.Schema, data []byte) error {
	t.Helper()
	var document yaml.Node
	if err := yaml.Load(data, &document); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return s.Validate(plain(document.Content[0]))
}

// plain is what an editor sees of YAML, where a day is a text. Space around texts is left out, since the reader does not count it.
func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.AliasNode:
		return plain(n.Alias)
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind == yaml.AliasNode {
				key = key.Alias
			}
			m[key.Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, plain(item))
		}
		return list
	}
	var v any
	if err := n.Decode(&v); n.ShortTag() == "!!timestamp" || n.ShortTag() == "!!str" || err != nil {
		return strings.TrimSpace(n.Value)
	}
	return v
}

// problems asks the reader about a file.
func problems(data []byte) (all []string) {
	hotline.Load(data, func(_ int, problem string) { all = append(all, problem) })
	return all
}

// stories are the files of the scenarios that come with the hotline.
func stories(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("../../../simulator/scenario/stories/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, file, found := strings.Cut(string(data), "-- hotlines.yaml --\n"); found {
			file, _, _ = strings.Cut(file, "\n-- ")
			files[filepath.Base(path)] = []byte(file)
		}
	}
	return files
}

// The example has every field (TestExample of package hotline), so the schema knows whatever the reader does.
func TestFiles(t *testing.T) {
	data, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(data, []byte("# yaml-language-server: $schema=hotlines.schema.json\n")) {
		t.Error("editors are not told the schema of the example")
	}
	s, files := validator(t), stories(t)
	files["example"] = data
	for name, data := range files {
		if err := validate(t, s, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// values are tried for every property.
var values = []any{
	nil, true, false, "true", "", " ", "x", "1", "all", "none", "audio", "en", "+16175550199", "UTC", "2026-12-25", "24h", "20s", "60s", "09:00-17:00",
	"https://example.org/a.mp3", strings.Repeat("é", 1000), strings.Repeat("é", 1001), strings.Repeat("é", 1601),
	0, 1, -1, 5, 11, 40_000, 1.5, 16175550199,
	[]any{}, []any{nil}, []any{"x"}, []any{"x", "x"}, []any{1}, []any{"1"}, []any{true}, []any{"2026-12-25"}, []any{"US"}, []any{"+16175550199"}, []any{"09:00-17:00"}, []any{[]any{}},
	map[string]any{}, map[string]any{"x": "x"}, map[string]any{"audio": "https://example.org/a.mp3"}, map[string]any{"audio": "x"}, map[string]any{"audio": nil},
	map[string]any{"mon": []any{}}, map[string]any{"mon": []any{"09:00-17:00"}}, map[string]any{"mon": []any{"9-17"}}, map[string]any{"mon": "09:00-17:00"},
	map[string]any{"fri-mon": []any{"9:00-24:00"}}, map[string]any{"mo": []any{"09:00-17:00"}}, map[string]any{"mon": nil},
	map[string]any{"welcome": "x"}, map[string]any{"greeting": "x"}, map[string]any{"fr": map[string]any{"says": map[string]any{"thanks": "x"}}},
}

// wrongForm reports whether the reader complains of a value by what it is alone. Of a number in quotes the schema knows only that.
func wrongForm(v any, found []string) bool {
	complaints := []string{
		"unknown field", "has no value", "must have fields", "must be a list", "must be a single value", "must be a text, in quotes", "is empty",
		"characters", "is none of", "is not true or false",
	}
	if _, quoted := v.(string); !quoted {
		complaints = append(complaints, "is not a number", "is not a mailbox id")
	}
	return slices.ContainsFunc(found, func(problem string) bool {
		return slices.ContainsFunc(complaints, func(c string) bool { return strings.Contains(problem, c) })
	})
}

// Each property of the schema is known to the reader, and the two agree on what it may be: whatever the reader takes, the schema does,
// and what has the wrong form, neither does. So do they with a field that is misspelt.
func TestProperties(t *testing.T) {
	s := validator(t)
	data, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	all := hotline.Load(data, func(_ int, problem string) { t.Fatal(problem) })
	if data, err = Of(all[:1]).YAML(); err != nil {
		t.Fatal(err)
	}
	seen, parts := map[string]bool{}, parts(t, data)
	// try compares the two on the example with something else in place of the value at path. Other fields of the hotline are left out.
	try := func(path []string, name string, v any) {
		field := "number"
		if len(path) > 2 {
			field = path[2]
		}
		var root any
		if err := yaml.Load(parts[field], &root); err != nil {
			t.Fatal(err)
		}
		at(root, path)[name] = v
		data, err := yaml.Dump(root)
		if err != nil {
			t.Fatal(err)
		}
		where := fmt.Sprintf("%s.%s: %.40v", strings.Join(path, "."), name, v)
		refused, found := s.Validate(root), problems(data)
		if refused != nil && len(found) == 0 {
			t.Errorf("%s: only the schema refuses it: %v", where, refused)
		}
		if refused == nil && wrongForm(v, found) {
			t.Errorf("%s: only the reader refuses it: %q", where, found)
		}
		unknown := slices.Contains(found, name+": unknown field")
		if misspelt := strings.HasSuffix(name, "_x"); v == "x" && unknown != misspelt {
			t.Errorf("%s: the reader says %q", where, found)
		}
	}
	var walk func(schema *jsonschema.Schema, path []string)
	walk = func(schema *jsonschema.Schema, path []string) {
		if schema.Items != nil {
			walk(schema.Items.(*jsonschema.Schema), append(slices.Clone(path), "0"))
		}
		if languages, isSchema := schema.AdditionalProperties.(*jsonschema.Schema); isSchema {
			walk(languages, append(slices.Clone(path), "es"))
		}
		for _, either := range schema.AnyOf {
			walk(either, path)
		}
		if len(schema.Properties) == 0 || schema.PatternProperties != nil { // days are in the values
			return
		}
		for name, property := range schema.Properties {
			seen[name] = true
			if property.Description == "" {
				t.Errorf("%s: editors have nothing to show of %s", path, name)
			}
			if len(property.AnyOf) > 0 && name != "audio" { // a recording is in the values
				property = &jsonschema.Schema{}
			}
			for _, v := range values {
				try(path, name, v)
			}
			walk(property, append(slices.Clone(path), name))
		}
		try(path, slices.Min(slices.Collect(maps.Keys(schema.Properties)))+"_x", "x")
	}
	walk(s, nil)
	if len(seen) < 50 {
		t.Errorf("only %d properties were looked at: %v", len(seen), slices.Sorted(maps.Keys(seen)))
	}
}

// The reader has no field that the schema lacks: whatever its methods compare the names of fields with is a property somewhere.
func TestReadersFields(t *testing.T) {
	properties, fields := map[string]bool{}, map[string]bool{}
	var collect func(*jsonschema.Schema)
	collect = func(s *jsonschema.Schema) {
		for name, property := range s.Properties {
			properties[name] = true
			collect(property)
		}
		for _, part := range append(slices.Clone(s.AnyOf), itemsOf(s)...) {
			collect(part)
		}
	}
	collect(validator(t))
	paths, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		source, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range source.Decls {
			method, isFunc := decl.(*ast.FuncDecl)
			if !isFunc {
				continue
			}
			of := method.Name.Name
			if method.Recv != nil {
				of = types.ExprString(method.Recv.List[0].Type)
			}
			if !slices.Contains([]string{"Load", "*file", "*Says"}, of) {
				continue
			}
			note := func(all ...ast.Expr) {
				for _, e := range all {
					if word, isLiteral := e.(*ast.BasicLit); isLiteral && strings.Trim(word.Value, `"abcdefghijklmnopqrstuvwxyz_`) == "" && len(word.Value) > 2 {
						fields[strings.Trim(word.Value, `"`)] = true
					}
				}
			}
			ast.Inspect(method, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CaseClause:
					note(n.List...)
				case *ast.KeyValueExpr:
					note(n.Key)
				case *ast.BinaryExpr:
					note(n.X, n.Y)
				}
				return true
			})
		}
	}
	for field := range fields {
		if !properties[field] {
			t.Errorf("the reader knows %q, and the schema does not", field)
		}
	}
	for _, field := range []string{"hotlines", "number", "missed", "greeting", "unreached", "audio", "words", "recordings", "countries", "welcome"} {
		if !fields[field] {
			t.Errorf("%q was not found in the reader", field)
		}
	}
}

// itemsOf are the schemas of what is in a list, or under any key.
func itemsOf(s *jsonschema.Schema) (all []*jsonschema.Schema) {
	for _, part := range []any{s.Items, s.AdditionalProperties} {
		if part, isSchema := part.(*jsonschema.Schema); isSchema {
			all = append(all, part)
		}
	}
	return all
}

// parts returns, for each field of the file's first hotline, the file without the others that are not needed.
func parts(t *testing.T, file []byte) map[string][]byte {
	first := func() (root any, h map[string]any) {
		if err := yaml.Load(file, &root); err != nil {
			t.Fatal(err)
		}
		return root, at(root, []string{"hotlines", "0"})
	}
	_, all := first()
	parts := map[string][]byte{}
	for field := range all {
		root, h := first()
		maps.DeleteFunc(h, func(other string, _ any) bool {
			return !slices.Contains([]string{field, "number", "mailbox", "time_zone"}, other)
		})
		data, err := yaml.Dump(root)
		if err != nil {
			t.Fatal(err)
		}
		parts[field] = data
	}
	return parts
}

// at returns the mapping at a path, and makes it if it is not there.
func at(v any, path []string) map[string]any {
	for i, step := range path {
		var next any
		switch v := v.(type) {
		case []any:
			next = v[0]
		case map[string]any:
			if v[step] == nil && i+1 < len(path) && path[i+1] == "0" {
				v[step] = []any{map[string]any{}}
			} else if v[step] == nil {
				v[step] = map[string]any{}
			}
			next = v[step]
		}
		v = next
	}
	return v.(map[string]any)
}

func TestSchemaRefusesOtherFiles(t *testing.T) {
	s := validator(t)
	for _, file := range []string{"5", "[]", "hotlines: []", "hotlines:", "hotline: []", "hotlines: [{number: +15017122661}]", "hotlines: [{mailbox: 5}]"} {
		if err := validate(t, s, []byte(file)); err == nil || len(problems([]byte(file))) == 0 {
			t.Errorf("%s: %v, %q", file, err, problems([]byte(file)))
		}
	}
	if err := validate(t, s, []byte("hotlines: [{number: +15017122661, mailbox: 5}]")); err != nil {
		t.Error(err)
	}
}
