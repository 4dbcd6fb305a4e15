"""The parent's end of the link, for tests: starts a real host process and speaks frames with it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headrace.engine import protocol as link
from headrace.engine.values import decode_values, encode_values

SOURCE = Path(__file__).parents[2] / "src"
PATIENCE = 20.0
"""Seconds until a frame counts as missed; never waited for by a test that passes."""

Frames = list[Any]


class Parent:
    def __init__(
        self,
        directory: Path,
        source: str,
        *,
        entry: str = "engine:E",
        interface: Mapping[str, Any] | None = None,
        slots: int = 1,
        max_batch: int = 1,
        window: int = 1 << 20,
        heartbeat_ms: int = 10_000,
        welcome: bool = True,
    ) -> None:
        directory.joinpath("engine.py").write_text(textwrap.dedent(source))
        ours, theirs = socket.socketpair()
        environment = os.environ | {
            "PYTHONPATH": str(SOURCE),
            "HEADRACE_LINK_FD": str(theirs.fileno()),
            "HEADRACE_ENGINE_DIR": str(directory),
            "TMPDIR": str(directory),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "headrace.engine.serve"],
            cwd=directory,
            env=environment,
            pass_fds=[theirs.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        self.socket = ours
        self._reader = link.read_frames(ours)
        self._pending: Frames = []
        self._window = window
        self._counter = 0
        self._sending = threading.Lock()
        self.interface = interface or {
            "inputs": {"text": {"kind": "text"}},
            "outputs": {"text": {"kind": "text"}},
        }
        ours.settimeout(PATIENCE)
        offer = link.Offer(
            "test", "1.0.0", json.dumps(self.interface), slots=slots, max_batch=max_batch
        )
        self.send(link.Start(offer, str(directory), entry, 1000, "test-worker"))
        self.hello: link.Hello = self.expect(link.Hello)
        if welcome:
            self.send(link.Welcome(1, uuid.uuid4().bytes, 7, heartbeat_ms, 30_000, window))

    def __enter__(self) -> Parent:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def send(self, body: Any) -> None:
        with self._sending:
            self.socket.sendall(link.pack_frame(body))

    def receive(self) -> Any:
        for body in self._reader:
            return body
        raise EOFError(f"the host has gone: {self.process.communicate()[1]}")

    def expect(self, cls: type, where: Callable[[Any], bool] = lambda body: True) -> Any:
        """The next frame of a kind; others are kept for later calls, pings dropped."""
        for index, body in enumerate(self._pending):
            if isinstance(body, cls) and where(body):
                return self._pending.pop(index)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            body = self.receive()
            if isinstance(body, cls) and where(body):
                return body
            if not isinstance(body, link.Ping):
                self._pending.append(body)
        raise AssertionError(f"no {cls.__name__} came")

    def arrived(self, cls: type) -> Frames:
        """The frames of a kind that came on the way to others."""
        found = [body for body in self._pending if isinstance(body, cls)]
        self._pending = [body for body in self._pending if not isinstance(body, cls)]
        return found

    def job(self, inputs: Mapping[str, Any] | bytes = b"", **rest: Any) -> link.LeasedJob:
        self._counter += 1
        values = inputs if isinstance(inputs, bytes) else encode_values(inputs)
        ref = link.JobRef(uuid.uuid4().bytes, 7, self._counter)
        return link.LeasedJob(ref, 1, values, **rest)

    def lease(self, *jobs: link.LeasedJob) -> link.JobRef:
        """Leases the jobs as one batch; gives the first one's name."""
        self.send(link.Lease([link.Batch(0, list(jobs))]))
        return jobs[0].ref

    def call(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        self.expect(link.Credit)
        ref = self.lease(self.job(inputs))
        return self.outputs(ref)

    def outputs(self, ref: link.JobRef) -> dict[str, Any]:
        return decode_values(self.result(ref).values)

    def result(self, ref: link.JobRef) -> link.JobResult:
        body = self.expect((link.Result, link.Failure), lambda body: _of(body, ref) is not None)  # type: ignore[arg-type]
        found = _of(body, ref)
        assert isinstance(found, link.JobResult), found
        return found

    def failure(self, ref: link.JobRef) -> link.JobFailure:
        body = self.expect((link.Result, link.Failure), lambda body: _of(body, ref) is not None)  # type: ignore[arg-type]
        found = _of(body, ref)
        assert isinstance(found, link.JobFailure), found
        return found

    def send_part(self, ref: link.JobRef, number: int, data: bytes) -> None:
        for start in range(0, max(len(data), 1), link.MAX_CHUNK):
            piece = data[start : start + link.MAX_CHUNK]
            last = start + link.MAX_CHUNK >= len(data)
            self.send(link.Input(ref, chunk=link.Chunk(number, piece, last)))

    def wait(self) -> tuple[int, str]:
        """The exit status and what was written to standard error."""
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


def _of(body: Any, ref: link.JobRef) -> link.JobResult | link.JobFailure | None:
    found = body.results if isinstance(body, link.Result) else body.failures
    return next((one for one in found if one.ref == ref), None)
