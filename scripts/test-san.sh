#!/usr/bin/env bash
# ./dev test-san [asan|ubsan|tsan...]: every unit test under the sanitizers (default: all three), and the server
# under AddressSanitizer and ThreadSanitizer with a few files of tests/e2e. Long.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
presets=("$@")
if [ ${#presets[@]} = 0 ]; then presets=(asan ubsan tsan); fi
STEPS=3
for preset in "${presets[@]}"; do STEPS=$((STEPS + 2 - $([ "$preset" = ubsan ] && echo 1 || echo 0))); done
step "system packages" ensure_packages build run test
step "python test environment" ensure_venv build/venv-test tests/requirements.txt
step "FastChat's worker environment" ensure_fastchat
for preset in "${presets[@]}"; do
    step "unit tests under $preset" bash scripts/sanitize.sh "$preset"
    [ "$preset" = ubsan ] || step "server under $preset" bash scripts/sanitize.sh "$preset" e2e
done
summary
