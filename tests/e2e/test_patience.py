"""What takes its time by contract or by attack: all of it side by side, so that the suite need not wait
for one after the other. Each test reads the outcome of its own thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from conftest import Workers
from headrace.engine import protocol
from server import Server
from websocket import Closed, WebSocket
from wire import API, RawSocket
from worker import LINK, TEXT_TO_TEXT, offer

LIMIT = 30.0
TALK = {
    "mode": "stream",
    "inputs": {"text": {"kind": "text", "required": False}},
    "outputs": {"text": {"kind": "text", "conditional": True}},
}


def comment_on_an_idle_stream(server: Server) -> None:
    """A comment line every 15 s, and nothing else from a job that says nothing."""
    client = server.client
    job = client.submit("patience-jobs", {"text": "x"})
    with RawSocket(client.host, client.port, timeout=LIMIT) as raw:
        began = time.monotonic()
        raw.send(
            f"GET {API}/jobs/{job['id']}/events HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {client.key}\r\n\r\n".encode()
        )
        data = b""
        while b"\n: " not in data:
            data += raw.socket.recv(4096)
        assert 13 < time.monotonic() - began < 25


def ping_of_a_session(server: Server) -> None:
    """Ping every 20 s."""
    client = server.client
    path = f"{API}/capabilities/patience-session/session"
    with WebSocket(client.host, client.port, path, client.key, timeout=LIMIT) as session:
        session.send({"input": {}, "seq": 0})
        session.receive()
        began = time.monotonic()
        opcode, _ = session.read_frame()
        assert opcode == 9 and 15 < time.monotonic() - began < LIMIT


def body_of_two_bytes_a_second(server: Server) -> None:
    client = server.client
    with RawSocket(client.host, client.port, timeout=LIMIT) as raw:
        raw.send(
            f"POST {API}/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n".encode()
        )
        raw.socket.settimeout(0.5)
        began = time.monotonic()
        while time.monotonic() - began < LIMIT:
            try:
                raw.send(b" ")
                raw.socket.recv(1)
                break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - began < 20, "given up by the server"


def cut_in_time(server: Server, data: bytes) -> None:
    with RawSocket(server.client.host, server.client.port, timeout=LIMIT) as raw:
        raw.send(data)
        began = time.monotonic()
        raw.read_until_closed()
        assert time.monotonic() - began < 20


def head_that_never_ends(server: Server) -> None:
    cut_in_time(server, b"GET / HTTP/1.1\r\nHost: localh")


def tls_hello_on_a_plain_door(server: Server) -> None:
    cut_in_time(server, b"\x16\x03\x01\x02\x00\x01\x00\x01")


def zeros(server: Server) -> None:
    cut_in_time(server, b"\x00" * 100)


def first_frame_of_a_session_never_comes(server: Server) -> None:
    client = server.client
    path = f"{API}/capabilities/patience-session/session"
    with WebSocket(client.host, client.port, path, client.key, timeout=LIMIT + 15) as session:
        _, code = session.until_closed()
        assert code in (1008, 1006, None)


def link_that_says(server: Server, *frames: bytes) -> None:
    key = server.new_key("worker")
    with WebSocket("127.0.0.1", server.control_port, LINK, key, timeout=LIMIT) as link:
        for frame in frames:
            link.send(frame)
        try:
            while True:
                link.receive()
        except Closed:
            pass


def link_that_is_silent(server: Server) -> None:
    link_that_says(server)


def link_of_an_empty_frame(server: Server) -> None:
    link_that_says(server, b"")


def link_of_an_unknown_frame(server: Server) -> None:
    link_that_says(server, b"\xfa\x3f\x00")


def worker_that_falls_silent(server: Server) -> None:
    """No sign of life past the lease: its job runs elsewhere."""
    client = server.client
    key = server.new_key("worker")
    with WebSocket("127.0.0.1", server.control_port, LINK, key, timeout=LIMIT) as link:
        link.send(
            protocol.encode_frame(
                protocol.Hello(
                    protocol=1,
                    name="silent",
                    host="h",
                    pid=1,
                    kit="x",
                    slots=1,
                    batch_limit=64,
                    offers=[offer("patience-silent", TEXT_TO_TEXT)],
                )
            )
        )
        link.receive()
        link.send(protocol.encode_frame(protocol.Credit(offers=[0], slots=1)))
        job = client.submit("patience-silent", {"text": "x"})
        client.wait(job["id"], {"running"})
        client.wait(job["id"], {"queued"}, within=LIMIT)
        client.post(f"/jobs/{job['id']}/cancel")


TRIALS: list[Callable[[Server], None]] = [
    comment_on_an_idle_stream,
    ping_of_a_session,
    body_of_two_bytes_a_second,
    head_that_never_ends,
    tls_hello_on_a_plain_door,
    zeros,
    first_frame_of_a_session_never_comes,
    link_that_is_silent,
    link_of_an_empty_frame,
    link_of_an_unknown_frame,
    worker_that_falls_silent,
]


@pytest.fixture(scope="module")
def outcomes(server: Server) -> Iterator[dict[str, Future[None]]]:
    workers = Workers(server)
    workers.start(offer("patience-jobs", TEXT_TO_TEXT))
    workers.start(offer("patience-session", TALK, slots=4), slots=4)
    with ThreadPoolExecutor(len(TRIALS)) as pool:
        yield {trial.__name__: pool.submit(trial, server) for trial in TRIALS}
    for worker in workers.open:
        worker.close()


@pytest.mark.parametrize("trial", [trial.__name__ for trial in TRIALS])
def test_patience(outcomes: dict[str, Future[None]], server: Server, trial: str) -> None:
    outcomes[trial].result(60)
    server.healthy()
