#!/usr/bin/env bash
# scripts/package/wheel.sh OUT: the wheel of sdk/python.
. scripts/lib.sh
out=$1
ensure_venv build/venv-package scripts/requirements-package.txt
rm -rf build/wheel-source
mkdir -p build/wheel-source
git archive HEAD:sdk/python | tar -x -C build/wheel-source
build/venv-package/bin/pip wheel --disable-pip-version-check -q --no-deps --no-build-isolation -w "$out" build/wheel-source
