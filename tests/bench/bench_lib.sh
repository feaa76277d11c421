# Shared by the bench_*.sh, which source it with BUILDDIR as first argument.
# Knobs: BENCH_ROUNDS (5) and BENCH_SECONDS (3) of each load.
builddir=$1
bin=$builddir/tests/bench
rounds=${BENCH_ROUNDS:-5}
seconds=${BENCH_SECONDS:-3}
work=$(mktemp -d)
export STATE_DIRECTORY="$work/state"
server=  # pid of the process whose cost is measured
starter= # pid of what we started: the same, or its parent
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# need PROGRAM PACKAGE
need() {
	PATH=$PATH:/usr/sbin command -v "$1" >/dev/null || die "$1 is missing: apt-get install $2"
}

stop() {
	[ -z "$starter" ] || { kill "$starter" && wait "$starter" || :; } 2>/dev/null
	server='' starter=''
	: >"$work/out" # the next one truncates it, but maybe only after we have looked
}

# start COMMAND...: a server that prints "listening ADDRESS:PORT"; sets server and port
start() {
	"$@" >"$work/out" 2>"$work/err" &
	starter=$! server=$!
	wait_until grep -q '^listening' "$work/out"
	port=$(sed -n 's/^listening .*://p' "$work/out")
}

# wait_until COMMAND...: until it succeeds, ten seconds at most
wait_until() {
	for _ in $(seq 100); do
		! "$@" >/dev/null 2>&1 || return 0
		kill -0 "$starter" 2>/dev/null || break
		sleep 0.1
	done
	cat "$work/err" >&2
	die "the server does not come up"
}

# load COMMAND...: prints a line for each figure; what counts is the first number of each
load() {
	"$@" >"$work/values" || die "the load failed"
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# range FORMAT: smallest and largest of the numbers
range() {
	sort -n | awk -v f="$1" 'NR == 1 { a = $1 } { b = $1 } END { printf f "-" f, a, b }'
}

# --- the table --------------------------------------------------------------------------------

# line FIGURE UNIT OURS PEER RATIO SPREAD TARGET
line() {
	printf '%-49s %-8s %11s %11s %6s %-19s %s\n' "$@"
}

head_line() {
	[ -n "${BENCH_HEAD:-}" ] || line figure unit ours peer ratio spread target
}

# take_turns OURS PEER: functions that call load. They take turns, so that what disturbs the machine
# disturbs both. Leaves the pairs of the I-th figure in $work/pairs.I.
take_turns() {
	rm -f "$work"/pairs.*
	for round in $(seq "$rounds"); do
		if [ $((round % 2)) = 1 ]; then
			$1 && mv "$work/values" "$work/ours" && $2 && mv "$work/values" "$work/peer"
		else
			$2 && mv "$work/values" "$work/peer" && $1 && mv "$work/values" "$work/ours"
		fi
		paste -d' ' "$work/ours" "$work/peer" |
			awk -v to="$work/pairs." '{ print $1, $(NF / 2 + 1) >> (to NR) }'
	done
}

# report I FIGURE UNIT TARGET: medians; the ratio is the median of the rounds' ratios.
report() {
	awk '{ print $1 / $2 }' "$work/pairs.$1" >"$work/ratios"
	line "$2" "$3" "$(cut -d' ' -f1 "$work/pairs.$1" | median)" \
		"$(cut -d' ' -f2 "$work/pairs.$1" | median)" \
		"$(median <"$work/ratios" | xargs printf %.2f)" "$(range %.2f <"$work/ratios")" "$4"
}

# pair FIGURE UNIT TARGET OURS PEER
pair() {
	take_turns "$4" "$5"
	report 1 "$1" "$2" "$3"
}

# For what does not depend on the moment: memory.
pair_once() {
	all=$rounds rounds=1
	pair "$@"
	rounds=$all
}
