#!/usr/bin/env bash
# ./dev bench [--seconds N] [--rounds N]: ours, nginx and a raw group-commit writer, interleaved in one run;
# prints CPU per request, rate, latency and the ratios, and writes bench/RESULTS.md.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
STEPS=3
step "system packages" ensure_packages build run bench
step "configure" cmake --preset release -DHEADRACE_BENCH=ON
step "build release" build release headrace headrace-host example_engines store_bench
exec "$PYTHON" bench/run.py --build build/release "$@"
