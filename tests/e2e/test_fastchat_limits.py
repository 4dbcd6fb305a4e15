"""Limits, calls in flight and overload at FastChat's routes: the same as everywhere."""

from __future__ import annotations

import json
import threading
from typing import Any

from fastchat_site import Site
from fastchat_worker_text import TEXT
from test_limits import wait_for_next_minute
from waiting import eventually
from wire import Client, Reply

HI = [{"role": "user", "content": "Where?"}]


def caller(site: Site, **limits: int) -> Client:
    return site.server.client.with_key(site.server.new_key("caller", "acme", limits=limits))


def limit_tenant(site: Site, tenant: str, **body: Any) -> None:
    reply = site.server.control.request("PUT", f"/api/v1/tenants/{tenant}", body)
    if reply.status in (404, 405):
        reply = site.server.control.post("/tenants", {"name": tenant, **body})
    assert reply.status in (200, 201), (reply.status, reply.body)


def chat(client: Client, **more: Any) -> Reply:
    return client.request("POST", "/api/v1/chat/completions", {"model": "text-model", "messages": HI, **more})


def test_its_client_routes_tell_of_limits(fastchat: Site) -> None:
    fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    ready(fastchat)
    client = caller(fastchat, requests_per_minute=3, tokens_per_minute=100_000)
    wait_for_next_minute()
    first = chat(client)
    assert first.status == 200, first.body
    assert first.header("x-ratelimit-limit-requests") == "3"
    assert first.header("x-ratelimit-remaining-requests") == "2"
    assert first.header("x-ratelimit-limit-tokens") == "100000"
    assert (first.header("x-ratelimit-reset-requests") or "").endswith("s")
    stream = chat(client, stream=True)
    assert stream.status == 200 and stream.header("x-ratelimit-remaining-requests") == "1"
    path = "/v1/engines/text-model/embeddings"
    rows = client.request("POST", path, {"input": "a"})
    assert rows.status == 200 and rows.header("x-ratelimit-remaining-requests") == "0"
    for refused in (chat(client), chat(client, stream=True), client.request("POST", path, {"input": "a"})):
        assert refused.status == 400 and refused.json()["code"] == 42901, refused.body
        assert refused.header("x-ratelimit-remaining-requests") == "0"
        assert 1 <= int(refused.header("retry-after") or 0) <= 60
    # What has no limit tells of none.
    assert chat(fastchat.server.client).header("x-ratelimit-limit-requests") is None


def generate(site: Site, prompt: str = "raw", **more: Any) -> dict[str, Any]:
    """The last chunk of a worker's stream through the controller's door."""
    body = {"model": "text-model", "prompt": prompt, "max_new_tokens": 5, "echo": False, **more}
    chunks = site.ask("/worker_generate_stream", body).body.split(b"\0")
    assert chunks[-1] == b"", chunks
    return json.loads(chunks[-2])


def health_of(site: Site) -> dict[str, Any]:
    return site.server.control.get("/upstreams?tenant=system").json()["upstreams"][0]["health"]


def in_flight(site: Site) -> int:
    return health_of(site)["in_flight"]


def ready(site: Site) -> None:
    """Until the worker answers: it registers before it listens, and may be taken for dead until its next beat."""
    eventually(lambda: generate(site).get("text") == TEXT)
    eventually(lambda: in_flight(site) == 0)


def test_a_workers_stream_is_limited_and_counted(fastchat: Site) -> None:
    worker = fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    ready(fastchat)
    began, calls = len(worker.calls()), health_of(fastchat)["calls"]
    limit_tenant(fastchat, "system", models={"text-model": {"concurrency": 1}})
    done: list[dict[str, Any]] = []
    slow = threading.Thread(target=lambda: done.append(generate(fastchat, "[slow]")))
    slow.start()
    eventually(lambda: len(worker.calls()) > began)
    # One runs: it is counted where jobs are, and the model has no room for another one of any kind.
    eventually(lambda: in_flight(fastchat) == 1)
    refused = generate(fastchat)
    assert refused["error_code"] == 42901 and "requests at once" in refused["text"], refused
    assert chat(fastchat.server.client).json()["code"] == 42901
    slow.join()
    assert done[0]["text"] == TEXT
    eventually(lambda: in_flight(fastchat) == 0)
    assert generate(fastchat)["text"] == TEXT
    eventually(lambda: in_flight(fastchat) == 0)
    assert health_of(fastchat)["calls"] == calls + 2


def test_its_tokens_are_settled(fastchat: Site) -> None:
    fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    ready(fastchat)
    limit_tenant(fastchat, "system", models={"text-model": {"tokens_per_minute": 100_000}})
    wait_for_next_minute()
    assert generate(fastchat, max_new_tokens=90_000)["text"] == TEXT
    eventually(lambda: in_flight(fastchat) == 0)
    left = int(chat(fastchat.server.client).header("x-ratelimit-remaining-tokens") or 0)
    assert 99_000 < left < 100_000, "16 tokens, as the worker counted, and not 90 000 as was asked for"
    refused = generate(fastchat, max_new_tokens=200_000)
    assert refused["error_code"] == 42901 and "tokens a minute" in refused["text"], refused


def test_a_caller_who_leaves_gives_its_place_back(fastchat: Site) -> None:
    worker = fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    ready(fastchat)
    began = len(worker.calls())
    body = {"model": "text-model", "prompt": "[slow]", "max_new_tokens": 5, "echo": False}
    plain = fastchat.server.control.with_key(None)
    connection, response = plain.open("POST", f"/fastchat/{fastchat.token}/worker_generate_stream", body)
    assert response.read(1)
    eventually(lambda: len(worker.calls()) > began and in_flight(fastchat) == 1)
    before = health_of(fastchat)["failures"]
    response.close()
    connection.close()
    eventually(lambda: in_flight(fastchat) == 0)
    health = health_of(fastchat)
    assert health["state"] == "up" and health["failures"] == before


def test_a_worker_that_dies_counts_as_any_other(fastchat: Site) -> None:
    fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    ready(fastchat)
    before = health_of(fastchat)["failures"]
    broken = generate(fastchat, "[die:after]")
    assert broken["error_code"] == 50006, broken
    eventually(lambda: in_flight(fastchat) == 0)
    assert health_of(fastchat)["failures"] > before
