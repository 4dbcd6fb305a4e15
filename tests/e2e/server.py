"""One `headrace serve` on a data folder of its own; can be killed and started again. Standard library only."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from wire import Client

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("HEADRACE_BIN", ROOT / "build" / "dev" / "headrace"))
ECHO = ROOT / "examples" / "engines" / "echo"
STATE_GRACE = 60.0
FIRST_PORT, PORTS_EACH, PORT_LANES = 20_000, 3_000, 4


@functools.cache
def _lane() -> Iterator[int]:
    """Every port of this process's lane, in an order of its own, over and over."""
    lane = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PORT_LANES
    first = FIRST_PORT + lane * PORTS_EACH
    return itertools.cycle(random.sample(range(first, first + PORTS_EACH), PORTS_EACH))


def free_port() -> int:
    """Below the ephemeral range, so that no outgoing connection takes it before the server does.

    Test processes that run beside one another (gw0, gw1, ...) draw from ports of their own. None is given twice
    in a row: whoever was given one may not listen on it yet.
    """
    while True:
        port = next(_lane())
        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Server:
    def __init__(
        self,
        folder: pathlib.Path,
        engines: tuple[pathlib.Path, ...] = (ECHO,),
        settings: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
        binary: pathlib.Path = BINARY,
    ) -> None:
        self.folder = folder
        self.engines = engines
        self.binary = binary
        self.settings = settings
        self.env = {**os.environ, **(env or {})}
        self.client_port, self.control_port = free_port(), free_port()
        self.control_host = "127.0.0.1"
        self.key_file = folder / "admin.key"
        self.process: subprocess.Popen[bytes] | None = None
        self.client: Client = Client("127.0.0.1", self.client_port)
        self.control: Client = Client("127.0.0.1", self.control_port)

    def start(self, ready: bool = True) -> Server:
        command = [
            str(self.binary),
            "serve",
            "--data",
            str(self.folder / "data"),
            "--client",
            f"127.0.0.1:{self.client_port}",
            "--control",
            f"{self.control_host}:{self.control_port}",
            "--admin-key-file",
            str(self.key_file),
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

    def stop(self, grace: float = 60.0) -> int:
        """What still runs has server.drain_s to end, which is 30 s."""
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
