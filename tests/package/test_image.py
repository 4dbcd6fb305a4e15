"""The container image under a real Docker daemon, started here without touching the machine's network."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest
from server import ECHO, free_port
from wire import Client


class Docker:
    def __init__(self, folder: pathlib.Path) -> None:
        self.socket = f"unix://{folder}/d.sock"
        command = ["dockerd", "--data-root", f"{folder}/root", "--exec-root", f"{folder}/run"]
        command += ["--pidfile", f"{folder}/pid", "-H", self.socket]
        command += ["--iptables=false", "--ip6tables=false", "--bridge=none"]
        self.log = open(folder / "dockerd.log", "wb")
        self.daemon = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 120
        while subprocess.run([*self.cli, "info"], capture_output=True, check=False).returncode != 0:
            assert self.daemon.poll() is None and time.monotonic() < deadline, (folder / "dockerd.log").read_text()[
                -3000:
            ]
            time.sleep(0.2)

    @property
    def cli(self) -> list[str]:
        return ["/usr/bin/docker", "-H", self.socket]

    def run(self, *arguments: str) -> str:
        done = subprocess.run([*self.cli, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout.strip()


def ready(client: Client) -> bool:
    try:
        return client.request("GET", "/readyz").status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        pytest.skip("dockerd needs root and the package docker.io")
    folder = tmp_path_factory.mktemp("docker")
    daemon = Docker(folder)
    yield daemon
    daemon.daemon.terminate()
    daemon.daemon.wait(60)
    for mounted in folder.glob("run/netns/*"):  # it leaves this one behind
        subprocess.run(["umount", "-l", str(mounted)], check=False)


def test_it_serves(docker: Docker, image: pathlib.Path, tmp_path: pathlib.Path) -> None:
    name = docker.run("load", "-i", str(image)).rpartition(" ")[2]
    config = json.loads(docker.run("image", "inspect", name))[0]["Config"]
    assert config["User"] not in ("", "0", "root")
    engines = tmp_path / "engines"
    for engine in ("echo", "py_echo"):
        shutil.copytree(ECHO / engine, engines / engine, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    for path in (tmp_path, engines, *tmp_path.parents):
        if path.is_relative_to("/tmp/pytest-of-root"):
            path.chmod(0o755)
    client, control = free_port(), free_port()
    container = docker.run(
        "run", "-d", "--network", "host", "--read-only", "--tmpfs", "/tmp", "-v", f"{engines}:/engines:ro", name,
        "serve", "--client", f"127.0.0.1:{client}", "--control", f"127.0.0.1:{control}", "--engine", "/engines",
    )  # fmt: skip
    key = tmp_path / "admin.key"
    deadline = time.monotonic() + 120
    while subprocess.run([*docker.cli, "cp", f"{container}:/data/admin.key", str(key)], capture_output=True).returncode:
        assert time.monotonic() < deadline, docker.run("logs", container)
        time.sleep(0.2)
    wire = Client("127.0.0.1", client, key.read_text().strip())
    while not ready(wire):  # the key may be there before the door is
        assert time.monotonic() < deadline, docker.run("logs", container)
        time.sleep(0.2)
    for engine in ("echo", "py_echo"):
        job = wire.run(engine, {"text": "contained"})
        assert job["output"] == {"text": "contained"}, docker.run("logs", container)
    docker.run("stop", "-t", "20", container)
    assert json.loads(docker.run("inspect", container))[0]["State"]["ExitCode"] == 0
