"""What `serve` tells the service manager (systemd, Type=notify), and the unit file itself."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable

import pytest
from server import ROOT, Server


class Manager:
    """The manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        self.socket.bind(path)

    def told(self) -> dict[str, str]:
        lines = self.socket.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def told_other_than_watchdog(self) -> dict[str, str]:
        while (state := self.told()) == {"WATCHDOG": "1"}:
            pass
        return state


@pytest.mark.parametrize("abstract", [False, True])
def test_start_watchdog_reload_stop(
    start_server: Callable[..., Server], tmp_path: pathlib.Path, abstract: bool
) -> None:
    name = f"headrace-notify-{os.getpid()}"
    manager = Manager(f"\0{name}" if abstract else str(tmp_path / "notify"))
    address = f"@{name}" if abstract else str(tmp_path / "notify")
    # A third of it between two words. A socket takes ten or so; were it full, the words after them would be lost.
    server = start_server(engines=(), env={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000000"})
    assert manager.told() == {"READY": "1"}
    assert server.client.request("GET", "/readyz").status == 200
    assert [manager.told() for _ in range(3)] == [{"WATCHDOG": "1"}] * 3
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)
    reloading = manager.told_other_than_watchdog()
    assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) > 0
    assert manager.told_other_than_watchdog() == {"READY": "1"}
    server.process.send_signal(signal.SIGTERM)
    assert manager.told_other_than_watchdog() == {"STOPPING": "1"}
    assert server.process.wait(20) == 0


def test_the_unit_file(tmp_path: pathlib.Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (ROOT / "deploy" / "systemd" / "headrace.service").read_text()
    # The program is where the package puts it; here any will do.
    copy = tmp_path / "headrace.service"
    copy.write_text(unit.replace("/usr/bin/headrace", "/bin/true"))
    done = subprocess.run([tool, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "headrace.service" in line]
    assert complaints == []
