"""Starts the real binary and talks to it as strangers do.

HEADRACE_BIN names the binary (default build/dev/headrace). The shared `server` serves most tests; a
test that hurts its server asks `start_server` for one of its own.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "sdk" / "python" / "src")]

from wire import API, Client  # noqa: E402

BINARY = pathlib.Path(os.environ.get("HEADRACE_BIN", ROOT / "build" / "dev" / "headrace"))
ECHO = ROOT / "examples" / "engines" / "echo"
STATE_GRACE = 20.0


def free_port() -> int:
    """Below the ephemeral range, so that no outgoing connection takes it before the server does."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Server:
    def __init__(self, folder: pathlib.Path, engines: tuple[pathlib.Path, ...] = (ECHO,),
                 settings: tuple[str, ...] = (), env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.engines = engines
        self.settings = settings
        self.env = {**os.environ, **(env or {})}
        self.client_port, self.control_port = free_port(), free_port()
        self.key_file = folder / "admin.key"
        self.process: subprocess.Popen[bytes] | None = None
        self.client: Client = Client("127.0.0.1", self.client_port)
        self.control: Client = Client("127.0.0.1", self.control_port)

    def start(self, ready: bool = True) -> Server:
        command = [
            str(BINARY), "serve", "--data", str(self.folder / "data"),
            "--client", f"127.0.0.1:{self.client_port}", "--control", f"127.0.0.1:{self.control_port}",
            "--admin-key-file", str(self.key_file),
        ]
        for engine in self.engines:
            command += ["--engine", str(engine)]
        for setting in self.settings:
            command += ["--set", setting]
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(command, stderr=self.log, stdout=self.log, env=self.env)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, within: float = STATE_GRACE) -> None:
        deadline = time.monotonic() + within
        while True:
            assert self.process is not None and self.process.poll() is None, self.log_text()
            assert time.monotonic() < deadline, self.log_text()
            try:
                if self.client.request("GET", "/readyz").status == 200 and self.key_file.exists():
                    break
            except OSError:
                pass
            time.sleep(0.02)
        key = self.key_file.read_text().strip()
        self.client = self.client.with_key(key)
        self.control = self.control.with_key(key)

    def wait_engines(self, *names: str, within: float = STATE_GRACE) -> None:
        """Until every named capability has a free slot."""
        deadline = time.monotonic() + within
        for name in names:
            while True:
                queues = self.control.get("/queues").json()["queues"]
                if any(queue["capability"].split("@")[0] == name and queue["slots"] > 0 for queue in queues):
                    break
                assert time.monotonic() < deadline, (name, queues, self.log_text()[-3000:])
                time.sleep(0.05)

    def log_text(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def stop(self, grace: float = 15.0) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.process.returncode

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    # --- keys ------------------------------------------------------------------------------------

    def new_key(self, role: str, tenant: str | None = None, **more: Any) -> str:
        body: dict[str, Any] = {"name": f"{role}-{random.randrange(10**9)}", "role": role, **more}
        if tenant is not None:
            body["tenant"] = tenant
        reply = self.control.post("/keys", body)
        assert reply.status == 201, (reply.status, reply.body)
        return reply.json()["key"]

    def as_role(self, role: str, tenant: str | None = None, **more: Any) -> Client:
        return self.client.with_key(self.new_key(role, tenant, **more))

    def healthy(self) -> None:
        """The one thing every hostile test asserts at its end: others are unharmed."""
        assert self.process is not None and self.process.poll() is None, self.log_text()[-3000:]
        job = self.client.run("echo", {"text": "still here"})
        assert job["state"] == "succeeded" and job["output"] == {"text": "still here"}, job


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("shared")).start()
    running.wait_engines("echo", "echo_stream", "echo_slow", "echo_tensor")
    yield running
    running.stop()


@pytest.fixture
def start_server(tmp_path: pathlib.Path) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(**options: Any) -> Server:
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        started.append(Server(folder, **options))
        return started[-1].start()

    yield start
    for server in started:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@pytest.fixture
def client(server: Server) -> Client:
    return server.client


@pytest.fixture
def control(server: Server) -> Client:
    return server.control


__all__ = ["API"]


class Workers:
    """Makes test workers that end with the test, each with capabilities of names of their own."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.open: list[Any] = []
        self.keys: dict[str, str] = {}

    def key(self, tenant: str) -> str:
        if tenant not in self.keys:
            self.keys[tenant] = self.server.new_key("worker", tenant)
        return self.keys[tenant]

    def start(self, *offers: Any, tenant: str = "default", **options: Any) -> Any:
        from worker import TestWorker

        made = TestWorker("127.0.0.1", self.server.control_port, self.key(tenant), list(offers), **options)
        self.open.append(made)
        return made


@pytest.fixture
def workers(server: Server) -> Iterator[Workers]:
    made = Workers(server)
    yield made
    for worker in made.open:
        worker.close()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A capability name that no other test uses."""
    return f"t-{random.randrange(10**12):012d}"
