#!/usr/bin/env bash
# ./dev fuzz [--seconds N] [TARGET...]: builds the libFuzzer targets with clang 16 and AddressSanitizer and
# runs each for N seconds (default 600) from its corpus in tests/fuzz/corpus. A finding ends the run and
# leaves its input in build/fuzz-findings.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
seconds=600
if [ "${1:-}" = --seconds ]; then seconds=${2:?--seconds needs a number}; shift 2; fi
unset GTEST_OUTPUT
ensure_packages build test
if [ ! -f build/fuzz/build.ninja ]; then cmake --preset fuzz; fi
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    mapfile -t targets < <(ninja -C build/fuzz -t targets all | sed -n 's/^\(fuzz_[a-z0-9_]*\): .*/\1/p' | sort -u)
fi
[ ${#targets[@]} -gt 0 ] || die "no fuzz target was found"
cmake --build build/fuzz --parallel "$JOBS" --target "${targets[@]}"
mkdir -p build/fuzz-findings
for target in "${targets[@]}"; do
    corpus=tests/fuzz/corpus/${target#fuzz_}
    grown=build/fuzz-corpus/${target#fuzz_}
    mkdir -p "$grown"
    seeds=()
    [ -d "$corpus" ] && seeds=("$corpus")
    echo "== $target for $seconds s"
    log=build/logs/$target.log
    if ! "build/fuzz/$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix=build/fuzz-findings/ "$grown" "${seeds[@]}" >"$log" 2>&1; then
        tail -n 40 "$log"
        die "$target found something; its input lies in build/fuzz-findings"
    fi
    grep -E 'number_of_executed_units|peak_rss' "$log"
done
echo "${#targets[@]} fuzz targets, nothing found"
