"""contracts: jobs in all their forms, apart from idempotency, events and media."""

from __future__ import annotations

import dataclasses
import datetime
import re
import signal
import threading
import time

import pytest
from wire import Client, RawSocket, paths_of, problem
from worker import TEXT_TO_TEXT, offer

UUID7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
JOB_FIELDS = {
    "id",
    "capability",
    "state",
    "created_at",
    "started_at",
    "finished_at",
    "attempt",
    "retry_of",
    "progress",
    "queue",
    "output",
    "error",
    "usage",
    "stages",
}


def slow(client: Client, ms: int = 60_000, **more: object) -> dict:
    return client.submit("echo_slow", {"text": "x", "duration_ms": ms}, **more)


def test_durable_is_the_default(client: Client) -> None:
    reply = client.post("/jobs", {"capability": "echo", "input": {"text": "hello"}})
    assert reply.status == 202
    job = reply.json()
    assert UUID7.match(job["id"]) and TIME.match(job["created_at"])
    assert reply.header("location") == f"/api/v1/jobs/{job['id']}"
    assert job["capability"] == "echo@1.0.0"
    ended = client.wait(job["id"])
    assert ended["state"] == "succeeded" and ended["output"] == {"text": "hello"}
    assert ended["attempt"] == 1 and ended["created_at"] == job["created_at"]
    assert TIME.match(ended["started_at"]) and TIME.match(ended["finished_at"])
    assert ended.keys() <= JOB_FIELDS
    assert not {"error", "retry_of", "queue"} & ended.keys(), "absent where empty"


def test_interactive_wait_answers_with_the_job(client: Client) -> None:
    reply = client.post("/jobs", {"capability": "echo", "input": {"text": "héllo ✓"}}, {"Prefer": "wait=10"})
    assert reply.status == 200
    job = reply.json()
    assert job["state"] == "succeeded" and job["output"] == {"text": "héllo ✓"}
    # Works from memory after its end.
    again = client.job(job["id"])
    assert again["output"] == job["output"]


def test_interactive_wait_answers_200_whatever_the_end(workers, client: Client, name: str) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(
            client.post("/jobs", {"capability": name, "input": {"text": "x"}}, {"Prefer": "wait=20"})
        )
    )
    thread.start()
    worker.next_job().fail("engine_failed", "no luck today")
    thread.join(20)
    assert answers[0].status == 200
    job = answers[0].json()
    assert job["state"] == "failed" and job["error"]["code"] == "engine_failed"
    assert job["error"]["message"] == "no luck today" and job["error"]["retryable"] is False


@pytest.mark.parametrize("value", ["0", "61", "-1", "abc", "", "1.5", "99999999999999999999"])
def test_prefer_outside_its_bounds(client: Client, value: str) -> None:
    reply = client.post("/jobs", {"capability": "echo", "input": {"text": "x"}}, {"Prefer": f"wait={value}"})
    body = problem(reply, 400, "invalid_argument")
    assert paths_of(body) == {"Prefer"}


@pytest.mark.parametrize("value", ["1", "60", "5, respond-async", "handling=strict, wait=5"])
def test_prefer_within_its_bounds(client: Client, value: str) -> None:
    value = value if "=" in value else f"wait={value}"
    value = value.replace("5, respond", "wait=5, respond") if value.startswith("5") else value
    reply = client.post("/jobs", {"capability": "echo", "input": {"text": "x"}}, {"Prefer": value})
    assert reply.status == 200


def test_a_wait_that_runs_out_is_promoted(workers, client: Client, name: str) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    began = time.monotonic()
    reply = client.post("/jobs", {"capability": name, "input": {"text": "late"}}, {"Prefer": "wait=1"})
    assert time.monotonic() - began > 0.9
    assert reply.status == 202
    job = reply.json()
    assert reply.header("location") == f"/api/v1/jobs/{job['id']}"
    assert job["state"] == "running" and job["attempt"] == 1
    worker.next_job().done({"text": "late"})
    ended = client.wait(job["id"])
    assert ended["state"] == "succeeded" and ended["output"] == {"text": "late"} and ended["attempt"] == 1


