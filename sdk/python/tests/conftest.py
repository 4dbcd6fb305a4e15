"""A real server for the end-to-end tests, where there is one.

HEADRACE_BIN names the program; else the newest of build/*/headrace is taken. Without one the
tests of `e2e` are skipped.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENGINES = ROOT / "examples" / "engines"


@dataclass(frozen=True)
class Server:
    url: str
    control: str
    key: str
    engines: frozenset[str]


def binary() -> Path | None:
    if named := os.environ.get("HEADRACE_BIN"):
        return Path(named)
    built = sorted(ROOT.glob("build/*/headrace"), key=lambda path: path.stat().st_mtime)
    return built[-1] if built else None


def free_ports(count: int) -> list[int]:
    """Below the ephemeral range: no outgoing connection takes one before the server does."""
    found: list[int] = []
    for port in random.sample(range(16_000, 20_000), 4_000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            break
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    program = binary()
    if program is None:
        pytest.skip("the headrace program is not built")
    folder = tmp_path_factory.mktemp("server")
    names = ["echo/py_echo", "echo/py_echo_stream", "echo/py_echo_slow", "echo/py_echo_tensor"]
    names += [name for name in ("ocr", "vad") if (ENGINES / name / ".venv").exists()]
    engines = [ENGINES / name for name in (*names, "speak")]
    client, control = free_ports(2)
    command = [str(program), "serve", "--data", str(folder / "data")]
    command += ["--client", f"127.0.0.1:{client}", "--control", f"127.0.0.1:{control}"]
    command += ["--admin-key-file", str(folder / "key")]
    for engine in engines:
        command += ["--engine", str(engine)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}
    environment["HEADRACE_ENGINES_PYTHON"] = sys.executable
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{client}"
        wait_ready(url, process)
        yield Server(
            url,
            f"http://127.0.0.1:{control}",
            (folder / "key").read_text().strip(),
            frozenset(engine.name for engine in engines),
        )
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server does not get ready")
