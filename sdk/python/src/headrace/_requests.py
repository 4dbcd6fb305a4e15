"""The requests of the native dialect, and what their answers mean. No I/O: the synchronous and the
asynchronous client send what this makes, and hand back what this reads."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from headrace.errors import HeadraceError, ProtocolViolationError, WaitTimeoutError, api_error
from headrace.models import Capability, File, Job, read_capability, read_file, read_job, read_output
from headrace.types import JobOptions, Output

PREFIX = "/api/v1"
LONGEST_WAIT = 60
"""Seconds that the server holds an answer back at most."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    patience: float = 0.0
    """Seconds that the server may take by intention, on top of the client's own timeout."""
    repeatable: bool = True
    """Sending it twice does no more than sending it once."""

    @property
    def target(self) -> str:
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body) if self.body else None
        except ValueError as error:
            raise ProtocolViolationError(f"the answer ({self.status}) is not JSON") from error

    def error(self, retry_after: float | None) -> HeadraceError:
        try:
            problem = json.loads(self.body)
        except ValueError:
            problem = None
        return api_error(self.status, problem, retry_after)


# --- jobs ----------------------------------------------------------------------------------------


def create_job(
    capability: str, encoded: Mapping[str, Any], options: JobOptions, *, wait: int = 0
) -> Request:
    """Asks for a job; with `wait` it is interactive, and the answer comes with its end."""
    body: dict[str, Any] = {"capability": capability, "input": encoded}
    for name in ("priority", "timeout", "ttl", "deadline", "webhook", "webhook_events"):
        value = getattr(options, name)
        if value is not None:
            body[name] = list(value) if name == "webhook_events" else value
    headers = {"Content-Type": "application/json"}
    if options.idempotency_key:
        headers["Idempotency-Key"] = options.idempotency_key
    if wait:
        headers["Prefer"] = f"wait={wait}"
    return Request(
        "POST",
        f"{PREFIX}/jobs",
        headers=headers,
        body=_dump(body),
        patience=wait,
        repeatable=bool(options.idempotency_key),
    )


def stream_job(capability: str, encoded: Mapping[str, Any], options: JobOptions) -> Request:
    made = create_job(capability, encoded, options)
    return replace(made, headers={**made.headers, "Accept": "text/event-stream"})


def with_key(options: JobOptions | None) -> JobOptions:
    """Options that make asking twice harmless."""
    options = options or JobOptions()
    if options.idempotency_key:
        return options
    return replace(options, idempotency_key=f"python-{uuid.uuid4()}")


def get_job(job_id: str, wait: int = 0) -> Request:
    query = {"wait": str(wait)} if wait else {}
    return Request("GET", _job(job_id), query=query, patience=wait)


def cancel_job(job_id: str) -> Request:
    return Request("POST", _job(job_id, "/cancel"))


def retry_job(job_id: str) -> Request:
    return Request("POST", _job(job_id, "/retry"), repeatable=False)


def delete_job(job_id: str) -> Request:
    return Request("DELETE", _job(job_id))


def job_output(job_id: str) -> Request:
    return Request("GET", _job(job_id, "/output"))


def job_events(job_id: str, last_event_id: str) -> Request:
    headers = {"Accept": "text/event-stream"}
    if last_event_id:
        headers["Last-Event-ID"] = last_event_id
    return Request("GET", _job(job_id, "/events"), headers=headers)


def list_jobs(state: str | None, capability: str | None, limit: int, cursor: str | None) -> Request:
    query = {"state": state, "capability": capability, "limit": str(limit), "cursor": cursor}
    return Request("GET", f"{PREFIX}/jobs", query={k: v for k, v in query.items() if v})


def read_page(answer: Answer) -> tuple[list[Job], str | None]:
    body = answer.json
    if not isinstance(body, Mapping) or not isinstance(body.get("jobs"), list):
        raise ProtocolViolationError("the answer holds no list of jobs")
    return [read_job(job) for job in body["jobs"]], body.get("next_cursor")


def read_ready_output(answer: Answer) -> Output | None:
    """None while the job has not ended."""
    return None if answer.status == 202 else read_output(answer.json)


def read_jobs_end(answer: Answer) -> Job:
    return read_job(answer.json)


def next_wait(left: float | None, job_id: str) -> int:
    """Seconds for the next long poll; WaitTimeoutError when no time is left."""
    if left is None:
        return LONGEST_WAIT
    if left <= 0:
        raise WaitTimeoutError(job_id)
    return max(1, min(LONGEST_WAIT, int(left)))


# --- files and capabilities ----------------------------------------------------------------------


def create_file(content_type: str, size: int, name: str) -> Request:
    headers = {
        "Content-Type": content_type or "application/octet-stream",
        "Content-Length": str(size),
    }
    if name:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    # A second upload of the same content only makes a second file, which expires.
    return Request("POST", f"{PREFIX}/files", headers=headers)


def get_file(file_id: str) -> Request:
    return Request("GET", _file(file_id))


def delete_file(file_id: str) -> Request:
    return Request("DELETE", _file(file_id))


def file_content(file_id: str, start: int = 0, etag: str = "") -> Request:
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if etag:
            headers["If-Range"] = etag
    return Request("GET", _file(file_id, "/content"), headers=headers)


def read_file_answer(answer: Answer) -> File:
    return read_file(answer.json)


def list_capabilities() -> Request:
    return Request("GET", f"{PREFIX}/capabilities")


def get_capability(name: str) -> Request:
    return Request("GET", f"{PREFIX}/capabilities/{quote(name, safe='@.')}")


def read_capabilities(answer: Answer) -> list[Capability]:
    body = answer.json
    if not isinstance(body, Mapping) or not isinstance(body.get("capabilities"), list):
        raise ProtocolViolationError("the answer holds no list of capabilities")
    return [read_capability(one) for one in body["capabilities"]]


def session_path(name: str) -> str:
    return f"{PREFIX}/capabilities/{quote(name, safe='@.')}/session"


def _job(job_id: str, rest: str = "") -> str:
    return f"{PREFIX}/jobs/{quote(job_id, safe='')}{rest}"


def _file(file_id: str, rest: str = "") -> str:
    return f"{PREFIX}/files/{quote(file_id, safe='')}{rest}"


def _dump(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
