#!/usr/bin/env bash
# ./dev peers [--only litellm,fastchat] [--connections N] [--seconds N] [--rounds N] [--no-write]: the LiteLLM proxy
# and FastChat (controller and API server) beside nginx and us: the same chat, whole and streamed, before the same
# model, in turn; prints CPU per request, rate, p50, p99 and the ratio to ours, and writes bench/PEERS.md. Each peer is
# installed from PyPI, pinned, in an environment of its own below build/; one that cannot be is left out, and the table
# says so. The databases and limits beside ours are rows of ./dev bench.
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
STEPS=5
step "system packages" ensure_packages build run bench
if ! grep -qs '^HEADRACE_BENCH:BOOL=ON' build/release/CMakeCache.txt; then
    cmake --preset release -DHEADRACE_BENCH=ON >"$LOGS/peers-configure.log" 2>&1 || die "see $LOGS/peers-configure.log"
fi
step "build release" build release headrace bench_load llm_server

# A peer that cannot be installed must not keep the others from being measured.
peer() {
    PIP_NO_DEPS=1 ensure_venv "build/venv-peer-$1" "scripts/requirements-peer-$1.txt"
}
wanted=litellm,fastchat
for ((i = 1; i < $#; ++i)); do [ "${!i}" = --only ] && { next=$((i + 1)); wanted=${!next}; }; done
for name in litellm fastchat; do
    case ",$wanted," in
        *",$name,"*) (step "peer: $name" peer "$name") || echo "note: $name is left out" ;;
    esac
    STEP=$((STEP + 1))
done
printf '[%d/%d] measure\n' "$STEPS" "$STEPS"
exec "$PYTHON" bench/peers.py "$@"
