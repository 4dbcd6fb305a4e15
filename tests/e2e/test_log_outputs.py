"""Lines to a file that rotates, and to the system's log."""

from __future__ import annotations

import os
import pathlib
import socket
import time
from collections.abc import Callable

import pytest
from server import Server


def test_a_file_that_rotates(start_server: Callable[..., Server], tmp_path: pathlib.Path) -> None:
    path = tmp_path / "headrace.log"
    settings = (f"log.file={path}", "log.file_bytes=4096", "log.file_keep=2", "log.level=debug")
    server = start_server(settings=settings)
    server.wait_engines("echo")
    for number in range(60):
        server.client.run("echo", {"text": f"line {number}"})
    assert server.stop() == 0
    assert "server stopped" in path.read_text()
    files = sorted(each.name for each in tmp_path.glob("headrace.log*"))
    assert files == ["headrace.log", "headrace.log.1", "headrace.log.2"]
    assert path.stat().st_mode & 0o777 == 0o640
    assert " info " not in server.log_text()


def test_a_file_that_cannot_be_written_stops_the_start(tmp_path: pathlib.Path) -> None:
    server = Server(tmp_path, settings=(f"log.file={tmp_path}/no/log",)).start(ready=False)
    assert server.process is not None and server.process.wait(20) == 2
    assert "No such file" in server.log_text() and "/no/log" in server.log_text()


@pytest.mark.skipif(os.geteuid() != 0 or pathlib.Path("/dev/log").exists(), reason="/dev/log is not ours to make")
def test_the_systems_log(start_server: Callable[..., Server]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind("/dev/log")
        try:
            journal.settimeout(10)
            server = start_server(engines=(), settings=("log.syslog=true",))
            deadline = time.monotonic() + 10
            while "server ready" not in (line := journal.recv(8192).decode()):
                assert time.monotonic() < deadline
            assert line.startswith("<30>") and f"headrace[{server.process.pid}]: server ready" in line
        finally:
            pathlib.Path("/dev/log").unlink()