def test_webhooks_are_refused_by_name(client: Client) -> None:
    for field, value in (("webhook", "https://example.com/x"), ("webhook_events", ["done"]), ("webhook", None)):
        reply = client.post("/jobs", {"capability": "echo", "input": {"text": "x"}, field: value})
        assert paths_of(problem(reply, 400)) == {field}


def test_versions(client: Client) -> None:
    assert client.run("echo@1.0.0", {"text": "x"})["capability"] == "echo@1.0.0"
    for reference in ("echo@9.9.9", "nobody", "nobody@1.0.0", "echo@", "echo@latest", "", "@", "a" * 200):
        reply = client.post("/jobs", {"capability": reference, "input": {"text": "x"}})
        problem(reply, 404, "not_found")


def test_the_highest_version_is_the_default(workers, client: Client, name: str) -> None:
    low, high = (workers.start(offer(name, TEXT_TO_TEXT, version)) for version in ("1.9.0", "1.10.0"))
    job = client.submit(name, {"text": "x"})
    assert job["capability"] == f"{name}@1.10.0"
    high.next_job().done({"text": "high"})
    pinned = client.submit(f"{name}@1.9.0", {"text": "x"})
    low.next_job().done({"text": "low"})
    assert client.wait(job["id"])["output"] == {"text": "high"}
    assert client.wait(pinned["id"])["output"] == {"text": "low"}


def test_long_poll(client: Client) -> None:
    job = slow(client, 800)
    began = time.monotonic()
    ended = client.get(f"/jobs/{job['id']}?wait=10").json()
    assert ended["state"] == "succeeded" and time.monotonic() - began < 9
    other = slow(client, 20_000)
    began = time.monotonic()
    running = client.get(f"/jobs/{other['id']}?wait=1").json()
    assert running["state"] in {"queued", "running"} and 0.9 < time.monotonic() - began < 15
    client.post(f"/jobs/{other['id']}/cancel")
    for value in ("61", "-1", "x", "1.5"):
        problem(client.get(f"/jobs/{job['id']}?wait={value}"), 400, "invalid_argument")


def test_etag(client: Client) -> None:
    job = client.run("echo", {"text": "x"})
    first = client.get(f"/jobs/{job['id']}")
    etag = first.header("etag")
    assert etag and etag.startswith('"')
    same = client.get(f"/jobs/{job['id']}", {"If-None-Match": etag})
    assert same.status == 304 and same.body == b"" and same.header("etag") == etag
    other = client.get(f"/jobs/{job['id']}", {"If-None-Match": '"other"'})
    assert other.status == 200
    moving = slow(client)
    running = client.wait(moving["id"], {"running"})
    etag = client.get(f"/jobs/{moving['id']}").header("etag")
    client.post(f"/jobs/{moving['id']}/cancel")
    client.wait(moving["id"])
    changed = client.get(f"/jobs/{moving['id']}", {"If-None-Match": etag})
    assert changed.status == 200 and changed.header("etag") != etag and running["state"] == "running"


def test_output_route(workers, client: Client, name: str) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    job = client.submit(name, {"text": "x"})
    path = f"/jobs/{job['id']}/output"
    not_yet = client.get(path)
    assert not_yet.status == 202
    worker.next_job().done({"text": "y"})
    client.wait(job["id"])
    reply = client.get(path)
    assert reply.status == 200 and reply.json() == {"text": "y"}
    assert client.delete(f"/jobs/{job['id']}").status == 204
    problem(client.get(path), 410, "not_found")

    failed = client.submit(name, {"text": "x"})
    worker.next_job().fail("engine_failed")
    client.wait(failed["id"])
    problem(client.get(f"/jobs/{failed['id']}/output"), 409, "conflict")


def test_output_of_cancelled_and_expired_is_409(client: Client) -> None:
    cancelled = slow(client)
    client.post(f"/jobs/{cancelled['id']}/cancel")
    assert client.wait(cancelled["id"])["state"] == "cancelled"
    problem(client.get(f"/jobs/{cancelled['id']}/output"), 409)
    expired = slow(client, deadline=0.3)
    assert client.wait(expired["id"])["state"] == "expired"
    problem(client.get(f"/jobs/{expired['id']}/output"), 409)


