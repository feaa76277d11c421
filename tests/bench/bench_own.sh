#!/bin/sh
# Figures of programs that measure themselves: each is run several times.
# usage: bench_own.sh BUILDDIR loop|tls|dgram|store...
set -eu
. "$(dirname "$0")/bench_lib.sh"

# Each reads its program's output and prints FIGURE, UNIT, OURS and maybe PEER, divided by tabs.
rows_of_loop() {
	awk '/ each / {
		name = substr($0, 1, 44); sub(/ +$/, "", name); split(substr($0, 45), f, " ")
		if (name == "turn with one timer armed")
			one = f[1]
		else if (name ~ /^turn with 100,000/)
			print "loop: turn, 100,000 timers armed or one\tCPU ns\t" f[1] "\t" one
		else if (name ~ /^turn/)
			print "loop: " name "\tCPU ns\t" f[1]
		else
			printf "loop: %s\tM/CPU s\t%.2f\n", name, f[4] / 1e6
	}'
}

rows_of_tls() {
	awk '/ handshakes\/s/ {
		name = substr($0, 1, 28); sub(/ +$/, "", name); split(substr($0, 29), f, " ")
		print "TLS handshake, " name "\tCPU us\t" f[3]
		print "TLS, 200 handshakes, " name "\tms stall\t" f[7]
	}'
}

rows_of_dgram() {
	awk '$1 == "bare" { bare = $5 }
	$1 == "dgram" { print "UDP echo, " $3 " bytes, " $2 "\tCPU ns\t" $5 "\t" bare }'
}

rows_of_store() {
	awk '$1 == "plain" { plain = $2 }
	$1 == "store" { print "SQLite, acknowledged inserts, " $2 " under way\t1/s\t" $5 "\t" plain }'
}

# In the order of the first run; with a peer the median and range of the runs' ratios.
summarise() {
	cut -f1 "$work/rows" | awk '!seen[$0]++' | while read -r figure; do
		awk -F'\t' -v f="$figure" '$1 == f' "$work/rows" >"$work/rows.one"
		unit=$(head -n1 "$work/rows.one" | cut -f2)
		cut -f3,4 "$work/rows.one" | tr '\t' ' ' >"$work/pairs.1"
		if grep -q '[0-9] [0-9]' "$work/pairs.1"; then
			report 1 "$figure" "$unit" "$(target_of "$figure")"
		else
			cut -f3 "$work/rows.one" >"$work/ours"
			line "$figure" "$unit" "$(median <"$work/ours")" - - \
				"$(range %.5g <"$work/ours")" -
		fi
	done
}

target_of() {
	case $1 in
	loop:*) echo 'same' ;;
	SQLite*) echo '(a commit each), over 20000' ;;
	*) echo '(bare calls)' ;;
	esac
}

shift
head_line
for what in "$@"; do
	: >"$work/rows"
	for _ in $(seq "$rounds"); do
		"$bin/bench_$what" | "rows_of_$what" >>"$work/rows"
	done
	summarise
done
