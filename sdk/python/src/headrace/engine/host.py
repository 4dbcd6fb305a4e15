"""The host's end of the link: reads frames, keeps the leased jobs, sends what they say.

Threads: the reader takes every frame off the socket, also while an engine is busy; the heart sends
a ping when nothing else was sent; engine code runs on the main thread (in an event loop there when
it is async). Frames are written by whoever has one, under one lock.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, Protocol

from headrace.engine.base import Job
from headrace.engine.codec import ProtocolError
from headrace.engine.interface import Interface
from headrace.engine.io import Media
from headrace.engine.protocol import (
    Batch,
    Cancel,
    Drain,
    Input,
    JobRef,
    Lease,
    LeasedJob,
    Log,
    Output,
    Ping,
    Progress,
    Refused,
    Step,
    Welcome,
    Window,
    pack_frame,
    read_frames,
)
from headrace.engine.session import Session
from headrace.engine.transfer import Allowance, Inbox, Spool
from headrace.engine.values import decode_values, encode_values

EXIT_PROTOCOL = 4
"""Exit status when the link broke its own rules."""
MAX_STEP = 1_000_000
"""Bytes of a streamed step or a progress report, which must fit one frame."""
PROGRESS_EVERY = 0.02
"""Seconds between two reports of one job, but for those with outputs and the last one."""


def _job_id(raw: bytes) -> str:
    if len(raw) != 16:
        return ""
    text = raw.hex()  # by hand: uuid.UUID takes four times as long
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class HostJob(Job):
    """A leased job with its ends of the link."""

    def __init__(self, host: Host, lease: LeasedJob, group: Group, window: int) -> None:
        super().__init__(
            host,
            id=_job_id(lease.ref.job),
            attempt=lease.attempt,
            tenant=lease.tenant,
            traceparent=lease.traceparent,
            timeout=lease.timeout_ms / 1000,
            wants_stream=lease.stream_outputs or lease.stream,
        )
        self.host = host
        self.ref = lease.ref
        self.group = group
        self.inbox = Inbox(lease.values, lease.values_size, lease.parts, host.spool.directory)
        self.allowance = Allowance(window)
        self.session = Session(self) if lease.stream else None
        self.owed = 0
        """Bytes consumed that no window frame has returned yet."""
        self.steps_sent = 0
        self.last_progress = 0.0
        self.forgotten = False
        """The server refused the lease: nothing of it is sent any more."""

    def cancel(self, reason: str = "cancelled") -> None:
        super().cancel(reason)
        self.allowance.wake()
        if self.session is not None:
            self.session.wake()

    def load(self, interface: Interface) -> None:
        """Decodes the inputs; on the thread that runs the engine."""
        self.inputs = decode_values(self.inbox.values, interface.inputs, self.inbox.parts)
        self.inbox.parts = {}

    def clean_up(self) -> None:
        self.inbox.discard()
        for value in self.inputs.values():
            for item in value if isinstance(value, list) else (value,):
                if isinstance(item, Media):
                    item.discard()


class Group:
    """The jobs of one batch, which start together once the parts of all are in."""

    def __init__(self) -> None:
        self.jobs: list[HostJob] = []
        self.waiting: set[JobRef] = set()


class Channel(Protocol):
    """What carries frames. Both methods raise OSError when it is gone; `frames` may just end."""

    def send(self, bodies: Sequence[Any]) -> None: ...

    def frames(self) -> Iterator[Any]: ...


class SocketChannel:
    """Frames behind their lengths on a stream socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._writing = threading.Lock()

    def send(self, bodies: Sequence[Any]) -> None:
        packed = b"".join([pack_frame(body) for body in bodies])
        with self._writing:
            self._socket.sendall(packed)

    def frames(self) -> Iterator[Any]:
        return read_frames(self._socket)


