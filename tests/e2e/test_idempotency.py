"""contracts: Idempotency-Key, header or field; a twin gets the first answer."""

from __future__ import annotations

import concurrent.futures
import uuid

from wire import paths_of, problem

ECHO = {"capability": "echo", "input": {"text": "once"}}


def new_key() -> str:
    return uuid.uuid4().hex


def test_a_twin_gets_the_first_answer(client) -> None:
    key = new_key()
    first = client.post("/jobs", ECHO, {"Idempotency-Key": key})
    assert first.status == 202 and first.header("idempotent-replay") is None
    client.wait(first.json()["id"])
    twin = client.post("/jobs", ECHO, {"Idempotency-Key": key})
    assert twin.status == 202 and twin.header("idempotent-replay") == "true"
    assert twin.body == first.body and twin.header("location") == first.header("location")


def test_header_and_field_are_the_same(client) -> None:
    key = new_key()
    first = client.post("/jobs", ECHO, {"Idempotency-Key": key})
    twin = client.post("/jobs", {**ECHO, "idempotency_key": key})
    assert twin.body == first.body and twin.header("idempotent-replay") == "true"
    both = client.post("/jobs", {**ECHO, "idempotency_key": key}, {"Idempotency-Key": key})
    assert both.body == first.body


def test_both_and_unequal(client) -> None:
    reply = client.post("/jobs", {**ECHO, "idempotency_key": new_key()}, {"Idempotency-Key": new_key()})
    assert paths_of(problem(reply, 400, "invalid_argument")) == {"idempotency_key"}


def test_another_body_is_422(client) -> None:
    key = new_key()
    client.post("/jobs", ECHO, {"Idempotency-Key": key})
    problem(client.post("/jobs", {**ECHO, "priority": 9}, {"Idempotency-Key": key}), 422, "conflict")
    other = {"capability": "echo", "input": {"text": "twice"}}
    problem(client.post("/jobs", other, {"Idempotency-Key": key}), 422)


def test_compared_over_the_parsed_body(client) -> None:
    key = new_key()
    first = client.post("/jobs", '{"capability":"echo","input":{"text":"a"},"priority":3}', {"Idempotency-Key": key})
    twin = client.post(
        "/jobs", ' { "priority" : 3, "input": {"text": "\\u0061"},\n"capability":"echo" } ', {"Idempotency-Key": key}
    )
    assert twin.status == 202 and twin.body == first.body


def test_length_of_the_key(client) -> None:
    assert client.post("/jobs", ECHO, {"Idempotency-Key": "k" * 250 + new_key()[:5]}).status == 202
    for headers, field in (({"Idempotency-Key": "k" * 256}, None), ({}, "k" * 256), ({}, "")):
        body = ECHO if field is None else {**ECHO, "idempotency_key": field}
        assert paths_of(problem(client.post("/jobs", body, headers), 400)) == {"idempotency_key"}


def test_twins_at_the_same_time_are_one_job(client) -> None:
    key = new_key()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: client.post("/jobs", ECHO, {"Idempotency-Key": key}), range(16)))
    assert {reply.status for reply in replies} == {202}
    assert len({reply.body for reply in replies}) == 1
    assert sum(reply.header("idempotent-replay") is None for reply in replies) == 1


def test_per_tenant(server) -> None:
    key = new_key()
    one = server.as_role("caller", "acme").post("/jobs", ECHO, {"Idempotency-Key": key})
    two = server.as_role("caller", "globex").post("/jobs", ECHO, {"Idempotency-Key": key})
    assert one.status == two.status == 202 and one.json()["id"] != two.json()["id"]


def test_with_wait_it_is_durable_and_waits(client) -> None:
    key = new_key()
    first = client.post("/jobs", ECHO, {"Idempotency-Key": key, "Prefer": "wait=10"})
    assert first.status == 200 and first.json()["state"] == "succeeded"
    twin = client.post("/jobs", ECHO, {"Idempotency-Key": key, "Prefer": "wait=10"})
    assert twin.status == 200 and twin.json() == first.json()
    assert twin.header("idempotent-replay") == "true"


def test_with_wait_that_runs_out(client) -> None:
    key = new_key()
    body = {"capability": "echo_slow", "input": {"text": "x", "duration_ms": 60_000}}
    first = client.post("/jobs", body, {"Idempotency-Key": key, "Prefer": "wait=1"})
    assert first.status == 202
    twin = client.post("/jobs", body, {"Idempotency-Key": key})
    assert twin.status == 202 and twin.body == first.body
    client.post(f"/jobs/{first.json()['id']}/cancel")


def test_survives_a_restart(start_server) -> None:
    server = start_server()
    key = new_key()
    first = server.client.post("/jobs", ECHO, {"Idempotency-Key": key})
    server.client.wait(first.json()["id"])
    server.kill()
    server.start()
    twin = server.client.post("/jobs", ECHO, {"Idempotency-Key": key})
    assert twin.status == 202 and twin.body == first.body and twin.header("idempotent-replay") == "true"
