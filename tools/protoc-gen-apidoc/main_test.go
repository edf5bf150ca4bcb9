package main

import (
	"flag"
	"os"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/pluginpb"
)

var update = flag.Bool("update", false, "write testdata/api.md anew")

// TestPage compiles testdata's proto and compares the page with testdata/api.md.
func TestPage(t *testing.T) {
	const name = "bling/example/v1/example.proto"
	c := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{"testdata"}}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := c.Compile(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	request := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{name},
		ProtoFile: []*descriptorpb.FileDescriptorProto{
			protodesc.ToFileDescriptorProto(timestamppb.File_google_protobuf_timestamp_proto),
			files[0].(linker.Result).FileDescriptorProto(),
		},
	}
	p, err := protogen.Options{}.New(request)
	if err != nil {
		t.Fatal(err)
	}
	write(p)
	response := p.Response()
	if len(response.File) != 1 || response.File[0].GetName() != "api.md" {
		t.Fatalf("want one file api.md, got %v", response)
	}
	got := response.File[0].GetContent()
	if *update {
		if err := os.WriteFile("testdata/api.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/api.md")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the page differs from testdata/api.md (go test -update writes it anew):\n%s", got)
	}
}
