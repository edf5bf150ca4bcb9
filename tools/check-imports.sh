#!/usr/bin/env bash
# Fails when an import goes against the order of the modules:
#
#   proto <- internal <- simulator <- services/* <- cmd/bling, test
#
# A service never imports another service, and takes the simulator in tests only. Each import is
# looked at alone; that is enough, since a chain of allowed ones cannot lead anywhere forbidden.
set -euo pipefail
cd "$(dirname "$0")/.."

# One line per import: "code" or "test", the module, the path imported.
# shellcheck disable=SC2016 # the dollars are the template's
go list -f '
{{- $module := .Module.Path}}
{{- range .Imports}}code {{$module}} {{.}}{{"\n"}}{{end}}
{{- range .TestImports}}test {{$module}} {{.}}{{"\n"}}{{end}}
{{- range .XTestImports}}test {{$module}} {{.}}{{"\n"}}{{end}}' work |
	awk '
	function rank(path) {
		if (path ~ /^proto(\/|$)/) return 1
		if (path ~ /^internal(\/|$)/) return 2
		if (path ~ /^simulator(\/|$)/) return 3
		if (path ~ /^services\//) return 4
		return 5
	}
	BEGIN { root = "github.com/bling-hotline/bling/" }
	index($3, root) != 1 || $3 == $2 || index($3, $2 "/") == 1 { next } # not ours, or the same module
	{
		from = substr($2, length(root) + 1)
		to = substr($3, length(root) + 1)
		test = $1 == "test"
		if (rank(to) > rank(from) || rank(to) == rank(from) && rank(from) == 4)
			why = "the order is proto <- internal <- simulator <- services <- cmd/bling, test"
		else if (rank(from) == 4 && rank(to) == 3 && !test)
			why = "a service takes the simulator in tests only"
		else
			next
		print from " imports " to (test ? " in a test" : "") ": " why
		bad = 1
	}
	END { exit bad }'
