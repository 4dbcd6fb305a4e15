"""The three-call loop: scripts and notebooks as workers of a server, over its worker link.

    with Worker(capability="shout", interface=INTERFACE) as worker:
        while job := worker.next():
            worker.progress(0.5, "half way")
            worker.done(text=job["text"].upper())

One job at a time. The link is kept alive in the background and made anew when it breaks; a job that
was running then is no longer ours, and the server gives it to somebody else.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from headrace._connections import WebSocket
from headrace._environment import read_key
from headrace._version import VERSION
from headrace._websocket import ClosedError, HandshakeRefusedError, WebSocketError
from headrace.engine.base import EngineError
from headrace.engine.codec import ProtocolError
from headrace.engine.host import Group, Host, HostJob
from headrace.engine.interface import Interface
from headrace.engine.protocol import (
    PROTOCOL,
    Credit,
    Hello,
    Offer,
    Welcome,
    decode_frame,
    encode_frame,
)
from headrace.engine.replies import Reply, encode_replies, send_replies
from headrace.engine.runner import Outcome
from headrace.engine.transfer import Spool
from headrace.engine.values import encode_values

LINK_PATH = "/api/v1/link"
_MAX_PAUSE = 30.0


class WorkerError(Exception):
    """The server does not take this worker: its key, its interface or its version."""


class _LinkLostError(Exception):
    pass


class Worker:
    def __init__(
        self,
        url: str = "http://127.0.0.1:8601",
        *,
        capability: str,
        interface: Mapping[str, Any],
        version: str = "1.0.0",
        key: str | None = None,
        name: str = "",
        ca_file: str | None = None,
        stall_timeout: float = 0.0,
    ) -> None:
        """`url` is the server's control door; `key` defaults to HEADRACE_KEY or the content of
        HEADRACE_KEY_FILE. `interface` has the tables of an engine.toml."""
        self._url = url.rstrip("/") + ("" if url.rstrip("/").endswith(LINK_PATH) else LINK_PATH)
        self._key = read_key(key)
        self._ca_file = ca_file
        self._name = name or f"{capability}-{os.getpid()}"
        self._interface = Interface.of(interface)
        self._offer = Offer(
            capability,
            version,
            json.dumps(interface, ensure_ascii=False),
            slots=1,
            stall_timeout_ms=round(stall_timeout * 1000),
        )
        self._spool = Spool()
        self._host: _WorkerHost | None = None
        self._asked = False
        """A credit is out."""
        self._job: HostJob | None = None
        self._drained = False

    def next(self, timeout: float | None = None) -> HostJob | None:
        """Waits for a job. None when the server asks the worker to go.

        Raises TimeoutError after `timeout` seconds without one, WorkerError when the server refuses
        the worker. A job that was left without an answer is given up.
        """
        self._give_up()
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = 0.5
        while not self._drained:
            try:
                return self._next(deadline)
            except (_LinkLostError, WebSocketError, OSError) as error:
                if isinstance(error, TimeoutError):
                    raise
                self._host = None
                left = pause if deadline is None else min(pause, deadline - time.monotonic())
                if left <= 0:
                    raise TimeoutError(f"no link to {self._url}: {error}") from error
                time.sleep(left)
                pause = min(pause * 2, _MAX_PAUSE)
        return None

    def progress(self, fraction: float | None = None, message: str = "", /, **outputs: Any) -> bool:
        """Tells how far the job is. False when nobody wants it any more: go on to the next."""
        job = self._current()
        if not job.cancelled:
            with suppress(_LinkLostError):
                job.progress(fraction, message, **outputs)
        return not job.cancelled

    def done(self, outputs: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Ends the job with its outputs. TypeError when they do not fit the interface."""
        job = self._current()
        reply = Reply(job, Outcome({**(outputs or {}), **more}))
        reply.values = encode_values(
            reply.outcome.outputs or {}, self._interface.outputs, reply.parts
        )
        self._job = None
        with suppress(_LinkLostError):
            send_replies(job.host, [reply])

    def failed(self, code: str, message: str = "", *, retryable: bool = False) -> None:
        """Ends the job with an error: one of the interface's codes, or a word of Headrace's own."""
        self._fail(EngineError(code, message, retryable=retryable))

    def close(self) -> None:
        """Gives up a job that is still held, and leaves the server."""
        self._give_up()
        self._drained = True
        if self._host is not None:
            self._host.channel.close()
        self._host = None
        self._spool.remove()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _current(self) -> HostJob:
        if self._job is None:
            raise RuntimeError("there is no job: call next() first")
        return self._job

    def _fail(self, error: EngineError) -> None:
        job = self._current()
        self._job = None
        outcome = Outcome(None, error)
        with suppress(_LinkLostError):
            send_replies(job.host, encode_replies(job.host, [job], [outcome]))

    def _give_up(self) -> None:
        job = self._job
        if job is not None and job.cancelled:
            self._fail(EngineError("cancelled", f"the job was stopped: {job.cancel_reason}"))
        elif job is not None:
            self._fail(EngineError("engine_failed", "the worker gave the job up", retryable=True))

    def _next(self, deadline: float | None) -> HostJob | None:
        host = self._host
        if host is None or host.is_lost:
            host = self._host = self._connect()
            self._asked = False
        if not self._asked:
            host.send(Credit([0], 1))
            self._asked = True
        while True:
            wait = None if deadline is None else max(deadline - time.monotonic(), 0)
            try:
                group = host.groups.get(timeout=wait)
            except queue.Empty:
                raise TimeoutError("no job came in time") from None
            if host.draining and group is None:
                self._drained = True
                return None
            if host.is_lost or group is None:
                raise _LinkLostError("the link is gone")
            self._asked = False
            self._job = group.jobs[0]
            try:
                self._job.check_cancelled()
                self._job.load(self._interface)
            except BaseException as error:
                self._fail(EngineError("engine_failed", str(error)))
                host.send(Credit([0], 1))
                self._asked = True
                continue
            return self._job

    def _connect(self) -> _WorkerHost:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            socket = WebSocket(self._url, headers, ca_file=self._ca_file)
        except HandshakeRefusedError as error:
            if error.status in (401, 403, 404, 426):
                raise WorkerError(f"{self._url} answers {error.status}") from error
            raise
        host = _WorkerHost(WebSocketChannel(socket), self._interface, self._spool)
        try:
            self._greet(host)
        except BaseException:
            host.channel.close()
            raise
        return host

    def _greet(self, host: _WorkerHost) -> None:
        host.send(
            Hello(
                protocol=PROTOCOL,
                name=self._name,
                host=os.uname().nodename,
                pid=os.getpid(),
                kit=f"python {VERSION}",
                offers=[self._offer],
                slots=1,
                batch_limit=1,
            )
        )
        welcome = host.receive()
        if not isinstance(welcome, Welcome):
            raise WorkerError("the server's first frame is no welcome")
        if welcome.error:
            raise WorkerError(welcome.error)
        host.start(welcome)


