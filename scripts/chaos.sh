#!/usr/bin/env bash
# ./dev chaos [--rounds N] [--kind server|agent|engine]: kill -9 under load, again and again (default 200
# rounds), on the release build; every accepted job must end once.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
STEPS=2
step "build release" build release headrace headrace-host example_engines
rounds=200 rest=()
while [ $# -gt 0 ]; do
    case "$1" in --rounds) rounds=${2:?}; shift ;; *) rest+=("$1") ;; esac
    shift
done
exec "$PYTHON" tests/chaos/kill_rounds.py --binary build/release/headrace --rounds "$rounds" "${rest[@]}"
