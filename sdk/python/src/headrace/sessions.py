"""Sessions: frames in, frames out, over WebSocket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace import _inputs
from headrace._connections import AsyncWebSocket, WebSocket
from headrace._websocket import ClosedError, HandshakeRefusedError, Message, WebSocketError
from headrace.errors import (
    ConnectionFailedError,
    HeadraceError,
    ProtocolViolationError,
    SessionError,
    api_error,
)
from headrace.models import read_output
from headrace.types import Output


@dataclass(frozen=True)
class SessionOutput:
    """One step of the output; `media` is set when it came as a binary frame."""

    output: Output
    last: bool = False
    media: bytes | None = None


@dataclass
class _Frames:
    """The JSON of a session's frames, without I/O."""

    seq: int = 0
    job_id: str = ""

    def first(self, parameters: Mapping[str, Any]) -> str:
        return json.dumps({"input": _encoded(parameters), "seq": 0})

    def step(self, inputs: Mapping[str, Any], last: bool) -> str:
        self.seq += 1
        return json.dumps({"input": _encoded(inputs), "seq": self.seq, "last": last})

    def read(self, message: Message) -> SessionOutput | None:
        """The output; None for the frame that names the job."""
        if isinstance(message, bytes):
            return SessionOutput({}, media=message)
        try:
            body = json.loads(message)
        except ValueError as error:
            raise ProtocolViolationError("a frame of the session is not JSON") from error
        if "error" in body:
            raise SessionError(body["error"].get("code", ""), body["error"].get("message", ""))
        if "job" in body:
            self.job_id = body["job"]["id"]
            return None
        return SessionOutput(read_output(body.get("output", {})), body.get("last", False))


def _encoded(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    encoded = _inputs.encode(inputs)
    if _inputs.uploads(encoded):
        raise ValueError(f"a frame holds at most {_inputs.INLINE} bytes of media")
    return encoded


_LAST = json.dumps({"last": True})


def _failed(error: WebSocketError) -> HeadraceError:
    if isinstance(error, HandshakeRefusedError):
        try:
            problem = json.loads(error.body)
        except ValueError:
            problem = None
        return api_error(error.status, problem)
    if isinstance(error, ClosedError) and error.code not in (1000, 1006):
        return SessionError(error.reason or "closed", f"the session was closed with {error.code}")
    return ConnectionFailedError(str(error))


class Session:
    """Send with one thread, iterate over the outputs with another, or in turns."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        ca_file: str | None,
        parameters: Mapping[str, Any],
    ) -> None:
        self._frames = _Frames()
        try:
            self._socket = WebSocket(url, headers, ca_file=ca_file)
            self._socket.send(self._frames.first(parameters))
        except WebSocketError as error:
            raise _failed(error) from error

    @property
    def job_id(self) -> str:
        """Known once the first output has been read."""
        return self._frames.job_id

    def send(self, inputs: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """A step of the input: what is new, by name."""
        self._send(self._frames.step({**(inputs or {}), **more}, last=False))

    def send_media(self, data: bytes) -> None:
        """A piece of the one media segment, as it is."""
        self._send(data)

    def finish(self) -> None:
        """Ends the input; outputs may still follow."""
        self._send(_LAST)

    def __iter__(self) -> Iterator[SessionOutput]:
        while (output := self.receive()) is not None:
            yield output

    def receive(self, timeout: float | None = None) -> SessionOutput | None:
        """The next output; None at the end. TimeoutError when none comes in time."""
        while True:
            try:
                message = self._socket.receive(timeout)
            except ClosedError as error:
                if error.code == 1000:
                    return None
                raise _failed(error) from error
            output = self._frames.read(message)
            if output is not None:
                return output

    def close(self) -> None:
        """Hangs up; a session that has not ended is cancelled."""
        self._socket.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, message: Message) -> None:
        try:
            self._socket.send(message)
        except WebSocketError as error:
            raise _failed(error) from error


class AsyncSession:
    """The asynchronous twin of Session; `async with client.session(…) as session`."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        ca_file: str | None,
        parameters: Mapping[str, Any],
    ) -> None:
        self._frames = _Frames()
        self._address = (url, headers, ca_file, parameters)
        self._socket: AsyncWebSocket

    @property
    def job_id(self) -> str:
        """Known once the first output has been read."""
        return self._frames.job_id

    async def open(self) -> AsyncSession:
        url, headers, ca_file, parameters = self._address
        try:
            self._socket = await AsyncWebSocket.connect(url, headers, ca_file=ca_file)
            await self._socket.send(self._frames.first(parameters))
        except WebSocketError as error:
            raise _failed(error) from error
        return self

    async def send(self, inputs: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        await self._send(self._frames.step({**(inputs or {}), **more}, last=False))

    async def send_media(self, data: bytes) -> None:
        await self._send(data)

    async def finish(self) -> None:
        await self._send(_LAST)

    async def __aiter__(self) -> AsyncIterator[SessionOutput]:
        while (output := await self.receive()) is not None:
            yield output

    async def receive(self) -> SessionOutput | None:
        while True:
            try:
                message = await self._socket.receive()
            except ClosedError as error:
                if error.code == 1000:
                    return None
                raise _failed(error) from error
            output = self._frames.read(message)
            if output is not None:
                return output

    async def close(self) -> None:
        await self._socket.close()

    async def __aenter__(self) -> AsyncSession:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send(self, message: Message) -> None:
        try:
            await self._socket.send(message)
        except WebSocketError as error:
            raise _failed(error) from error
