"""GPUs are handed out to engines that ask for them; the driver's tool is a stand-in here."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable

import pytest
from server import Server

TOOL = """#!/bin/sh
printf '0, GPU-aaaa, Fake Small, 24576, 10\\n1, GPU-bbbb, Fake Large, 81920, 20\\n'
"""
ENGINE = """
import os
from headrace.engine import Engine

class Shown(Engine):
    def run(self, text: str) -> str:
        return os.environ.get("CUDA_VISIBLE_DEVICES", "all")
"""


def engine(folder: pathlib.Path, name: str, gpu: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "engine.py").write_text(ENGINE)
    (folder / name / "engine.toml").write_text(
        f'capability = "{name}"\nversion = "1.0.0"\n[python]\nentry = "engine:Shown"\n{gpu}\n'
        '[inputs.text]\nkind = "text"\n[outputs.text]\nkind = "text"\n'
    )


@pytest.fixture
def server(start_server: Callable[..., Server], tmp_path: pathlib.Path) -> Server:
    tool = tmp_path / "gpu-tool"
    tool.write_text(TOOL)
    tool.chmod(0o755)
    engines = tmp_path / "engines"
    engine(engines, "whole", "[gpu]\ncount = 1")
    engine(engines, "part", '[gpu]\ncount = 1\nmemory = "8 GiB"')
    engine(engines, "none", "")
    engine(engines, "greedy", '[gpu]\ncount = 3\nmemory = "1 GiB"')
    return start_server(engines=(engines,), settings=(f"engines.gpu_tool={tool}",))


def shown(server: Server, name: str) -> str:
    server.wait_engines(name)
    return server.client.run(name, {"text": ""})["output"]["text"]


def test_each_sees_its_own_and_operators_see_all(server: Server) -> None:
    whole, part = shown(server, "whole"), shown(server, "part")
    assert {whole, part} == {"GPU-aaaa", "GPU-bbbb"}
    assert shown(server, "none") == "all"
    workers = server.control.get("/workers").json()["workers"]
    gpus = {worker["name"].split("@")[0]: worker.get("gpus") for worker in workers}
    assert set(gpus["whole"] + gpus["part"]) == {"0 Fake Small, 24 GiB", "1 Fake Large, 80 GiB"}
    assert gpus["none"] is None


def test_an_engine_that_wants_too_much_says_so(server: Server) -> None:
    shown(server, "none")
    deadline = time.monotonic() + 60
    while "3 GPUs with 1024 MiB free are needed" not in server.log_text():
        assert time.monotonic() < deadline, server.log_text()
        time.sleep(0.05)
