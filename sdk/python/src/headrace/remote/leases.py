"""What one host holds of its server, as the frames that pass tell it. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from headrace.engine.protocol import Credit, Failure, JobRef, Lease, Refused, Result

MOST_HELD = 4096
_MOST_SENT = MOST_HELD // 2
_MOST_SLOTS = 4096


class HeldLeases:
    """A lease whose result was sent stays until that is acknowledged: it may have to go again."""

    def __init__(self) -> None:
        self.running: dict[JobRef, None] = {}
        self._sent: deque[JobRef] = deque(maxlen=_MOST_SENT)

    def from_server(self, body: Any) -> None:
        if isinstance(body, Refused):
            self.drop(body.ref)
        elif isinstance(body, Lease):
            for batch in body.batches:
                self.running |= dict.fromkeys(job.ref for job in batch.jobs)

    def from_host(self, body: Any) -> None:
        ended: Iterable[Any] = ()
        if isinstance(body, Result):
            ended = body.results
        elif isinstance(body, Failure):
            ended = body.failures
        for end in ended:
            if end.ref in self.running:
                self.drop(end.ref)
                self._sent.append(end.ref)

    def settled(self) -> None:
        """The server has acknowledged everything that was sent."""
        self._sent.clear()

    def drop(self, ref: JobRef) -> None:
        self.running.pop(ref, None)

    def clear(self) -> None:
        self.running.clear()
        self._sent.clear()

    def all(self) -> list[JobRef]:
        return [*self.running, *self._sent][:MOST_HELD]


class CreditLedger:
    """Credit that was given and not used: it is given again to a server that does not know us."""

    def __init__(self) -> None:
        self._slots: dict[tuple[int, ...], int] = {}

    def give(self, credit: Credit) -> None:
        offers = tuple(credit.offers)
        self._slots[offers] = min(self._slots.get(offers, 0) + credit.slots, _MOST_SLOTS)

    def take(self, lease: Lease) -> None:
        for batch in lease.batches:
            for offers, slots in self._slots.items():
                if slots > 0 and batch.offer in offers:
                    self._slots[offers] = slots - 1
                    break

    def credits(self) -> list[Credit]:
        return [Credit(offers, slots) for offers, slots in self._slots.items() if slots > 0]