class Host:
    def __init__(self, channel: Channel, interface: Interface, spool: Spool) -> None:
        self.spool = spool
        self.interface = interface
        self.welcome = Welcome()
        self.deliver: Callable[[Group | None], None] = lambda group: None
        """Called by the reader with a batch that can start, and with None to drain."""
        self._channel = channel
        self._jobs: dict[JobRef, HostJob] = {}
        self.draining = False
        """No more leases come."""
        self._last_sent = time.monotonic()
        self._frames = channel.frames()
        self._handlers: dict[type, Callable[[Any], None]] = {
            Lease: self._on_lease,
            Input: self._on_input,
            Cancel: self._on_cancel,
            Window: self._on_window,
            Ping: self._on_ping,
            Refused: self._on_refused,
            Drain: self._on_drain,
        }

    # --- life ----------------------------------------------------------------------------------

    def receive(self) -> Any:
        """The next frame, before `start` has begun to read in the background."""
        for body in self._frames:
            return body
        return self.leave()

    def start(self, welcome: Welcome) -> None:
        self.welcome = welcome
        threading.Thread(target=self._read, name="headrace-reader", daemon=True).start()
        threading.Thread(target=self._beat, name="headrace-heart", daemon=True).start()

    def leave(self, code: int = 0) -> NoReturn:
        """Ends the process at once, whatever its other threads do: the parent is gone."""
        self.spool.remove()
        os._exit(code)

    def _read(self) -> None:
        code = 0
        try:
            for body in self._frames:
                handler = self._handlers.get(type(body))
                if handler is not None:
                    handler(body)
        except ProtocolError as error:
            os.write(2, f"headrace: the link broke its own rules: {error}\n".encode())
            code = EXIT_PROTOCOL
        except OSError:
            pass
        self.leave(code)

    def _beat(self) -> None:
        interval = max(self.welcome.heartbeat_ms, 100) / 2000
        nonce = 0
        while True:
            time.sleep(interval)
            if time.monotonic() - self._last_sent >= interval:
                nonce += 1
                self.send(Ping(nonce))

    # --- sending -------------------------------------------------------------------------------

    def send(self, *bodies: Any) -> None:
        try:
            self._channel.send(bodies)
            self._last_sent = time.monotonic()
        except OSError:
            self.leave()

    def progress(self, job: Job, fraction: float, message: str, outputs: Mapping[str, Any]) -> None:
        assert isinstance(job, HostJob)
        now = time.monotonic()
        if not outputs and fraction < 1 and now - job.last_progress < PROGRESS_EVERY:
            return
        job.last_progress = now
        values = encode_values(outputs, self.interface.progress_outputs) if outputs else b""
        if len(values) > MAX_STEP:
            raise ValueError(f"progress outputs of {len(values)} bytes; at most {MAX_STEP}")
        if not job.forgotten:
            self.send(Progress(job.ref, fraction, message[:4096], values))

    def log(self, job: Job, stream: str, line: str) -> None:
        assert isinstance(job, HostJob)
        if not job.forgotten:
            line = line[: 16 << 10].encode("utf-8", "replace").decode("utf-8")
            self.send(Log(job.ref, stream, line, time.time_ns() // 1_000_000))

    def emit(self, job: Job, outputs: Mapping[str, Any]) -> None:
        assert isinstance(job, HostJob)
        if job.wants_stream:
            values = self._step(outputs)
            job.allowance.take(len(values), job)
            self._send_step(job, values)

    async def emit_async(self, job: Job, outputs: Mapping[str, Any]) -> None:
        assert isinstance(job, HostJob)
        if job.wants_stream:
            values = self._step(outputs)
            if not job.allowance.try_take(len(values)):
                import asyncio

                await asyncio.to_thread(job.allowance.take, len(values), job)
            self._send_step(job, values)

    def _step(self, outputs: Mapping[str, Any]) -> bytes:
        values = encode_values(outputs, self.interface.outputs)
        if len(values) > MAX_STEP:
            raise ValueError(f"a streamed step of {len(values)} bytes; at most {MAX_STEP}")
        return values

    def _send_step(self, job: HostJob, values: bytes) -> None:
        if not job.forgotten:
            self.send(Output(job.ref, step=Step(job.steps_sent, values)))
            job.steps_sent += 1

    def forget(self, jobs: Sequence[HostJob]) -> None:
        """The jobs have ended: later frames about them are ignored."""
        for job in jobs:
            self._jobs.pop(job.ref, None)
            job.clean_up()
        if self.draining and not self._jobs:
            self.deliver(None)

    def drain(self) -> None:
        """No more leases come: deliver None as soon as the last job has ended."""
        self.draining = True
        if not self._jobs:
            self.deliver(None)

    # --- frames of the server, on the reader's thread ------------------------------------------

    def _on_lease(self, lease: Lease) -> None:
        for batch in lease.batches:
            self._on_batch(batch)

    def _on_batch(self, batch: Batch) -> None:
        group = Group()
        for leased in batch.jobs:
            job = HostJob(self, leased, group, self.welcome.window or 1 << 20)
            group.jobs.append(job)
            self._jobs[job.ref] = job
            if not job.inbox.complete:
                group.waiting.add(job.ref)
        if group.jobs and not group.waiting:
            self.deliver(group)

    def _on_input(self, body: Input) -> None:
        job = self._jobs.get(body.ref)
        if job is None:
            return
        if body.step is not None:
            self._on_step(job, body.step)
        elif body.chunk is not None and body.ref in job.group.waiting:
            job.inbox.add(body.chunk)
            self.consumed(job, len(body.chunk.data), now=body.chunk.last)
            if job.inbox.complete:
                self._arrived(job)

    def _on_step(self, job: HostJob, step: Step) -> None:
        if job.session is None:
            raise ProtocolError("a step for a job that is no session")
        if step.values:
            job.session.feed(partial(self._take_step, job, step.values))
        if step.last:
            job.session.end()

    def _take_step(self, job: HostJob, values: bytes) -> dict[str, Any]:
        self.consumed(job, len(values), now=True)
        return decode_values(values, self.interface.inputs)

    def consumed(self, job: HostJob, size: int, *, now: bool) -> None:
        """Gives the server room for as many bytes again; small amounts wait for each other."""
        job.owed += size
        if job.owed and (now or job.owed >= (self.welcome.window or 1 << 20) // 4):
            owed, job.owed = job.owed, 0
            self.send(Window(job.ref, owed))

    def _arrived(self, job: HostJob) -> None:
        group = job.group
        group.waiting.discard(job.ref)
        if not group.waiting:
            self.deliver(group)

    def _on_cancel(self, body: Cancel) -> None:
        for ref in body.refs:
            job = self._jobs.get(ref)
            if job is not None:
                job.cancel(body.reason or "cancelled")
                if ref in job.group.waiting:
                    self._arrived(job)

    def _on_refused(self, body: Refused) -> None:
        job = self._jobs.get(body.ref)
        if job is not None:
            job.forgotten = True
            self._on_cancel(Cancel([body.ref], "refused"))

    def _on_window(self, body: Window) -> None:
        job = self._jobs.get(body.ref)
        if job is not None:
            job.allowance.release(body.bytes)

    def _on_ping(self, body: Ping) -> None:
        if not body.reply:
            self.send(Ping(body.nonce, reply=True))

    def _on_drain(self, _: Drain) -> None:
        self.drain()
