# Everything that is done to this repository. CI (.ci/run) uses these targets and nothing else.

# Our own shell options: a failing command inside a loop or a pipe must fail the target.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

FUZZTIME ?= 1m
export FUZZTIME

# The Go files that people write.
GOFILES = find . -name '*.go' -not -path './proto/gen/*' -not -path './.cache/*'

# The race detector needs cgo, and so a C compiler. Without one, say so and test all the same.
RACE = $(shell if [ "$$(go env CGO_ENABLED)" = 1 ] && command -v $$(go env CC) >/dev/null; \
	then echo -race; else echo "SKIPPED: -race needs a C compiler" >&2; fi)

help: ## print this
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r target text; \
		do printf '  make %-10s %s\n' "$$target" "$$text"; done
.PHONY: help

run: ## the whole hotline and the simulator in one process; no accounts needed
	go run ./cmd/bling
.PHONY: run

storybook: ## every state of the dialer's pages, on 127.0.0.1:8090
	go run ./services/dialer/cmd/storybook
.PHONY: storybook

build: ## all programs, into bin/
	go build -o bin/ work
.PHONY: build

IMAGE_PREFIX ?= ghcr.io/bling-hotline/
VERSION ?= $(shell git describe --tags --always --dirty)
DOCKER ?= docker

images: ## container images of the services and the simulator, each PREFIXbling-NAME:VERSION
	for service in gateway telephony ticketing dialer switchboard simulator; do \
		$(DOCKER) build --build-arg SERVICE=$$service --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
			-t $(IMAGE_PREFIX)bling-$$service:$(VERSION) .; \
	done
.PHONY: images

test: ## all tests, on SQLite and PostgreSQL, with the race detector, and in a real browser
	tools/get-chromium.sh
	@# Two at a time, since tests wait more than they work.
	tools/with-postgres.sh $(MAKE) -j2 --keep-going --no-print-directory tested tested-for-races
	@# Its tests look at files outside of that module, whose changes go does not see.
	GOWORK=off go -C tools test -count=1 ./...
.PHONY: test

# Everything, at full speed.
tested:
	go test -timeout 40m work
.PHONY: tested

# What runs in one process runs again, with less of everything, and on PostgreSQL alone if there is one: the race detector makes SQLite, which
# is compiled to Go, ten times slower, and sees nothing of other processes.
tested-for-races:
	go test $(RACE) -short -timeout 40m work
.PHONY: tested-for-races

bench: ## what a text costs, on SQLite and PostgreSQL, beside what it must cost at least
	tools/with-postgres.sh bash -c "go test ./test -run '^$$' -bench 'Ack|Deliver' -benchtime 8000x && \
		go test ./test -run '^$$' -bench Start -benchtime 10x"
.PHONY: bench

fuzz: ## each fuzz target for FUZZTIME (1m)
	tools/fuzz.sh
.PHONY: fuzz

lint: bin/buf bin/staticcheck ## format, vet, staticcheck, order of imports, style of the protos
	@unformatted=$$($(GOFILES) -exec gofmt -l {} +); \
		if [ -n "$$unformatted" ]; then echo "gofmt -w is wanted by:"; echo "$$unformatted"; exit 1; fi
	bin/buf lint
	bin/buf format -d --exit-code
	go vet work
	GOWORK=off go -C tools vet ./...
	bin/staticcheck work
	cd tools && GOWORK=off ../bin/staticcheck ./...
	tools/check-imports.sh
.PHONY: lint

# What comes out lands in .cache first: a failure leaves the tree as it was, and what a deleted proto
# left behind goes. verify makes the same and compares.
GENERATED = .cache/generated
PLUGINS = bin/protoc-gen-go bin/protoc-gen-go-grpc bin/protoc-gen-grpc-gateway bin/protoc-gen-apidoc

generated: bin/buf $(PLUGINS)
	rm -rf $(GENERATED)
	bin/buf generate -o $(GENERATED)
.PHONY: generated

generate: generated ## Go code and docs/reference/api.md, from the protos
	rm -rf proto/gen
	mkdir -p docs/reference
	cp -r $(GENERATED)/proto/gen proto/gen
	cp $(GENERATED)/docs/reference/api.md docs/reference/api.md
.PHONY: generate

verify: lint generated ## lint, and: generated code is fresh, protos break nobody, go.mod files are tidy
	@diff -rq $(GENERATED)/proto/gen proto/gen && diff -q $(GENERATED)/docs/reference/api.md docs/reference/api.md || \
		{ echo "the generated files are stale: run make generate"; exit 1; }
	tools/check-breaking.sh
	@for dir in $$(go list -m -f '{{.Dir}}') tools; do \
		echo "go mod tidy -diff in $${dir#$(CURDIR)/}"; GOWORK=off go -C "$$dir" mod tidy -diff; done
.PHONY: verify

# The tools, at the versions in tools/go.mod. That module is not in go.work, or its needs would pick
# the versions that the services ship with.
bin/%: tools/go.mod tools/go.sum
	@echo "building $@"
	@GOWORK=off go -C tools build -o ../bin/ "$$(GOWORK=off go -C tools list tool | grep '/$*$$')"
	@touch $@ # go leaves a file alone that is already right

bin/protoc-gen-apidoc: tools/protoc-gen-apidoc/main.go
