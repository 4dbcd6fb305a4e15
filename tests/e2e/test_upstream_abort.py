"""A connect under way ends with its call: cancelled, hung up, or out of time."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fake_upstream import good
from server import Server
from upstream_site import HI, Setup
from waiting import eventually

SLOW = {"connect": 600, "first_byte": 600, "between": 600, "total": 1800}


class Blackhole:
    """Listens and takes nobody in: its backlog is full, so that a connect waits for an answer to its SYN."""

    def __init__(self) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.name = ""
        self.held: list[socket.socket] = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(("127.0.0.1", self.port))
            self.held.append(filler)
        probe = socket.socket()
        probe.settimeout(0.5)
        with pytest.raises(TimeoutError):
            probe.connect(("127.0.0.1", self.port))
        probe.close()

    def syns(self) -> int:
        """Sockets of this machine that wait for an answer of ours, but for our own fillers."""
        ours = {filler.getsockname()[1] for filler in self.held}
        count = 0
        for line in open("/proc/net/tcp").read().splitlines()[1:]:
            _, local, remote, state, *_ = line.split()
            waits = state == "02" and int(remote.split(":")[1], 16) == self.port
            count += waits and int(local.split(":")[1], 16) not in ours
        return count

    def close(self) -> None:
        for filler in self.held:
            filler.close()
        self.listener.close()


@pytest.fixture
def hole() -> Iterator[Blackhole]:
    made = Blackhole()
    yield made
    made.close()


def add(up: Setup, hole: Blackhole, **more: Any) -> None:
    up.add(fake=hole, timeouts=SLOW, **more)  # type: ignore[arg-type]


def ended(up: Setup, hole: Blackhole) -> bool:
    return up.view(hole)["health"]["in_flight"] == 0 and hole.syns() == 0  # type: ignore[arg-type]


def test_a_cancelled_job(up: Setup, hole: Blackhole, dialling: Server) -> None:
    add(up, hole)
    job = dialling.client.submit(up.capability, {"messages": HI})
    eventually(lambda: hole.syns() == 1)
    assert dialling.client.post(f"/jobs/{job['id']}/cancel").status in (200, 202)
    # At once; the connect itself would go on for two minutes.
    eventually(lambda: ended(up, hole), within=20)
    assert dialling.client.wait(job["id"])["state"] == "cancelled"


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_hangs_up(up: Setup, hole: Blackhole, dialling: Server, stream: bool) -> None:
    add(up, hole)
    connection = http.client.HTTPConnection("127.0.0.1", dialling.client_port, timeout=60)
    body = json.dumps({"model": up.model, "messages": HI, "stream": stream})
    connection.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {dialling.client.key}"})
    eventually(lambda: hole.syns() == 1)
    connection.sock.close()
    eventually(lambda: ended(up, hole), within=20)


def test_its_whole_time_is_up(up: Setup, hole: Blackhole) -> None:
    up.add(fake=hole, timeouts={**SLOW, "total": 1})  # type: ignore[arg-type]
    job = up.chat()
    assert job["state"] == "failed" and job["error"]["code"] in ("deadline_exceeded", "unavailable"), job
    eventually(lambda: ended(up, hole))


def test_a_handshake_that_never_ends(up: Setup, dialling: Server) -> None:
    """It takes the connection in and never answers to the TLS hello."""
    silent = socket.create_server(("127.0.0.1", 0), backlog=16)
    port = silent.getsockname()[1]

    class Silent:
        url = f"https://127.0.0.1:{port}/v1"
        name = ""

        def close(self) -> None:
            silent.close()

    fake = Silent()
    up.add(fake=fake, timeouts=SLOW)  # type: ignore[arg-type]
    job = dialling.client.submit(up.capability, {"messages": HI})
    taken, _ = silent.accept()
    assert taken.recv(1)  # its hello
    assert dialling.client.post(f"/jobs/{job['id']}/cancel").status in (200, 202)
    taken.settimeout(60)
    began = time.monotonic()
    with contextlib.suppress(OSError):
        while taken.recv(65536):
            pass
    assert time.monotonic() - began < 20.0
    eventually(lambda: up.view(fake)["health"]["in_flight"] == 0)  # type: ignore[arg-type]
    taken.close()


def test_a_stream_through_fastchats_controller(dialling: Server, hole: Blackhole) -> None:
    body = {"name": "hole", "tenant": "system", "kind": "fastchat", "base_url": hole.url, "models": ["of-nobody"]}
    assert dialling.control.post("/upstreams", {**body, "timeouts": SLOW, "probe_every": 0}).status == 201
    token = (dialling.folder / "data" / "fastchat.token").read_text().strip()
    connection = http.client.HTTPConnection("127.0.0.1", dialling.control_port, timeout=60)
    ask = json.dumps({"model": "of-nobody", "prompt": "x"})
    connection.request("POST", f"/fastchat/{token}/worker_generate_stream", ask)

    def view() -> dict[str, Any]:
        return dialling.control.get("/upstreams/hole?tenant=system").json()["health"]

    try:
        eventually(lambda: hole.syns() == 1 and view()["in_flight"] == 1)
        connection.sock.close()
        eventually(lambda: hole.syns() == 0 and view()["in_flight"] == 0, within=20)
        assert view()["failures"] == 0, "it has said nothing of the worker"
    finally:
        dialling.control.delete("/upstreams/hole?tenant=system")


def test_others_go_on_meanwhile(up: Setup, hole: Blackhole, dialling: Server) -> None:
    add(up, hole)
    job = dialling.client.submit(up.capability, {"messages": HI})
    eventually(lambda: hole.syns() == 1)
    other = Setup(dialling)
    try:
        other.add(good)
        assert other.chat()["state"] == "succeeded"
    finally:
        other.close()
    dialling.client.post(f"/jobs/{job['id']}/cancel")
    eventually(lambda: ended(up, hole))