class WebSocketChannel:
    """A frame is one binary message."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    def send(self, bodies: Sequence[Any]) -> None:
        try:
            for body in bodies:
                self._socket.send(encode_frame(body))
        except ClosedError as error:
            raise OSError(str(error)) from error

    def frames(self) -> Iterator[Any]:
        while True:
            try:
                message = self._socket.receive()
            except ClosedError:
                return
            if isinstance(message, str):
                raise ProtocolError("a text message")
            body = decode_frame(message)
            if body is not None:
                yield body

    def close(self) -> None:
        self._socket.close()


class _WorkerHost(Host):
    """A host that outlives its link: instead of the process, the link's threads end."""

    def __init__(self, channel: WebSocketChannel, interface: Interface, spool: Spool) -> None:
        super().__init__(channel, interface, spool)
        self.channel = channel
        self.groups: queue.SimpleQueue[Group | None] = queue.SimpleQueue()
        self.deliver = self.groups.put
        self._lost = threading.Event()

    @property
    def is_lost(self) -> bool:
        return self._lost.is_set()

    def leave(self, code: int = 0) -> NoReturn:
        if not self._lost.is_set():
            self._lost.set()
            for job in list(self._jobs.values()):
                job.cancel("lost")
            self.groups.put(None)
            self.channel.close()
        raise _LinkLostError("the link is gone")

    def _read(self) -> None:
        with suppress(_LinkLostError):
            super()._read()

    def _beat(self) -> None:
        with suppress(_LinkLostError):
            super()._beat()


def load_interface(path: Path) -> dict[str, Any]:
    """The interface of an `engine.toml`, for `Worker(interface=…)`."""
    from headrace.engine.project import Project

    settings = Project.load(path.parent if path.is_file() else path).settings
    keys = ("mode", "profile", "inputs", "parameters", "outputs", "progress", "errors", "meters")
    return {key: settings[key] for key in keys if key in settings}
