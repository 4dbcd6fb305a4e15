#!/usr/bin/env bash
# ./dev bench [--rows PATTERN] [--seconds N] [--rounds N] [--quick] [-o json]: ours, the peers and the physical
# limits, interleaved in one run; prints CPU per request, rate, latency and the budgets. A run of every row
# writes bench/RESULTS.md. bench/README.md tells the rows; ./dev bench --list prints their names.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
STEPS=3
prepare() {
    step "system packages" ensure_packages build run bench
    if ! grep -qs '^HEADRACE_BENCH:BOOL=ON' build/release/CMakeCache.txt; then
        step "configure" cmake --preset release -DHEADRACE_BENCH=ON
    fi
    step "build release" build release headrace headrace-host example_engines store_bench bench_load sim_workers llm_server
}
# With -o json, standard output is the result alone.
prepare >&2
exec "$PYTHON" bench/run.py "$@"
