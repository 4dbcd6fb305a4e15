#!/usr/bin/env bash
# ./dev peers: the foreign peers that exist beside ours so far are nginx and raw SQLite; both run in
# ./dev bench, so this is the same run.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
exec bash scripts/bench.sh "$@"
