"""An OpenAI-style server that behaves, or misbehaves, as it is told. For faults only: what a real one
answers is tested against a real one. Standard library only."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

RESET = struct.pack("ii", 1, 0)


class Gone(Exception):
    pass


class Request:
    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One connection, spoken to in raw bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""
        self.closed_at: float | None = None

    def read_request(self) -> Request | None:
        while b"\r\n\r\n" not in self.buffer:
            piece = self.sock.recv(65536)
            if not piece:
                return None
            self.buffer += piece
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        while len(self.buffer) < length:
            piece = self.sock.recv(65536)
            if not piece:
                return None
            self.buffer += piece
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Request(method, path, headers, body)

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            self.closed_at = time.monotonic()
            raise Gone from error

    def whole(self, status: int, body: bytes, kind: str = "application/json", more: str = "") -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        self.send(head.encode() + body)

    def start_events(self) -> None:
        self.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, payload: Any) -> None:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self.chunk(f"data: {text}\n\n".encode())

    def end(self) -> None:
        self.send(b"0\r\n\r\n")

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()
        raise Gone

    def wait_closed(self, within: float = 30.0) -> None:
        """Until the other side has closed; when is noted."""
        self.sock.settimeout(within)
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                pass
        self.closed_at = time.monotonic()
        raise Gone


def delta(text: str | None, model: str = "m", finish: str | None = None) -> dict[str, Any]:
    inner = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": inner, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}


def usage_frame(prompt: int, completion: int) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {**delta(None), "choices": [], "usage": usage}


def completion(text: str, usage: bool = True) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    out: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m"}
    out["choices"] = [choice]
    if usage:
        out["usage"] = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return out


Behaviour = Callable[["FakeUpstream", Connection, Request], None]


def good(_: FakeUpstream, to: Connection, request: Request) -> None:
    body = request.json()
    if not body.get("stream"):
        return to.whole(200, json.dumps(completion("Hello there")).encode())
    to.start_events()
    for word in ("Hel", "lo ", "there"):
        to.event(delta(word))
    to.event(delta(None, finish="stop"))
    if body.get("stream_options", {}).get("include_usage"):
        to.event(usage_frame(7, 3))
    to.event("[DONE]")
    to.end()


class FakeUpstream:
    """Listens on a port of its own until close(); `behave` may be changed at any time."""

    def __init__(self, behave: Behaviour = good, name: str = "", port: int = 0) -> None:
        self.behave = behave
        self.name = name
        self.requests: list[Request] = []
        self.probes: list[Request] = []
        self.connections: list[Connection] = []
        self.models_status = 200
        self.stopped = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock)
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(Gone, OSError, ValueError):
            while not self.stopped.is_set():
                request = connection.read_request()
                if request is None:
                    break
                if request.path.endswith("/models"):
                    self.probes.append(request)
                    data = {"object": "list", "data": [{"id": "m", "object": "model"}]}
                    connection.whole(self.models_status, json.dumps(data).encode())
                    continue
                self.requests.append(request)
                self.behave(self, connection, request)
        if connection.closed_at is None:
            connection.closed_at = time.monotonic()
        with contextlib.suppress(OSError):
            connection.sock.close()

    def close(self, reset: bool = False) -> None:
        """Stops listening and drops every connection, as a killed process does."""
        self.stopped.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                if reset:
                    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                connection.sock.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                connection.sock.close()
