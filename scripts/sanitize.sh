#!/usr/bin/env bash
# scripts/sanitize.sh PRESET [quick]: builds unit tests under a sanitizer and runs them.
#   asan   every room and the simulation
#   ubsan  the pure rooms, the stores and the simulation
#   tsan   the rooms in which threads meet
#   quick  only what is cheap to build: the pure rooms, http and the simulation
. scripts/lib.sh
preset=$1
pure=(base_test catalog_test jobs_test access_test config_test telemetry_test link_test)
stores=(stores_base_test stores_memory_test stores_migrations_test stores_contract_test stores_sqlite_test
        stores_sqlite_room_test stores_disk_test)
case "$preset${2:+-$2}" in
    *-quick) targets=("${pure[@]}" http_test sim) ;;
    asan) targets=("${pure[@]}" http_test engines_test "${stores[@]}" native_test console_test hub_test agent_test
                   workers_test main_test llama_plugin_test sim) ;;
    ubsan) targets=("${pure[@]}" "${stores[@]}" sim) ;;
    tsan) targets=(base_test jobs_test http_test "${stores[@]}" hub_test native_test engines_test) ;;
    *) die "sanitize: no preset $preset" ;;
esac
export ASAN_OPTIONS=detect_stack_use_after_return=0 TSAN_OPTIONS=second_deadlock_stack=1:atexit_sleep_ms=0
unset GTEST_OUTPUT
build "$preset" "${targets[@]}"
for target in "${targets[@]}"; do
    echo "== $target under $preset"
    if [ "$target" = sim ]; then "build/$preset/sim" --seeds "${HEADRACE_SIM_SEEDS_SAN:-60}"
    elif [ "$target" = base_test ]; then
        # Its crashes are meant, and the log's last words are what is looked at.
        ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0 TSAN_OPTIONS=$TSAN_OPTIONS:handle_segv=0 \
            UBSAN_OPTIONS=handle_segv=0 build/"$preset"/base_test --gtest_brief=1
    else "build/$preset/$target" --gtest_brief=1; fi
done
