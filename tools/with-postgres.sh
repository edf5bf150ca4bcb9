#!/usr/bin/env bash
# Runs a command beside a private PostgreSQL that lives only as long as the command does:
#
#   tools/with-postgres.sh go test work
#
# The command finds it in BLING_TEST_POSTGRES_URL (a superuser, so tests may create databases). When
# that is set already, the command just runs. Where there is no PostgreSQL, it is installed if we are
# root on a Debian; if that does not work either, the command runs without one, and we say so.
set -euo pipefail

# Without PostgreSQL the tests that need it skip themselves. Say so last too, below pages of output.
without() {
	echo "SKIPPED: PostgreSQL $1; tests that need it do not run" >&2
	local status=0
	"${command[@]}" || status=$?
	echo "SKIPPED: PostgreSQL $1; tests that need it did not run" >&2
	exit "$status"
}

# find_bin prints the folder of the server's programs. Debian keeps them out of PATH.
find_bin() {
	local found
	if found=$(command -v initdb); then
		dirname "$(readlink -f "$found")"
		return
	fi
	found=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
	[[ -x $found ]] && dirname "$found"
}

install_postgres() {
	if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
		return 1
	fi
	echo "installing PostgreSQL" >&2
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get -q update && apt-get -q -y install --no-install-recommends postgresql; } >"$home/install.log" 2>&1 ||
		{ tail -n 20 "$home/install.log" >&2; return 1; }
}

# server runs one of the server's programs, as somebody else when we are root: they refuse root. They
# also want a working folder that they may read.
server() {
	local program=$1
	shift
	(cd "$home" && "${as[@]}" "$bin/$program" "$@")
}

cleanup() {
	[[ -n $started ]] && server pg_ctl -D "$home/data" -m immediate -w stop >/dev/null
	rm -rf "$home"
}

if (($# == 0)); then
	echo "usage: $0 COMMAND..." >&2
	exit 2
fi
command=("$@")
[[ -n ${BLING_TEST_POSTGRES_URL:-} ]] && exec "$@"

# TMPDIR is not used: the path of a unix socket must be short, and the user below must get there.
home=$(mktemp -d /tmp/bling-postgres.XXXXXX)
started=
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

bin=$(find_bin) || { install_postgres && bin=$(find_bin); } || without "is not installed and could not be"

as=()
if ((EUID == 0)); then
	user=nobody
	getent passwd postgres >/dev/null && user=postgres
	as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
	chown "$user" "$home"
fi
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "$password" >"$home/password"
server initdb -D "$home/data" -U bling --pwfile="$home/password" --auth=scram-sha-256 \
	--encoding=UTF8 --locale=C >"$home/initdb.log" 2>&1 ||
	{ cat "$home/initdb.log" >&2; without "could not be set up"; }

# What a commit promises is what we test and measure: fsync and synchronous_commit stay on.
cat >>"$home/data/postgresql.conf" <<-END
	listen_addresses = '127.0.0.1'
	unix_socket_directories = '$home'
	max_connections = 200
	fsync = on
	synchronous_commit = on
END

# PostgreSQL cannot pick a free port itself, so try some, below those the kernel hands out.
for _ in {1..10}; do
	port=$((20000 + RANDOM % 12000))
	if server pg_ctl -D "$home/data" -l "$home/server.log" -o "-p $port" -w start >/dev/null 2>&1; then
		started=yes
		break
	fi
done
[[ -n $started ]] || { cat "$home/server.log" >&2; without "does not start"; }

export BLING_TEST_POSTGRES_URL="postgres://bling:$password@127.0.0.1:$port/postgres?sslmode=disable"
echo "PostgreSQL: $(server postgres --version), on port $port" >&2
"${command[@]}"