def test_cancel_queued_running_ended(workers, client: Client, name: str) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    running = client.submit(name, {"text": "runs"})
    leased = worker.next_job()
    queued = client.submit(name, {"text": "waits"})

    reply = client.post(f"/jobs/{queued['id']}/cancel")
    assert reply.status == 200 and reply.json()["state"] == "cancelled"

    reply = client.post(f"/jobs/{running['id']}/cancel")
    assert reply.status == 202
    assert leased.cancelled.wait(30), "pushed to the engine at once"
    leased.fail("cancelled")
    assert client.wait(running["id"])["state"] == "cancelled"
    for job in (queued, running):
        problem(client.post(f"/jobs/{job['id']}/cancel"), 409, "conflict")


def test_cancel_reaches_a_real_engine_at_once(client: Client) -> None:
    job = slow(client, 60_000)
    client.wait(job["id"], {"running"})
    began = time.monotonic()
    assert client.post(f"/jobs/{job['id']}/cancel").status == 202
    assert client.wait(job["id"])["state"] == "cancelled"
    assert time.monotonic() - began < 30, "long before the engine would have ended"


def test_retry_makes_a_new_job(client: Client) -> None:
    job = slow(client, 60_000)
    problem(client.post(f"/jobs/{job['id']}/retry"), 409, "conflict")
    client.post(f"/jobs/{job['id']}/cancel")
    client.wait(job["id"])
    reply = client.post(f"/jobs/{job['id']}/retry")
    assert reply.status == 202
    again = reply.json()
    assert again["id"] != job["id"] and again["retry_of"] == job["id"]
    assert reply.header("location") == f"/api/v1/jobs/{again['id']}"
    assert client.job(job["id"])["state"] == "cancelled"
    assert client.job(again["id"])["retry_of"] == job["id"]
    client.post(f"/jobs/{again['id']}/cancel")
    done = client.run("echo", {"text": "x"})
    problem(client.post(f"/jobs/{done['id']}/retry"), 409, "conflict")


def test_retry_runs_with_the_same_input(workers, client: Client, name: str) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    job = client.submit(name, {"text": "remember me"})
    worker.next_job().fail("engine_failed")
    client.wait(job["id"])
    again = client.post(f"/jobs/{job['id']}/retry").json()
    leased = worker.next_job()
    assert leased.inputs() == {"text": "remember me"}
    leased.done({"text": "ok"})
    assert client.wait(again["id"])["state"] == "succeeded"


def test_delete(client: Client) -> None:
    running = slow(client, 60_000)
    problem(client.delete(f"/jobs/{running['id']}"), 409, "conflict")
    client.post(f"/jobs/{running['id']}/cancel")
    job = client.submit("echo", {"text": "x"})
    assert client.wait(job["id"])["output"] == {"text": "x"}
    assert client.delete(f"/jobs/{job['id']}").status == 204
    after = client.job(job["id"])
    assert after["state"] == "succeeded" and "output" not in after


def test_times_of_a_job(server, workers, client: Client, name: str) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    first = client.submit(name, {"text": "holds the slot"})
    leased = worker.next_job()
    began = time.monotonic()
    waiting = client.submit(name, {"text": "x"}, ttl=0.5)
    ended = client.wait(waiting["id"])
    assert ended["state"] == "expired" and ended["error"]["reason"] == "ttl"
    assert time.monotonic() - began > 0.4
    leased.done({"text": ""})
    client.wait(first["id"])

    timed = client.submit("echo_slow", {"text": "x", "duration_ms": 60_000}, timeout=0.4)
    ended = client.wait(timed["id"])
    assert ended["state"] == "failed" and ended["error"]["code"] == "deadline_exceeded"

    total = client.submit("echo_slow", {"text": "x", "duration_ms": 60_000}, deadline=0.4)
    ended = client.wait(total["id"])
    assert ended["state"] == "expired" and ended["error"]["reason"] == "deadline"


