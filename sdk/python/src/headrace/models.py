"""What the server answers with, as frozen dataclasses. Times are aware datetimes in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headrace.errors import (
    JobCancelledError,
    JobError,
    JobExpiredError,
    JobFailedError,
    ProtocolViolationError,
)
from headrace.types import JobState, Output

TERMINAL: frozenset[str] = frozenset(("succeeded", "failed", "cancelled", "expired"))


@dataclass(frozen=True)
class MediaOutput:
    """Media in a job's output: `Client.download` fetches it."""

    file_id: str
    url: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Progress:
    fraction: float | None
    message: str
    outputs: Output = field(default_factory=dict)


@dataclass(frozen=True)
class QueuePlace:
    position: int
    estimate_s: float | None


@dataclass(frozen=True)
class Failure:
    """Why a job did not succeed."""

    code: str
    message: str
    reason: str = ""
    retryable: bool = False
    retry_after: int = 0
    """Seconds after which another call may fare better; 0: the server does not say."""


@dataclass(frozen=True)
class Stage:
    id: str
    state: str
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None
    worker: str


@dataclass(frozen=True)
class Job:
    id: str
    capability: str
    state: JobState
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = 0
    retry_of: str | None = None
    progress: Progress | None = None
    queue: QueuePlace | None = None
    output: Output | None = None
    error: Failure | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()

    @property
    def done(self) -> bool:
        """In a state that never changes."""
        return self.state in TERMINAL

    def result(self) -> Output:
        """The output of a job that succeeded; raises JobError for any other end."""
        if self.state == "succeeded":
            return self.output or {}
        errors: dict[str, type[JobError]] = {
            "failed": JobFailedError,
            "cancelled": JobCancelledError,
            "expired": JobExpiredError,
        }
        raise errors.get(self.state, JobError)(self)


@dataclass(frozen=True)
class File:
    id: str
    size: int
    sha256: str
    content_type: str
    created_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Capability:
    """A capability in one version; `raw` is the server's whole answer about it."""

    name: str
    version: str
    title: str = ""
    description: str = ""
    interface: Mapping[str, Any] = field(default_factory=dict)
    versions: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


# --- reading -------------------------------------------------------------------------------------


def read_job(body: Any) -> Job:
    source = _object(body, "job")
    progress, queue, error = source.get("progress"), source.get("queue"), source.get("error")
    return Job(
        id=_text(source, "id"),
        capability=_text(source, "capability"),
        state=_text(source, "state"),  # type: ignore[arg-type]
        created_at=read_time(source.get("created_at")),
        started_at=read_time(source.get("started_at")),
        finished_at=read_time(source.get("finished_at")),
        attempt=source.get("attempt", 0),
        retry_of=source.get("retry_of"),
        progress=read_progress(progress) if progress else None,
        queue=QueuePlace(queue.get("position", 0), queue.get("estimate_s")) if queue else None,
        output=read_output(source["output"]) if "output" in source else None,
        error=read_failure(error) if error else None,
        usage=source.get("usage", {}),
        stages=tuple(_stage(stage) for stage in source.get("stages", ())),
    )


def read_progress(body: Any) -> Progress:
    source = dict(_object(body, "progress"))
    fraction = source.pop("fraction", None)
    return Progress(fraction, source.pop("message", ""), read_output(source))


def read_failure(body: Any) -> Failure:
    source = _object(body, "error")
    return Failure(
        source.get("code", ""),
        source.get("message", ""),
        source.get("reason", ""),
        source.get("retryable", False),
        source.get("retry_after", 0),
    )


def read_output(body: Any) -> Output:
    return {name: _value(value) for name, value in _object(body, "output").items()}


def read_file(body: Any) -> File:
    source = _object(body, "file")
    return File(
        _text(source, "id"),
        source.get("size", 0),
        source.get("sha256", ""),
        source.get("content_type", ""),
        read_time(source.get("created_at")),
        read_time(source.get("expires_at")),
    )


def read_capability(body: Any) -> Capability:
    source = _object(body, "capability")
    versions = source.get("versions", ())
    return Capability(
        name=_text(source, "name"),
        version=source.get("version", ""),
        title=source.get("title", ""),
        description=source.get("description", ""),
        interface=source.get("interface", {}),
        versions=tuple(
            one.get("version", "") if isinstance(one, Mapping) else one for one in versions
        ),
        raw=source,
    )


def read_time(text: Any) -> datetime | None:
    """RFC 3339 as the server writes it."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def _stage(body: Any) -> Stage:
    source = _object(body, "stage")
    return Stage(
        source.get("id", ""),
        source.get("state", ""),
        source.get("attempt", 0),
        read_time(source.get("started_at")),
        read_time(source.get("finished_at")),
        source.get("worker", ""),
    )


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, Mapping) and {"file_id", "url", "size"} <= value.keys():
        return MediaOutput(
            value["file_id"],
            value["url"],
            value.get("content_type", ""),
            value["size"],
            value.get("sha256", ""),
        )
    return value


def _object(body: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise ProtocolViolationError(f"the answer holds no {what}")
    return body


def _text(source: Mapping[str, Any], name: str) -> str:
    value = source.get(name)
    if not isinstance(value, str):
        raise ProtocolViolationError(f"the answer holds no '{name}'")
    return value
