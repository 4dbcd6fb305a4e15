"""A session as its engine sees it: the steps of the input, in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from headrace.engine.base import Cancelled, Job

if TYPE_CHECKING:
    import asyncio

__all__ = ["Session"]

Step = Mapping[str, Any]


class Session:
    """Iterate over it (`for` or `async for`): each step is a dict of the inputs that are new in it.

    The loop ends with the caller's input and raises Cancelled when the caller hangs up. What the
    engine yields goes out as the session's output steps.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._steps: deque[Callable[[], Step]] = deque()
        self._ended = False
        self._changed = threading.Condition()
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None

    # Called by the host, from its reader's thread.

    def feed(self, step: Callable[[], Step]) -> None:
        """One more step; it is called, to decode, when the engine takes it."""
        with self._changed:
            self._steps.append(step)
        self.wake()

    def end(self) -> None:
        with self._changed:
            self._ended = True
        self.wake()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
            waiter, self._waiter = self._waiter, None
        if waiter is not None:
            loop, future = waiter
            loop.call_soon_threadsafe(_resolve, future)

    # Called by the engine.

    def next(self, timeout: float | None = None) -> Step | None:
        """The next step; None when the input has ended. TimeoutError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(self._ready, timeout):
                raise TimeoutError("no step of the session came in time")
            step = self._take()
        return step() if step else None

    def __iter__(self) -> Iterator[Step]:
        while (step := self.next()) is not None:
            yield step

    async def anext(self) -> Step | None:
        """The next step; None when the input has ended."""
        import asyncio

        while True:
            with self._changed:
                if self._ready():
                    step = self._take()
                    break
                loop = asyncio.get_running_loop()
                future: asyncio.Future[None] = loop.create_future()
                self._waiter = (loop, future)
            await future
        return step() if step else None

    async def __aiter__(self) -> AsyncIterator[Step]:
        while (step := await self.anext()) is not None:
            yield step

    def _ready(self) -> bool:
        return bool(self._steps) or self._ended or self.job.cancelled

    def _take(self) -> Callable[[], Step] | None:
        if self.job.cancelled:
            raise Cancelled(self.job.cancel_reason)
        return self._steps.popleft() if self._steps else None


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
