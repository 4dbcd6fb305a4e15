"""The three-call loop against a server that speaks frames over WebSocket."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from websocket_server import Connection, Server

from headrace.engine import protocol as link
from headrace.engine.values import decode_values, encode_values
from headrace.engine.worker import Worker, WorkerError

INTERFACE: dict[str, Any] = {
    "inputs": {"text": {"kind": "text"}},
    "outputs": {"text": {"kind": "text"}},
}


class Hub:
    """The server's end of one link."""

    def __init__(self, connection: Connection) -> None:
        assert connection.request == "GET /api/v1/link HTTP/1.1"
        connection.accept()
        self._connection = connection
        self.hello = self.expect(link.Hello)
        self.send(link.Welcome(1, uuid.uuid4().bytes, 3, 300, 10_000, 1 << 20))

    def send(self, body: Any) -> None:
        self._connection.send(2, link.encode_frame(body))

    def expect(self, cls: type) -> Any:
        while True:
            kind, payload = self._connection.receive()
            assert kind == 2, kind
            body = link.decode_frame(payload)
            if isinstance(body, cls):
                return body
            assert isinstance(body, link.Ping), body

    def lease(self, text: str) -> link.JobRef:
        assert self.expect(link.Credit) == link.Credit([0], 1)
        ref = link.JobRef(uuid.uuid4().bytes, 3, 1)
        job = link.LeasedJob(ref, 1, encode_values({"text": text}))
        self.send(link.Lease([link.Batch(0, [job])]))
        return ref


def test_next_progress_done() -> None:
    def script(connection: Connection) -> None:
        assert connection.headers["authorization"] == "Bearer hr_key"
        hub = Hub(connection)
        assert hub.hello.name == "notebook"
        assert hub.hello.offers[0].capability == "shout"
        for text in ("one", "two"):
            ref = hub.lease(text)
            report = hub.expect(link.Progress)
            assert (report.ref, report.fraction, report.message) == (ref, 0.5, "half")
            (result,) = hub.expect(link.Result).results
            assert result.ref == ref
            assert decode_values(result.values) == {"text": text.upper()}
        assert hub.lease("bad")
        (failure,) = hub.expect(link.Failure).failures
        assert (failure.code, failure.message) == ("invalid_argument", "no")
        hub.expect(link.Credit)
        hub.expect(link.Ping)  # while nothing happens
        hub.send(link.Drain("stop"))

    done = []
    with (
        Server(script) as server,
        Worker(
            server.url, capability="shout", interface=INTERFACE, key="hr_key", name="notebook"
        ) as worker,
    ):
        while job := worker.next():
            if job["text"] == "bad":
                worker.failed("invalid_argument", "no")
                continue
            assert worker.progress(0.5, "half")
            worker.done(text=job["text"].upper())
            done.append(job["text"])
        with pytest.raises(RuntimeError):
            worker.done(text="nothing")
    assert done == ["one", "two"]


def test_cancel_and_a_job_left_without_an_answer() -> None:
    def script(connection: Connection) -> None:
        hub = Hub(connection)
        ref = hub.lease("long")
        hub.expect(link.Progress)
        hub.send(link.Cancel([ref], "cancelled"))
        (failure,) = hub.expect(link.Failure).failures
        assert (failure.ref, failure.code) == (ref, "cancelled")
        ref = hub.lease("left")
        (failure,) = hub.expect(link.Failure).failures
        assert (failure.ref, failure.code, failure.retryable) == (ref, "engine_failed", True)

    with Server(script) as server:
        worker = Worker(server.url, capability="shout", interface=INTERFACE, key="k")
        assert worker.next() is not None
        stop = threading.Event()
        fraction = 0.0
        while worker.progress(fraction):
            fraction += 0.001
            stop.wait(0.021)
        assert worker.next(20) is not None
        worker.close()


def test_outputs_that_do_not_fit() -> None:
    def script(connection: Connection) -> None:
        hub = Hub(connection)
        hub.lease("x")
        (result,) = hub.expect(link.Result).results
        assert decode_values(result.values) == {"text": "right"}

    with (
        Server(script) as server,
        Worker(server.url, capability="shout", interface=INTERFACE, key="k") as worker,
    ):
        worker.next(20)
        with pytest.raises(TypeError, match="'wrong'"):
            worker.done(wrong=1)
        worker.done({"text": "right"})


def test_the_link_is_made_anew() -> None:
    wanted = threading.Event()

    def breaks(connection: Connection) -> None:
        hub = Hub(connection)
        hub.lease("lost")
        hub.expect(link.Progress)
        assert wanted.wait(20)

    def goes_on(connection: Connection) -> None:
        hub = Hub(connection)
        hub.lease("again")
        hub.expect(link.Result)

    with (
        Server(breaks, goes_on) as server,
        Worker(server.url, capability="shout", interface=INTERFACE, key="k") as worker,
    ):
        job = worker.next(20)
        assert job is not None
        assert worker.progress(0.1)
        wanted.set()
        assert job._cancelled.wait(20)
        assert not worker.progress(0.5)
        worker.done(text="nobody hears this")
        job = worker.next(20)
        assert job is not None
        assert job["text"] == "again"
        worker.done(text="heard")


def test_refusals() -> None:
    def no_key(connection: Connection) -> None:
        connection.raw(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    def other_interface(connection: Connection) -> None:
        connection.accept()
        connection.receive()
        connection.send(2, link.encode_frame(link.Welcome(error="another interface")))

    with Server(no_key, other_interface) as server:
        worker = Worker(server.url, capability="shout", interface=INTERFACE, key="k")
        with pytest.raises(WorkerError, match="403"):
            worker.next(20)
        with pytest.raises(WorkerError, match="another interface"):
            worker.next(20)
        worker.close()
    with (
        Worker(server.url, capability="shout", interface=INTERFACE, key="k") as worker,
        pytest.raises(TimeoutError),
    ):
        worker.next(0.01)
