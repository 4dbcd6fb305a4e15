"""What an engine author writes against: the Engine class, the running Job, and a few functions.

The functions `progress`, `log`, `usage`, `check_cancelled`, `sleep` and `on_cancel` speak about
the job that the calling code runs for. A context variable knows it: a thread of your own must be
started with `contextvars.copy_context().run`, or be handed the Job.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = [
    "Cancelled",
    "Engine",
    "EngineError",
    "EngineInfo",
    "Job",
    "check_cancelled",
    "current_job",
    "log",
    "on_cancel",
    "progress",
    "sleep",
    "usage",
]


@dataclass(frozen=True)
class EngineInfo:
    """What `engine.toml` and the server say about the engine; `Engine.info` once it is loaded."""

    capability: str = ""
    version: str = ""
    interface: Mapping[str, Any] = field(default_factory=dict)
    slots: int = 1
    max_batch: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`[settings]` of engine.toml."""


class Engine:
    """Base of engine classes. Write one of

    - `run(self, name: type, …) -> dict`: one job at a time; more slots mean more processes;
    - `async def run(…)`: as many jobs at a time as the engine has slots, on one event loop;
    - `run` as a generator, plain or async: each yielded dict is a streamed output;
    - `run_batch(self, jobs: list[Job]) -> list`: jobs that run together; one result for each.

    Inputs come as keyword arguments by their names in the interface, the Job as the argument that
    is annotated with it, a session's steps as the one annotated `Session`. A result is a dict of
    outputs by name, or the bare value when the interface has one output.
    """

    info: EngineInfo = EngineInfo()

    def setup(self) -> None:
        """Called once before the first job: load the model here."""

    def teardown(self) -> None:
        """Called once after the last job of a drained process; not when it is killed."""


class EngineError(Exception):
    """Ends the job as failed with a code of the interface, or a word of Headrace's own.

    `retryable` lets the server try again, on another slot if there is one.
    """

    def __init__(self, code: str, message: str = "", *, retryable: bool = False) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message or code
        self.retryable = retryable


class Cancelled(BaseException):
    """The job is no longer wanted. Not an Exception: `except Exception` lets it pass."""


class Outlet(Protocol):
    """Where a running job's signs of life go: the link, or the terminal in a local run."""

    def progress(
        self, job: Job, fraction: float, message: str, outputs: Mapping[str, Any]
    ) -> None: ...

    def log(self, job: Job, stream: str, line: str) -> None: ...


class Job:
    """One lease of one job. Its methods may be called from any thread."""

    def __init__(
        self,
        outlet: Outlet,
        inputs: Mapping[str, Any] | None = None,
        *,
        id: str = "",
        attempt: int = 1,
        tenant: str = "",
        traceparent: str = "",
        timeout: float = 0.0,
        wants_stream: bool = False,
    ) -> None:
        self.id = id
        self.attempt = attempt
        self.tenant = tenant
        self.traceparent = traceparent
        self.wants_stream = wants_stream
        """Somebody listens to streamed outputs."""
        self.timeout = timeout
        """Seconds this attempt may run; 0 = no limit."""
        self.inputs: Mapping[str, Any] = inputs or {}
        self.meters: dict[str, float] = {}
        self.cancel_reason = ""
        self.outlet = outlet
        self.partial_lines: dict[str, str] = {}
        self._cancelled = threading.Event()
        self._callbacks: list[Callable[[], Any]] = []
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Any:
        return self.inputs[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.inputs.get(name, default)

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def check_cancelled(self) -> None:
        """Raises Cancelled when the job is no longer wanted."""
        if self._cancelled.is_set():
            raise Cancelled(self.cancel_reason)

    def progress(self, fraction: float | None = None, message: str = "", /, **outputs: Any) -> None:
        """Tells the caller how far the job is (0 to 1, None = unknown). Raises Cancelled."""
        self.check_cancelled()
        self.outlet.progress(self, -1.0 if fraction is None else fraction, message, outputs)

    def log(self, *parts: object) -> None:
        """One line for the job's log."""
        self.outlet.log(self, "log", " ".join(map(str, parts)))

    def usage(self, meter: str, value: float) -> None:
        """Adds to one of the interface's usage meters."""
        with self._lock:
            self.meters[meter] = self.meters.get(meter, 0.0) + value

    def sleep(self, seconds: float) -> None:
        """Sleeps, and raises Cancelled as soon as the job is no longer wanted."""
        self._cancelled.wait(seconds)
        self.check_cancelled()

    @contextmanager
    def on_cancel(self, callback: Callable[[], Any]) -> Iterator[None]:
        """Within the block, a cancel of the job calls `callback`, from another thread."""
        self.add_callback(callback)
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)
        self.check_cancelled()

    def add_callback(self, callback: Callable[[], Any]) -> None:
        """`on_cancel` for as long as the job runs."""
        with self._lock:
            self._callbacks.append(callback)
        if self.cancelled:
            callback()

    def cancel(self, reason: str = "cancelled") -> None:
        """Called by the host: marks the job as no longer wanted."""
        if self._cancelled.is_set():
            return
        self.cancel_reason = reason
        self._cancelled.set()
        with self._lock:
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()


_jobs: ContextVar[Sequence[Job]] = ContextVar("headrace_jobs", default=())


def jobs_here() -> Sequence[Job]:
    """The jobs that the calling code runs for: none, one, or those of a batch."""
    return _jobs.get()


def set_jobs_here(jobs: Sequence[Job]) -> None:
    _jobs.set(jobs)


def current_job() -> Job:
    """The job that the calling code runs for; LookupError outside of one or in a batch."""
    jobs = _jobs.get()
    if len(jobs) != 1:
        raise LookupError("no single job runs here")
    return jobs[0]


def progress(fraction: float | None = None, message: str = "", /, **outputs: Any) -> None:
    """Tells the caller how far the job is (0 to 1, None = unknown). Raises Cancelled.

    In a batch it speaks for each job that is still wanted, and raises when none is.
    """
    check_cancelled()
    for job in _jobs.get():
        if not job.cancelled:
            job.progress(fraction, message, **outputs)


def log(*parts: object) -> None:
    """One line for the job's log."""
    for job in _jobs.get():
        job.log(*parts)


def usage(meter: str, value: float) -> None:
    """Adds to one of the interface's usage meters."""
    for job in _jobs.get():
        job.usage(meter, value)


def check_cancelled() -> None:
    """Raises Cancelled when the job (each job of the batch) is no longer wanted."""
    jobs = _jobs.get()
    if jobs and all(job.cancelled for job in jobs):
        raise Cancelled(jobs[0].cancel_reason)


def sleep(seconds: float) -> None:
    """Sleeps, and raises Cancelled as soon as the job is no longer wanted."""
    jobs = _jobs.get()
    if len(jobs) == 1:
        jobs[0].sleep(seconds)
    else:
        time.sleep(seconds)
        check_cancelled()


@contextmanager
def on_cancel(callback: Callable[[], Any]) -> Iterator[None]:
    """Within the block, a cancel of the job calls `callback`, from another thread."""
    with current_job().on_cancel(callback):
        yield
