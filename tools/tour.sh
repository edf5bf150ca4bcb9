#!/usr/bin/env bash
# Makes the pictures of docs/tour.md anew, from what a real browser shows while the tests use the playground. Needs cwebp (package webp) and
# a font with emoji (fonts-noto-color-emoji).
set -euo pipefail
cd "$(dirname "$0")/.."
pictures=$(mktemp -d)
trap 'rm -rf "$pictures"' EXIT
go test ./test -run '^TestPlayground|^TestBrowserSwitchboard$' -artifacts -outputdir="$pictures"
for picture in first-visit answered story pictures ringing press-1 voicemail call-back trouble flood scenario switchboard; do
	cwebp -quiet -q 80 -resize 1200 0 "$(find "$pictures" -name "$picture.png" -print -quit)" -o "docs/tour/$picture.webp"
done
