// Command protoc-gen-apidoc is a protoc plugin that writes one Markdown page, api.md, about all the
// protos it is given: services, RPCs, messages and enums, in the words of their leading comments.
//
// It is our own because the usual generator, protoc-gen-doc, has had no release since 2022. buf calls
// it (see buf.gen.yaml, with "strategy: all", since one page needs all the files in one call).
//
// It fails only if a proto cannot be resolved; a missing comment is the business of buf lint.
package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	protogen.Options{}.Run(func(p *protogen.Plugin) error {
		p.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		write(p)
		return nil
	})
}

// page is the Markdown being written, and what a type's name may link to.
type page struct {
	*protogen.GeneratedFile
	known map[protoreflect.FullName]bool
}

func write(p *protogen.Plugin) {
	var files []*protogen.File
	for _, f := range p.Files {
		if f.Generate {
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b *protogen.File) int {
		return cmp.Or(cmp.Compare(a.Desc.Package(), b.Desc.Package()), cmp.Compare(a.Desc.Path(), b.Desc.Path()))
	})

	out := page{p.NewGeneratedFile("api.md", ""), map[protoreflect.FullName]bool{}}
	for _, f := range files {
		out.learn(f.Messages, f.Enums)
	}
	out.P("# API reference")
	out.P()
	out.P("Written by `make generate` from the comments in `proto/`. Do not edit: change the comment there.")
	out.P()
	for _, f := range files {
		for _, s := range f.Services {
			out.P("- ", link(s.Desc.FullName()), ": ", firstSentence(s.Comments.Leading))
		}
	}
	var last protoreflect.FullName
	for _, f := range files {
		if f.Desc.Package() != last {
			last = f.Desc.Package()
			out.P()
			out.P("## Package ", last)
		}
		for _, s := range f.Services {
			out.service(s)
		}
		out.messages(f.Messages)
		out.enums(f.Enums)
	}
}

func (out page) learn(messages []*protogen.Message, enums []*protogen.Enum) {
	for _, e := range enums {
		out.known[e.Desc.FullName()] = true
	}
	for _, m := range messages {
		out.known[m.Desc.FullName()] = true
		out.learn(m.Messages, m.Enums)
	}
}

// heading gives the full name, so that its anchor is the same everywhere and there is only one of it.
func (out page) heading(name protoreflect.FullName, c protogen.CommentSet) {
	out.P()
	out.P("### ", name)
	out.paragraphs(c.Leading)
}

func (out page) service(s *protogen.Service) {
	out.heading(s.Desc.FullName(), s.Comments)
	for _, m := range s.Methods {
		out.P()
		out.P("#### ", m.Desc.Name())
		out.P()
		out.P("Takes ", stream(m.Desc.IsStreamingClient()), out.name(m.Input.Desc),
			", returns ", stream(m.Desc.IsStreamingServer()), out.name(m.Output.Desc), ".")
		out.paragraphs(m.Comments.Leading)
	}
}

func (out page) messages(messages []*protogen.Message) {
	for _, m := range messages {
		if m.Desc.IsMapEntry() {
			continue
		}
		out.heading(m.Desc.FullName(), m.Comments)
		out.P()
		if len(m.Fields) == 0 {
			out.P("No fields.")
		} else {
			out.P("| field | type | meaning |")
			out.P("|---|---|---|")
		}
		for _, f := range m.Fields {
			meaning := cell(f.Comments.Leading)
			if f.Oneof != nil && !f.Oneof.Desc.IsSynthetic() {
				meaning = fmt.Sprintf("One of `%s`. %s", f.Oneof.Desc.Name(), meaning)
			}
			out.P("| `", f.Desc.Name(), "` | ", out.fieldType(f.Desc), " | ", meaning, " |")
		}
		out.messages(m.Messages)
		out.enums(m.Enums)
	}
}

func (out page) enums(enums []*protogen.Enum) {
	for _, e := range enums {
		out.heading(e.Desc.FullName(), e.Comments)
		out.P()
		out.P("| value | number | meaning |")
		out.P("|---|---|---|")
		for _, v := range e.Values {
			out.P("| `", v.Desc.Name(), "` | ", v.Desc.Number(), " | ", cell(v.Comments.Leading), " |")
		}
	}
}

func (out page) fieldType(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "map of " + out.fieldType(f.MapKey()) + " to " + out.fieldType(f.MapValue())
	case f.IsList():
		return "repeated " + out.element(f)
	case f.HasOptionalKeyword():
		return "optional " + out.element(f)
	}
	return out.element(f)
}

func (out page) element(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return out.name(f.Message())
	case protoreflect.EnumKind:
		return out.name(f.Enum())
	}
	return "`" + f.Kind().String() + "`"
}

func (out page) name(d protoreflect.Descriptor) string {
	if out.known[d.FullName()] {
		return link(d.FullName())
	}
	return "`" + string(d.FullName()) + "`"
}

// link follows GitHub's rule for a heading's anchor: lower case, and no dots.
func link(name protoreflect.FullName) string {
	return fmt.Sprintf("[%s](#%s)", name.Name(), strings.ToLower(strings.ReplaceAll(string(name), ".", "")))
}

func stream(is bool) string {
	if is {
		return "a stream of "
	}
	return ""
}

// paragraphs writes a comment as text of its own, after a blank line.
func (out page) paragraphs(c protogen.Comments) {
	if text := clean(c); text != "" {
		out.P()
		out.P(text)
	}
}

// cell is a comment on one line, fit for a table.
func cell(c protogen.Comments) string {
	text := strings.ReplaceAll(clean(c), "\n\n", "<br>")
	return strings.ReplaceAll(strings.ReplaceAll(text, "\n", " "), "|", `\|`)
}

func firstSentence(c protogen.Comments) string {
	text := strings.ReplaceAll(clean(c), "\n", " ")
	if first, _, more := strings.Cut(text, ". "); more {
		return first + "."
	}
	return text
}

// clean drops the space after each "//" and what is said to the linter, and keeps "<Response>" from
// becoming a tag, except in code, where Markdown does that itself.
func clean(c protogen.Comments) string {
	var lines []string
	for line := range strings.Lines(string(c)) {
		if line = strings.TrimRight(strings.TrimPrefix(line, " "), " \n"); !strings.HasPrefix(line, "buf:lint:") {
			lines = append(lines, line)
		}
	}
	parts := strings.Split(strings.TrimSpace(strings.Join(lines, "\n")), "`")
	for i := 0; i < len(parts); i += 2 { // the odd ones are between backquotes
		parts[i] = strings.ReplaceAll(parts[i], "<", "&lt;")
	}
	return strings.Join(parts, "`")
}
