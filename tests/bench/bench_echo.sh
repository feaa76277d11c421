#!/bin/sh
# Our echo server beside libevent's, in one run: CPU time of the server per 64-byte message, private
# memory per idle connection; and accepting and closing beside nginx answering 444.
# usage: bench_echo.sh BUILDDIR [SECONDS] [ROUNDS]
set -eu
bin=$1/tests/bench
seconds=${2:-3}
rounds=${3:-3}
work=$(mktemp -d)
server=
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

stop() {
	[ -z "$server" ] || { kill "$server" && wait "$server" || :; } 2>/dev/null
	server=
}

# start KIND: sets server (pid) and port
start() {
	: >"$work/out"
	case $1 in
	ours) "$bin/echo_server" 'tcp:0:127.0.0.1' ;;
	ours-tls) "$bin/echo_server" "tls:$work/echo.pem:tcp:0:127.0.0.1" ;;
	ours-close) "$bin/echo_server" --close 'tcp:0:127.0.0.1' ;;
	nginx-close) start_nginx ;;
	libevent) "$bin/echo_libevent" 0 ;;
	libevent-tls) "$bin/echo_libevent" --tls "$work/echo.pem" 0 ;;
	esac >"$work/out" &
	server=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		port=$(sed -n 's/^listening .*://p' "$work/out")
		[ -z "$port" ] || return 0
		sleep 0.1
	done
	echo "bench_echo: $1 did not start" >&2
	exit 1
}

# One process, like ours; nginx has no port 0, so it gets one that was free a moment ago.
start_nginx() {
	free=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	cat >"$work/nginx.conf" <<-END
		daemon off; master_process off; pid $work/nginx.pid; error_log /dev/null;
		events { worker_connections 4096; multi_accept on; }
		http { access_log off; server { listen 127.0.0.1:$free backlog=4096; return 444; } }
	END
	echo "listening 127.0.0.1:$free"
	exec nginx -p "$work" -c "$work/nginx.conf"
}

tls_option() {
	case $1 in *-tls) echo --tls ;; esac
}

load() { # KIND CONNECTIONS ACTIVE: prints US_PER_MESSAGE
	start "$1"
	"$bin/echo_load" $(tls_option "$1") load "$port" "$server" "$2" "$3" "$seconds" | cut -d' ' -f1
	stop
}

churn() { # KIND
	start "$1"
	sleep 0.3
	"$bin/echo_load" churn "$port" "$server" "$seconds" | cut -d' ' -f1
	stop
}

idle() { # KIND FEW MANY
	start "$1"
	"$bin/echo_load" $(tls_option "$1") idle "$port" "$server" "$2" "$3"
	stop
}

protocol() {
	case $1 in *-tls) echo TLS ;; *) echo TCP ;; esac
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# The two take turns, so that what disturbs the machine disturbs both.
compare() { # SUFFIX CONNECTIONS ACTIVE
	: >"$work/a"
	: >"$work/b"
	for _ in $(seq "$rounds"); do
		load "ours$1" "$2" "$3" >>"$work/a"
		load "libevent$1" "$2" "$3" >>"$work/b"
	done
	a=$(median <"$work/a")
	b=$(median <"$work/b")
	printf '%-4s %8d %7d %9.2f %9.2f %7.2f   %s\n' "$(protocol "$1")" "$2" "$3" "$a" "$b" \
		"$(echo "$a $b" | awk '{ print $1 / $2 }')" \
		"ours $(tr '\n' ' ' <"$work/a")libevent $(tr '\n' ' ' <"$work/b")"
}

ulimit -n "$(ulimit -H -n)"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
cat "$work/key.pem" "$work/cert.pem" >"$work/echo.pem"

echo "server CPU per 64-byte message, us (median of $rounds rounds of $seconds s)"
echo "       conns  active      ours  libevent   ratio"
for suffix in '' -tls; do
	compare "$suffix" 1 1
	compare "$suffix" 100 100
	compare "$suffix" 10000 100
	compare "$suffix" 10000 10000
done
echo "private memory per idle connection, bytes"
for suffix in '' -tls; do
	printf '%-4s 1000..9000 %18d %9d\n' "$(protocol "$suffix")" "$(idle "ours$suffix" 1000 9000)" \
		"$(idle "libevent$suffix" 1000 9000)"
done
command -v nginx >/dev/null || exit 0
: >"$work/a"
: >"$work/b"
for _ in $(seq "$rounds"); do
	churn ours-close >>"$work/a"
	churn nginx-close >>"$work/b"
done
echo "accept, read, close: server CPU per connection, us; ours beside nginx returning 444"
printf 'TCP %36.2f %9.2f %7.2f\n' "$(median <"$work/a")" "$(median <"$work/b")" \
	"$(echo "$(median <"$work/a") $(median <"$work/b")" | awk '{ print $1 / $2 }')"
