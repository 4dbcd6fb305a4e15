"""Sends requests over httpx, again where that is safe and useful."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from headrace._requests import Answer, Request
from headrace._retry import RETRIED, RetryPolicy, read_retry_after
from headrace._version import VERSION
from headrace.errors import ConnectionFailedError, HeadraceError

try:
    import httpx
except ImportError as missing:  # pragma: no cover
    raise ImportError("the client needs httpx: install headrace[client]") from missing

_CONNECT_TIMEOUT = 10.0


def common_headers(key: str) -> dict[str, str]:
    headers = {"User-Agent": f"headrace-python/{VERSION}", "Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return headers


def _timeout(seconds: float, request: Request) -> httpx.Timeout:
    return httpx.Timeout(seconds + request.patience, connect=min(seconds, _CONNECT_TIMEOUT))


def _verdict(
    policy: RetryPolicy, attempt: int, request: Request, failure: Answer | httpx.TransportError
) -> tuple[float | None, HeadraceError]:
    """The pause before the next attempt, or None, and the error if there is no next."""
    if isinstance(failure, Answer):
        after = read_retry_after(failure.headers.get("retry-after"))
        again = failure.status in (429, 503) or (failure.status in RETRIED and request.repeatable)
        return policy.pause(attempt, after) if again else None, failure.error(after)
    unsent = isinstance(failure, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
    error = ConnectionFailedError(f"{request.method} {request.path}: {failure!r}")
    return policy.pause(attempt) if unsent or request.repeatable else None, error


class Transport:
    def __init__(self, client: httpx.Client, timeout: float, policy: RetryPolicy) -> None:
        self.client = client
        self._timeout = timeout
        self._policy = policy
        self._sleep: Callable[[float], Any] = time.sleep

    def send(
        self, request: Request, content: Callable[[], Iterator[bytes]] | None = None
    ) -> Answer:
        """The answer of a request that went well; raises its error otherwise. `content` makes the
        body anew for each attempt."""
        attempt = 0
        while True:
            attempt += 1
            failure: Answer | httpx.TransportError
            try:
                response = self.client.request(
                    request.method,
                    request.target,
                    headers=dict(request.headers),
                    content=content() if content else request.body,
                    timeout=_timeout(self._timeout, request),
                )
                failure = Answer(response.status_code, response.headers, response.content)
                if response.is_success:
                    return failure
            except httpx.TransportError as error:
                failure = error
            pause, problem = _verdict(self._policy, attempt, request, failure)
            if pause is None:
                raise problem
            self._sleep(pause)

    @contextmanager
    def stream(self, request: Request) -> Iterator[httpx.Response]:
        """An answer that is read piece by piece. httpx's errors while reading come through."""
        attempt = 0
        while True:
            attempt += 1
            made = self.client.build_request(
                request.method,
                request.target,
                headers=dict(request.headers),
                content=request.body,
                timeout=_timeout(self._timeout, request),
            )
            failure: Answer | httpx.TransportError
            try:
                response = self.client.send(made, stream=True)
            except httpx.TransportError as error:
                failure = error
            else:
                if response.is_success:
                    try:
                        yield response
                    finally:
                        response.close()
                    return
                response.read()
                failure = Answer(response.status_code, response.headers, response.content)
            pause, problem = _verdict(self._policy, attempt, request, failure)
            if pause is None:
                raise problem
            self._sleep(pause)

    def pause(self, attempt: int, error: Exception) -> None:
        """Sleeps before a stream is taken up again; raises when that was tried often enough."""
        pause = self._policy.pause(attempt)
        if pause is None:
            raise ConnectionFailedError(f"the stream broke: {error!r}") from error
        self._sleep(pause)


class AsyncTransport:
    def __init__(self, client: httpx.AsyncClient, timeout: float, policy: RetryPolicy) -> None:
        self.client = client
        self._timeout = timeout
        self._policy = policy
        self._sleep: Callable[[float], Any] = asyncio.sleep

    async def send(
        self, request: Request, content: Callable[[], AsyncIterator[bytes]] | None = None
    ) -> Answer:
        attempt = 0
        while True:
            attempt += 1
            failure: Answer | httpx.TransportError
            try:
                response = await self.client.request(
                    request.method,
                    request.target,
                    headers=dict(request.headers),
                    content=content() if content else request.body,
                    timeout=_timeout(self._timeout, request),
                )
                failure = Answer(response.status_code, response.headers, response.content)
                if response.is_success:
                    return failure
            except httpx.TransportError as error:
                failure = error
            pause, problem = _verdict(self._policy, attempt, request, failure)
            if pause is None:
                raise problem
            await self._sleep(pause)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[httpx.Response]:
        attempt = 0
        while True:
            attempt += 1
            made = self.client.build_request(
                request.method,
                request.target,
                headers=dict(request.headers),
                content=request.body,
                timeout=_timeout(self._timeout, request),
            )
            failure: Answer | httpx.TransportError
            try:
                response = await self.client.send(made, stream=True)
            except httpx.TransportError as error:
                failure = error
            else:
                if response.is_success:
                    try:
                        yield response
                    finally:
                        await response.aclose()
                    return
                await response.aread()
                failure = Answer(response.status_code, response.headers, response.content)
            pause, problem = _verdict(self._policy, attempt, request, failure)
            if pause is None:
                raise problem
            await self._sleep(pause)

    async def pause(self, attempt: int, error: Exception) -> None:
        pause = self._policy.pause(attempt)
        if pause is None:
            raise ConnectionFailedError(f"the stream broke: {error!r}") from error
        await self._sleep(pause)
