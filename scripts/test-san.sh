#!/usr/bin/env bash
# ./dev test-san [asan|ubsan|tsan...]: every unit test under the sanitizers (default: all three). Long.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
presets=("$@")
if [ ${#presets[@]} = 0 ]; then presets=(asan ubsan tsan); fi
STEPS=$((1 + ${#presets[@]}))
step "system packages" ensure_packages build run test
for preset in "${presets[@]}"; do
    step "unit tests under $preset" bash scripts/sanitize.sh "$preset"
done
summary
