"""A WebSocket client that can also break every rule: frames are built by hand."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import struct
from typing import Any

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Closed(Exception):
    """The other side closed; `code` is its close code, or None for a connection that just ended."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(f"closed with {code} {reason}")
        self.code = code
        self.reason = reason


class Refused(Exception):
    """The upgrade was answered with another status than 101."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"refused with {status}: {body[:300]!r}")
        self.status = status
        self.body = body


class WebSocket:
    def __init__(
        self,
        host: str,
        port: int,
        path: str,
        key: str | None,
        timeout: float = 20.0,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self._buffer = b""
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(),
        ]
        if key is not None:
            lines.append(f"Authorization: Bearer {key}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = self._read_until(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            length = 0
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = self._read(length)
            self.socket.close()
            raise Refused(status, body)

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _more(self) -> None:
        try:
            piece = self.socket.recv(65536)
        except ConnectionError:
            piece = b""
        if not piece:
            raise Closed(None)
        self._buffer += piece

    def _read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        out, self._buffer = self._buffer[:count], self._buffer[count:]
        return out

    def _read_until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._more()
        end = self._buffer.index(mark) + len(mark)
        return self._read(end)

    def send_frame(
        self,
        opcode: int,
        payload: bytes,
        fin: bool = True,
        mask: bool = True,
        reserved: int = 0,
        claim: int | None = None,
    ) -> None:
        """`claim` lies about the length."""
        length = len(payload) if claim is None else claim
        head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
        bit = 0x80 if mask else 0
        if length < 126:
            head += bytes([bit | length])
        elif length < 1 << 16:
            head += bytes([bit | 126]) + struct.pack(">H", length)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", length)
        if mask:
            key = os.urandom(4)
            head += key
            if payload:
                pad = (key * (len(payload) // 4 + 1))[: len(payload)]
                number = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
                payload = number.to_bytes(len(payload), "big")
        self.socket.sendall(head + payload)

    def send(self, message: Any) -> None:
        """bytes as a binary frame, anything else as JSON text."""
        if isinstance(message, bytes):
            self.send_frame(BINARY, message)
        else:
            self.send_frame(TEXT, json.dumps(message).encode())

    def read_frame(self) -> tuple[int, bytes]:
        first, second = self._read(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._read(8))
        assert not second & 0x80, "a server does not mask"
        return first & 0x0F, self._read(length)

    def receive(self) -> Any:
        """The next message: JSON of a text frame, bytes of a binary one. Answers pings."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == TEXT:
                return json.loads(payload)
            if opcode == BINARY:
                return payload
            if opcode == PING:
                self.send_frame(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                reason = payload[2:].decode()
                with contextlib.suppress(OSError):
                    self.send_frame(CLOSE, payload[:2])
                raise Closed(code, reason)

    def close(self, code: int = 1000) -> None:
        self.send_frame(CLOSE, struct.pack(">H", code))

    def until_closed(self) -> tuple[list[Any], int | None]:
        """Everything that still comes, and the close code."""
        messages = []
        try:
            while True:
                messages.append(self.receive())
        except Closed as closed:
            return messages, closed.code
