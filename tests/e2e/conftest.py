"""Starts the real binary and talks to it as strangers do.

HEADRACE_BIN names the binary (default build/dev/headrace). The shared `server` serves most tests; a
test that hurts its server asks `start_server` for one of its own.
"""

from __future__ import annotations

import pathlib
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "sdk" / "python" / "src")]

from fastchat_site import EXPIRE, Site  # noqa: E402
from postgres import Postgres  # noqa: E402
from server import Server, free_port  # noqa: E402
from upstream_site import Setup  # noqa: E402
from wire import API, Client  # noqa: E402


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
def fastchat(start_server: Callable[..., Server], tmp_path: pathlib.Path) -> Iterator[Site]:
    door = free_port()
    settings = (f"fastchat.expire_s={EXPIRE}", f"fastchat.listen=127.0.0.1:{door}")
    running = Site(start_server(settings=settings, engines=()), tmp_path)
    running.door_port = door
    yield running
    for worker in running.workers:
        worker.kill()


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


@pytest.fixture(scope="module")
def dialling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own for upstreams, so that their models are not in the way of others."""
    running = Server(tmp_path_factory.mktemp("dialling")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    made = Postgres()
    yield made
    made.close()


@pytest.fixture
def up(dialling: Server) -> Iterator[Setup]:
    made = Setup(dialling)
    yield made
    made.close()
