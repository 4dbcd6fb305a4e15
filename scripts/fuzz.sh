#!/usr/bin/env bash
# ./dev fuzz [--seconds N] [--jobs N] [--seed N] [--runs N] [--keep] [--no-record] [TARGET...]: builds the libFuzzer
# targets with clang 16 and AddressSanitizer and runs each for N seconds (default 600) from its corpus in
# tests/fuzz/corpus. A finding ends the run and leaves its input in build/fuzz-findings.
#   --jobs N     so many targets at a time (default 1)
#   --seed N     a run that repeats itself: from the repository's inputs alone, and the same from there on
#   --runs N     at most so many executions of each
#   --keep       then minimises what was reached into tests/fuzz/corpus
#   --no-record  leaves docs/reliability/fuzz.json and fuzz.md as they are
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
options=() targets=()
while [ $# -gt 0 ]; do
    case "$1" in
        --seconds|--seed|--runs|--jobs) options+=("$1" "${2:?$1 needs a number}"); shift ;;
        --keep|--no-record) options+=("$1") ;;
        -*) die "fuzz: no option $1; see ./dev fuzz --help" ;;
        *) targets+=("fuzz_${1#fuzz_}") ;;
    esac
    shift
done
ensure_packages build test
if [ ! -f build/fuzz/build.ninja ]; then cmake --preset fuzz; fi
if [ ${#targets[@]} = 0 ]; then
    cmake build/fuzz >/dev/null  # or a new target is not seen
    mapfile -t targets < <(ninja -C build/fuzz -t targets all | sed -n 's/^\(fuzz_[a-z0-9_]*\): .*/\1/p' | sort -u)
fi
[ ${#targets[@]} -gt 0 ] || die "no fuzz target was found"
cmake --build build/fuzz --parallel "$JOBS" --target "${targets[@]}"
exec "$PYTHON" scripts/fuzz.py "${options[@]}" "${targets[@]}"
