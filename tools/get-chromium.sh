#!/usr/bin/env bash
# Sees to it that the browser tests have a Chromium: takes the one in PATH, and installs Debian's when run as root without one.
# Where it can have none it says so, and the tests that need it skip themselves.
set -uo pipefail

command -v chromium >/dev/null && exit
if ((EUID == 0)) && command -v apt-get >/dev/null; then
	echo "installing Chromium" >&2
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get -q update && apt-get -q -y install --no-install-recommends chromium; } >"$log" 2>&1 || tail -n 20 "$log" >&2
	rm -f "$log"
fi
command -v chromium >/dev/null || echo "SKIPPED: there is no Chromium; browser tests do not run" >&2
exit 0
