#!/usr/bin/env bash
# ./dev test-san [asan|ubsan|tsan...]: every unit test under the sanitizers, then the server under the files of
# tests/e2e that scripts/sanitize.sh names. Default: ubsan, which is UBSan and AddressSanitizer in one build, and
# tsan; asan is AddressSanitizer alone, as ./dev test has it. Long.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
presets=("$@")
if [ ${#presets[@]} = 0 ]; then presets=(ubsan tsan); fi
STEPS=$((3 + 2 * ${#presets[@]}))
step "system packages" ensure_packages build run test
step "python test environment" ensure_venv build/venv-test tests/requirements.txt
step "FastChat's worker environment" ensure_fastchat
for preset in "${presets[@]}"; do
    step "unit tests under $preset" bash scripts/sanitize.sh "$preset"
    step "server under $preset" bash scripts/sanitize.sh "$preset" e2e
done
summary
