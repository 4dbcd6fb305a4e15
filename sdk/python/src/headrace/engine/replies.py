"""The two ends of a batch in the host: inputs are decoded, outcomes become result and failure
frames with their parts before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.engine.base import Cancelled, EngineError
from headrace.engine.host import Host, HostJob
from headrace.engine.io import Media
from headrace.engine.protocol import (
    MAX_CHUNK,
    MAX_INLINE,
    Chunk,
    Failure,
    JobFailure,
    JobResult,
    Meter,
    Output,
    Result,
)
from headrace.engine.runner import Outcome, failure_of
from headrace.engine.stdio import flush_lines
from headrace.engine.values import encode_values


def load_jobs(host: Host, jobs: Sequence[HostJob]) -> list[Outcome | None]:
    """Decodes the inputs of each job; an outcome stands for the job whose inputs are no good."""
    loaded: list[Outcome | None] = []
    for job in jobs:
        try:
            job.check_cancelled()
            job.load(host.interface)
            loaded.append(None)
        except BaseException as error:
            loaded.append(Outcome(None, failure_of(job, error, host.interface.errors)))
    return loaded


def merge(loaded: Sequence[Outcome | None], ran: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of a batch: of those that could not be loaded, and of those that ran."""
    rest = iter(ran)
    return [outcome if outcome is not None else next(rest) for outcome in loaded]


@dataclass
class Reply:
    """One job's end, encoded; its parts are still to be sent."""

    job: HostJob
    outcome: Outcome
    values: bytes = b""
    parts: list[Media] = field(default_factory=list)

    @property
    def in_chunks(self) -> bool:
        return bool(self.parts) or len(self.values) > MAX_INLINE


def encode_replies(host: Host, jobs: Sequence[HostJob], outcomes: Sequence[Outcome]) -> list[Reply]:
    replies = []
    for job, outcome in zip(jobs, outcomes, strict=True):
        flush_lines(job)
        reply = Reply(job, outcome)
        replies.append(reply)
        if outcome.outputs is None:
            continue
        try:
            reply.values = encode_values(outcome.outputs, host.interface.outputs, reply.parts)
        except Exception as error:  # whatever an engine's own objects raise
            _fail(host, reply, error)
    return replies


def _fail(host: Host, reply: Reply, error: BaseException) -> None:
    reply.parts.clear()
    reply.outcome.outputs = None
    reply.outcome.error = failure_of(reply.job, error, host.interface.errors)


def send_replies(host: Host, replies: Sequence[Reply], *after: Any) -> None:
    """Sends everything, `after` last. Waits for room where replies go in chunks."""
    results: list[JobResult] = []
    failures: list[JobFailure] = []
    frames: list[Any] = []
    size = 0
    for reply in replies:
        if reply.in_chunks:
            _send_parts(host, reply)
        job, outcome = reply.job, reply.outcome
        if job.forgotten:
            continue
        meters = [Meter(name, float(value)) for name, value in job.meters.items()]
        if outcome.outputs is None:
            error = outcome.error or EngineError("internal")
            failures.append(
                JobFailure(
                    job.ref, error.code, error.message, error.retryable, meters, outcome.engine_us
                )
            )
            continue
        whole = len(reply.values) <= MAX_INLINE
        if whole and size + len(reply.values) > 2 * MAX_INLINE:
            frames.append(Result(results))
            results, size = [], 0
        size += len(reply.values) if whole else 0
        results.append(
            JobResult(
                job.ref,
                reply.values if whole else b"",
                0 if whole else len(reply.values),
                meters,
                outcome.engine_us,
            )
        )
    if results:
        frames.append(Result(results))
    if failures:
        frames.append(Failure(failures))
    host.forget([reply.job for reply in replies])
    host.send(*frames, *after)


def _send_parts(host: Host, reply: Reply) -> None:
    try:
        if len(reply.values) > MAX_INLINE:
            _send_part(host, reply.job, 0, Media(reply.values, "application/octet-stream"))
        for number, media in enumerate(reply.parts, start=1):
            _send_part(host, reply.job, number, media)
    except (Exception, Cancelled) as error:
        _fail(host, reply, error)


def _send_part(host: Host, job: HostJob, number: int, media: Media) -> None:
    left = media.size
    with media.open() as stream:
        while True:
            data = stream.read(min(MAX_CHUNK, left))
            left -= len(data)
            last = left <= 0 or not data
            job.allowance.take(len(data), job)
            if not job.forgotten:
                host.send(Output(job.ref, chunk=Chunk(number, data, last)))
            if last:
                return
