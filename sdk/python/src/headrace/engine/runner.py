"""Runs jobs on an engine: calls it, streams what it yields, makes an outcome of how it ends."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from headrace.engine.base import Cancelled, EngineError, Job, set_jobs_here
from headrace.engine.entry import Entry
from headrace.engine.interface import Interface
from headrace.engine.io import Media
from headrace.engine.session import Session

ERROR_CODES = frozenset(
    (
        "invalid_argument",
        "unauthenticated",
        "permission_denied",
        "not_found",
        "conflict",
        "gone",
        "idempotency_clash",
        "quota_exceeded",
        "too_large",
        "unsupported_media",
        "unavailable",
        "deadline_exceeded",
        "cancelled",
        "engine_failed",
        "internal",
    )
)
_MAX_MESSAGE = 2000


@dataclass(slots=True)
class Outcome:
    """How one job ended: outputs, or an error."""

    outputs: Mapping[str, Any] | None
    error: EngineError | None = None
    engine_us: int = 0


class Emitter(Protocol):
    """Sends a streamed step; waits while the caller is slow."""

    def emit(self, job: Job, outputs: Mapping[str, Any]) -> None: ...

    async def emit_async(self, job: Job, outputs: Mapping[str, Any]) -> None: ...


def is_cancel(error: BaseException) -> bool:
    """Ours, or asyncio's, which a plain engine is not made to wait for the import of."""
    kind = type(error)
    ours = isinstance(error, Cancelled)
    return ours or (kind.__name__, kind.__module__) == ("CancelledError", "asyncio.exceptions")


class Runner:
    def __init__(self, entry: Entry, interface: Interface, emitter: Emitter) -> None:
        self.entry = entry
        self.interface = interface
        self.emitter = emitter
        outputs = list(interface.outputs)
        self._only_output = outputs[0] if len(outputs) == 1 else ""

    def run(self, jobs: Sequence[Job], session: Session | None = None) -> list[Outcome]:
        """Runs the jobs of one batch on the calling thread."""
        set_jobs_here(jobs)
        started = time.perf_counter_ns()
        try:
            if self.entry.batches:
                outcomes = self.spread(jobs, self.entry.call(list(jobs)))
            else:
                outcomes = [self._one(job, session) for job in jobs]
        except (Exception, Cancelled) as error:
            outcomes = [self.failed(job, error) for job in jobs]
        finally:
            set_jobs_here(())
        return self.timed(outcomes, started)

    def _one(self, job: Job, session: Session | None) -> Outcome:
        job.check_cancelled()
        returned = self.entry.call(**self.entry.arguments(job, session))
        if not self.entry.streams:
            return Outcome(self.named(returned))
        total = Total(self.interface, keeps=session is None)
        while True:
            try:
                outputs = self.named(next(returned))
            except StopIteration as end:
                return Outcome(total.finish(self.named(end.value)))
            try:
                job.check_cancelled()
                total.add(outputs)
                self.emitter.emit(job, outputs)
            except BaseException as error:
                # Raised at the engine's yield first, so that its own clean-up runs.
                with suppress(StopIteration):
                    returned.throw(error)
                raise

    def named(self, returned: Any) -> Mapping[str, Any]:
        if returned is None:
            return {}
        only = self._only_output
        if isinstance(returned, Mapping):
            if not only or only in returned or not returned:
                return returned
            if self.interface.outputs[only].kind != "json":
                return returned
        if only:
            return {only: returned}
        raise TypeError(
            f"the engine returned {type(returned).__name__}; with several outputs it must return a "
            "dict of them"
        )

    def spread(self, jobs: Sequence[Job], returned: Any) -> list[Outcome]:
        results = list(returned)
        if len(results) != len(jobs):
            raise TypeError(f"run_batch returned {len(results)} results for {len(jobs)} jobs")
        outcomes = []
        for job, result in zip(jobs, results, strict=True):
            try:
                if isinstance(result, (Exception, Cancelled)):
                    raise result
                outcomes.append(Outcome(self.named(result)))
            except (Exception, Cancelled) as error:
                outcomes.append(self.failed(job, error))
        return outcomes

    def timed(self, outcomes: list[Outcome], started: int) -> list[Outcome]:
        # Jobs of a batch share its time, so that the sum is what the slot was busy for.
        each = (time.perf_counter_ns() - started) // (1000 * max(len(outcomes), 1))
        for outcome in outcomes:
            outcome.engine_us = each
        return outcomes

    def failed(self, job: Job, error: BaseException) -> Outcome:
        return Outcome(None, failure_of(job, error, self.interface.errors))


def failure_of(job: Job, error: BaseException, codes: frozenset[str]) -> EngineError:
    """What the caller learns about an exception; its traceback goes to the job's log."""
    if is_cancel(error):
        if job.cancelled:
            return EngineError("cancelled", f"the job was stopped: {job.cancel_reason}")
        return EngineError("engine_failed", "the engine gave up a job that nobody cancelled")
    if isinstance(error, EngineError):
        if error.code in ERROR_CODES or error.code in codes:
            return error
        message = f"{error.code}: {error.message}" if error.message != error.code else error.code
        return EngineError("engine_failed", message[:_MAX_MESSAGE], retryable=error.retryable)
    for line in "".join(traceback.format_exception(error)).splitlines():
        job.outlet.log(job, "stderr", line)
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return EngineError("engine_failed", message[:_MAX_MESSAGE])


class Total:
    """The whole of a streamed output, for those who only look at the result."""

    def __init__(self, interface: Interface, keeps: bool) -> None:
        self._fields = interface.outputs
        self._keeps = keeps
        self._found: dict[str, Any] = {}
        self._parts: dict[str, list[Any]] = {}

    def add(self, outputs: Mapping[str, Any]) -> None:
        if not self._keeps:
            return
        for name, value in outputs.items():
            field = self._fields.get(name)
            if field is not None and field.stream == "append":
                self._parts.setdefault(name, []).append(value)
            else:
                self._found[name] = value

    def finish(self, returned: Mapping[str, Any]) -> Mapping[str, Any]:
        """`returned` stands as it is: it replaces what was streamed."""
        for name, parts in self._parts.items():
            self._found[name] = _joined(parts)
        return {**self._found, **returned}


def _joined(parts: list[Any]) -> Any:
    first = parts[0]
    if isinstance(first, str):
        return "".join(parts)
    if isinstance(first, Media):
        content_type, data = first.content_type, b"".join(part.bytes for part in parts)
        return type(first)(data, content_type, name=first.name, attributes=first.attributes)
    return [item for part in parts for item in (part if isinstance(part, list) else [part])]
