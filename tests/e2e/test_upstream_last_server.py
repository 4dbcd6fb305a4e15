"""A model loses its last server while callers wait for it: whoever waits on a connection is told at once."""

from __future__ import annotations

import threading
from typing import Any

from fake_upstream import Connection, FakeUpstream, Request, good
from upstream_site import HI, Setup
from waiting import eventually


def queued(up: Setup) -> int:
    queues = up.server.control.get("/queues").json()["queues"]
    return sum(queue["queued"] for queue in queues if queue["capability"].split("@")[0] == up.capability)


def test_who_waits_on_a_connection_is_told_and_a_durable_job_waits(up: Setup) -> None:
    server, let_go = up.server, threading.Event()

    def held(of: FakeUpstream, to: Connection, request: Request) -> None:
        assert let_go.wait(60)
        good(of, to, request)

    fake = up.add(held, concurrency=1)
    answers: list[Any] = []

    def chat() -> None:
        body = {"model": up.model, "messages": HI}
        answers.append(server.client.request("POST", "/v1/chat/completions", body))

    first = threading.Thread(target=chat)
    first.start()
    eventually(lambda: len(fake.requests) == 1)
    durable = server.client.post("/jobs", {"capability": up.capability, "input": {"messages": HI}})
    assert durable.status == 202, durable.body
    second = threading.Thread(target=chat)
    second.start()
    eventually(lambda: queued(up) == 2)

    assert server.control.delete(f"/upstreams/{fake.name}").status == 204
    second.join(60)
    assert len(answers) == 1, "the first call is still under way"
    refused = answers[0]
    assert refused.status == 503, (refused.status, refused.body)
    assert int(refused.header("retry-after") or 0) >= 1
    assert queued(up) == 1, "the durable job waits"

    let_go.set()
    first.join(60)
    assert answers[1].status == 200, answers[1].body
    up.add()
    job = f"/jobs/{durable.json()['id']}"
    eventually(lambda: server.client.get(job).json()["state"] == "succeeded")
