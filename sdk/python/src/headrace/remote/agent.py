"""Supervises the hosts of a set of engines, each with a link of its own; restarts what ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Sequence

from headrace.remote.engine import RemoteEngine
from headrace.remote.link import HostLink
from headrace.remote.process import HostProcess
from headrace.remote.settings import Settings

log = logging.getLogger("headrace.remote")


class RestartPolicy:
    """At once the first time; ends that follow each other wait longer and longer: under a second
    for an engine that works until it is killed, up to half a minute for one that never is ready."""

    def __init__(self) -> None:
        self._ends = 0

    def next(self, lived: float, *, ready: bool) -> float:
        if ready and lived >= 10:
            self._ends = 0
        end, self._ends = self._ends, self._ends + 1
        return 0.0 if end == 0 else min(0.2 if ready else 30.0, 0.1 * 2 ** min(end - 1, 16))


class Keeper:
    """Keeps one host running, over all of its processes."""

    def __init__(self, settings: Settings, engine: RemoteEngine, number: int) -> None:
        self._settings = settings
        self._engine = engine
        self._name = f"{settings.name}/{engine.name}/{number}"
        self._policy = RestartPolicy()
        self._link: HostLink | None = None
        self._stopping = False
        self._ready = False

    async def run(self) -> None:
        complaint = ""
        while not self._stopping:
            began, self._ready = time.monotonic(), False
            try:
                await self._run_once()
                complaint = ""
            except OSError as error:
                if str(error) != complaint:
                    log.error("engine host cannot start engine=%s reason=%s", self._name, error)
                complaint = str(error)
            if not self._stopping:
                await asyncio.sleep(self._policy.next(time.monotonic() - began, ready=self._ready))

    async def _run_once(self) -> None:
        host = HostProcess(self._engine, self._name)
        await host.start()
        log.info("engine host started engine=%s pid=%d", self._name, host.pid)
        limit = self._engine.limits.start_timeout_ms
        late = asyncio.get_running_loop().call_later(
            limit / 1000, host.kill, f"not ready within {limit} ms"
        )

        def ready() -> None:
            self._ready = True
            late.cancel()

        self._link = HostLink(self._settings, host, ready)
        try:
            await self._link.run()
        finally:
            late.cancel()
            host.kill("the agent is stopping")
            self._link = None

    async def stop(self) -> None:
        """Lets running jobs end within the grace."""
        self._stopping = True
        if self._link is None:
            return
        host = self._link.host
        asyncio.get_running_loop().call_later(
            self._settings.stop_grace, host.kill, "the agent is stopping"
        )
        host.terminate()


async def run_agent(settings: Settings, engines: Sequence[RemoteEngine]) -> None:
    """Until SIGTERM or SIGINT; the second one means now."""
    keepers = [Keeper(settings, engine, n) for engine in engines for n in range(engine.processes)]
    tasks = [asyncio.create_task(keeper.run()) for keeper in keepers]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            for task in tasks:
                task.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await stop.wait()
    log.info("worker stops")
    for keeper in keepers:
        await keeper.stop()
    for task in tasks:
        # Between two processes there is nothing to wait for but a pause.
        loop.call_later(settings.stop_grace + 2, task.cancel)
    await asyncio.gather(*tasks, return_exceptions=True)
