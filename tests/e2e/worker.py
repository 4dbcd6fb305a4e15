"""A worker for tests: dials the real worker link and does only what the test tells it to."""

from __future__ import annotations

import json
import queue
import select
import threading
import time
from typing import Any

from headrace.engine import protocol
from headrace.engine.io import Media
from headrace.engine.values import decode_values, encode_values
from websocket import Closed, WebSocket

LINK = "/api/v1/link"


class LeasedJob:
    """One lease, until the test ends it."""

    def __init__(self, worker: TestWorker, job: Any) -> None:
        self.worker = worker
        self.ref = job.ref
        self.job = job
        self.steps: queue.Queue[tuple[dict[str, Any], bool]] = queue.Queue()
        self.cancelled = threading.Event()
        self.parts: dict[int, bytes] = {}
        self.room = worker.welcome.window
        self.roomier = threading.Condition()
        self.whole = threading.Event()

    def inputs(self, within: float = 30.0) -> dict[str, Any]:
        """The input, once all its chunks are there."""
        assert self.whole.wait(within), "the input did not come whole"
        values = self.parts[0] if self.job.values_size else self.job.values
        return decode_values(values, parts={n: data for n, data in self.parts.items() if n > 0})

    def take_chunk(self, chunk: Any) -> None:
        self.parts[chunk.part] = self.parts.get(chunk.part, b"") + chunk.data
        self.worker.send(protocol.Window(ref=self.ref, bytes=len(chunk.data)))
        self.waiting -= 1 if chunk.last else 0
        if self.waiting == 0:
            self.whole.set()

    def expect_chunks(self) -> None:
        self.waiting = self.job.parts + (1 if self.job.values_size else 0)
        if self.waiting == 0:
            self.whole.set()

    def send_part(self, number: int, data: bytes) -> None:
        """In chunks, no more than the server's window has room for."""
        for at in range(0, max(1, len(data)), protocol.MAX_CHUNK):
            piece = data[at : at + protocol.MAX_CHUNK]
            size = len(piece)
            with self.roomier:
                assert self.roomier.wait_for(lambda need=size: self.room >= need, 30), "no window came"
                self.room -= len(piece)
            chunk = protocol.Chunk(part=number, data=piece, last=at + len(piece) >= len(data))
            self.worker.send(protocol.Output(ref=self.ref, chunk=chunk))

    def grow(self, count: int) -> None:
        with self.roomier:
            self.room += count
            self.roomier.notify()

    def done(self, outputs: dict[str, Any], **more: Any) -> None:
        parts: list[Media] = []
        values = encode_values(outputs, parts=parts)
        for number, media in enumerate(parts, 1):
            self.send_part(number, media.bytes)
        size = len(values) if len(values) > protocol.MAX_INLINE else 0
        if size:
            self.send_part(0, values)
        result = protocol.JobResult(ref=self.ref, values=b"" if size else values, values_size=size, **more)
        self.worker.send(protocol.Result(results=[result]))
        self.worker.credit()

    def fail(self, code: str, message: str = "", retryable: bool = False) -> None:
        failure = protocol.JobFailure(ref=self.ref, code=code, message=message, retryable=retryable)
        self.worker.send(protocol.Failure(failures=[failure]))
        self.worker.credit()

    def progress(self, fraction: float, message: str = "", **outputs: Any) -> None:
        values = encode_values(outputs) if outputs else b""
        self.worker.send(protocol.Progress(ref=self.ref, fraction=fraction, message=message, values=values))

    def log(self, line: str, stream: str = "stderr") -> None:
        now = int(time.time() * 1000)
        self.worker.send(protocol.Log(ref=self.ref, stream=stream, line=line, at_ms=now))

    def output(self, outputs: dict[str, Any], seq: int, last: bool = False) -> None:
        step = protocol.Step(seq=seq, values=encode_values(outputs), last=last)
        self.worker.send(protocol.Output(ref=self.ref, step=step))

    def next_step(self, within: float = 30.0) -> tuple[dict[str, Any], bool]:
        return self.steps.get(timeout=within)


