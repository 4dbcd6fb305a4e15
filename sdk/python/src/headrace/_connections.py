"""WebSocket connections on the standard library: one for threads, one for asyncio."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from headrace._websocket import Address, ClosedError, Message, Protocol, WebSocketError


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Verifies the server, by the system's authorities or those of a file."""
    return ssl.create_default_context(cafile=ca_file)


class WebSocket:
    """A connection for threads: one may receive while others send."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        ca_file: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        address = Address.of(url)
        self._protocol = Protocol(address, headers or {})
        # A TLS object must not be used by two threads at a time, so each step is short and locked,
        # and waiting happens outside of the lock.
        self._step = threading.Lock()
        self._sending = threading.Lock()
        deadline = time.monotonic() + timeout
        try:
            self._socket: socket.socket = socket.create_connection(
                (address.host, address.port), timeout
            )
            if address.secure:
                context = tls_context(ca_file)
                self._socket = context.wrap_socket(self._socket, server_hostname=address.host)
        except OSError as error:
            raise WebSocketError(f"no connection to {address.authority}: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        try:
            self._write(self._protocol.request())
            while not self._protocol.open:
                self._read(deadline)
                if self._protocol.closed is not None and not self._protocol.open:
                    raise self._protocol.closed
        except BaseException:
            self._socket.close()
            raise

    def send(self, message: Message) -> None:
        self._write(self._protocol.send(message))

    def receive(self, timeout: float | None = None) -> Message:
        """The next message. Raises ClosedError at the end, TimeoutError when none comes in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        protocol = self._protocol
        while not protocol.messages:
            if protocol.closed is not None:
                raise protocol.closed
            self._read(deadline)
        return protocol.messages.popleft()

    def close(self, code: int = 1000, reason: str = "") -> None:
        with suppress(WebSocketError):
            self._write(self._protocol.close(code, reason))
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        with self._sending:
            while view:
                try:
                    with self._step:
                        view = view[self._socket.send(view) :]
                except (BlockingIOError, ssl.SSLWantWriteError):
                    self._await(select.POLLOUT, 1.0)
                except ssl.SSLWantReadError:
                    self._await(select.POLLIN, 1.0)
                except (OSError, ValueError) as error:
                    raise ClosedError(1006, str(error)) from error

    def _read(self, deadline: float | None) -> None:
        while True:
            try:
                with self._step:
                    data = self._socket.recv(64 << 10)
                break
            except (BlockingIOError, ssl.SSLWantReadError):
                wait = None if deadline is None else deadline - time.monotonic()
                if wait is not None and wait <= 0:
                    raise TimeoutError("no message came in time") from None
                self._await(select.POLLIN, wait)
            except ssl.SSLWantWriteError:
                self._await(select.POLLOUT, 1.0)
            except (OSError, ValueError):
                data = b""
                break
        self._protocol.receive(data)
        if answers := self._protocol.answers():
            self._write(answers)

    def _await(self, event: int, wait: float | None) -> None:
        poll = select.poll()
        with suppress(ValueError):  # closed by another thread: the next step tells
            poll.register(self._socket, event)
            poll.poll(None if wait is None else wait * 1000)


class AsyncWebSocket:
    """A connection for one event loop; make it with `connect`."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    @classmethod
    async def connect(
        cls,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        ca_file: str | None = None,
        timeout: float = 30.0,
    ) -> AsyncWebSocket:
        address = Address.of(url)
        self = cls(Protocol(address, headers or {}))
        context = tls_context(ca_file) if address.secure else None
        try:
            self._reader, self._writer = await asyncio.wait_for(
                asyncio.open_connection(address.host, address.port, ssl=context), timeout
            )
        except (OSError, asyncio.TimeoutError) as error:
            raise WebSocketError(f"no connection to {address.authority}: {error}") from error
        try:
            self._writer.write(self._protocol.request())
            await asyncio.wait_for(self._open(), timeout)
        except BaseException:
            self._writer.close()
            raise
        return self

    async def _open(self) -> None:
        while not self._protocol.open:
            await self._read()
            if self._protocol.closed is not None and not self._protocol.open:
                raise self._protocol.closed

    async def send(self, message: Message) -> None:
        self._writer.write(self._protocol.send(message))
        try:
            await self._writer.drain()
        except OSError as error:
            raise ClosedError(1006, str(error)) from error

    async def receive(self) -> Message:
        """The next message. Raises ClosedError at the end."""
        protocol = self._protocol
        while not protocol.messages:
            if protocol.closed is not None:
                raise protocol.closed
            await self._read()
        return protocol.messages.popleft()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        with suppress(OSError):
            self._writer.write(self._protocol.close(code, reason))
            await self._writer.drain()
            self._writer.close()
            await self._writer.wait_closed()

    async def __aenter__(self) -> AsyncWebSocket:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _read(self) -> None:
        try:
            data = await self._reader.read(256 << 10)
        except OSError:
            data = b""
        self._protocol.receive(data)
        if answers := self._protocol.answers():
            self._writer.write(answers)
