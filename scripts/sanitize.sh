#!/usr/bin/env bash
# scripts/sanitize.sh PRESET [quick|e2e]: builds unit tests under a sanitizer and runs them.
#   asan   every room and the simulations
#   ubsan  the pure rooms, the stores, the rooms of language models and the simulations
#   tsan   the rooms in which threads meet
#   quick  only what is cheap to build: the pure rooms, http, FastChat's parts and the simulation
#   e2e    the server itself, under a few files of tests/e2e; HEADRACE_SAN_E2E names others
# A report of the server is a file in build/logs/PRESET, and fails the run.
. scripts/lib.sh
preset=$1
pure=(base_test catalog_test jobs_test access_test config_test telemetry_test link_test)
stores=(stores_base_test stores_memory_test stores_migrations_test stores_contract_test stores_sqlite_test
        stores_sqlite_room_test stores_disk_test)
models=(openai_test upstreams_test fastchat_worker_test fastchat_test)
case "$preset${2:+-$2}" in
    *-quick) targets=("${pure[@]}" http_test fastchat_worker_test sim) ;;
    *-e2e) targets=() ;;
    asan) targets=("${pure[@]}" http_test engines_test "${stores[@]}" native_test console_test "${models[@]}" hub_test
                   agent_test workers_test main_test llama_plugin_test sim sim_upstreams) ;;
    ubsan) targets=("${pure[@]}" "${stores[@]}" "${models[@]}" main_test sim sim_upstreams) ;;
    tsan) targets=(base_test jobs_test access_test http_test "${stores[@]}" hub_test native_test "${models[@]}"
                   engines_test main_test) ;;
    *) die "sanitize: no preset $preset" ;;
esac
export ASAN_OPTIONS=detect_stack_use_after_return=0 TSAN_OPTIONS=second_deadlock_stack=1:atexit_sleep_ms=0
unset GTEST_OUTPUT

if [ "${2:-}" = e2e ]; then
    build "$preset" headrace
    reports=$ROOT/build/logs/$preset
    rm -rf "$reports"
    mkdir -p "$reports"
    export HEADRACE_BIN=$ROOT/build/$preset/headrace
    for name in ASAN UBSAN TSAN; do
        declare -x "${name}_OPTIONS=$(printenv "${name}_OPTIONS" || true):log_path=$reports/report"
    done
    read -ra files <<<"${HEADRACE_SAN_E2E:-test_openai_chat test_upstreams test_upstream_faults test_fastchat test_limits}"
    files=("${files[@]/#/tests/e2e/}")
    rc=0
    build/venv-test/bin/python -m pytest -q -p no:cacheprovider "${files[@]/%/.py}" || rc=$?
    for report in "$reports"/*; do
        if [ -e "$report" ]; then cat "$report"; rc=1; fi
    done
    exit "$rc"
fi

build "$preset" "${targets[@]}"
for target in "${targets[@]}"; do
    echo "== $target under $preset"
    if [[ "$target" = sim* ]]; then "build/$preset/$target" --seeds "${HEADRACE_SIM_SEEDS_SAN:-60}"
    elif [ "$target" = base_test ]; then
        # Its crashes are meant, and the log's last words are what is looked at.
        ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0 TSAN_OPTIONS=$TSAN_OPTIONS:handle_segv=0 \
            UBSAN_OPTIONS=handle_segv=0 build/"$preset"/base_test --gtest_brief=1
    else "build/$preset/$target" --gtest_brief=1; fi
done
