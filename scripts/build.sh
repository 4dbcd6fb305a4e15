#!/usr/bin/env bash
# ./dev build [PRESET] [TARGET...]: installs what building needs and builds one preset (default: dev).
# Presets: dev, release, pgo, asan, ubsan, tsan, tidy, fuzz. Without targets: everything of the preset.
# pgo is the release built twice, the second time by what our own bench was seen to run: CONTRIBUTING.md.
. scripts/lib.sh
. scripts/pgo.sh
help_if_asked "$0" "${1:-}"
preset=${1:-dev}
[ $# -gt 0 ] && shift
case "$preset" in
    dev|release|pgo|asan|ubsan|tsan|tidy|fuzz) ;;
    *) die "no preset $preset: dev, release, pgo, asan, ubsan, tsan, tidy or fuzz" ;;
esac
sets=(build run)
case "$preset" in release|pgo) ;; tidy) sets+=(test check) ;; *) sets+=(test) ;; esac
STEPS=$([ "$preset" = pgo ] && echo 4 || echo 2)
step "packages" ensure_packages "${sets[@]}"
if [ "$preset" = pgo ]; then pgo "$@"; else step "build $preset" build "$preset" "$@"; fi
