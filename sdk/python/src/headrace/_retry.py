"""When to try a request again, and after how long."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

RETRIED = frozenset((429, 502, 503, 504))
"""Statuses that say that the request was not taken, or that asking again does no harm."""


@dataclass(frozen=True)
class RetryPolicy:
    attempts: int = 5
    """In all, the first one included."""
    first: float = 0.25
    most: float = 20.0
    source: random.Random = field(default_factory=random.Random, repr=False, compare=False)

    def pause(self, attempt: int, retry_after: float | None = None) -> float | None:
        """Seconds before the next attempt, after `attempt` have failed; None = give up.

        Without a hint of the server it doubles, and half of it is drawn by lot, so that clients
        that failed together do not come back together.
        """
        if attempt >= self.attempts:
            return None
        if retry_after is not None:
            return retry_after + self.source.uniform(0, 0.1 * retry_after + 0.05)
        limit = min(self.most, self.first * 2.0 ** (attempt - 1))
        return limit / 2 + self.source.uniform(0, limit / 2)


def read_retry_after(text: str | None) -> float | None:
    """Seconds of a Retry-After header, at most five minutes; None for a date or nonsense."""
    try:
        return min(max(float(text), 0.0), 300.0) if text else None
    except ValueError:
        return None