class TestWorker:
    """Reads in a thread of its own; the test calls next_job() and ends what it got."""

    __test__ = False

    def __init__(
        self, host: str, port: int, key: str, offers: list[Any], slots: int = 1, name: str = "test-worker", **hello: Any
    ) -> None:
        self.socket = WebSocket(host, port, LINK, key)
        self.jobs: queue.Queue[LeasedJob] = queue.Queue()
        self.held: dict[tuple[bytes, int], LeasedJob] = {}
        self.refused: queue.Queue[Any] = queue.Queue()
        self.drained = threading.Event()
        self.closed: int | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.offers = offers
        self.send(
            protocol.Hello(
                protocol=protocol.PROTOCOL,
                name=name,
                host="test",
                pid=1,
                kit="test 1",
                offers=offers,
                slots=slots,
                batch_limit=64,
                **hello,
            )
        )
        self.welcome = protocol.decode_frame(self.socket.receive())
        assert isinstance(self.welcome, protocol.Welcome) and not self.welcome.error, self.welcome
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        for _ in range(slots):
            self.credit()

    def __enter__(self) -> TestWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stop.set()
        self.socket.socket.close()
        if self._thread.ident is not None:
            self._thread.join(5)

    def send(self, body: Any) -> None:
        with self._lock:
            self.socket.send(protocol.encode_frame(body))

    def credit(self) -> None:
        self.send(protocol.Credit(offers=list(range(len(self.offers))), slots=1))

    def next_job(self, within: float = 30.0) -> LeasedJob:
        return self.jobs.get(timeout=within)

    def _read(self) -> None:
        last_sign = time.monotonic()
        try:
            while not self._stop.is_set():
                if time.monotonic() - last_sign > 1:
                    self.send(protocol.Ping(nonce=1))
                    last_sign = time.monotonic()
                if not self.socket._buffer and not select.select([self.socket.socket], [], [], 0.2)[0]:
                    continue
                self._take(protocol.decode_frame(self.socket.receive()))
        except Closed as closed:
            self.closed = closed.code
        except (OSError, ValueError):
            pass

    def _take(self, frame: Any) -> None:
        if isinstance(frame, protocol.Lease):
            for batch in frame.batches:
                for job in batch.jobs:
                    leased = LeasedJob(self, job)
                    leased.expect_chunks()
                    self.held[(job.ref.job, job.ref.counter)] = leased
                    self.jobs.put(leased)
        elif isinstance(frame, protocol.Input):
            leased = self.held[(frame.ref.job, frame.ref.counter)]
            if frame.chunk is not None:
                leased.take_chunk(frame.chunk)
            elif frame.step is not None:
                self.send(protocol.Window(ref=frame.ref, bytes=len(frame.step.values)))
                leased.steps.put((decode_values(frame.step.values), frame.step.last))
        elif isinstance(frame, protocol.Cancel):
            for ref in frame.refs:
                self.held[(ref.job, ref.counter)].cancelled.set()
        elif isinstance(frame, protocol.Window):
            if (held := self.held.get((frame.ref.job, frame.ref.counter))) is not None:
                held.grow(frame.bytes)
        elif isinstance(frame, protocol.Refused):
            self.refused.put(frame)
        elif isinstance(frame, protocol.Drain):
            self.drained.set()
        elif isinstance(frame, protocol.Ping) and not frame.reply:
            self.send(protocol.Ping(nonce=frame.nonce, reply=True))


def offer(capability: str, interface: dict[str, Any], version: str = "1.0.0", **more: Any) -> Any:
    more.setdefault("slots", 1)
    more.setdefault("max_batch", 1)
    return protocol.Offer(capability=capability, version=version, interface=json.dumps(interface), **more)


TEXT_TO_TEXT = {"inputs": {"text": {"kind": "text"}}, "outputs": {"text": {"kind": "text"}}}
