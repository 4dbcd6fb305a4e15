"""Servers that do everything wrong, and callers who hang up."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from fake_upstream import Connection, FakeUpstream, Request, delta, good
from server import Server
from upstream_site import HI, Setup, error_of, events_of, refuse, stream_of
from waiting import eventually, quickest


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
def test_before_the_first_byte_another_server_is_tried(up: Setup, dialling: Server, fault: str, form: str) -> None:
    bad = up.add(BEFORE_THE_FIRST_BYTE[fault])
    other = up.add(good, priority=1)
    job = up.chat() if form == "canonical" else up.verbatim()
    assert job["state"] == "succeeded", job
    assert "Hello there" in json.dumps(job["output"])
    assert len(bad.requests) == 1 and len(other.requests) == 1
    # Alone it fails, with a code and a message, and nothing of the address.
    dialling.control.delete(f"/upstreams/{other.name}")
    error = error_of(up.chat() if form == "canonical" else up.verbatim())
    assert error["code"] in ("unavailable", "engine_failed") and "127.0.0.1" not in error["message"], error
    dialling.healthy()


STREAM_FAULTS_BEFORE: dict[str, Callable[..., None]] = {
    "error event first": first_event({"error": {"message": "no memory", "type": "server_error"}}),
    "garbage first": first_event("this is not JSON"),
    "nothing": cut_events(0, "end"),
    "reset": reset_at_once,
}


@pytest.mark.parametrize("fault", STREAM_FAULTS_BEFORE)
def test_a_stream_that_never_began_begins_elsewhere(up: Setup, dialling: Server, fault: str) -> None:
    up.add(STREAM_FAULTS_BEFORE[fault])
    up.add(good, priority=1)
    _, response = stream_of(dialling, up.model)
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
def test_after_the_first_byte_the_caller_is_told(up: Setup, dialling: Server, fault: str) -> None:
    up.add(STREAM_FAULTS_AFTER[fault])
    other = up.add(good, priority=1)
    _, response = stream_of(dialling, up.model)
    assert response.status == 200
    events = events_of(response.read())
    assert len(events) >= 2 and "[DONE]" not in events[:-1]
    last = json.loads(events[-1]) if events[-1] != "[DONE]" else json.loads(events[-2])
    assert last["error"]["message"], events
    assert not other.requests, "what has begun does not begin again"
    dialling.healthy()


def test_a_silent_server_is_given_up(up: Setup) -> None:
    def hangs(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.wait_closed()

    bad = up.add(hangs, timeouts={"first_byte": 0.4})
    up.add(good, priority=1)
    begun = time.monotonic()
    assert up.chat()["state"] == "succeeded"
    assert 0.3 < time.monotonic() - begun < 20
    assert up.view(bad)["health"]["failures"] == 1


def test_a_stream_that_falls_silent_is_given_up(up: Setup, dialling: Server) -> None:
    def stops(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.start_events()
        to.event(delta("one"))
        to.wait_closed()

    up.add(stops, timeouts={"between": 3})
    begun = time.monotonic()
    events = events_of(stream_of(dialling, up.model)[1].read())
    assert time.monotonic() - begun < 20
    assert any("error" in event for event in events[-2:]), events


def test_an_endless_stream_ends_by_its_total_time(up: Setup, dialling: Server) -> None:
    def endless(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.start_events()
        while True:
            to.event(delta("more "))
            time.sleep(0.01)

    fake = up.add(endless, timeouts={"total": 1})
    begun = time.monotonic()
    events = events_of(stream_of(dialling, up.model)[1].read())
    assert 0.8 < time.monotonic() - begun < 20
    assert any("error" in event for event in events[-2:])
    is_closed(fake)


def memory_of(dialling: Server) -> int:
    assert dialling.process is not None
    with open(f"/proc/{dialling.process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) * 1024


@pytest.mark.parametrize("framing", ["length", "chunks", "one event"])
def test_a_gigabyte_is_not_taken_in(up: Setup, dialling: Server, framing: str) -> None:
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
    before = memory_of(dialling)
    if framing == "one event":
        events = events_of(stream_of(dialling, up.model)[1].read())
        assert not events or "error" in events[-1] or "error" in events[0]
    else:
        error = error_of(up.verbatim())
        assert error["code"] == "too_large", error
    assert sent < 200 << 20
    assert memory_of(dialling) - before < 300 << 20
    dialling.healthy()


def test_a_million_empty_lines_are_no_answer(up: Setup, dialling: Server) -> None:
    def blank(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.start_events()
        for _i in range(200):
            to.chunk(b"\n" * 5_000)
        to.end()

    up.add(blank)
    begun = time.monotonic()
    events = events_of(stream_of(dialling, up.model)[1].read())
    assert not [event for event in events if "delta" in event]
    assert time.monotonic() - begun < 30
    dialling.healthy()


def waits_long(_: FakeUpstream, to: Connection, request: Request) -> None:
    if request.json().get("stream"):
        to.start_events()
        to.event(delta("one"))
    to.wait_closed(120)


def is_closed(fake: FakeUpstream) -> float:
    """When the last connection was closed."""
    return eventually(lambda: fake.connections[-1].closed_at, "the connection was not closed", within=20)


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_hangs_up_ends_the_call(up: Setup, dialling: Server, stream: bool) -> None:
    fake = up.add(waits_long)
    body = json.dumps({"model": up.model, "messages": HI, "stream": stream}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {dialling.client.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    def hung_up() -> float:
        calls = len(fake.requests)
        with socket.create_connection(("127.0.0.1", dialling.client_port)) as caller:
            caller.sendall(head.encode() + body)
            eventually(lambda: len(fake.requests) > calls)
            if stream:
                caller.recv(65536)
            time.sleep(0.1)
            assert fake.connections[-1].closed_at is None
            left = time.monotonic()
        return is_closed(fake) - left

    assert quickest(hung_up, 0.1) < 0.1
    assert up.view(fake)["health"]["state"] == "up"


def test_a_cancelled_job_ends_the_call(up: Setup, dialling: Server) -> None:
    fake = up.add(waits_long)

    def cancelled() -> float:
        calls = len(fake.requests)
        job = dialling.client.submit(up.capability, {"messages": HI})
        eventually(lambda: len(fake.requests) > calls)
        asked = time.monotonic()
        assert dialling.client.post(f"/jobs/{job['id']}/cancel").status == 202
        seconds = is_closed(fake) - asked
        assert dialling.client.wait(job["id"])["state"] == "cancelled"
        return seconds

    assert quickest(cancelled, 0.2) < 0.2
