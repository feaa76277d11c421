#!/bin/sh
# An upgrade under live plain connections: how many of BENCH_CLIENTS (9000) noticed nothing, and the
# longest that one of them waited for an answer meanwhile. usage: bench_upgrade.sh BUILDDIR
set -eu
. "$(dirname "$0")/bench_lib.sh"
ulimit -n "$(ulimit -H -n)"
clients=${BENCH_CLIENTS:-9000}
RUNTIME_DIRECTORY=$work/run
export RUNTIME_DIRECTORY
mkdir "$RUNTIME_DIRECTORY"
cp "$builddir/sennit" "$work/sennit"

"$builddir/sennit" irc --listen=tcp:0:127.0.0.1 -o max_connections=20000 -o max_per_address=0 \
	-o flood_burst=1000000 -o flood_rate=1000000 -o ping_interval=1h -o ping_timeout=1h \
	>"$work/out" 2>"$work/err" &
starter=$! server=$!
wait_until grep -q 'listening on' "$work/out"
port=$(sed -n 's/.*listening on .*://p' "$work/out")
head_line
"$bin/upgrade_load" "$port" "$clients" "$builddir/sennit" ctl upgrade "$work/sennit" \
	>"$work/values" || { cat "$work/err" >&2; die "the load failed"; }
moved=$(sed -n 's/.*: \([0-9]*\) connections have moved.*/\1/p' "$work/values")
set -- $(tail -n 1 "$work/values")
[ "$moved" -ge "$clients" ] || die "only $moved connections moved"
line 'upgrade: live plain connections moved' clients "$1" - - - 'all 9000'
line 'upgrade: longest wait for an answer meanwhile' ms "$2" - - - -
