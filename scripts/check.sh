#!/usr/bin/env bash
# ./dev check [--tidy]: what is checked without running the program: formatting, allowed includes, file
# sizes, forbidden words, Python types and lint; --tidy adds clang-tidy over every room (slow).
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
STEPS=5
python_checks() {
    ensure_venv build/venv-check scripts/requirements-check.txt
    build/venv-check/bin/ruff check sdk/python examples tests scripts bench
    (cd sdk/python && ../../build/venv-check/bin/mypy --strict src)
}
step "packages" ensure_packages build run test check
step "formatting" bash scripts/fmt.sh --check
step "layers, sizes, words" "$PYTHON" tests/layers/check.py
step "python lint and types" python_checks
if [ "${1:-}" = --tidy ]; then step "clang-tidy" build tidy; fi
summary
