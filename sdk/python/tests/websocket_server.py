"""A WebSocket server of a few lines, for tests: one connection at a time, on a thread."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

Script = Callable[["Connection"], None]


class Connection:
    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._file = sock.makefile("rb")
        self.request = self._file.readline().decode().strip()
        self.headers: dict[str, str] = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()

    def accept(self) -> None:
        key = self.headers["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        answer = base64.b64encode(hashlib.sha1(key).digest()).decode()
        self.raw(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + answer.encode() + b"\r\n\r\n"
        )

    def raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send(self, kind: int, payload: bytes, last: bool = True) -> None:
        size = len(payload)
        head = bytes([kind | (0x80 if last else 0)])
        if size < 126:
            head += bytes([size])
        else:
            head += (
                b"\x7e" + struct.pack("!H", size)
                if size < 65536
                else b"\x7f" + struct.pack("!Q", size)
            )
        self.raw(head + payload)

    def receive(self) -> tuple[int, bytes]:
        first, second = self._file.read(2)
        assert second & 0x80, "a client's frame must be masked"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._file.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._file.read(8))
        mask = self._file.read(4)
        data = self._file.read(size)
        return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self._socket.close()


class Server:
    """Runs a script for each connection, in turn."""

    def __init__(self, *scripts: Script, context: ssl.SSLContext | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http{'s' if context else ''}://localhost:{self.port}"
        self.failure: BaseException | None = None
        self._scripts = scripts
        self._context = context
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for script in self._scripts:
            connection = None
            try:
                sock, _ = self._listener.accept()
                if self._context:
                    sock = self._context.wrap_socket(sock, server_side=True)
                connection = Connection(sock)
                script(connection)
            except BaseException as error:
                self.failure = error
            finally:
                if connection is not None:
                    connection.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._thread.join(20)
        if self.failure is not None:
            raise self.failure
