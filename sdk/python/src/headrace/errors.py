"""What can go wrong, as a tree: catch HeadraceError for all of it.

An ApiError's subclass mirrors the `code` word of the server's answer; a JobError says that a job
ended otherwise than well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.models import Job


class HeadraceError(Exception):
    """Base of all errors of the client."""


class ConnectionFailedError(HeadraceError):
    """The server cannot be reached, or the connection broke."""


class ProtocolViolationError(HeadraceError):
    """The answer is not one that a Headrace server gives."""


class WaitTimeoutError(HeadraceError):
    """The time to wait is up and the job still runs; `job_id` finds it again."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} has not ended in time")
        self.job_id = job_id


@dataclass(frozen=True)
class Violation:
    """One broken rule of one field."""

    path: str
    rule: str
    limit: str = ""


class ApiError(HeadraceError):
    """The server refused a request."""

    code = ""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
        trace_id: str = "",
        instance: str = "",
    ) -> None:
        message = detail or f"status {status}"
        if violations:
            listed = "; ".join(
                f"{one.path}: {one.rule}{f' ({one.limit})' if one.limit else ''}"
                for one in violations
            )
            message = f"{message}: {listed}"
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.violations = tuple(violations)
        self.retry_after = retry_after
        """Seconds after which trying again makes sense, if the server gave a hint."""
        self.trace_id = trace_id
        self.instance = instance


class InvalidArgumentError(ApiError):
    code = "invalid_argument"


class UnauthenticatedError(ApiError):
    code = "unauthenticated"


class PermissionDeniedError(ApiError):
    code = "permission_denied"


class NotFoundError(ApiError):
    code = "not_found"


class ConflictError(ApiError):
    code = "conflict"


class GoneError(ApiError):
    code = "gone"


class IdempotencyClashError(ApiError):
    code = "idempotency_clash"


class QuotaExceededError(ApiError):
    code = "quota_exceeded"


class TooLargeError(ApiError):
    code = "too_large"


class UnsupportedMediaError(ApiError):
    code = "unsupported_media"


class UnavailableError(ApiError):
    code = "unavailable"


class DeadlineExceededError(ApiError):
    code = "deadline_exceeded"


class RequestCancelledError(ApiError):
    code = "cancelled"


class EngineFailedError(ApiError):
    code = "engine_failed"


class InternalError(ApiError):
    code = "internal"


API_ERRORS: Mapping[str, type[ApiError]] = {
    cls.code: cls
    for cls in (
        InvalidArgumentError,
        UnauthenticatedError,
        PermissionDeniedError,
        NotFoundError,
        ConflictError,
        GoneError,
        IdempotencyClashError,
        QuotaExceededError,
        TooLargeError,
        UnsupportedMediaError,
        UnavailableError,
        DeadlineExceededError,
        RequestCancelledError,
        EngineFailedError,
        InternalError,
    )
}
_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: InvalidArgumentError,
    401: UnauthenticatedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    413: TooLargeError,
    415: UnsupportedMediaError,
    422: IdempotencyClashError,
    429: QuotaExceededError,
    503: UnavailableError,
}


class JobError(HeadraceError):
    """A job has ended without a result; `job` is its last state."""

    def __init__(self, job: Job) -> None:
        error = job.error
        said = f": {error.code}: {error.message}" if error else ""
        super().__init__(f"job {job.id} {job.state}{said}")
        self.job = job
        self.code = error.code if error else ""
        self.reason = error.reason if error else ""


class JobFailedError(JobError):
    pass


class JobCancelledError(JobError):
    pass


class JobExpiredError(JobError):
    pass


class SessionError(HeadraceError):
    """A session has ended with an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def api_error(status: int, problem: Any, retry_after: float | None = None) -> ApiError:
    """The error of an answer: its problem document where it has one, else its status alone."""
    body: Mapping[str, Any] = problem if isinstance(problem, Mapping) else {}
    cls = API_ERRORS.get(str(body.get("code", ""))) or _BY_STATUS.get(status, ApiError)
    listed = body.get("errors")
    violations = [
        Violation(str(one.get("path", "")), str(one.get("rule", "")), str(one.get("limit", "")))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, Mapping)
    ]
    return cls(
        status,
        str(body.get("detail") or body.get("title") or ""),
        violations=violations,
        retry_after=retry_after,
        trace_id=str(body.get("trace_id", "")),
        instance=str(body.get("instance", "")),
    )
