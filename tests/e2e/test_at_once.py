"""Everything at once on one server with I/O loops of its own, also where a machine has few cores: jobs, streams, chats,
callers that leave, keys, upstreams, reloads, and the end in the middle of it. Most of all for `./dev test-san`."""

from __future__ import annotations

import http.client
import itertools
import threading
from collections.abc import Callable

import pytest
from fake_upstream import FakeUpstream, good
from server import Server
from upstream_site import HI
from wire import RawSocket

ROUNDS = 12
TEXT = {"text": "one two three"}


class Callers:
    """Threads that each do one thing over and over; what one of them meets fails the test."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.ending = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self, does: Callable[[int], None], rounds: int | None) -> None:
        def work() -> None:
            for number in range(rounds) if rounds else itertools.count():
                try:
                    does(number)
                except (OSError, http.client.HTTPException, AssertionError) as error:
                    # A server that ends may refuse and close, nothing else may.
                    if not self.ending.is_set():
                        self.wrong.append(f"{does.__name__}: {error!r}")
                    return

        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive()
        assert not self.wrong


def doings(server: Server, fake: FakeUpstream) -> list[Callable[[int], None]]:
    client, control = server.client, server.control

    def run_job(_: int) -> None:
        job = client.run("echo", TEXT, wait=60)
        assert job.get("output") == TEXT, job

    def keep_job(_: int) -> None:
        made = client.submit("echo", TEXT)
        assert client.wait(made["id"], within=60)["state"] == "succeeded"

    def follow_job(_: int) -> None:
        body = {"capability": "echo_stream", "input": TEXT}
        with client.stream("POST", "/jobs", body, {"Accept": "text/event-stream"}) as (head, events):
            assert head.status == 200 and [event.event for event in events][-1:] == ["done"]

    def cancel_job(_: int) -> None:
        made = client.submit("echo_slow", {"text": "x", "duration_ms": 60_000})
        assert client.post(f"/jobs/{made['id']}/cancel").status in (200, 202)
        assert client.wait(made["id"], within=60)["state"] == "cancelled"

    def chat(number: int) -> None:
        body = {"model": "at/once", "messages": HI, "stream": number % 2 == 1}
        reply = client.request("POST", "/v1/chat/completions", body)
        assert reply.status == 200, reply.body
        assert (b"[DONE]" if body["stream"] else b"Hello there") in reply.body

    def leave(_: int) -> None:
        body = '{"model": "at/once", "messages": [{"role": "user", "content": "hi"}], "stream": true}'
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {client.host}:{client.port}\r\nContent-Type: application/json"
        )
        head += f"\r\nAuthorization: Bearer {client.key}\r\nContent-Length: {len(body)}\r\n\r\n"
        with RawSocket(client.host, client.port) as socket:
            socket.send((head + body).encode())
            status = socket.status()
            assert status == 200, status
            socket.reset()

    def change_keys(number: int) -> None:
        made = control.post("/keys", {"name": f"k{number}", "role": "caller", "limits": {"concurrency": 2}})
        assert made.status == 201, made.body
        assert client.with_key(made.json()["key"]).run("echo", TEXT, wait=60)["state"] == "succeeded"
        assert control.delete(f"/keys/{made.json()['id']}").status == 204

    def change_upstreams(number: int) -> None:
        body = {"name": f"extra-{number}", "base_url": fake.url, "models": [{"id": "at/once", "remote": "real-name"}]}
        assert control.post("/upstreams", body).status == 201
        assert control.request("PATCH", f"/api/v1/upstreams/{body['name']}", {"weight": 3}).status == 200
        assert control.delete(f"/upstreams/{body['name']}").status == 204

    def look(number: int) -> None:
        pages = ("/queues", "/workers", "/usage", "/upstreams")
        assert control.get(pages[number % len(pages)]).status == 200
        assert control.request("GET", "/metrics").status == 200
        assert client.get("/jobs?limit=20").status == 200

    def reload(_: int) -> None:
        assert control.post("/reload").status == 200

    return [
        run_job,
        run_job,
        keep_job,
        follow_job,
        cancel_job,
        chat,
        chat,
        leave,
        change_keys,
        change_upstreams,
        look,
        reload,
    ]


@pytest.mark.parametrize("end", ["after", "amid"])
def test_at_once(start_server: Callable[..., Server], end: str) -> None:
    server = start_server(settings=("server.io_loops=3",))
    server.wait_engines("echo", "echo_stream", "echo_slow")
    server.client.timeout = server.control.timeout = 90  # above every wait of theirs
    fake = FakeUpstream(good)
    try:
        body = {"name": "first", "base_url": fake.url, "models": [{"id": "at/once", "remote": "real-name"}]}
        assert server.control.post("/upstreams", body).status == 201
        callers = Callers()
        for does in doings(server, fake):
            callers.start(does, ROUNDS if end == "after" else None)
        if end == "after":
            callers.join()
            server.healthy()
            assert server.stop(60) == 0
        else:
            while len(fake.requests) < 3 * ROUNDS and not callers.wrong:
                callers.threads[0].join(0.05)
            callers.ending.set()
            assert server.stop(60) == 0
            callers.join()
    finally:
        fake.close()
