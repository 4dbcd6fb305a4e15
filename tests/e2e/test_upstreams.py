"""Servers that are dialled: calls, refusals, choice and health."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

from fake_upstream import Connection, FakeUpstream, Request, completion, delta, good
from server import Server
from upstream_site import HI, KEY, Setup, error_of, events_of, refuse, stream_of
from waiting import eventually

SHUT = ("open", "half_open")  # until its time is over, and then until somebody tries it

# --- calls --------------------------------------------------------------------------------------


def test_canonical_call(up: Setup) -> None:
    fake = up.add()
    job = up.chat(temperature=0.5, max_tokens=9)
    assert job["state"] == "succeeded", job
    assert job["output"] == {"text": "Hello there", "finish_reason": "stop"}
    assert job["usage"]["meters"]["prompt_tokens"] == 7 and job["usage"]["meters"]["completion_tokens"] == 3
    sent = fake.requests[0]
    assert sent.path == "/v1/chat/completions" and "authorization" not in sent.headers
    assert sent.json() == {
        "model": "real-name",
        "messages": HI,
        "temperature": 0.5,
        "max_tokens": 9,
        "stream": False,
    }


def test_verbatim_body_and_answer_pass_untouched(up: Setup) -> None:
    def echo(_: FakeUpstream, to: Connection, request: Request) -> None:
        answer = {**completion("x"), "unknown": {"kept": [1, 2.50, None]}}
        to.whole(200, json.dumps(answer, indent=3).encode())

    fake = up.add(echo)
    job = up.verbatim({"top_k": 7, "new_field": {"deep": ["\u00e9", 1e-7]}})
    assert json.loads(job["output"]["response"])["unknown"] == {"kept": [1, 2.5, None]}
    assert "   " in job["output"]["response"]  # byte for byte, blanks and all
    sent = fake.requests[0].json()
    assert sent["model"] == "real-name" and sent["top_k"] == 7 and sent["new_field"] == {"deep": ["\u00e9", 1e-7]}


def test_key_and_headers_are_sent_and_never_shown(up: Setup, dialling: Server) -> None:
    fake = up.add(key=KEY, headers={"X-Team": "blue"})
    up.chat()
    sent = fake.requests[0]
    assert sent.headers["authorization"] == f"Bearer {KEY}" and sent.headers["x-team"] == "blue"
    shown = dialling.control.get(f"/upstreams/{fake.name}")
    assert shown.json()["has_key"] is True
    assert KEY.encode() not in shown.body and b"blue" not in shown.body
    assert KEY not in dialling.log_text()
    for file in (dialling.folder / "data").rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file


def test_streamed_events_pass_whole(up: Setup, dialling: Server) -> None:
    fake = up.add()
    _, response = stream_of(dialling, up.model)
    assert response.status == 200 and response.getheader("content-type", "").startswith("text/event-stream")
    events = events_of(response.read())
    assert events[-1] == "[DONE]"
    assert [json.loads(e)["choices"][0]["delta"].get("content") for e in events[:-1]] == ["Hel", "lo ", "there", None]
    assert fake.requests[0].json()["stream_options"] == {"include_usage": True}
    _, response = stream_of(dialling, up.model, stream_options={"include_usage": True})
    events = events_of(response.read())
    assert json.loads(events[-2])["usage"]["completion_tokens"] == 3  # asked for: passed on


def test_tokens_are_counted_when_the_server_does_not(up: Setup, dialling: Server) -> None:
    def silent(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.start_events()
        for _i in range(5):
            to.event(delta("tok"))
        to.event(delta(None, finish="stop"))
        to.event("[DONE]")
        to.end()

    up.add(silent)
    stream_of(dialling, up.model)[1].read()
    records = eventually(lambda: dialling.control.get(f"/usage?capability={up.capability}").json()["usage"])
    meters = records[0]["usage"]["meters"]
    assert meters["completion_tokens"] == 5 and meters["prompt_tokens"] > 0


def test_connections_are_kept_and_renewed(up: Setup) -> None:
    fake = up.add()
    for _ in range(5):
        assert up.chat()["state"] == "succeeded"
    assert len(fake.connections) == 1
    # The server closes what idles, as uvicorn does after 5 s: the next call must not see that.
    fake.connections[0].sock.shutdown(socket.SHUT_RDWR)
    time.sleep(0.1)
    assert up.chat()["state"] == "succeeded"
    assert up.view(fake)["health"]["failures"] == 0


def test_a_server_that_closes_after_each_answer(up: Setup) -> None:
    def closes(fake: FakeUpstream, to: Connection, request: Request) -> None:
        to.whole(200, json.dumps(completion("x")).encode())
        to.sock.shutdown(socket.SHUT_RDWR)  # without having said so

    fake = up.add(closes)
    for _ in range(20):
        assert up.chat()["state"] == "succeeded"
    assert up.view(fake)["health"]["failures"] == 0


# --- refusals -----------------------------------------------------------------------------------


def test_a_refused_body_is_the_callers(up: Setup) -> None:
    error = {"error": {"message": "too long", "type": "invalid_request_error", "code": "context_length_exceeded"}}
    first = up.add(refuse(400, error), failures=1)
    second = up.add(good, priority=1)
    job = up.verbatim()
    assert job["state"] == "succeeded" and job["output"]["status"] == 400
    assert json.loads(job["output"]["response"]) == error
    assert error_of(up.chat()) == {"code": "invalid_argument", "message": "too long", "retryable": False}
    assert not second.requests and up.view(first)["health"]["state"] == "up"


def test_an_echoed_key_does_not_come_out(up: Setup) -> None:
    up.add(refuse(400, {"error": {"message": f"you sent Bearer {KEY}"}}), key=KEY)
    assert KEY not in json.dumps(up.verbatim())
    assert KEY not in json.dumps(up.chat())


def test_a_wrong_key_opens_the_circuit_and_says_why(up: Setup, dialling: Server) -> None:
    body = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}
    first = up.add(refuse(401, body), key=KEY)
    up.add(good, priority=1)
    assert up.chat()["output"]["text"] == "Hello there"
    health = up.view(first)["health"]
    assert health["state"] in SHUT and "key" in health["reason"]
    assert KEY not in json.dumps(health) and KEY not in dialling.log_text()


def test_busy_servers_are_left_alone(up: Setup) -> None:
    first = up.add(refuse(429, {"error": {"message": "slow down"}}, "Retry-After: 30\r\n"))
    second = up.add(good, priority=1)
    for _ in range(3):
        assert up.chat()["state"] == "succeeded"
    assert len(first.requests) == 1 and len(second.requests) == 3
    health = up.view(first)["health"]
    assert health["state"] == "paused" and health["failures"] == 0


# --- choice and health --------------------------------------------------------------------------


def test_weights_and_priorities(up: Setup) -> None:
    all_here = threading.Event()

    def slow(fake: FakeUpstream, to: Connection, request: Request) -> None:
        all_here.wait(60)
        good(fake, to, request)

    one, three, spare = up.add(slow, weight=1), up.add(slow, weight=3), up.add(slow, priority=5)
    threads = [threading.Thread(target=up.chat) for _ in range(24)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(one.requests) + len(three.requests) + len(spare.requests) == 24)
    all_here.set()
    for thread in threads:
        thread.join()
    assert len(one.requests) + len(three.requests) == 24 and not spare.requests
    assert len(three.requests) > 1.5 * len(one.requests) > 0


def test_concurrency_is_held(up: Setup) -> None:
    changed, running, most = threading.Condition(), 0, 0

    def counted(fake: FakeUpstream, to: Connection, request: Request) -> None:
        nonlocal running, most
        with changed:
            running += 1
            most = max(most, running)
            changed.notify_all()
            changed.wait_for(lambda: most >= 3, 60)  # the first ones, so that as many run at once as may
        time.sleep(0.05)
        with changed:
            running -= 1
        good(fake, to, request)

    up.add(counted, concurrency=3)
    jobs: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: jobs.append(up.chat())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3 and [job["state"] for job in jobs] == ["succeeded"] * 20


def test_nobody_up_fails_at_once(up: Setup) -> None:
    fake = up.add()
    fake.close()
    for _ in range(8):
        error = error_of(up.chat())
        assert error["code"] == "unavailable", error
    # It is tried again after half a second or more: by the next call, if that comes so late.
    eventually(lambda: "no worker" in error_of(up.chat())["message"])
    assert up.view(fake)["health"]["state"] in SHUT


def test_a_durable_job_waits_for_a_server(up: Setup, dialling: Server) -> None:
    fake = up.add(failures=1)
    port = fake.port
    fake.close()
    error_of(up.chat())
    job = dialling.client.submit(up.capability, {"messages": HI})
    time.sleep(0.5)
    assert dialling.client.job(job["id"])["state"] in ("queued", "running")
    back = FakeUpstream(good, port=port)
    try:
        assert dialling.client.wait(job["id"], within=30)["output"]["text"] == "Hello there"
    finally:
        back.close()


def test_probes_close_the_circuit_again(up: Setup) -> None:
    fake = up.add(probe_every=0.2, failures=1)
    port = fake.port
    eventually(lambda: fake.probes)
    fake.close()
    eventually(lambda: up.view(fake)["health"]["state"] != "up")
    back = FakeUpstream(good, port=port)
    try:
        eventually(lambda: up.view(fake)["health"]["state"] == "up")
        assert up.chat()["state"] == "succeeded"
    finally:
        back.close()


def test_test_route_and_cli_words(up: Setup, dialling: Server) -> None:
    fake = up.add()
    reply = dialling.control.post(f"/upstreams/{fake.name}/test").json()
    assert reply["ok"] and reply["models"] == ["m"]
    fake.close()
    reply = dialling.control.post(f"/upstreams/{fake.name}/test").json()
    assert not reply["ok"] and reply["message"]


def test_a_server_that_dies_under_load_costs_nothing(up: Setup) -> None:
    """Killed while it works, before the first byte of any answer: every call ends elsewhere."""

    killed = threading.Event()

    def slow(fake: FakeUpstream, to: Connection, request: Request) -> None:
        killed.wait(60)
        good(fake, to, request)

    doomed, other = up.add(slow), up.add(good)
    jobs: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: jobs.append(up.chat())) for _ in range(16)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(doomed.requests) + len(other.requests) == 16)
    doomed.close(reset=True)
    killed.set()
    for thread in threads:
        thread.join()
    assert [job["state"] for job in jobs] == ["succeeded"] * 16
    assert doomed.requests and other.requests
