# syntax=docker/dockerfile:1
# The images of all programs: docker build --build-arg SERVICE=gateway .
# SERVICE is gateway, telephony, ticketing, dialer, switchboard, simulator, or bling: the services in one process. make images
# builds all but the last.

# Go compiles for any platform, so this runs on our own, without emulation.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION
# For those who have a proxy of their own.
ARG GOPROXY
# All programs at once: they share nearly all packages, and so the images share this step. Time zones need no tag:
# internal/hotline has them compiled in. /data is made here because scratch has no mkdir.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
	CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath \
	-ldflags "-s -w -X github.com/bling-hotline/bling/internal/telemetry.version=$VERSION" -o /out/ work && mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# SQLite's files, for those who have no PostgreSQL: mount a volume here. The user has no home directory to put them.
COPY --from=build --chown=65532:65532 /data /data
ENV BLING_DATA_DIR=/data
# One name for all, because without a shell the entry point cannot say $SERVICE.
ARG SERVICE=bling
COPY --from=build /out/$SERVICE /service
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="bling-$SERVICE" \
	org.opencontainers.image.source="https://github.com/bling-hotline/bling" \
	org.opencontainers.image.version="$VERSION" \
	org.opencontainers.image.revision="$REVISION" \
	org.opencontainers.image.licenses="MIT"
USER 65532:65532
ENTRYPOINT ["/service"]