def test_queue_position_and_priority(workers, client: Client, name: str) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    client.submit(name, {"text": "first"})
    first = worker.next_job()
    low = client.submit(name, {"text": "low"}, priority=0)
    middle = client.submit(name, {"text": "middle"})
    high = client.submit(name, {"text": "high"}, priority=9)
    positions = [client.job(job["id"])["queue"]["position"] for job in (high, middle, low)]
    assert positions == [1, 2, 3]
    first.done({"text": ""})
    order = []
    for _ in range(3):
        leased = worker.next_job()
        order.append(leased.inputs()["text"])
        leased.done({"text": ""})
    assert order == ["high", "middle", "low"]


def test_attempts_of_a_retryable_error(workers, client: Client, name: str) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    job = client.submit(name, {"text": "x"})
    worker.next_job().fail("engine_failed", "try again", retryable=True)
    second = worker.next_job()
    assert second.job.attempt == 2
    second.done({"text": "ok"})
    ended = client.wait(job["id"])
    assert ended["state"] == "succeeded" and ended["attempt"] == 2


def test_a_server_that_stood_still_takes_nobody_for_dead(start_server) -> None:
    """As when its machine sleeps for longer than a lease: what runs goes on, as the same attempt."""
    server = start_server(settings=("jobs.lease_s=4",))
    server.wait_engines("echo_slow")
    job = server.client.submit("echo_slow", {"text": "awake", "duration_ms": 12_000})
    server.client.wait(job["id"], {"running"})
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(7)
    server.process.send_signal(signal.SIGCONT)
    ended = server.client.wait(job["id"], within=60)
    assert ended["state"] == "succeeded" and ended["attempt"] == 1, ended
    assert "stood still" in server.log_text()


def test_progress_of_a_job(workers, client: Client, name: str) -> None:
    interface = {**TEXT_TO_TEXT, "progress": {"outputs": {"preview": {"kind": "text"}}}}
    worker = workers.start(offer(name, interface))
    job = client.submit(name, {"text": "x"})
    leased = worker.next_job()
    leased.progress(0.25, "a quarter", preview="so far")
    deadline = time.monotonic() + 30
    while "progress" not in (seen := client.job(job["id"])) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert seen["progress"] == {"fraction": 0.25, "message": "a quarter", "preview": "so far"}
    leased.done({"text": "y"})
    client.wait(job["id"])


def test_usage_of_a_job(client: Client) -> None:
    job = client.run("echo", {"text": "x"})
    assert job["usage"].keys() >= {"engine_s", "bytes_in", "bytes_out"}


def test_large_text_travels(client: Client) -> None:
    text = "ä" * 300_000
    assert client.run("echo", {"text": text})["output"] == {"text": text}
    job = client.submit("echo", {"text": text})
    assert client.wait(job["id"])["output"] == {"text": text}
    assert client.get(f"/jobs/{job['id']}/output").json() == {"text": text}


def test_unknown_jobs_are_404(client: Client) -> None:
    nobody = "01890a5d-ac96-774b-bcce-b302099a8057"
    for job_id in (nobody, "x", "", "%00", nobody.upper() + "0", "..", "%2e%2e"):
        for method, suffix in (
            ("GET", ""),
            ("GET", "/events"),
            ("GET", "/output"),
            ("POST", "/cancel"),
            ("POST", "/retry"),
            ("DELETE", ""),
        ):
            if not job_id and not suffix:
                continue
            reply = client.request(method, f"/api/v1/jobs/{job_id}{suffix}")
            assert reply.status in (404, 400, 405), (method, job_id, suffix, reply.status)


def test_hang_up_cancels_an_interactive_job(workers, client: Client, name: str) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    raw = RawSocket(client.host, client.port)
    body = f'{{"capability":"{name}","input":{{"text":"x"}}}}'.encode()
    raw.send(
        b"POST /api/v1/jobs HTTP/1.1\r\nHost: x.localhost\r\nAuthorization: Bearer "
        + client.key.encode()
        + b"\r\nContent-Type: application/json\r\nPrefer: wait=60\r\nContent-Length: "
        + str(len(body)).encode()
        + b"\r\n\r\n"
        + body
    )
    leased = worker.next_job()
    raw.reset()
    assert leased.cancelled.wait(30)
    leased.fail("cancelled")


