"""The unmodified official SDK against a server of ours, and its types as judges of every answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import openai
import openai.pagination
import pydantic
from server import Server
from worker import LeasedJob, TestWorker

T = TypeVar("T")


def sdk(server: Server, key: str | None = None, **options: Any) -> openai.OpenAI:
    options.setdefault("max_retries", 0)
    return openai.OpenAI(
        base_url=f"http://127.0.0.1:{server.client_port}/v1",
        api_key=key if key is not None else server.client.key,
        timeout=60,
        **options,
    )


def valid(answer: T) -> T:
    """The SDK takes what comes as it comes; this holds it against the SDK's own types."""
    if isinstance(answer, openai.pagination.SyncPage | openai.pagination.SyncCursorPage):
        for item in answer.data:
            valid(item)
        return answer
    assert isinstance(answer, pydantic.BaseModel), type(answer)
    type(answer).model_validate(answer.to_dict(mode="json", use_api_names=True))
    return answer


def each(stream: Any) -> Iterator[Any]:
    for event in stream:
        yield valid(event)


class Answering:
    """Ends every job of a worker with what a function makes of it, in a thread of its own."""

    def __init__(self, worker: TestWorker, answer: Callable[[LeasedJob], None]) -> None:
        self.worker, self.answer = worker, answer
        self.seen: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                job = self.worker.next_job(within=0.1)
            except Exception:  # queue.Empty
                continue
            self.seen.append(job.inputs())
            self.answer(job)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
