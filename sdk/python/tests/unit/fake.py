"""A scripted server behind httpx.MockTransport, the same for both clients."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import httpx

from headrace import AsyncClient, Client

Handler = Callable[[httpx.Request], httpx.Response]

JOB: dict[str, Any] = {
    "id": "01900000-0000-7000-8000-000000000001",
    "capability": "echo@1.0.0",
    "state": "running",
    "created_at": "2026-01-02T03:04:05.678Z",
    "attempt": 1,
}


def job(state: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {**JOB, "state": state, **more}


def answer(status: int, body: Any = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=body, headers=named)


class Script:
    """Answers one request after another; keeps what was asked."""

    def __init__(self, *answers: httpx.Response | Exception | Handler) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self._answers, f"an unexpected request: {request.method} {request.url}"
        following = self._answers.pop(0)
        if isinstance(following, Exception):
            raise following
        return following if isinstance(following, httpx.Response) else following(request)

    @property
    def done(self) -> bool:
        return not self._answers

    def body(self, index: int = 0) -> Any:
        return json.loads(self.requests[index].content)

    def client(self, **options: Any) -> Client:
        client = Client(
            "http://server", "hr_key", transport=httpx.MockTransport(self._sync), **options
        )
        client._transport._sleep = self.pauses.append
        return client

    def _sync(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self(request)

    def async_client(self, **options: Any) -> AsyncClient:
        async def handle(request: httpx.Request) -> httpx.Response:
            await request.aread()
            return self(request)

        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)

        client = AsyncClient(
            "http://server", "hr_key", transport=httpx.MockTransport(handle), **options
        )
        client._transport._sleep = sleep
        return client


class Both:
    """Calls a method of the synchronous or the asynchronous client, as one."""

    def __init__(self, asynchronous: bool) -> None:
        self.asynchronous = asynchronous

    def __repr__(self) -> str:
        return "async" if self.asynchronous else "sync"

    def call(self, script: Script, method: str, *args: Any, **named: Any) -> Any:
        """The result of the method; what it yields as a list."""
        if not self.asynchronous:
            with script.client() as client:
                result = getattr(client, method)(*args, **named)
                return list(result) if inspect.isgenerator(result) else result
        return asyncio.run(self._call(script, method, *args, **named))

    async def _call(self, script: Script, method: str, *args: Any, **named: Any) -> Any:
        async with script.async_client() as client:
            result = getattr(client, method)(*args, **named)
            if inspect.isasyncgen(result):
                return [item async for item in result]
            return await result


BOTH = (Both(False), Both(True))
