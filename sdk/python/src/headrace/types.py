"""Types of what goes in and out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled", "expired"]

Output = Mapping[str, Any]
"""Outputs by name: str, numbers, JSON, MediaOutput; tensors as {"shape", "dtype", "data"}."""


@dataclass(frozen=True)
class Media:
    """Media with a content type of your own choosing; a bare path or bytes is sniffed."""

    source: bytes | os.PathLike[str] | BinaryIO
    content_type: str = ""


Input = Any
"""Text: str. Media: a path (`pathlib.Path`), bytes, an open binary file, Media, File, or the JSON
forms of the interface page. Tensor: a NumPy array or {"shape", "dtype", "data"}. Time: datetime."""


@dataclass(frozen=True)
class JobOptions:
    """How a job is to be run. Times are in seconds."""

    priority: int | None = None
    """0 to 9, higher first; the server's default is 5."""
    timeout: float | None = None
    """Run time of one attempt."""
    ttl: float | None = None
    """Time in the queue, after which the job expires."""
    deadline: float | None = None
    """Total time, after which the job expires."""
    idempotency_key: str | None = None
    webhook: str | None = None
    webhook_events: Sequence[str] | None = None
    wait: float | None = None
    """How long `run` and `wait` wait for the end; None = as long as it takes."""
