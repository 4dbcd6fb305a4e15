# The release that our own bench has trained, in build/pgo: built so that it counts what it runs, run, and built
# again by what was counted. Sourced, after lib.sh.
# shellcheck shell=bash

# pgo_build PRESET [target...]: configured each time, because both presets share the folder.
pgo_build() {
    local preset=$1
    shift
    cmake --preset "$preset"
    cmake --build build/pgo --parallel "$JOBS" ${1:+--target "$@"}
}

# pgo [target...]: three steps. The bench's programs are made again, too: those of the training count.
pgo() {
    local bench=(bench_load llm_server)
    step "build that counts" pgo_build pgo-train headrace headrace-host example_engines "${bench[@]}"
    step "train" "$PYTHON" bench/train.py --build build/pgo
    step "build pgo" pgo_build pgo ${1:+"$@" "${bench[@]}"}
}
