#!/bin/sh
# Our echo server beside libevent's, in one run: CPU time of the server per 64-byte message, and
# private memory per idle connection. usage: bench_echo.sh BUILDDIR
set -eu
. "$(dirname "$0")/bench_lib.sh"
need openssl openssl
[ -x "$bin/echo_libevent" ] || die 'no echo_libevent: apt-get install libevent-dev, then configure'

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
cat "$work/key.pem" "$work/cert.pem" >"$work/echo.pem"
ulimit -n "$(ulimit -H -n)"

ours() {
	start "$bin/echo_server" "${tls:+tls:$work/echo.pem:}tcp:0:127.0.0.1"
	load "$bin/echo_load" $tls "$kind" "$port" "$server" $arguments
	stop
}

libevent() {
	start "$bin/echo_libevent" ${tls:+--tls "$work/echo.pem"} $bare 0
	load "$bin/echo_load" $tls "$kind" "$port" "$server" $arguments
	stop
}

compare_load() { # TARGET
	kind=load arguments="$seconds 1:1 100:100 10000:100 10000:10000"
	take_turns ours libevent
	report 1 "echo $name, 1 connection" 'CPU us' "$1"
	report 2 "echo $name, 100 connections" 'CPU us' "$1"
	report 3 "echo $name, 10,000 connections, 100 active" 'CPU us' "$1"
	report 4 "echo $name, 10,000 connections" 'CPU us' "$1"
}

compare_idle() { # TARGET
	kind=idle arguments='1000 9000'
	pair_once "idle connection, $name: private memory" bytes "$1" ours libevent
}

head_line
name=TCP tls='' bare=''
compare_load '<= 1.00'
compare_idle 'ours <= 1536'
name=TLS tls=--tls
compare_load '<= 1.00'
compare_idle 'ours <= 17408'
# The least that libevent can do: neither a queue nor deadlines.
name=TCP tls='' bare=--events
compare_load '(bare events)'
