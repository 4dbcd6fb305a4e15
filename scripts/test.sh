#!/usr/bin/env bash
# ./dev test [--quick]: sets up everything and runs what must pass before a commit. Prints the seconds of
# each suite and the counts at the end.
#   --quick  leaves out AddressSanitizer, fuzzing and the chaos rounds
# Environment: HEADRACE_SIM_SEEDS (default 2000), HEADRACE_FUZZ_SECONDS (default 10 per target).
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
quick=''
case "${1:-}" in --quick) quick=1 ;; '') ;; *) die "test: no option $1; see ./dev test --help" ;; esac
rm -rf build/results
mkdir -p build/results
export GTEST_OUTPUT=xml:$ROOT/build/results/
export HEADRACE_BIN=$ROOT/build/dev/headrace
PYTEST="$ROOT/build/venv-test/bin/python -m pytest -q -p no:cacheprovider"

# Configures again: CMake looks whether the language model is there.
build_dev() { cmake --preset dev && build dev; }
unit_tests() { ctest --test-dir build/dev --output-on-failure --timeout 900 -j "$JOBS" -E "^sim_"; }
sources() {
    "$PYTHON" tests/layers/check.py
    "$PYTHON" scripts/limits.py --check
}
simulation() {
    build/dev/sim --seeds "${HEADRACE_SIM_SEEDS:-2000}"
    build/dev/sim --plants
    build/dev/sim_upstreams --seeds "${HEADRACE_SIM_UPSTREAMS_SEEDS:-500}"
    build/dev/sim_upstreams --plants
}
sdk_tests() { (cd sdk/python && $PYTEST tests --junitxml="$ROOT/build/results/sdk.xml"); }
bench_harness() { $PYTEST tests/bench --junitxml=build/results/bench.xml; }
# Most of these wait for something: two files at a time, each test file by one process.
end_to_end() { $PYTEST -n 2 --dist loadfile tests/e2e tests/hardening --junitxml=build/results/e2e.xml; }
# The same damage each time: whether a change lands is no matter of luck. `./dev chaos` draws its own.
chaos_rounds() { "$PYTHON" tests/chaos/run.py --quick --seed 1 --binary "$HEADRACE_BIN"; }

STEPS=$([ -n "$quick" ] && echo 15 || echo 18)
step "system packages" ensure_packages build run demo test
step "python test environment" ensure_venv build/venv-test tests/requirements.txt
step "engine environment: ocr" ensure_engine examples/engines/ocr
step "engine environment: vad" ensure_engine examples/engines/vad
step "language model and its library" ensure_llama
step "FastChat's worker environment" ensure_fastchat
step "console pages" bash scripts/console.sh
step "console: types, lint, unit tests" bash scripts/console.sh --check
step "build dev" build_dev
step "layers, sizes, words, limits page" sources
step "unit, golden, store contract" unit_tests
step "simulation and its planted bugs" simulation
step "python SDK" sdk_tests
step "benchmark harness" bench_harness
step "end to end, hardened programs" end_to_end
if [ -z "$quick" ]; then
    step "chaos, a few rounds of each cheap fault" chaos_rounds
    step "AddressSanitizer: pure rooms and parsers" bash scripts/sanitize.sh asan quick
    # The same run each time, so that a change is not refused by luck; ./dev fuzz goes further, at random.
    step "fuzz, short" bash scripts/fuzz.sh --no-record --seed 1 --runs 50000 --jobs "$JOBS" --seconds "${HEADRACE_FUZZ_SECONDS:-10}"
fi
summary
"$PYTHON" scripts/counts.py build/results
