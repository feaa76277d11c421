#!/bin/sh
# Accept and close beside nginx returning 444, in one run. usage: bench_accept.sh BUILDDIR
set -eu
. "$(dirname "$0")/bench_lib.sh"
need nginx nginx-light

write_conf() {
	cat >"$work/nginx.conf" <<-END
		daemon off;
		worker_processes 1;
		pid $work/nginx.pid;
		error_log $work/err;
		events { worker_connections 4096; multi_accept on; }
		http {
			access_log off;
			client_body_temp_path body;
			proxy_temp_path proxy;
			fastcgi_temp_path fastcgi;
			uwsgi_temp_path uwsgi;
			scgi_temp_path scgi;
			server { listen 127.0.0.1:$port backlog=4096; return 444; }
		}
	END
}

# The worker is the one child of the process that we start.
find_worker() {
	server=$(tr -d ' ' <"/proc/$starter/task/$starter/children") && [ -n "$server" ]
}

nginx_444() {
	port=$("$bin/free_port")
	write_conf
	PATH=$PATH:/usr/sbin nginx -p "$work" -e "$work/err" -c "$work/nginx.conf" 2>"$work/err" &
	starter=$!
	wait_until find_worker
	load "$bin/accept_load" --request "$port" "$server" "$seconds"
	stop
}

ours() { # MODE [--request]
	start "$bin/accept_server" "$1" 'tcp:0:127.0.0.1:backlog=4096'
	load "$bin/accept_load" ${2:-} "$port" "$server" "$seconds"
	stop
}

listener_request() { ours listener-request --request; }
service_request() { ours service-request --request; }
service_at_once() { ours service; }

head_line
pair 'accept, read, close: on the listener' '/CPU s' '(nginx)' listener_request nginx_444
pair 'accept, read, close: as a service' '/CPU s' '(nginx)' service_request nginx_444
pair 'accept, close at once: as a service' '/CPU s' '(nginx)' service_at_once nginx_444
