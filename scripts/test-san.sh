#!/usr/bin/env bash
# ./dev test-san [asan|ubsan|tsan...]: every unit test under the sanitizers (default: all three). Long.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
presets=("$@")
[ ${#presets[@]} = 0 ] && presets=(asan ubsan tsan)
STEPS=$((1 + ${#presets[@]}))
step "system packages" ensure_packages build run test
for preset in "${presets[@]}"; do
    step "unit tests under $preset" bash scripts/sanitize.sh "$preset"
done
summary
