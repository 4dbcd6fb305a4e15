"""A plain HTTP client for black-box tests: standard library only, nothing hidden, nothing retried."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

API = "/api/v1"
TERMINAL = {"succeeded", "failed", "cancelled", "expired"}


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())


@dataclass
class SseEvent:
    id: int | None
    event: str
    data: Any


@dataclass
class Client:
    """One door with one key. A connection per request, unless `session` is used."""

    host: str
    port: int
    key: str | None = None
    timeout: float = 30.0
    extra: dict[str, str] = field(default_factory=dict)

    def with_key(self, key: str | None) -> Client:
        return Client(self.host, self.port, key, self.timeout, dict(self.extra))

    def _headers(self, headers: dict[str, str] | None) -> dict[str, str]:
        out = dict(self.extra)
        if self.key is not None:
            out["Authorization"] = f"Bearer {self.key}"
        out.update(headers or {})
        return out

    def open(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout or self.timeout)
        sent = self._headers(headers)
        if body is not None and not isinstance(body, bytes | str):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        elif isinstance(body, str):
            body = body.encode()
            sent.setdefault("Content-Type", "application/json")
        connection.request(method, path, body=body, headers=sent)
        return connection, connection.getresponse()

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        connection, response = self.open(method, path, body, headers)
        try:
            content = response.read()
        finally:
            connection.close()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, content)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        return self.request("GET", API + path, headers=headers)

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        return self.request("POST", API + path, body, headers)

    def delete(self, path: str) -> Reply:
        return self.request("DELETE", API + path)

    # --- what most tests do ------------------------------------------------------------------

    def submit(
        self, capability: str, input: dict[str, Any], headers: dict[str, str] | None = None, **more: Any
    ) -> dict[str, Any]:
        reply = self.post("/jobs", {"capability": capability, "input": input, **more}, headers)
        assert reply.status == 202, (reply.status, reply.body)
        return reply.json()

    def run(self, capability: str, input: dict[str, Any], wait: int = 20, **more: Any) -> dict[str, Any]:
        reply = self.post("/jobs", {"capability": capability, "input": input, **more}, {"Prefer": f"wait={wait}"})
        assert reply.status == 200, (reply.status, reply.body)
        return reply.json()

    def job(self, job_id: str) -> dict[str, Any]:
        reply = self.get(f"/jobs/{job_id}")
        assert reply.status == 200, (reply.status, reply.body)
        return reply.json()

    def wait(self, job_id: str, states: set[str] = TERMINAL, within: float = 20.0) -> dict[str, Any]:
        deadline = time.monotonic() + within
        while True:
            job = self.job(job_id)
            if job["state"] in states:
                return job
            assert time.monotonic() < deadline, job
            if states == TERMINAL:
                self.get(f"/jobs/{job_id}?wait=1")
            else:
                time.sleep(0.02)

    @contextlib.contextmanager
    def stream(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Iterator[tuple[Reply, Iterator[SseEvent]]]:
        connection, response = self.open(method, API + path, body, headers)
        head = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, b"")
        if "text/event-stream" not in (head.header("content-type") or ""):
            head.body = response.read()
            yield head, iter(())
            connection.close()
            return
        try:
            yield head, events_of(response)
        finally:
            connection.close()


def events_of(response: http.client.HTTPResponse) -> Iterator[SseEvent]:
    event_id, name, data = None, "message", []
    for raw in response:
        line = raw.decode().rstrip("\r\n")
        if not line:
            if data:
                yield SseEvent(event_id, name, json.loads("\n".join(data)))
            name, data = "message", []
        elif line.startswith(":"):
            continue
        elif line.startswith("id:"):
            event_id = int(line[3:].strip())
        elif line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].lstrip(" "))


class RawSocket:
    """Bytes in, bytes out: for requests that no client library would send."""

    def __init__(self, host: str, port: int, timeout: float = 20.0) -> None:
        self.socket = socket.create_connection((host, port), timeout=timeout)

    def __enter__(self) -> RawSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """Closes with a RST, as a client that dies."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    def read_until_closed(self) -> bytes:
        out = b""
        try:
            while piece := self.socket.recv(65536):
                out += piece
        except ConnectionError:
            pass
        return out

    def status(self) -> int:
        """The status of the answer, or 0 when the connection was closed without one."""
        data = b""
        try:
            while b"\r\n" not in data:
                piece = self.socket.recv(65536)
                if not piece:
                    break
                data += piece
        except ConnectionError:
            pass
        return int(data.split(b" ", 2)[1]) if data.startswith(b"HTTP/1.1 ") else 0


def problem(reply: Reply, status: int, code: str | None = None) -> dict[str, Any]:
    """Asserts that the answer is a problem of this status, whole and well formed; returns it."""
    assert reply.status == status, (reply.status, reply.body)
    assert (reply.header("content-type") or "").startswith("application/problem+json"), reply.headers
    body = reply.json()
    missing = {"type", "title", "status", "detail", "code", "instance", "trace_id"} - body.keys()
    assert not missing, (missing, body)
    assert body["status"] == status
    assert len(body["trace_id"]) == 32 and int(body["trace_id"], 16)
    if code is not None:
        assert body["code"] == code, body
    if status == 400:
        assert body["errors"], body
        assert all({"path", "rule"} <= error.keys() for error in body["errors"]), body
    if status in (429, 503):
        assert int(reply.header("retry-after") or 0) >= 1, reply.headers
    return body


def paths_of(body: dict[str, Any]) -> set[str]:
    return {error["path"] for error in body["errors"]}
