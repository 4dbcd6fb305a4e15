#!/usr/bin/env bash
# ./dev package [--pgo] [--check]: what can be handed out, in build/package:
#   headrace_VERSION_amd64.deb             systemd unit, man pages, completion (install: apt install ./FILE)
#   headrace-VERSION-linux-x86_64.tar.gz   the same programs for any place
#   headrace-VERSION-image.tar             container image (docker load -i FILE)
#   headrace-VERSION-py3-none-any.whl      Python client, engine kit and remote agent
#   --pgo    of programs that our own bench has trained: 10 % less CPU a job, for two thirds more time of building
#   --check  then installs them as strangers do: the .deb in a clean Debian 12 chroot, the image in Docker
. scripts/lib.sh
. scripts/pgo.sh
help_if_asked "$0" "${1:-}"
check='' preset=release STEPS=8
for option; do
    case "$option" in
        --check) check=1 STEPS=$((STEPS + 2)) ;;
        --pgo) preset=pgo STEPS=$((STEPS + 2)) ;;
        *) die "package: no option $option; see ./dev package --help" ;;
    esac
done
export HEADRACE_PRESET=$preset  # for package/tree.sh
OUT=build/package
hardened() {
    ensure_venv build/venv-test tests/requirements.txt
    HEADRACE_RELEASE=1 HEADRACE_BIN=$ROOT/build/$preset/headrace \
        build/venv-test/bin/python -m pytest -q -p no:cacheprovider tests/hardening
}

step "system packages" ensure_packages build run package
step "console" bash scripts/console.sh
programs=(headrace headrace-host example_engines)
if [ "$preset" = pgo ]; then pgo "${programs[@]}"; else step "build release" build release "${programs[@]}"; fi
step "hardened flags in the programs" hardened
step "tree and tar" bash scripts/package/tree.sh "$OUT"
step "Debian package" bash scripts/package/deb.sh "$OUT"
step "container image" "$PYTHON" scripts/package/image.py "$OUT"
step "Python wheel" bash scripts/package/wheel.sh "$OUT"
if [ -n "$check" ]; then
    step "python test environment" ensure_venv build/venv-test tests/requirements.txt
    step "installed in a clean Debian 12, loaded into Docker" \
        build/venv-test/bin/python -m pytest -q -p no:cacheprovider tests/package
fi
(cd "$OUT" && sha256sum ./*.deb ./*.tar.gz ./*.tar ./*.whl >SHA256SUMS && ls -l --block-size=1 ./*.deb ./*.tar.gz ./*.tar ./*.whl)
