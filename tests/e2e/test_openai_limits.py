"""Limits on /v1 as the official SDK meets them: headers, errors, tokens settled by what the engine counted."""

from __future__ import annotations

import random
import time
from typing import Any

import openai
import pytest
from headrace.engine import protocol
from openai_sdk import Answering, each, sdk
from server import Server
from test_limits import wait_for_next_minute
from test_openai_workers import CHAT, HI
from worker import LeasedJob, offer


@pytest.fixture
def tenant() -> str:
    return f"t{random.randrange(10**9)}"


def play(workers, tenant: str, name: str, tokens: int = 0) -> Answering:
    def answer(job: LeasedJob) -> None:
        job.done({"text": "ok", "finish_reason": "stop"}, meters=[protocol.Meter(name="prompt_tokens", value=tokens)])

    return Answering(workers.start(offer(name, CHAT), tenant=tenant), answer)


def limited(server: Server, tenant: str, **limits: int) -> openai.OpenAI:
    return sdk(server, server.new_key("caller", tenant, limits=limits))


def test_requests(server: Server, workers, tenant: str, name: str) -> None:
    engine = play(workers, tenant, name)
    client = limited(server, tenant, requests_per_minute=3)
    wait_for_next_minute()
    for left in (2, 1):
        raw = client.chat.completions.with_raw_response.create(model=name, messages=HI)
        assert raw.headers["x-ratelimit-limit-requests"] == "3"
        assert raw.headers["x-ratelimit-remaining-requests"] == str(left)
        assert raw.headers["x-ratelimit-reset-requests"].endswith("s")
    stream = client.chat.completions.create(model=name, messages=HI, stream=True)
    assert stream.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert list(each(stream))
    for call in (
        lambda: client.chat.completions.create(model=name, messages=HI),
        lambda: client.chat.completions.create(model=name, messages=HI, stream=True),
        lambda: client.completions.create(model=name, prompt="x"),
        lambda: client.responses.create(model=name, input="x"),
    ):
        with pytest.raises(openai.RateLimitError) as error:
            call()
        assert (error.value.type, error.value.code, error.value.param) == (
            "rate_limit_error",
            "rate_limit_exceeded",
            None,
        )
        assert 1 <= int(error.value.response.headers["retry-after"]) <= 60
        assert error.value.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert client.models.list().data, "what calls no model is not counted"
    engine.stop()


def test_an_unknown_model_is_not_counted(server: Server, workers, tenant: str, name: str) -> None:
    engine = play(workers, tenant, name)
    client = limited(server, tenant, requests_per_minute=1)
    wait_for_next_minute()
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="none", messages=HI)
    client.chat.completions.create(model=name, messages=HI)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=name, messages=HI)
    engine.stop()


def remaining(client: openai.OpenAI, name: str, **more: Any) -> int:
    raw = client.chat.completions.with_raw_response.create(model=name, messages=HI, **more)
    return int(raw.headers["x-ratelimit-remaining-tokens"])


def test_tokens_are_settled(server: Server, workers, tenant: str, name: str) -> None:
    engine = play(workers, tenant, name, tokens=700)
    client = limited(server, tenant, tokens_per_minute=1000)
    wait_for_next_minute()
    first = remaining(client, name)
    assert 900 < first < 1000, "a guess before anything was counted"
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=name, messages=HI, max_tokens=400)
    assert 200 < remaining(client, name) < 300, "then what the engine counted"
    engine.stop()


def test_the_sdk_waits_as_it_is_told(server: Server, workers, tenant: str, name: str) -> None:
    engine = play(workers, tenant, name)
    key = server.new_key("caller", tenant, limits={"requests_per_minute": 1})
    left = 60 - time.time() % 60
    if not 8 < left < 14:  # the window ends soon, but not at once
        time.sleep(max(0.0, left - 12) if left >= 14 else left + 48)
    assert sdk(server, key).chat.completions.create(model=name, messages=HI)
    began = time.monotonic()
    assert sdk(server, key, max_retries=2).chat.completions.create(model=name, messages=HI)
    assert time.monotonic() - began > 0.5
    engine.stop()
