#!/usr/bin/env bash
# scripts/sanitize.sh PRESET [quick]: builds unit tests under a sanitizer and runs them. quick: only the
# rooms without Beast, whose build is cheap.
. scripts/lib.sh
preset=$1
pure=(base_test catalog_test jobs_test access_test config_test telemetry_test link_test)
all=("${pure[@]}" http_test stores_contract_test hub_test sim)
targets=("${all[@]}")
if [ "${2:-}" = quick ]; then targets=("${pure[@]}" http_test sim); fi
export ASAN_OPTIONS=detect_stack_use_after_return=0 TSAN_OPTIONS=second_deadlock_stack=1
unset GTEST_OUTPUT
build "$preset" "${targets[@]}"
for target in "${targets[@]}"; do
    echo "== $target under $preset"
    if [ "$target" = sim ]; then "build/$preset/sim" --seeds "${HEADRACE_SIM_SEEDS_SAN:-60}"
    else "build/$preset/$target" --gtest_brief=1; fi
done
