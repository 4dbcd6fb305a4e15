#!/usr/bin/env bash
# ./dev test-services [SUITE...]: the tests that need foreign programs. Without a name, all of them.
#   console   the pages in headless Chromium against the real binary, axe on every page
#   proxies   the samples of deploy/proxy: nginx and Apache in front of a real server
#   alerts    the alert rules of deploy/prometheus by promtool
#   openai    the npm package `openai` against /v1
#   packages  the .deb in a clean Debian 12 (debootstrap), the image under a Docker daemon
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

PYTEST="$ROOT/build/venv-test/bin/python -m pytest -q -p no:cacheprovider"
with_pytest() {
    step "python test environment" ensure_venv build/venv-test tests/requirements.txt
    step "build dev" build dev headrace headrace-host example_engines
}
behind_proxies() { $PYTEST tests/services/test_proxies.py; }
suite_proxies() {
    with_pytest
    step "behind nginx and Apache" behind_proxies
}

by_promtool() { $PYTEST tests/services/test_alert_rules.py; }
suite_alerts() {
    step "python test environment" ensure_venv build/venv-test tests/requirements.txt
    step "alert rules by promtool" by_promtool
}

by_the_npm_package() { $PYTEST tests/services/test_openai_node.py; }
suite_openai() {
    with_pytest
    step "the npm package openai" by_the_npm_package
}

# What is tested is how it is packed and installed, so the programs that are there anyway will do.
pack() {
    export HEADRACE_PRESET=dev
    bash scripts/package/tree.sh build/package
    bash scripts/package/deb.sh build/package
    "$PYTHON" scripts/package/image.py build/package
    bash scripts/package/wheel.sh build/package
}
installed() { $PYTEST tests/package; }
suite_packages() {
    with_pytest
    step "packages" pack
    step "installed in a clean Debian 12, loaded into Docker" installed
}

suites=("$@")
[ $# = 0 ] && suites=(console proxies alerts openai packages)
for suite in "${suites[@]}"; do
    declare -F "suite_$suite" >/dev/null || die "test-services: no suite $suite; see ./dev test-services --help"
done
step "system packages" ensure_packages build run services package
for suite in "${suites[@]}"; do "suite_$suite"; done
summary
