#!/usr/bin/env bash
# ./dev chaos [--list] [--fault NAME]... [--rounds N] [--seed N] [--json FILE] [--keep]: breaks the release
# build on purpose, again and again, and counts what was lost or done twice. Without --fault: every fault,
# with the rounds of a release (hours). tests/chaos/README.md tells the faults.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
if [ "${1:-}" = --list ]; then exec "$PYTHON" tests/chaos/run.py --list; fi
STEPS=3
step "build release" build release headrace headrace-host example_engines
step "build what breaks things" build dev chaos_shim engine_fault stores_crash_test
mkdir -p build/release/tests
cp build/dev/tests/chaos_shim.so build/release/tests/
cp build/dev/engines/libfault.so build/release/engines/
step "python test environment" ensure_venv build/venv-test tests/requirements.txt
exec "$PYTHON" tests/chaos/run.py --binary build/release/headrace "$@"
