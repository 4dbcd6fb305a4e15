"""Headrace in Python: a client for its server, and in `headrace.engine` the engine author's kit.

    from headrace import Client

    with Client() as client:
        print(client.run("echo", text="hello")["text"])

The client needs httpx (`headrace[client]`); the kit needs the standard library alone, so names are
loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from headrace._version import VERSION

if TYPE_CHECKING:
    from headrace.async_client import AsyncClient
    from headrace.client import Client
    from headrace.errors import (
        ApiError,
        ConflictError,
        ConnectionFailedError,
        DeadlineExceededError,
        EngineFailedError,
        GoneError,
        HeadraceError,
        IdempotencyClashError,
        InternalError,
        InvalidArgumentError,
        JobCancelledError,
        JobError,
        JobExpiredError,
        JobFailedError,
        NotFoundError,
        PermissionDeniedError,
        ProtocolViolationError,
        QuotaExceededError,
        RequestCancelledError,
        SessionError,
        TooLargeError,
        UnauthenticatedError,
        UnavailableError,
        UnsupportedMediaError,
        Violation,
        WaitTimeoutError,
    )
    from headrace.models import (
        Capability,
        Failure,
        File,
        Job,
        MediaOutput,
        Progress,
        QueuePlace,
        Stage,
    )
    from headrace.sessions import AsyncSession, Session, SessionOutput
    from headrace.streaming import (
        DoneEvent,
        Event,
        LogEvent,
        OutputEvent,
        ProgressEvent,
        StateEvent,
    )
    from headrace.types import JobOptions, JobState, Media, Output

__version__ = VERSION

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncSession",
    "Capability",
    "Client",
    "ConflictError",
    "ConnectionFailedError",
    "DeadlineExceededError",
    "DoneEvent",
    "EngineFailedError",
    "Event",
    "Failure",
    "File",
    "GoneError",
    "HeadraceError",
    "IdempotencyClashError",
    "InternalError",
    "InvalidArgumentError",
    "Job",
    "JobCancelledError",
    "JobError",
    "JobExpiredError",
    "JobFailedError",
    "JobOptions",
    "JobState",
    "LogEvent",
    "Media",
    "MediaOutput",
    "NotFoundError",
    "Output",
    "OutputEvent",
    "PermissionDeniedError",
    "Progress",
    "ProgressEvent",
    "ProtocolViolationError",
    "QueuePlace",
    "QuotaExceededError",
    "RequestCancelledError",
    "Session",
    "SessionError",
    "SessionOutput",
    "Stage",
    "StateEvent",
    "TooLargeError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnsupportedMediaError",
    "Violation",
    "WaitTimeoutError",
    "__version__",
]

_OWN = {"Client": "client", "AsyncClient": "async_client"}
_SHARED = ("types", "errors", "models", "streaming", "sessions")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'headrace' has no attribute '{name}'")
    for module_name in (_OWN[name],) if name in _OWN else _SHARED:
        module = importlib.import_module(f"headrace.{module_name}")
        if name in vars(module):
            globals()[name] = value = vars(module)[name]
            return value
    raise AttributeError(f"module 'headrace' has lost '{name}'")


def __dir__() -> list[str]:
    return list(__all__)
