"""Callers that never stop: durable jobs, each under a key of its own, sent again when the answer was lost."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from typing import Any

from server import Server

# capability -> input beside the text
LOCAL: dict[str, dict[str, Any]] = {"echo_slow": {"duration_ms": 15}}
LOCAL_AND_PYTHON = {**LOCAL, "py_echo_slow": {"duration_ms": 15}}
WITH_AGENT = {**LOCAL_AND_PYTHON, "py_echo": {}}  # py_echo runs on the agent alone


class KeptConnection:
    """One connection, made again when it broke. OSError when the server cannot be reached."""

    def __init__(self, port: int, key: str, timeout: float = 10.0) -> None:
        self.port, self.key, self.timeout = port, key, timeout
        self.connection: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise OSError(str(error)) from error
        if response.will_close:
            self.close()
        return response.status, json.loads(content) if content.startswith((b"{", b"[")) else content

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Load:
    """Remembers what was acknowledged: job id -> text. `again` are the statuses on which a caller tries again."""

    def __init__(
        self,
        server: Server,
        seed: int,
        work: dict[str, dict[str, Any]],
        callers: int = 6,
        pause: float = 0.02,
        port: int | None = None,
        again: tuple[int, ...] = (429, 503, 507),
        **more: Any,
    ) -> None:
        self.server, self.seed, self.work, self.pause, self.more = server, seed, work, pause, more
        self.port, self.again = port or server.client_port, again
        self.accepted: dict[str, str] = {}
        self.clashes: list[str] = []
        self.refused: dict[int, int] = {}
        self.retries = 0
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._call, args=(i,), daemon=True) for i in range(callers)]

    def start(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def join(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(60)

    def _call(self, number: int) -> None:
        rng = random.Random(self.seed * 1000 + number)
        key = self.server.client.key or ""
        connection = KeptConnection(self.port, key)
        count = 0
        while not self.stop.is_set():
            count += 1
            text = f"{self.seed}-{number}-{count}"
            capability = rng.choice(list(self.work))
            body = {
                "capability": capability,
                "input": {"text": text, **self.work[capability]},
                "idempotency_key": text,
                **self.more,
            }
            jobs = self._submit(connection, body)
            if jobs and rng.random() < 0.1:  # a twin, as after a lost answer
                jobs |= self._submit(connection, body, once=True)
            if len(jobs) > 1:
                self.clashes.append(f"{text}: one key made {len(jobs)} jobs")
            with self.lock:
                for job in jobs:
                    self.accepted[job] = text
            time.sleep(self.pause)
        connection.close()

    def _submit(self, connection: KeptConnection, body: dict[str, Any], once: bool = False) -> set[str]:
        while True:
            try:
                status, answer = connection.call("POST", "/api/v1/jobs", body)
                if status == 202:
                    return {answer["id"]}
                with self.lock:
                    self.refused[status] = self.refused.get(status, 0) + 1
                if status not in self.again:
                    self.clashes.append(f"{body['idempotency_key']}: status {status} {str(answer)[:300]}")
                    return set()
            except OSError:
                if self.stop.is_set():
                    return set()
            if once:
                return set()
            with self.lock:
                self.retries += 1
            time.sleep(0.05)
