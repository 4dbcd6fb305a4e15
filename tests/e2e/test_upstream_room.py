"""Calls that hang at a server which takes no more of them leave the others' room to others."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from fake_upstream import Connection, FakeUpstream, Request, good
from upstream_site import HI, Setup
from waiting import eventually


def remove(up: Setup, name: str) -> None:
    assert up.server.control.delete(f"/upstreams/{name}").status == 204


def switch_off(up: Setup, name: str) -> None:
    assert up.server.control.request("PATCH", f"/api/v1/upstreams/{name}", {"enabled": False}).status == 200


@pytest.mark.parametrize("take_out", [remove, switch_off])
def test_a_server_that_hangs_and_is_taken_out(up: Setup, take_out: Callable[[Setup, str], None]) -> None:
    let_go = threading.Event()

    def held(of: FakeUpstream, to: Connection, request: Request) -> None:
        assert let_go.wait(120)
        good(of, to, request)

    hangs = up.add(held, concurrency=2, priority=0)
    lives = up.add(concurrency=2, priority=1)
    statuses: list[int] = []

    def chat() -> None:
        body = {"model": up.model, "messages": HI}
        statuses.append(up.server.client.request("POST", "/v1/chat/completions", body).status)

    stuck = [threading.Thread(target=chat) for _ in range(2)]
    for thread in stuck:
        thread.start()
    eventually(lambda: len(hangs.requests) == 2)
    take_out(up, hangs.name)
    others = [threading.Thread(target=chat) for _ in range(4)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join(60)
    assert statuses == [200] * 4 and len(lives.requests) == 4, "the first two still hang"
    let_go.set()
    for thread in stuck:
        thread.join(60)
    assert statuses == [200] * 6
