"""One host process and its way to the server.

Ends with the process; the connection to the server may be exchanged any number of times before, and
the leases go on if it is back within the lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from headrace.engine.codec import ProtocolError
from headrace.engine.protocol import (
    MAX_FRAME,
    Cancel,
    Credit,
    Hello,
    JobRef,
    Kill,
    Lease,
    Log,
    Ping,
    Progress,
    Welcome,
    encode_frame,
)
from headrace.remote.delivery import Delivery, Received, Replay, split, stamped
from headrace.remote.leases import CreditLedger, HeldLeases
from headrace.remote.process import HostProcess
from headrace.remote.settings import Settings

log = logging.getLogger("headrace.remote")
_LAST_FRAMES = 1.0
"""Seconds that the last frames of a host that has ended have to reach the server."""


class RefusedError(Exception):
    """The server does not want this worker; its words."""


_BROKEN = (OSError, WebSocketException, ProtocolError, RefusedError, asyncio.TimeoutError)


@dataclass
class HostLink:
    settings: Settings
    host: HostProcess
    on_ready: Callable[[], None]

    def __post_init__(self) -> None:
        self._held = HeldLeases()
        self._credit = CreditLedger()
        self._replay = Replay()
        self._hello: Hello | None = None
        self._worker = b""
        self._welcomed = False
        self._greeted_host = False
        self._server: ClientConnection | None = None
        self._waiting: list[bytes] = []
        self._ready = False

    @property
    def held(self) -> int:
        return len(self._held.running)

    async def run(self) -> None:
        """Until the process has ended and what it said has been carried."""
        dialling: asyncio.Task[None] | None = None
        await self.host.send(encode_frame(self.host.engine.start(self.host.name)))
        try:
            async for frame in self.host.frames():
                if await self._from_host(frame):
                    dialling = asyncio.create_task(self._keep_linked())
            reason = await self.host.wait()
            log.warning(
                "engine host ended engine=%s pid=%d reason=%s",
                self.host.name,
                self.host.pid,
                reason,
            )
            await self._depart(reason)
        finally:
            if dialling is not None:
                dialling.cancel()
                await asyncio.gather(dialling, return_exceptions=True)

    # --- the host's side -------------------------------------------------------------------------

    async def _from_host(self, frame: bytes) -> bool:
        """True for the hello, after which the server is to be dialled."""
        body, _ = split(frame)
        if isinstance(body, Hello):
            if self._hello is not None:
                self.host.kill("hello came twice")
                return False
            # What the engine's file says counts, whatever the host repeats of it.
            self._hello = replace(body, offers=[self.host.engine.offer()])
            return True
        if isinstance(body, Credit):
            self._credit.give(body)
            if not self._ready:
                self._ready = True
                self.on_ready()
            if not self._worker:  # the server hears of it with the welcome
                return False
        self._held.from_host(body)
        await self._to_server(frame, body)
        return False

    async def _to_server(self, frame: bytes, body: Any) -> None:
        if self._welcomed and self._server is not None:
            # A send that fails is kept by the replay, and goes again with the next connection.
            with contextlib.suppress(ConnectionClosed):
                await self._server.send(self._replay.stamp(frame))
        elif not isinstance(body, Ping | Progress | Log):
            # Without a link, what only tells how things stand now is not worth keeping.
            self._waiting.append(frame)

    async def _depart(self, reason: str) -> None:
        """An orderly close tells the server that the host is gone, and how."""
        if self._server is None:
            return
        with contextlib.suppress(ConnectionClosed, asyncio.TimeoutError):
            await asyncio.wait_for(self._server.close(1000, reason[:120]), _LAST_FRAMES)

    # --- the server's side -----------------------------------------------------------------------

    async def _keep_linked(self) -> None:
        pause, complaint = self.settings.retry_first, ""
        while True:
            try:
                async with self._connection() as server:
                    await self._speak(server)
                    pause, complaint = self.settings.retry_first, ""
            except _BROKEN as error:
                text = _words(error)
                if text != complaint:
                    level = logging.ERROR if isinstance(error, RefusedError) else logging.WARNING
                    log.log(
                        level,
                        "no link worker=%s url=%s reason=%s",
                        self.host.name,
                        self.settings.url,
                        text,
                    )
                if self._welcomed:
                    pause = self.settings.retry_first
                complaint = text
            finally:
                self._welcomed, self._server = False, None
            # Many agents do not come back at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, self.settings.retry_most)

    def _connection(self) -> connect:
        return connect(
            self.settings.link_url,
            additional_headers={"Authorization": f"Bearer {self.settings.token}"},
            ssl=self.settings.tls(),
            proxy=self.settings.proxy,
            compression=None,
            user_agent_header="headrace-remote",
            open_timeout=self.settings.dial_time,
            ping_interval=self.settings.ping_every,
            ping_timeout=self.settings.ping_every,
            close_timeout=2,
            max_size=MAX_FRAME + 1024,
        )

    async def _speak(self, server: ClientConnection) -> None:
        self._server = server
        await server.send(
            stamped(encode_frame(self._full_hello()), Delivery(ack=self._replay.received))
        )
        async for data in server:
            if isinstance(data, str):
                raise ProtocolError("a text message")
            body, delivery = split(data)
            if isinstance(body, Welcome):
                await self._on_welcome(server, body, delivery)
                continue
            received = self._replay.receive(delivery, len(data))
            if received is Received.GAP:
                raise ProtocolError("a frame is missing")
            if self._replay.is_settled:
                self._held.settled()
            if received is Received.FRESH:
                await self._from_server(data, body)
            if self._replay.owes_acknowledgement:
                await server.send(self._replay.acknowledgement())
        raise ConnectionResetError(
            f"closed by the server: {server.close_reason or server.close_code}"
        )

    def _full_hello(self) -> Hello:
        assert self._hello is not None
        if not self._worker or self._replay.overflowed:
            return self._hello
        return replace(self._hello, resume=self._worker, held=self._held.all())

    async def _from_server(self, frame: bytes, body: Any) -> None:
        if isinstance(body, Kill):
            return self.host.kill(body.reason)
        if isinstance(body, Lease):
            self._credit.take(body)
        self._held.from_server(body)
        if body is not None:
            await self.host.send(frame)

    async def _on_welcome(
        self, server: ClientConnection, welcome: Welcome, delivery: Delivery
    ) -> None:
        if welcome.error:
            raise RefusedError(welcome.error)
        resumed = bool(self._worker) and welcome.worker == self._worker
        self._worker = welcome.worker
        if resumed:
            self._replay.acknowledged(delivery.ack)
            for ref in welcome.dropped:
                self._held.drop(ref)
            await self._cancel_at_host(list(welcome.dropped))
            frames = self._replay.unacknowledged()
        else:
            frames = await self._start_anew()
        for frame in frames:
            await server.send(frame)
        while self._waiting:  # the host goes on speaking meanwhile
            await server.send(self._replay.stamp(self._waiting.pop(0)))
        self._welcomed = True
        log.info(
            "worker is linked worker=%s resumed=%s held=%d", self.host.name, resumed, self.held
        )
        if not self._greeted_host:
            self._greeted_host = True
            await self.host.send(encode_frame(welcome))

    async def _start_anew(self) -> list[bytes]:
        """The server does not know this host (any more): what it holds is of use to nobody."""
        lost = list(self._held.running)
        self._held.clear()
        self._waiting.clear()
        self._replay = Replay()
        await self._cancel_at_host(lost)
        return [self._replay.stamp(encode_frame(credit)) for credit in self._credit.credits()]

    async def _cancel_at_host(self, refs: list[JobRef]) -> None:
        if refs:
            await self.host.send(encode_frame(Cancel(refs, "lost")))


def _words(error: Exception) -> str:
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        hint = {401: ": the token is no key of role worker", 403: ": the key's role is not worker"}
        return f"the server answers {status}{hint.get(status, '')}"
    return str(error) or type(error).__name__
