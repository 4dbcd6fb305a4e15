"""How tests wait on a machine that may stand still for seconds: for what comes, and for the quickest of a few."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def eventually(check: Callable[[], Any], what: str = "", within: float = 60.0) -> Any:
    """What `check` says, once that is true of it."""
    deadline = time.monotonic() + within
    while not (found := check()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def quickest(seconds: Callable[[], float], promised: float, tries: int = 5) -> float:
    """The least of a few tries, as soon as one keeps the promise: where the machine is busy, all take longer."""
    least = seconds()
    while least >= promised and (tries := tries - 1) > 0:
        least = min(least, seconds())
    return least
