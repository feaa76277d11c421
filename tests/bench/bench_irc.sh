#!/bin/sh
# `sennit irc` beside ngircd, in one run: private memory of an idle registered client, CPU time of
# one line delivered to one member of a channel. usage: bench_irc.sh BUILDDIR
set -eu
. "$(dirname "$0")/bench_lib.sh"
need ngircd ngircd
ulimit -n "$(ulimit -H -n)"

ours() {
	"$builddir/sennit" irc --listen=tcp:0:127.0.0.1 -o max_connections=20000 \
		-o max_per_address=0 -o flood_burst=1000000 -o flood_rate=1000000 \
		-o ping_interval=1h -o ping_timeout=1h >"$work/out" 2>"$work/err" &
	starter=$! server=$!
	wait_until grep -q 'listening on' "$work/out"
	port=$(sed -n 's/.*listening on .*://p' "$work/out")
	load "$bin/irc_load" "$kind" "$port" "$server" $arguments
	stop
}

write_conf() {
	cat >"$work/ngircd.conf" <<-END
		[Global]
		Name = irc.bench.test
		Info = bench
		AdminInfo1 = bench
		AdminEMail = bench@bench.test
		Listen = 127.0.0.1
		Ports = $port
		MotdPhrase =
		MotdFile = /nonexistent
		[Limits]
		MaxConnections = 0
		MaxConnectionsIP = 0
		MaxPenaltyTime = 0
		PingTimeout = 3600
		PongTimeout = 3600
		[Options]
		DNS = no
		Ident = no
		PAM = no
	END
}

ngircd() {
	port=$("$bin/free_port")
	write_conf
	PATH=$PATH:/usr/sbin command ngircd -n -f "$work/ngircd.conf" >"$work/out" 2>&1 &
	starter=$! server=$!
	wait_until grep -q "Now listening on" "$work/out"
	load "$bin/irc_load" "$kind" "$port" "$server" $arguments
	stop
}

head_line
kind=idle arguments='500 5000'
pair_once 'IRC, idle registered client: private memory' bytes - ours ngircd
kind=fanout arguments="$seconds 1000"
pair 'IRC, one line to one of 1,000 members' 'CPU us' - ours ngircd
