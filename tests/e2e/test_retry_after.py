"""When to try again: an upstream's own word, or the time of its circuit, through every dialect."""

from __future__ import annotations

import time
from typing import Any

import openai
import pytest
from fake_upstream import good
from openai_sdk import sdk
from server import Server
from upstream_site import HI, Setup, error_of, refuse
from wire import Reply

BUSY = {"error": {"message": "slow down"}}


def busy(status: int, seconds: int | str) -> Any:
    return refuse(status, BUSY, f"Retry-After: {seconds}\r\n")


def all_ways(up: Setup, server: Server) -> list[Reply]:
    """The same call by the dialects that answer with HTTP's own header."""
    body = {"model": up.model, "messages": HI}
    return [
        server.client.request("POST", "/v1/chat/completions", body),
        server.client.request("POST", "/v1/chat/completions", {**body, "stream": True}),
        server.client.request("POST", "/v1/responses", {"model": up.model, "input": "hi", "store": False}),
        server.client.request("POST", "/api/v1/chat/completions", body),
    ]


@pytest.mark.parametrize("status", [429, 503, 504])
def test_an_upstreams_own_word(up: Setup, dialling: Server, status: int) -> None:
    up.add(busy(status, 40), failures=100)
    body = {"model": up.model, "messages": HI}
    first = dialling.client.request("POST", "/v1/chat/completions", body)
    assert first.status == 503 and first.json()["error"]["code"] == "no_worker", first.body
    assert 35 <= int(first.header("retry-after") or 0) <= 40
    # From then on it is paused, or asked again: the time that is left, or its own word again.
    for reply in all_ways(up, dialling):
        assert reply.status in (400, 503), reply.body
        assert 20 <= int(reply.header("retry-after") or 0) <= 40, (reply.headers, reply.body)
    error = error_of(up.chat())
    assert error["code"] == "unavailable" and 20 <= error["retry_after"] <= 40, error


@pytest.mark.parametrize(("said", "told"), [(86_400, 3600), ("soon", 1), (0, 1)])
def test_it_is_bounded(up: Setup, dialling: Server, said: int | str, told: int) -> None:
    up.add(busy(429, said))
    reply = dialling.client.request("POST", "/v1/chat/completions", {"model": up.model, "messages": HI})
    left = int(reply.header("retry-after") or 0)
    assert reply.status == 503 and max(1, told - 10) <= left <= told + 1, reply.headers


def test_the_first_of_several_that_comes_back(up: Setup, dialling: Server) -> None:
    up.add(busy(429, 200))
    up.add(busy(429, 50), priority=1)
    up.add(busy(503, 900), priority=2)
    up.add(good, priority=3, enabled=False)
    reply = dialling.client.request("POST", "/v1/chat/completions", {"model": up.model, "messages": HI})
    assert reply.status == 503 and 40 <= int(reply.header("retry-after") or 0) <= 50, reply.headers


def test_the_time_of_a_circuit(up: Setup, dialling: Server) -> None:
    fake = up.add(good, failures=1)
    fake.close()
    # The open time doubles with each trial that fails: after some of them it is long enough to tell.
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline
        reply = dialling.client.request("POST", "/v1/chat/completions", {"model": up.model, "messages": HI})
        assert reply.status == 503, reply.body
        told = int(reply.header("retry-after") or 0)
        health = up.view(fake)["health"]
        assert 1 <= told <= 60, reply.headers
        if told >= 5:
            break
        time.sleep(0.2)
    assert health["state"] == "open"


def test_a_durable_job_keeps_it(up: Setup, dialling: Server) -> None:
    up.add(refuse(500, BUSY, "Retry-After: 77\r\n"), failures=1000)
    job = dialling.client.submit(up.capability, {"messages": HI}, timeout=120)
    ended = dialling.client.wait(job["id"], within=60)
    assert 70 <= error_of(ended)["retry_after"] <= 77, ended
    assert dialling.client.job(job["id"])["error"] == ended["error"]


def test_a_stream_that_begins_to_wait_says_it_in_its_event(up: Setup, dialling: Server) -> None:
    up.add(busy(429, 30))
    with pytest.raises(openai.InternalServerError) as error:
        sdk(dialling).chat.completions.create(model=up.model, messages=HI, stream=True)
    assert 20 <= int(error.value.response.headers["retry-after"]) <= 30


def test_what_is_the_callers_fault_has_none(up: Setup, dialling: Server) -> None:
    up.add(refuse(400, {"error": {"message": "bad"}}, "Retry-After: 9\r\n"))
    assert "retry_after" not in error_of(up.chat())


def test_after_a_success_nothing_is_left_of_it(up: Setup, dialling: Server) -> None:
    fake = up.add(busy(429, 2))
    error_of(up.chat())
    fake.behave = good
    deadline = time.monotonic() + 60
    while up.chat()["state"] != "succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    fake.behave = lambda _f, to, _r: to.reset()
    reply = dialling.client.request("POST", "/v1/chat/completions", {"model": up.model, "messages": HI})
    assert reply.status == 503 and reply.header("retry-after") == "1", reply.headers
