"""headrace doctor: what it finds, and that it finds what is wrong."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
from collections.abc import Callable
from typing import Any

from server import BINARY, ECHO, Server, free_port


def doctor(*arguments: Any, status: int = 0) -> dict[str, list[dict[str, str]]]:
    command = [str(BINARY), "doctor", "-o", "json", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done
    found: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        found.setdefault(finding["what"], []).append(finding)
    return found


def doors(client: int, control: int) -> list[str]:
    return ["--client", f"127.0.0.1:{client}", "--control", f"127.0.0.1:{control}"]


def test_a_sound_machine(tmp_path: pathlib.Path) -> None:
    found = doctor("--data", tmp_path / "data", "--engine", ECHO, *doors(free_port(), free_port()))
    for what in ("cpu", "memory", "gpu", "disk", "fsync", "open files", "clock", "data folder", "python"):
        assert found[what], what
    assert found["engine echo@1.0.0"][0]["grade"] == "ok"
    assert "cores" in found["cpu"][0]["found"]
    assert not (tmp_path / "data").exists(), "nothing is changed"


def test_gpus_are_shown_with_their_memory(tmp_path: pathlib.Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\necho '0, GPU-a, Fake L4, 23034, 4096'\n")
    tool.chmod(0o755)
    found = doctor("--data", tmp_path / "d", "--set", f"engines.gpu_tool={tool}", *doors(free_port(), free_port()))
    assert found["gpu"][0]["found"].startswith("0 Fake L4, 22 GiB")
    tool.write_text("#!/bin/sh\nexit 3\n")
    found = doctor("--data", tmp_path / "d", "--set", f"engines.gpu_tool={tool}", *doors(free_port(), free_port()))
    assert found["gpu"][0]["grade"] == "warn"


def test_what_is_wrong_is_found(tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = doctor("--data", tmp_path / "d", *doors(port, free_port()), status=1)
    assert found["client door"][0]["grade"] == "FAIL" and "client.listen" in found["client door"][0]["advice"]
    engine = tmp_path / "engine"
    engine.mkdir()
    (engine / "engine.toml").write_text(
        'capability = "lost"\nversion = "1.0.0"\n[native]\nlibrary = "libnothing.so"\n[outputs.text]\nkind = "text"\n'
    )
    found = doctor("--data", tmp_path / "d", "--engine", engine, *doors(free_port(), free_port()), status=1)
    assert "libnothing.so" in found["engine lost@1.0.0"][0]["found"]
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    found = doctor("--data", open_to_all, *doors(free_port(), free_port()), status=1)
    assert "0700" in found["data folder"][0]["advice"]
    found = doctor("--set", "jobs.max_attempts=0", status=1)
    assert "jobs.max_attempts" in found["settings"][0]["found"]


def test_beside_a_running_server(start_server: Callable[..., Server]) -> None:
    server = start_server()
    found = doctor("--data", server.folder / "data", *doors(server.client_port, server.control_port))
    assert f"served by pid {server.process.pid}" in found["data folder"][0]["found"]
    assert "running server" in found["client door"][0]["found"]
