"""Upstreams of one test, and what its tests share."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any

from fake_upstream import Connection, FakeUpstream, Request, good
from server import Server

HI = [{"role": "user", "content": "hi"}]
KEY = "sk-canary-9b1f7c3e5a"


class Setup:
    """Upstreams of one test, with a model of its own; all gone at its end."""

    count = 0

    def __init__(self, server: Server) -> None:
        Setup.count += 1
        self.server = server
        self.model = f"org/model-{Setup.count}"
        self.capability = f"org-model-{Setup.count}"
        self.fakes: list[FakeUpstream] = []
        self.names: list[str] = []

    def add(self, behave: Callable[..., None] = good, fake: FakeUpstream | None = None, **more: Any) -> FakeUpstream:
        fake = fake or FakeUpstream(behave)
        self.fakes.append(fake)
        name = f"up-{Setup.count}-{len(self.names)}"
        self.names.append(name)
        body = {
            "name": name,
            "base_url": fake.url,
            "models": [{"id": self.model, "remote": "real-name"}],
            "probe_every": 0,
            **more,
        }
        reply = self.server.control.post("/upstreams", body)
        assert reply.status == 201, (reply.status, reply.body)
        fake.name = name
        return fake

    def view(self, fake: FakeUpstream) -> dict[str, Any]:
        reply = self.server.control.get(f"/upstreams/{fake.name}")
        assert reply.status == 200, reply.body
        return reply.json()

    def change(self, fake: FakeUpstream, **body: Any) -> dict[str, Any]:
        reply = self.server.control.request("PATCH", f"/api/v1/upstreams/{fake.name}", body)
        assert reply.status == 200, reply.body
        return reply.json()

    def chat(self, **more: Any) -> dict[str, Any]:
        """Through the native dialect, in canonical fields."""
        return self.server.client.run(self.capability, {"messages": HI, **more})

    def verbatim(self, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = {"model": self.model, "messages": HI, **(body or {})}
        return self.server.client.run(self.capability, {"request": request})

    def close(self) -> None:
        for name in self.names:
            self.server.control.delete(f"/upstreams/{name}")
        for fake in self.fakes:
            fake.close()


def error_of(job: dict[str, Any], state: str = "failed") -> dict[str, Any]:
    assert job["state"] == state, job
    return job["error"]


def stream_of(server: Server, model: str, **more: Any) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    body = {"model": model, "messages": HI, "stream": True, **more}
    return server.client.open("POST", "/v1/chat/completions", body, {"Connection": "close"})


def events_of(text: bytes) -> list[str]:
    return [line[6:] for line in text.decode().split("\n") if line.startswith("data: ")]


def refuse(status: int, error: Any, more: str = "") -> Callable[..., None]:
    def behave(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.whole(status, json.dumps(error).encode(), more=more)

    return behave
