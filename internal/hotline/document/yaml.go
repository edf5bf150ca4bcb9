package document

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// YAML returns the file. Texts must be UTF-8.
func (d Document) YAML() ([]byte, error) {
	n, err := d.node()
	if err != nil {
		return nil, err
	}
	return dump(n)
}

// Commented is YAML with what document.go says of each field above it, where the field is first, and the schema for editors.
func (d Document) Commented() ([]byte, error) {
	n, err := d.node()
	if err != nil {
		return nil, err
	}
	comment(n, reflect.TypeFor[Document](), map[string]bool{"Document.Hotlines": true})
	data, err := dump(n)
	return append([]byte(head), data...), err
}

const head = "# yaml-language-server: $schema=" + SchemaURL + `
#
# What else can be said here: https://github.com/bling-hotline/bling/blob/main/docs/hotlines.example.yaml

`

// comment writes the comments of a value of a type. said are the fields that have theirs already.
func comment(n *yaml.Node, t reflect.Type, said map[string]bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, item := range n.Content {
			comment(item, t.Elem(), said)
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			for _, field := range reflect.VisibleFields(t) {
				if name, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); name != key.Value {
					continue
				}
				owner := t // or what it has inline
				for _, i := range field.Index[:len(field.Index)-1] {
					owner = owner.Field(i).Type
				}
				if id := owner.Name() + "." + field.Name; !said[id] {
					said[id] = true
					key.HeadComment = lines(comments()[id])
				}
				comment(n.Content[i+1], field.Type, said)
			}
		}
	}
}

// lines breaks a comment.
func lines(comment string) string {
	var b strings.Builder
	width := 0
	for word := range strings.FieldsSeq(comment) {
		switch {
		case b.Len() == 0:
			b.WriteString("#")
			width = 1
		case width+1+len(word) > 100:
			b.WriteString("\n#")
			width = 1
		}
		b.WriteString(" " + word)
		width += 1 + len(word)
	}
	return b.String()
}

func (d Document) node() (*yaml.Node, error) {
	var n yaml.Node
	err := n.Encode(d)
	return &n, err
}

// dump writes a document. yaml escapes what is beyond the first 65536 characters, such as emoji, where people should see it; others stand for
// it meanwhile.
func dump(n *yaml.Node) ([]byte, error) {
	used, free := map[rune]bool{}, privateUse
	each(n, func(n *yaml.Node) {
		for _, c := range n.Value {
			used[c] = true
		}
		if n.Style == yaml.SingleQuotedStyle {
			n.Style = yaml.DoubleQuotedStyle // as in the example
		}
	})
	standsFor, back := map[rune]rune{}, map[rune]rune{}
	for _, c := range slices.Sorted(maps.Keys(used)) {
		for used[free] {
			free++
		}
		if c > '\uffff' && unicode.IsGraphic(c) && free <= lastPrivateUse {
			standsFor[c], back[free] = free, c
			free++
		}
	}
	each(n, func(n *yaml.Node) { n.Value = replaced(n.Value, standsFor) })
	// A text stays on its line, however long: a folded one is easily broken by whoever edits it.
	data, err := yaml.Dump(n, yaml.WithIndent(2), yaml.WithCompactSeqIndent(false), yaml.WithLineWidth(-1))
	return []byte(replaced(string(data), back)), err
}

// https://en.wikipedia.org/wiki/Private_Use_Areas
const privateUse, lastPrivateUse = '\ue000', '\uf8ff'

// each calls f with all nodes.
func each(n *yaml.Node, f func(*yaml.Node)) {
	f(n)
	for _, part := range n.Content {
		each(part, f)
	}
}

func replaced(s string, by map[rune]rune) string {
	return strings.Map(func(c rune) rune {
		if other, found := by[c]; found {
			return other
		}
		return c
	}, s)
}
