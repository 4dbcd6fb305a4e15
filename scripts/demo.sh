#!/usr/bin/env bash
# ./dev demo [--once] [--port N]: from nothing to a running server with real engines.
# Installs the packages, makes the engines' environments, builds the console and the release, starts `headrace serve` on
# loopback, tours real requests and prints what came back, then serves until Ctrl-C.
#   --once    end after the tour; the exit status is not 0 when any answer is wrong
#   --port N  client door on N, control door on N+1 (default 8600 and 8601)
. scripts/lib.sh
help_if_asked "$0" "${1:-}"
once='' port=8600
while [ $# -gt 0 ]; do
    case "$1" in
        --once) once=--once ;;
        --port) port=${2:?--port needs a number}; shift ;;
        *) die "demo: no option $1; see ./dev demo --help" ;;
    esac
    shift
done
STEPS=9
step "system packages" ensure_packages build run demo
step "engine environment: ocr (rapidocr, ONNX)" ensure_engine examples/engines/ocr
step "engine environment: vad (silero, ONNX)" ensure_engine examples/engines/vad
step "language model and its library" ensure_llama
step "OpenAI's SDK" ensure_venv build/venv-demo scripts/requirements-demo.txt
step "FastChat's worker base class" ensure_fastchat
step "console pages" bash scripts/console.sh
step "configure" cmake --preset release
step "build build/release/headrace" build release headrace headrace-host example_engines llama_plugin
exec "$PYTHON" scripts/tour.py --binary build/release/headrace --port "$port" $once
