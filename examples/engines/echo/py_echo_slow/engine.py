"""Gives back the text it was given after `duration_ms`, tells its progress ten times a second, and
stops at once when it is cancelled. Async: one process runs all slots."""

import asyncio
import time

from headrace.engine import Engine, progress

TICK = 0.1


class EchoSlow(Engine):
    async def run(self, text: str, duration_ms: int) -> dict:
        began = time.monotonic()
        duration = duration_ms / 1000
        while (left := began + duration - time.monotonic()) > 0:
            await asyncio.sleep(min(left, TICK))
            progress(min((time.monotonic() - began) / duration, 1.0), "waiting")
        return {"text": text}
