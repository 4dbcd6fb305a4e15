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

# pgo [target...]: three steps. What counted is all made again, and gone when the training fails.
pgo() {
    local counting=(headrace headrace-host example_engines bench_load llm_server)
    step "build that counts" pgo_build pgo-train "${counting[@]}"
    step "train" train_pgo
    step "build pgo" pgo_build pgo ${1:+"$@" "${counting[@]}"}
}

train_pgo() {
    "$PYTHON" bench/train.py --build build/pgo && return 0
    rm -f build/pgo/headrace build/pgo/headrace-host
    return 1
}