def test_a_durable_wait_survives_its_connection(workers, client: Client, name: str) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    raw = RawSocket(client.host, client.port)
    body = f'{{"capability":"{name}","input":{{"text":"x"}},"idempotency_key":"k-{name}"}}'.encode()
    raw.send(
        b"POST /api/v1/jobs HTTP/1.1\r\nHost: x.localhost\r\nAuthorization: Bearer "
        + client.key.encode()
        + b"\r\nContent-Type: application/json\r\nPrefer: wait=60\r\nContent-Length: "
        + str(len(body)).encode()
        + b"\r\n\r\n"
        + body
    )
    leased = worker.next_job()
    raw.reset()
    assert not leased.cancelled.wait(0.5)
    leased.done({"text": "kept"})
    twin = client.post(
        "/jobs", {"capability": name, "input": {"text": "x"}}, {"Idempotency-Key": f"k-{name}", "Prefer": "wait=10"}
    )
    assert twin.status == 200 and twin.json()["output"] == {"text": "kept"}


def test_created_at_is_now(client: Client) -> None:
    job = client.submit("echo", {"text": "x"})
    created = datetime.datetime.fromisoformat(job["created_at"].replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.UTC) - created).total_seconds()) < 10


def test_a_full_queue_is_429(start_server) -> None:
    server = start_server(engines=(), settings=("jobs.queued_per_capability=2",))
    from conftest import Workers

    workers = Workers(server)
    worker = workers.start(offer("narrow", TEXT_TO_TEXT))
    running = server.client.submit("narrow", {"text": "runs"})
    leased = worker.next_job()
    for _ in range(2):
        server.client.submit("narrow", {"text": "waits"})
    for headers in ({}, {"Prefer": "wait=5"}, {"Accept": "text/event-stream"}, {"Idempotency-Key": "k"}):
        reply = server.client.post("/jobs", {"capability": "narrow", "input": {"text": "x"}}, headers)
        problem(reply, 429, "quota_exceeded")
    leased.done({"text": ""})
    server.client.wait(running["id"])
    worker.next_job()
    assert server.client.post("/jobs", {"capability": "narrow", "input": {"text": "x"}}).status == 202
    worker.close()


def test_a_streaming_engine_ends_though_nobody_reads_its_parts(client: Client) -> None:
    """Beyond every window: a waiting call and a durable job take no streamed outputs."""
    text = " ".join(f"word{i}" for i in range(60_000))
    client = dataclasses.replace(client, timeout=90)
    assert client.run("echo_stream", {"text": text}, wait=60)["output"]["text"].split() == text.split()
    job = client.submit("echo_stream", {"text": text})
    assert client.wait(job["id"], within=60)["output"]["text"].split() == text.split()


def test_who_reads_gets_more_parts_than_may_wait(client: Client) -> None:
    """Who falls 4096 events behind is cut off, which where the machine is busy may be anybody: once in five is asked."""
    text = " ".join(f"word{i}" for i in range(20_000))
    body = {"capability": "echo_stream", "input": {"text": text}}

    def whole() -> bool:
        with client.stream("POST", "/jobs", body, {"Accept": "text/event-stream"}) as (_, stream):
            events = list(stream)
        parts = [event.data["output"].get("text", "") for event in events if event.event == "output"]
        if events[-1].event != "done":
            return False
        assert len(parts) > 4096 and "".join(parts).split() == text.split()
        return True

    assert any(whole() for _ in range(5))


def test_a_wait_outlives_a_dead_worker(workers, client: Client, name: str) -> None:
    """The caller that waits gets the answer of the second attempt."""
    first = workers.start(offer(name, TEXT_TO_TEXT))
    client = dataclasses.replace(client, timeout=90)
    replies = []
    thread = threading.Thread(target=lambda: replies.append(client.run(name, {"text": "x"}, wait=60)))
    thread.start()
    first.next_job()
    second = workers.start(offer(name, TEXT_TO_TEXT), name="second")
    first.socket.socket.shutdown(2)
    second.next_job(within=45).done({"text": "second"})
    thread.join(60)
    assert replies[0]["output"] == {"text": "second"} and replies[0]["attempt"] == 2
