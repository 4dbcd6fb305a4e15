"""Servers that are dialled: pools, health, failover, and servers that do everything wrong."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_upstream import Connection, FakeUpstream, Request, completion, delta, good
from server import Server
from wire import Client

HI = [{"role": "user", "content": "hi"}]
KEY = "sk-canary-9b1f7c3e5a"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("dialling")).start()
    yield running
    running.stop()


class Setup:
    """Upstreams of one test, with a model of its own; all gone at its end."""

    count = 0

    def __init__(self, server: Server) -> None:
        Setup.count += 1
        self.server = server
        self.model = f"org/model-{Setup.count}"
        self.capability = f"org-model-{Setup.count}"
        self.fakes: list[FakeUpstream] = []
        self.names: list[str] = []

    def add(self, behave: Callable[..., None] = good, fake: FakeUpstream | None = None, **more: Any) -> FakeUpstream:
        fake = fake or FakeUpstream(behave)
        self.fakes.append(fake)
        name = f"up-{Setup.count}-{len(self.names)}"
        self.names.append(name)
        body = {
            "name": name,
            "base_url": fake.url,
            "models": [{"id": self.model, "remote": "real-name"}],
            "probe_every": 0,
            **more,
        }
        reply = self.server.control.post("/upstreams", body)
        assert reply.status == 201, (reply.status, reply.body)
        fake.name = name
        return fake

    def view(self, fake: FakeUpstream) -> dict[str, Any]:
        reply = self.server.control.get(f"/upstreams/{fake.name}")
        assert reply.status == 200, reply.body
        return reply.json()

    def change(self, fake: FakeUpstream, **body: Any) -> dict[str, Any]:
        reply = self.server.control.request("PATCH", f"/api/v1/upstreams/{fake.name}", body)
        assert reply.status == 200, reply.body
        return reply.json()

    def chat(self, **more: Any) -> dict[str, Any]:
        """Through the native dialect, in canonical fields."""
        return self.server.client.run(self.capability, {"messages": HI, **more})

    def verbatim(self, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = {"model": self.model, "messages": HI, **(body or {})}
        return self.server.client.run(self.capability, {"request": request})

    def close(self) -> None:
        for name in self.names:
            self.server.control.delete(f"/upstreams/{name}")
        for fake in self.fakes:
            fake.close()


@pytest.fixture
def up(server: Server) -> Iterator[Setup]:
    made = Setup(server)
    yield made
    made.close()


def error_of(job: dict[str, Any], state: str = "failed") -> dict[str, Any]:
    assert job["state"] == state, job
    return job["error"]


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


def test_key_and_headers_are_sent_and_never_shown(up: Setup, server: Server) -> None:
    fake = up.add(key=KEY, headers={"X-Team": "blue"})
    up.chat()
    sent = fake.requests[0]
    assert sent.headers["authorization"] == f"Bearer {KEY}" and sent.headers["x-team"] == "blue"
    shown = server.control.get(f"/upstreams/{fake.name}")
    assert shown.json()["has_key"] is True
    assert KEY.encode() not in shown.body and b"blue" not in shown.body
    assert KEY not in server.log_text()
    for file in (server.folder / "data").rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file


def stream_of(server: Server, model: str, **more: Any) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    body = {"model": model, "messages": HI, "stream": True, **more}
    return server.client.open("POST", "/v1/chat/completions", body, {"Connection": "close"})


def events_of(text: bytes) -> list[str]:
    return [line[6:] for line in text.decode().split("\n") if line.startswith("data: ")]


def test_streamed_events_pass_whole(up: Setup, server: Server) -> None:
    fake = up.add()
    _, response = stream_of(server, up.model)
    assert response.status == 200 and response.getheader("content-type", "").startswith("text/event-stream")
    events = events_of(response.read())
    assert events[-1] == "[DONE]"
    assert [json.loads(e)["choices"][0]["delta"].get("content") for e in events[:-1]] == ["Hel", "lo ", "there", None]
    assert fake.requests[0].json()["stream_options"] == {"include_usage": True}
    _, response = stream_of(server, up.model, stream_options={"include_usage": True})
    events = events_of(response.read())
    assert json.loads(events[-2])["usage"]["completion_tokens"] == 3  # asked for: passed on


def test_tokens_are_counted_when_the_server_does_not(up: Setup, server: Server) -> None:
    def silent(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.start_events()
        for _i in range(5):
            to.event(delta("tok"))
        to.event(delta(None, finish="stop"))
        to.event("[DONE]")
        to.end()

    up.add(silent)
    stream_of(server, up.model)[1].read()
    deadline = time.monotonic() + 5
    while True:
        records = server.control.get(f"/usage?capability={up.capability}").json()["usage"]
        if records or time.monotonic() > deadline:
            break
        time.sleep(0.05)
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


def refuse(status: int, error: Any, more: str = "") -> Callable[..., None]:
    def behave(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.whole(status, json.dumps(error).encode(), more=more)

    return behave


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


def test_a_wrong_key_opens_the_circuit_and_says_why(up: Setup, server: Server) -> None:
    body = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}
    first = up.add(refuse(401, body), key=KEY)
    up.add(good, priority=1)
    assert up.chat()["output"]["text"] == "Hello there"
    health = up.view(first)["health"]
    assert health["state"] == "open" and "key" in health["reason"]
    assert KEY not in json.dumps(health) and KEY not in server.log_text()


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
    def slow(fake: FakeUpstream, to: Connection, request: Request) -> None:
        time.sleep(0.15)
        good(fake, to, request)

    one, three, spare = up.add(slow, weight=1), up.add(slow, weight=3), up.add(slow, priority=5)
    threads = [threading.Thread(target=up.chat) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(one.requests) + len(three.requests) == 24 and not spare.requests
    assert len(three.requests) > 1.5 * len(one.requests) > 0


def test_concurrency_is_held(up: Setup) -> None:
    lock, running, most = threading.Lock(), 0, 0

    def counted(fake: FakeUpstream, to: Connection, request: Request) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
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
    begun = time.monotonic()
    for _ in range(8):
        error = error_of(up.chat())
        assert error["code"] == "unavailable", error
    assert time.monotonic() - begun < 3
    assert "no worker" in error_of(up.chat())["message"]
    assert up.view(fake)["health"]["state"] == "open"


def test_a_durable_job_waits_for_a_server(up: Setup, server: Server) -> None:
    fake = up.add(failures=1)
    port = fake.port
    fake.close()
    error_of(up.chat())
    job = server.client.submit(up.capability, {"messages": HI})
    time.sleep(0.5)
    assert server.client.job(job["id"])["state"] in ("queued", "running")
    back = FakeUpstream(good, port=port)
    try:
        assert server.client.wait(job["id"], within=30)["output"]["text"] == "Hello there"
    finally:
        back.close()


def test_probes_close_the_circuit_again(up: Setup) -> None:
    fake = up.add(probe_every=0.2, failures=1)
    port = fake.port
    deadline = time.monotonic() + 10
    while not fake.probes:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    fake.close()
    while up.view(fake)["health"]["state"] == "up":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    back = FakeUpstream(good, port=port)
    try:
        while up.view(fake)["health"]["state"] != "up":
            assert time.monotonic() < deadline + 20
            time.sleep(0.05)
        assert up.chat()["state"] == "succeeded"
    finally:
        back.close()


def test_test_route_and_cli_words(up: Setup, server: Server) -> None:
    fake = up.add()
    reply = server.control.post(f"/upstreams/{fake.name}/test").json()
    assert reply["ok"] and reply["models"] == ["m"]
    fake.close()
    reply = server.control.post(f"/upstreams/{fake.name}/test").json()
    assert not reply["ok"] and reply["message"]


def test_a_server_that_dies_under_load_costs_nothing(up: Setup) -> None:
    """Killed while it works, before the first byte of any answer: every call ends elsewhere."""

    def slow(fake: FakeUpstream, to: Connection, request: Request) -> None:
        time.sleep(0.3)
        good(fake, to, request)

    doomed, other = up.add(slow), up.add(good)
    jobs: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: jobs.append(up.chat())) for _ in range(16)]
    for thread in threads:
        thread.start()
    time.sleep(0.15)
    doomed.close(reset=True)
    for thread in threads:
        thread.join()
    assert [job["state"] for job in jobs] == ["succeeded"] * 16
    assert doomed.requests and other.requests


# --- faults -------------------------------------------------------------------------------------


def cut_events(count: int, how: str) -> Callable[..., None]:
    """Streams some events, then breaks off."""

    def behave(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.start_events()
        for i in range(count):
            to.event(delta(f"w{i}"))
        if how == "half":
            to.send(b'40\r\ndata: {"choi')
        if how == "reset":
            time.sleep(0.1)
            to.reset()
        if how == "end":
            to.end()
            return
        to.sock.shutdown(socket.SHUT_RDWR)

    return behave


def raw(data: bytes) -> Callable[..., None]:
    def behave(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.send(data)
        to.sock.shutdown(socket.SHUT_WR)
        to.wait_closed(5)

    return behave


def first_event(payload: Any) -> Callable[..., None]:
    def behave(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.start_events()
        to.event(payload)
        to.end()

    return behave


def reset_at_once(_: FakeUpstream, to: Connection, request: Request) -> None:
    to.reset()


OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BEFORE_THE_FIRST_BYTE: dict[str, Callable[..., None]] = {
    "reset": reset_at_once,
    "closed": raw(b""),
    "not http": raw(b"hello, is this the LLM?\r\n\r\n"),
    "half a head": raw(b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "html": raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"),
    "broken json": raw(OK_HEAD + b'Content-Length: 12\r\n\r\n{"choices":['),
    "length too long": raw(OK_HEAD + b'Content-Length: 5000\r\n\r\n{"choices":[]}'),
    "length too short": raw(OK_HEAD + b'Content-Length: 5\r\n\r\n{"choices":[]}'),
    "two lengths": raw(OK_HEAD + b'Content-Length: 5\r\nContent-Length: 7\r\n\r\n{"a":1}'),
    "broken chunk": raw(OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
    "no content": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "redirect": raw(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
    "error inside": refuse(200, {"error": {"message": "cuda went away", "type": "server_error"}}),
    "error of fastchat": refuse(200, {"object": "error", "message": "NETWORK ERROR", "code": 50001}),
    "status 500": refuse(500, {"error": {"message": "boom"}}),
    "status 503": refuse(503, {}),
    "model unknown": refuse(404, {"error": {"message": "no such model"}}),
}


@pytest.mark.parametrize("fault", BEFORE_THE_FIRST_BYTE)
@pytest.mark.parametrize("form", ["canonical", "verbatim"])
def test_before_the_first_byte_another_server_is_tried(up: Setup, server: Server, fault: str, form: str) -> None:
    bad = up.add(BEFORE_THE_FIRST_BYTE[fault])
    other = up.add(good, priority=1)
    job = up.chat() if form == "canonical" else up.verbatim()
    assert job["state"] == "succeeded", job
    assert "Hello there" in json.dumps(job["output"])
    assert len(bad.requests) == 1 and len(other.requests) == 1
    # Alone it fails, with a code and a message, and nothing of the address.
    server.control.delete(f"/upstreams/{other.name}")
    error = error_of(up.chat() if form == "canonical" else up.verbatim())
    assert error["code"] in ("unavailable", "engine_failed") and "127.0.0.1" not in error["message"], error
    server.healthy()


STREAM_FAULTS_BEFORE: dict[str, Callable[..., None]] = {
    "error event first": first_event({"error": {"message": "no memory", "type": "server_error"}}),
    "garbage first": first_event("this is not JSON"),
    "nothing": cut_events(0, "end"),
    "reset": reset_at_once,
}


@pytest.mark.parametrize("fault", STREAM_FAULTS_BEFORE)
def test_a_stream_that_never_began_begins_elsewhere(up: Setup, server: Server, fault: str) -> None:
    up.add(STREAM_FAULTS_BEFORE[fault])
    up.add(good, priority=1)
    _, response = stream_of(server, up.model)
    events = events_of(response.read())
    assert response.status == 200 and len(events) == 5 and events[-1] == "[DONE]"


def garbage_midway(_: FakeUpstream, to: Connection, request: Request) -> None:
    to.start_events()
    to.event(delta("one"))
    time.sleep(0.1)
    to.event('{"choices": [')
    to.event(delta("two"))
    to.event("[DONE]")
    to.end()


def error_midway(_: FakeUpstream, to: Connection, request: Request) -> None:
    to.start_events()
    to.event(delta("one"))
    time.sleep(0.1)
    to.event({"error": {"message": "the engine died", "type": "server_error"}})
    to.end()


def not_utf8(_: FakeUpstream, to: Connection, request: Request) -> None:
    to.start_events()
    to.event(delta("one"))
    time.sleep(0.1)
    to.chunk(b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n')
    to.end()


STREAM_FAULTS_AFTER: dict[str, Callable[..., None]] = {
    "closed": cut_events(3, "close"),
    "half an event": cut_events(3, "half"),
    "reset": cut_events(3, "reset"),
    "ended without an end": cut_events(3, "end"),
    "garbage": garbage_midway,
    "error event": error_midway,
    "not UTF-8": not_utf8,
}


@pytest.mark.parametrize("fault", STREAM_FAULTS_AFTER)
def test_after_the_first_byte_the_caller_is_told(up: Setup, server: Server, fault: str) -> None:
    up.add(STREAM_FAULTS_AFTER[fault])
    other = up.add(good, priority=1)
    _, response = stream_of(server, up.model)
    assert response.status == 200
    events = events_of(response.read())
    assert len(events) >= 2 and "[DONE]" not in events[:-1]
    last = json.loads(events[-1]) if events[-1] != "[DONE]" else json.loads(events[-2])
    assert last["error"]["message"], events
    assert not other.requests, "what has begun does not begin again"
    server.healthy()


def test_a_silent_server_is_given_up(up: Setup) -> None:
    def hangs(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.wait_closed()

    bad = up.add(hangs, timeouts={"first_byte": 0.4})
    up.add(good, priority=1)
    begun = time.monotonic()
    assert up.chat()["state"] == "succeeded"
    assert 0.3 < time.monotonic() - begun < 3
    assert up.view(bad)["health"]["failures"] == 1


def test_a_stream_that_falls_silent_is_given_up(up: Setup, server: Server) -> None:
    def stops(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.start_events()
        to.event(delta("one"))
        to.wait_closed()

    up.add(stops, timeouts={"between": 0.4})
    begun = time.monotonic()
    events = events_of(stream_of(server, up.model)[1].read())
    assert time.monotonic() - begun < 5 and "error" in events[-1] or "error" in events[-2]


def test_an_endless_stream_ends_by_its_total_time(up: Setup, server: Server) -> None:
    def endless(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.start_events()
        while True:
            to.event(delta("more "))
            time.sleep(0.01)

    fake = up.add(endless, timeouts={"total": 1})
    begun = time.monotonic()
    events = events_of(stream_of(server, up.model)[1].read())
    assert 0.8 < time.monotonic() - begun < 5
    assert any("error" in event for event in events[-2:])
    deadline = time.monotonic() + 2
    while fake.connections[-1].closed_at is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def memory_of(server: Server) -> int:
    assert server.process is not None
    with open(f"/proc/{server.process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) * 1024


@pytest.mark.parametrize("framing", ["length", "chunks", "one event"])
def test_a_gigabyte_is_not_taken_in(up: Setup, server: Server, framing: str) -> None:
    sent = 0

    def huge(_: FakeUpstream, to: Connection, request: Request) -> None:
        nonlocal sent
        piece = b"x" * 65536
        if framing == "length":
            to.send(OK_HEAD + b"Content-Length: 1073741824\r\n\r\n")
        elif framing == "chunks":
            to.send(OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        else:
            to.start_events()
            to.chunk(b"data: ")
        while sent < 1 << 30:
            to.chunk(piece) if framing != "length" else to.send(piece)
            sent += len(piece)

    up.add(huge)
    before = memory_of(server)
    if framing == "one event":
        events = events_of(stream_of(server, up.model)[1].read())
        assert not events or "error" in events[-1] or "error" in events[0]
    else:
        error = error_of(up.verbatim())
        assert error["code"] == "too_large", error
    assert sent < 200 << 20
    assert memory_of(server) - before < 300 << 20
    server.healthy()


def test_a_million_empty_lines_are_no_answer(up: Setup, server: Server) -> None:
    def blank(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.start_events()
        for _i in range(200):
            to.chunk(b"\n" * 5_000)
        to.end()

    up.add(blank)
    begun = time.monotonic()
    events = events_of(stream_of(server, up.model)[1].read())
    assert not [event for event in events if "delta" in event]
    assert time.monotonic() - begun < 10
    server.healthy()


# --- hanging up ---------------------------------------------------------------------------------


def closed_within(fake: FakeUpstream, since: float, within: float) -> float:
    deadline = since + within + 5
    while fake.connections[-1].closed_at is None:
        assert time.monotonic() < deadline, "the connection was not closed"
        time.sleep(0.002)
    closed = fake.connections[-1].closed_at
    assert closed is not None
    return closed - since


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_hangs_up_ends_the_call(up: Setup, server: Server, stream: bool) -> None:
    def waits(_: FakeUpstream, to: Connection, request: Request) -> None:
        if stream:
            to.start_events()
            to.event(delta("one"))
        to.wait_closed()

    fake = up.add(waits)
    body = json.dumps({"model": up.model, "messages": HI, "stream": stream}).encode()
    with socket.create_connection(("127.0.0.1", server.client_port)) as caller:
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.client.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        caller.sendall(head.encode() + body)
        deadline = time.monotonic() + 5
        while not fake.requests:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        if stream:
            caller.recv(65536)
        time.sleep(0.1)
        left = time.monotonic()
    assert closed_within(fake, left, 0.1) < 0.1
    assert up.view(fake)["health"]["state"] == "up"


def test_a_cancelled_job_ends_the_call(up: Setup, server: Server) -> None:
    def waits(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.wait_closed()

    fake = up.add(waits)
    job = server.client.submit(up.capability, {"messages": HI})
    deadline = time.monotonic() + 5
    while not fake.requests:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    asked = time.monotonic()
    assert server.client.post(f"/jobs/{job['id']}/cancel").status == 202
    assert closed_within(fake, asked, 0.1) < 0.2
    assert server.client.wait(job["id"])["state"] == "cancelled"


# --- administration -----------------------------------------------------------------------------


def test_upstreams_survive_a_restart(start_server: Callable[..., Server]) -> None:
    server = start_server()
    up = Setup(server)
    try:
        fake = up.add(key=KEY, weight=2.5)
        assert up.chat()["state"] == "succeeded"
        server.kill()
        server.start()
        assert up.chat()["output"]["text"] == "Hello there"
        assert fake.requests[-1].headers["authorization"] == f"Bearer {KEY}"
        assert up.view(fake)["weight"] == 2.5
    finally:
        up.close()
    assert server.control.get("/upstreams").json()["upstreams"] == []


def test_changing_and_removing(up: Setup, server: Server) -> None:
    fake = up.add()
    assert up.chat()["state"] == "succeeded"
    other = FakeUpstream(good)
    up.fakes.append(other)
    shown = up.change(fake, base_url=other.url, models=[{"id": up.model, "remote": "new-name"}])
    assert shown["base_url"] == other.url
    assert up.chat()["state"] == "succeeded"
    assert other.requests[0].json()["model"] == "new-name"
    up.change(fake, enabled=False)
    assert error_of(up.chat())["code"] == "unavailable"
    assert server.control.delete(f"/upstreams/{fake.name}").status == 204
    assert server.control.get(f"/upstreams/{fake.name}").status == 404
    reply = server.client.post("/jobs", {"capability": up.capability, "input": {"messages": HI}})
    assert reply.status == 404


def test_a_removed_upstream_ends_its_calls_first(up: Setup, server: Server) -> None:
    go = threading.Event()

    def slow(fake: FakeUpstream, to: Connection, request: Request) -> None:
        go.wait(10)
        good(fake, to, request)

    fake = up.add(slow)
    jobs: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: jobs.append(up.chat()))
    thread.start()
    deadline = time.monotonic() + 5
    while not fake.requests:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert server.control.delete(f"/upstreams/{fake.name}").status == 204
    go.set()
    thread.join()
    assert jobs[0]["state"] == "succeeded"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": "UP", "base_url": "http://a/", "models": []},
        {"name": "x", "base_url": "file:///etc/passwd", "models": []},
        {"name": "x", "base_url": "http://u:p@a/", "models": []},
        {"name": "x", "base_url": "http://a/", "models": [""]},
        {"name": "x", "base_url": "http://a/", "models": [{"id": "m", "profile": "nope"}]},
        {"name": "x", "base_url": "http://a/", "models": [{"id": "m", "profile": "image"}]},
        {"name": "x", "base_url": "http://a/", "models": [], "headers": {"Host": "b"}},
        {"name": "x", "base_url": "http://a/", "models": [], "headers": {"a": "b\r\nc: d"}},
        {"name": "x", "base_url": "http://a/", "models": [], "weight": 0},
        {"name": "x", "base_url": "http://a/", "models": [], "unknown": 1},
        {"name": "x", "base_url": "http://a/", "models": [], "timeouts": {"connect": -1}},
        {"name": "x", "base_url": "http://a/", "models": [], "key": 5},
    ],
)
def test_wrong_specs_are_refused(server: Server, body: dict[str, Any]) -> None:
    reply = server.control.post("/upstreams", body)
    assert reply.status == 400, (reply.status, reply.body)
    assert server.control.get("/upstreams/x").status == 404


def test_a_model_that_is_somebody_elses(up: Setup, server: Server) -> None:
    fake = up.add()
    taken = server.control.post(
        "/upstreams", {"name": "y", "base_url": fake.url, "models": [{"id": up.model, "profile": "embed"}]}
    )
    assert taken.status == 409, taken.body
    same = server.control.post("/upstreams", {"name": fake.name, "base_url": fake.url, "models": []})
    assert same.status == 409


PRIVATE = [
    "http://127.0.0.1:9/",
    "http://10.0.0.1/",
    "http://169.254.169.254/latest",
    "http://[::1]:9/",
    "http://localhost:9/",
    "http://192.168.1.1/",
    "http://[::ffff:127.0.0.1]/",
    "http://0.0.0.0:9/",
]


def test_a_tenant_cannot_reach_private_networks(server: Server) -> None:
    admin = Client("127.0.0.1", server.control_port, server.new_key("admin", "acme"))
    refused = admin.post("/upstreams", {"name": "x", "base_url": PRIVATE[0], "models": ["a"], "allow_private": True})
    assert refused.status == 403, refused.body
    for number, url in enumerate(PRIVATE):
        name = f"private-{number}"
        reply = admin.post(
            "/upstreams", {"name": name, "base_url": url, "models": [f"model-{number}"], "probe_every": 0}
        )
        assert reply.status == 201 and reply.json()["allow_private"] is False
        told = admin.post(f"/upstreams/{name}/test").json()
        assert not told["ok"] and "not allowed" in told["message"], (url, told)
    caller = server.as_role("caller", "acme")
    error = error_of(caller.run("model-0", {"messages": HI}))
    assert error["code"] == "unavailable"
    for number in range(len(PRIVATE)):
        assert admin.delete(f"/upstreams/private-{number}").status == 204


def test_a_tenants_models_are_its_own(up: Setup, server: Server) -> None:
    fake = up.add()
    other = Client("127.0.0.1", server.control_port, server.new_key("admin", "acme"))
    assert other.get("/upstreams").json()["upstreams"] == []
    assert other.get(f"/upstreams/{fake.name}").status == 404
    assert other.get(f"/upstreams/{fake.name}?tenant=default").status == 403
    caller = server.as_role("caller", "acme")
    assert caller.post("/jobs", {"capability": up.capability, "input": {"messages": HI}}).status == 404


def test_metrics(up: Setup, server: Server) -> None:
    fake = up.add(refuse(500, {}))
    up.add(good, priority=1)
    up.chat()
    text = server.control.request("GET", "/metrics").body.decode()
    label = f'upstream="default/{fake.name}"'
    assert f'headrace_upstream_calls_total{{{label},outcome="server"}} 1' in text.replace(
        'outcome="server",' + label, label + ',outcome="server"'
    )
    assert f"headrace_upstream_retries_total{{{label}}} 1" in text
    assert f"headrace_upstream_state{{{label}}} 1" in text
    other = f'upstream="default/{up.names[1]}"'
    assert f"headrace_upstream_first_byte_seconds_count{{{other}}} 1" in text


def test_many_models(server: Server) -> None:
    """A thousand models on one server: adding them and calling the last costs no more than the first."""
    fake = FakeUpstream(good)
    models = [f"many/m{i}" for i in range(1000)]
    begun = time.monotonic()
    reply = server.control.post("/upstreams", {"name": "many", "base_url": fake.url, "models": models})
    assert reply.status == 201, reply.body
    took = time.monotonic() - begun
    try:
        job = server.client.run("many-m999", {"messages": HI})
        assert job["state"] == "succeeded"
        assert fake.requests[-1].json()["model"] == "many/m999"
        assert took < 20, took
    finally:
        assert server.control.delete("/upstreams/many").status == 204
        fake.close()
