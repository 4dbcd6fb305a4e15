"""The client's side of WebSocket (RFC 6455), without I/O."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MAX_MESSAGE = 64 << 20
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_MAX_HEAD = 64 << 10

Message = str | bytes


class WebSocketError(Exception):
    """The connection failed, or the other side broke the protocol."""


class HandshakeRefusedError(WebSocketError):
    """The server answered the upgrade with something else; `status` and `body` are its answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"the server refused the WebSocket with status {status}")
        self.status = status
        self.headers = headers
        self.body = body


class ClosedError(WebSocketError):
    """The connection is closed; `code` is 1006 when it broke without a close frame."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed: {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Address:
    """Where a ws:, wss:, http: or https: URL leads."""

    host: str
    port: int
    target: str
    secure: bool

    @classmethod
    def of(cls, url: str) -> Address:
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss", "http", "https") or not parts.hostname:
            raise WebSocketError(f"no WebSocket address: {url}")
        secure = parts.scheme in ("wss", "https")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, parts.port or (443 if secure else 80), target, secure)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclass
class Protocol:
    """One connection's bytes: what arrives goes in, what is to be sent comes out."""

    address: Address
    headers: Mapping[str, str]
    messages: deque[Message] = field(default_factory=deque)
    closed: ClosedError | None = None
    open: bool = False

    def __post_init__(self) -> None:
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._partial = bytearray()
        self._partial_kind = 0
        self._key = base64.b64encode(os.urandom(16))
        self._close_sent = False

    def request(self) -> bytes:
        """The upgrade request."""
        lines = [
            f"GET {self.address.target} HTTP/1.1",
            f"Host: {self.address.authority}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {self._key.decode()}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        if any("\r" in line or "\n" in line for line in lines):
            raise WebSocketError("a line break in a header")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def receive(self, data: bytes) -> None:
        """Takes bytes off the connection; an empty piece says that it has ended."""
        if not data:
            self.closed = self.closed or ClosedError(1006, "the connection broke")
            return
        self._incoming += data
        if not self.open and not self._read_head():
            return
        while self.closed is None and self._read_frame():
            pass

    def answers(self) -> bytes:
        """What must be sent because of what arrived: pongs, the closing frame."""
        answers = bytes(self._outgoing)
        self._outgoing.clear()
        return answers

    def send(self, message: Message) -> bytes:
        if self.closed is not None:
            raise self.closed
        kind = _TEXT if isinstance(message, str) else _BINARY
        return _frame(kind, message.encode() if isinstance(message, str) else message)

    def close(self, code: int = 1000, reason: str = "") -> bytes:
        """The closing frame; empty when it was sent before."""
        if self._close_sent:
            return b""
        self._close_sent = True
        return _frame(_CLOSE, struct.pack("!H", code) + reason.encode()[:120])

    def _read_head(self) -> bool:
        end = self._incoming.find(b"\r\n\r\n")
        if end < 0:
            if len(self._incoming) > _MAX_HEAD:
                raise WebSocketError("the server's answer has no end")
            return False
        status, *lines = self._incoming[:end].decode("latin-1").split("\r\n")
        words = status.split(" ", 2)
        if len(words) < 2 or not words[1].isdigit():
            raise WebSocketError("the server does not speak HTTP")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if int(words[1]) != 101:
            size = headers.get("content-length", "")
            if size.isdigit() and len(self._incoming) < end + 4 + min(int(size), _MAX_HEAD):
                return False
            raise HandshakeRefusedError(int(words[1]), headers, bytes(self._incoming[end + 4 :]))
        accept = base64.b64encode(hashlib.sha1(self._key + _GUID).digest()).decode()
        if headers.get("sec-websocket-accept") != accept:
            raise WebSocketError("the server's answer is not to our question")
        del self._incoming[: end + 4]
        self.open = True
        return True

    def _read_frame(self) -> bool:
        data = self._incoming
        if len(data) < 2:
            return False
        size, start = data[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(data) < start:
                return False
            (size,) = struct.unpack_from("!H" if start == 4 else "!Q", data, 2)
        if data[1] & 0x80 or data[0] & 0x70:
            return self._broken("a frame with a mask or reserved bits")
        if size + len(self._partial) > MAX_MESSAGE:
            return self._broken("a message that is too big", 1009)
        if len(data) < start + size:
            return False
        kind, last = data[0] & 0x0F, bool(data[0] & 0x80)
        payload = bytes(data[start : start + size])
        del data[: start + size]
        if kind >= _CLOSE:
            return self._control(kind, payload, last)
        if (kind == 0) != bool(self._partial_kind) or kind > _BINARY:
            return self._broken("a frame out of place")
        self._partial_kind = self._partial_kind or kind
        self._partial += payload
        if last:
            return self._message()
        return True

    def _message(self) -> bool:
        content, kind = bytes(self._partial), self._partial_kind
        self._partial.clear()
        self._partial_kind = 0
        try:
            self.messages.append(content.decode() if kind == _TEXT else content)
        except UnicodeDecodeError:
            return self._broken("text that is not UTF-8", 1007)
        return True

    def _control(self, kind: int, payload: bytes, last: bool) -> bool:
        if not last or len(payload) > 125:
            return self._broken("a control frame that is too long")
        if kind == _PING:
            self._outgoing += _frame(_PONG, payload)
        elif kind == _CLOSE:
            code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
            self._outgoing += self.close(code if code != 1005 else 1000)
            self.closed = ClosedError(code, payload[2:].decode("utf-8", "replace"))
        return True

    def _broken(self, reason: str, code: int = 1002) -> bool:
        self._outgoing += self.close(code, reason)
        self.closed = ClosedError(code, reason)
        return False


def _frame(kind: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | kind, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x80 | kind, 0xFF, size)
    mask = os.urandom(4)
    # One big integer is the fastest XOR that the standard library has.
    whole = int.from_bytes(payload, "little")
    pattern = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return head + mask + (whole ^ pattern).to_bytes(size, "little")
