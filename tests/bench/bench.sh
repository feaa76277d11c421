#!/bin/sh
# Every figure in one table. usage: bench.sh BUILDDIR
set -eu
here=$(dirname "$0")
missing=
PATH=$PATH:/usr/sbin
[ -x "$1/tests/bench/echo_libevent" ] || missing="$missing libevent-dev"
command -v nginx >/dev/null || missing="$missing nginx-light"
command -v ngircd >/dev/null || missing="$missing ngircd"
command -v openssl >/dev/null || missing="$missing openssl"
if [ -n "$missing" ]; then
	echo "bench: first: apt-get install$missing   (after libevent-dev: configure again)" >&2
	exit 1
fi
echo "$(nproc) cores, $(uname -r), load $(cut -d' ' -f1-3 /proc/loadavg)"
"$here/bench_echo.sh" "$1"
export BENCH_HEAD=printed
"$here/bench_accept.sh" "$1"
"$here/bench_irc.sh" "$1"
/usr/bin/python3 "$here/bench_auth.py" "$1"
"$here/bench_upgrade.sh" "$1"
"$here/bench_workers.sh" "$1"
"$here/bench_own.sh" "$1" loop tls dgram store
echo "load $(cut -d' ' -f1-3 /proc/loadavg) at the end"
