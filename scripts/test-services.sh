#!/usr/bin/env bash
# ./dev test-services [SUITE...]: the tests that need foreign programs. Without a name, all of them.
#   console  the pages in headless Chromium against the real binary, axe on every page
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
export HEADRACE_BIN=$ROOT/build/dev/headrace

console_in_browser() { (ensure_console_packages; cd console && npm run --silent e2e); }

suite_console() {
    step "console pages" bash scripts/console.sh
    step "console: types, lint, unit tests" bash scripts/console.sh --check
    step "build dev" build dev headrace headrace-host example_engines
    step "console in a browser" console_in_browser
}

suites=("$@")
[ $# = 0 ] && suites=(console)
for suite in "${suites[@]}"; do
    declare -F "suite_$suite" >/dev/null || die "test-services: no suite $suite; see ./dev test-services --help"
done
step "system packages" ensure_packages build run services
for suite in "${suites[@]}"; do "suite_$suite"; done
summary
