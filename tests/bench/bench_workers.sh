#!/bin/sh
# How soon a killed worker is replaced, under load; what a reload takes beside 2,000 connections; what the end of the
# supervisor takes. The fault tests measure it. usage: bench_workers.sh BUILDDIR
set -eu
fault=$(dirname "$0")/../fault
export SN_BUILDDIR="$1" SN_FAULT_ROUNDS="${BENCH_KILLS:-200}" SN_FAULT_CLIENTS=2000
for part in worker_kill supervisor_kill reloads; do
	/usr/bin/python3 -W ignore "$fault/$part.py" 2>"$1/bench_workers.log" || {
		cat "$1/bench_workers.log" >&2
		exit 1
	}
	SN_FAULT_ROUNDS=50 # of these each takes longer
done | sed 's/^figure: //'
