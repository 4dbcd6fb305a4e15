#!/usr/bin/env bash
# ./dev package: build/headrace-VERSION-linux-x86_64.tar.gz with the release binaries, the example engines,
# the Python kit and the licence.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
STEPS=2
pack() {
    local version name tree
    version=$(sed -n 's/^project(headrace VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
    name=headrace-$version-linux-x86_64
    tree=build/package/$name
    rm -rf build/package
    mkdir -p "$tree/bin/engines" "$tree/share/headrace"
    cp build/release/headrace build/release/headrace-host "$tree/bin/"
    cp build/release/engines/*.so "$tree/bin/engines/"
    # The binary looks for the Python kit in ../share/headrace/python.
    git archive HEAD examples/engines LICENSE README.md | tar -x -C "$tree/share/headrace"
    git archive HEAD:sdk/python/src | tar -x -C "$tree/share/headrace" --transform 's,^,python/,'
    strip "$tree/bin/headrace" "$tree/bin/headrace-host"
    tar -C build/package -czf "build/$name.tar.gz" "$name"
    (cd build && sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256")
}
step "build release" build release headrace headrace-host example_engines
step "pack" pack
cat "$STEP_LOG"
