#!/usr/bin/env bash
# scripts/sanitize.sh PRESET [quick|e2e]: builds unit tests under a sanitizer and runs them.
#   asan   every room and the simulations
#   ubsan  the same under UBSan and AddressSanitizer in one build
#   tsan   every room but the plugin, without the simulations, which have one thread
#   quick  only what is cheap to build: the pure rooms, http, FastChat's parts and the simulation
#   e2e    the server itself, under the files of tests/e2e named below; HEADRACE_SAN_E2E names others
# A report of the server, or of an engine's host, is a file in build/logs/PRESET, and fails the run.
. scripts/lib.sh
preset=$1
pure=(base_test catalog_test jobs_test access_test config_test telemetry_test link_test)
stores=(stores_base_test stores_memory_test stores_migrations_test stores_contract_test stores_sqlite_test
        stores_sqlite_room_test stores_disk_test)
served=(test_at_once test_openai_chat test_openai_responses test_openai_batches test_openai_workers test_openai_limits test_upstreams
        test_upstream_faults test_upstream_admin test_upstream_abort test_fastchat test_fastchat_api test_fastchat_limits
        test_limits test_retry_after test_access test_sessions test_console_api test_jobs test_events test_files
        test_hostile_http test_lying_worker test_remote_agent test_serve test_admin test_postgres
        test_postgres_nodes test_shared_limits test_shared_catalog test_upstream_last_server test_request_search)
models=(openai_test upstreams_test fastchat_worker_test fastchat_test)
case "$preset${2:+-$2}" in
    *-quick) targets=("${pure[@]}" http_test fastchat_worker_test sim) ;;
    *-e2e) targets=() ;;
    asan|ubsan) targets=("${pure[@]}" http_test engines_test "${stores[@]}" native_test console_test "${models[@]}"
                         hub_test agent_test workers_test main_test llama_plugin_test sim sim_upstreams) ;;
    tsan) targets=("${pure[@]}" http_test "${stores[@]}" stores_postgres_test hub_test agent_test workers_test native_test
                   console_test "${models[@]}" engines_test main_test) ;;
    *) die "sanitize: no preset $preset" ;;
esac
export ASAN_OPTIONS=detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=second_deadlock_stack=1:atexit_sleep_ms=0
unset GTEST_OUTPUT

# Where something was found. UBSan beside AddressSanitizer is a runtime of its own to g++, which knows no log_path:
# what it says is in the logs of servers, and with -fno-sanitize-recover it ends them.
findings() {
    find "$reports" -name 'report.*'
    grep -rlsaE ':[0-9]+:[0-9]+: runtime error: ' "$logs" || true
}

# A server that reports nothing proves something only where a report would arrive: a program that is wrong is
# run in the same way first.
arrives() {
    printf '#include <thread>\n#include <vector>\nint main(int given, char**) { %s }\n' "$2" >"$logs/wrong.cpp"
    c++ -O0 -g1 -w -fsanitize="$1" -fno-sanitize-recover=all -pthread -o "$logs/wrong" "$logs/wrong.cpp"
    "$logs/wrong" >"$logs/server.log" 2>&1 || true
    [ -n "$(findings)" ] || die "sanitize: what $1 finds does not arrive in $reports or $logs"
    rm -f "$reports"/* "$logs"/*
}
reports_arrive() {
    if [ "$preset" = tsan ]; then
        arrives thread 'static int shared = 0; std::thread other([] { ++shared; }); ++shared; other.join(); return 0;'
        return
    fi
    arrives address 'int* gone = new int(given); delete gone; return *gone;'
    if [ "$preset" = ubsan ]; then
        arrives undefined,address 'return given + 2147483647;'
        # Said of a header of the standard library.
        arrives undefined,address 'std::vector<std::vector<int>> none; return none[given - 1].size();'
    fi
}

if [ "${2:-}" = e2e ]; then
    build "$preset" headrace headrace-host example_engines
    if [ -d build/llama ]; then build "$preset" engine_llama; fi
    reports=$ROOT/build/logs/$preset
    rm -rf "$reports"
    mkdir -p "$reports"
    logs=$(mktemp -d)  # a short name: tests put sockets there
    trap 'rm -rf "$logs"' EXIT
    export HEADRACE_BIN=$ROOT/build/$preset/headrace
    # Else a machine of few cores has one thread for all connections, and no races among several.
    export HEADRACE_SERVER_IO_LOOPS=3
    for name in ASAN UBSAN TSAN; do
        declare -x "${name}_OPTIONS=$(printenv "${name}_OPTIONS" || true):log_path=$reports/report"
    done
    reports_arrive
    read -ra files <<<"${HEADRACE_SAN_E2E:-${served[*]}}"
    files=("${files[@]/#/tests/e2e/}")
    rc=0
    # Left out is a test of how small a server is: with a sanitizer it is not.
    build/venv-test/bin/python -m pytest -q -p no:cacheprovider --basetemp "$logs/e2e" "${files[@]/%/.py}" \
        --deselect tests/e2e/test_serve.py::test_a_server_without_engines_is_small || rc=$?
    while read -r report; do
        echo "== $report"
        grep -aE -A60 'Sanitizer|: runtime error: ' "$report" || cat "$report"
        if [[ "$report" = "$logs"/* ]]; then
            name=${report#"$logs"/}
            cp "$report" "$reports/${name//\//_}"
        fi
        rc=1
    done < <(findings)
    exit "$rc"
fi

build "$preset" "${targets[@]}"
for target in "${targets[@]}"; do
    echo "== $target under $preset"
    if [[ "$target" = sim* ]]; then "build/$preset/$target" --seeds "${HEADRACE_SIM_SEEDS_SAN:-60}"
    elif [ "$target" = base_test ]; then
        # Its crashes are meant, and the log's last words are what is looked at.
        ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0 TSAN_OPTIONS=$TSAN_OPTIONS:handle_segv=0 \
            UBSAN_OPTIONS=$UBSAN_OPTIONS:handle_segv=0 build/"$preset"/base_test --gtest_brief=1
    else "build/$preset/$target" --gtest_brief=1; fi
done
