"""Every snippet of the README, run as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Server

from e2e.test_server import needs, submit_when_known, worker_key
from headrace import Client
from headrace.cli import main

README = Path(__file__).parents[2] / "README.md"
SOURCE = README.parent / "src"


def snippet(name: str) -> str:
    (found,) = re.findall(rf"```python {name}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    return str(found)


def test_no_snippet_is_forgotten() -> None:
    assert re.findall(r"```(\w+ ?\w*)\n", README.read_text("utf-8")) == [
        "sh",
        "python engine",
        "python worker",
        "python client",
    ]


def test_engine(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "shout"
    assert main(["new", "shout", "--dir", str(folder)]) == 0
    folder.joinpath("engine.py").write_text(snippet("engine"))
    assert main(["check", str(folder), "--run", str(folder / "sample.json")]) == 0
    assert '"HELLO! HELLO!"' in capfd.readouterr().out
    assert main(["run", str(folder), "--input", '{"text":" "}']) == 1
    assert "there is nothing to say" in capfd.readouterr().err


def test_worker(server: Server, tmp_path: Path) -> None:
    code = snippet("worker").replace("http://127.0.0.1:8601", server.control)
    code = code.replace('"loud"', '"readme_loud"')
    script = tmp_path / "script.py"
    script.write_text(code)
    environment = {"PYTHONPATH": str(SOURCE), "HEADRACE_KEY": worker_key(server)}
    process = subprocess.Popen([sys.executable, str(script)], env=environment)
    try:
        with Client(server.url, server.key) as client:
            found = submit_when_known(client, "quiet", "readme_loud")
            assert found == {"text": "QUIET"}
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_client(server: Server, tmp_path: Path) -> None:
    needs(server, "ocr")
    needs(server, "vad")
    shutil.copy(ROOT / "examples" / "inputs" / "lines.png", tmp_path / "page.png")
    code = snippet("client")
    for name in ("echo", "echo_stream", "echo_slow"):
        code = code.replace(f'"{name}"', f'"py_{name}"')
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(SOURCE),
            "HEADRACE_URL": server.url,
            "HEADRACE_KEY": server.key,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "hello"
    assert "2718" in lines[2]
    assert lines[3] == "one two threelater"
    assert (tmp_path / "hello.wav").read_bytes()[:4] == b"RIFF"
