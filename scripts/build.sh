#!/usr/bin/env bash
# ./dev build [PRESET] [TARGET...]: installs what building needs and builds one preset (default: dev).
# Presets: dev, release, asan, ubsan, tsan, tidy, fuzz. Without targets: everything of the preset.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
preset=${1:-dev}
[ $# -gt 0 ] && shift
case "$preset" in
    dev|release|asan|ubsan|tsan|tidy|fuzz) ;;
    *) die "no preset $preset: dev, release, asan, ubsan, tsan, tidy or fuzz" ;;
esac
sets=(build run)
case "$preset" in release) ;; tidy) sets+=(test check) ;; *) sets+=(test) ;; esac
STEPS=2
step "packages" ensure_packages "${sets[@]}"
step "build $preset" build "$preset" "$@"
