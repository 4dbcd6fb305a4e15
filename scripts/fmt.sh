#!/usr/bin/env bash
# ./dev fmt [--check]: formats C++ (clang-format) and Python (ruff); --check changes nothing and fails
# when something is not formatted.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
ensure_packages check >/dev/null
ensure_venv build/venv-check scripts/requirements-check.txt >/dev/null
mapfile -t files < <(git ls-files '*.cpp' '*.hpp' '*.h' '*.c')
if [ "${1:-}" = --check ]; then
    clang-format --dry-run --Werror "${files[@]}"
    build/venv-check/bin/ruff format --check sdk/python examples tests scripts bench
else
    clang-format -i "${files[@]}"
    build/venv-check/bin/ruff format -q sdk/python examples tests scripts bench
fi
