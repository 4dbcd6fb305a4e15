"""Spans go to a collector by OTLP/HTTP; they are read here with the official protobufs."""

from __future__ import annotations

import http.server
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_upstream import FakeUpstream
from openai_sdk import sdk
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from server import ROOT, Server

ENGINES = (ROOT / "examples/engines/echo/echo", ROOT / "examples/engines/echo/echo_slow", ROOT / "tests/engines/fault")


class Collector:
    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answers: list[int] = []  # taken one by one; 200 when there are none
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.answers.pop(0) if outer.answers else 200
                outer.paths.append(self.path)
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                if status == 200:
                    outer.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def of_job(self, job_id: str, within: float = 60.0) -> dict[str, list[Span]]:
        """By name, once the job's own span is there."""
        deadline = time.monotonic() + within
        while True:
            spans = self.spans()
            for root in spans:
                if attributes(root).get("headrace.job") == job_id:
                    found: dict[str, list[Span]] = {"job": [root]}
                    for span in spans:
                        if span.trace_id == root.trace_id and span is not root:
                            found.setdefault(span.name, []).append(span)
                    return found
            assert time.monotonic() < deadline, [span.name for span in spans]
            time.sleep(0.05)


def attributes(span: Span) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for pair in span.attributes:
        value = getattr(pair.value, pair.value.WhichOneof("value"))
        out[pair.key] = [each.string_value for each in value.values] if pair.value.HasField("array_value") else value
    return out


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.server.shutdown()


@pytest.fixture
def server(start_server: Callable[..., Server], collector: Collector) -> Server:
    settings = (f"traces.endpoint={collector.url}", "traces.service=desk")
    running = start_server(engines=ENGINES, settings=settings, env={"HEADRACE_TRACES_AUTHORIZATION": "Bearer s3cret"})
    running.wait_engines("echo", "echo_slow", "fault")
    return running


def test_the_whole_path_of_a_durable_job(server: Server, collector: Collector) -> None:
    job = server.client.submit("echo_slow", {"text": "seen", "duration_ms": 120})
    server.client.wait(job["id"])
    spans = collector.of_job(job["id"])
    root = spans["job"][0]
    assert root.name == "job echo_slow" and root.kind == Span.SPAN_KIND_SERVER and root.parent_span_id == b""
    assert root.status.code == Status.STATUS_CODE_OK
    assert {
        "headrace.tenant": "default",
        "headrace.capability": "echo_slow",
        "headrace.version": "1.0.0",
        "headrace.durable": True,
        "headrace.state": "succeeded",
        "headrace.attempts": 1,
    }.items() <= attributes(root).items()
    (accept,), (queue,), (attempt,), (engine,) = (spans[name] for name in ("accept", "queue", "attempt", "engine"))
    assert accept.parent_span_id == queue.parent_span_id == attempt.parent_span_id == root.span_id
    assert engine.parent_span_id == attempt.span_id
    assert attributes(attempt)["headrace.worker"].startswith("echo_slow@1.0.0")
    assert len({span.span_id for all_of in spans.values() for span in all_of}) == 5
    now = time.time_ns()
    for span in (root, accept, queue, attempt, engine):
        assert now - 60_000_000_000 < span.start_time_unix_nano <= span.end_time_unix_nano <= now + 5_000_000
    assert 100_000_000 < engine.end_time_unix_nano - engine.start_time_unix_nano < 60_000_000_000
    assert attempt.start_time_unix_nano <= engine.start_time_unix_nano
    resource = {p.key: p.value.string_value for p in collector.requests[0].resource_spans[0].resource.attributes}
    assert resource["service.name"] == "desk" and resource["host.name"] == os.uname().nodename
    assert collector.paths[0] == "/v1/traces"
    assert collector.headers[0]["content-type"] == "application/x-protobuf"
    assert collector.headers[0]["authorization"] == "Bearer s3cret"
    assert "s3cret" not in server.log_text()


def test_below_the_callers_span(server: Server, collector: Collector) -> None:
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    job = server.client.post(
        "/jobs",
        {"capability": "echo", "input": {"text": "x"}},
        {"Prefer": "wait=10", "traceparent": f"00-{trace}-{span}-01"},
    ).json()
    root = collector.of_job(job["id"])["job"][0]
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (trace, span)
    unsampled = server.client.post(
        "/jobs",
        {"capability": "echo", "input": {"text": "x"}},
        {"Prefer": "wait=10", "traceparent": f"00-{secrets.token_hex(16)}-{span}-00"},
    ).json()
    later = server.client.run("echo", {"text": "x"})
    collector.of_job(later["id"])
    assert unsampled["id"] not in {attributes(each).get("headrace.job") for each in collector.spans()}


def test_an_attempt_that_was_lost(server: Server, collector: Collector) -> None:
    job = server.client.submit("fault", {"text": "private words", "how": "crash"})
    done = server.client.wait(job["id"], within=60)
    assert done["state"] == "failed"
    spans = collector.of_job(job["id"])
    assert len(spans["attempt"]) == len(spans["queue"]) == done["attempt"]
    assert all(span.status.code == Status.STATUS_CODE_ERROR for span in spans["attempt"])
    root = spans["job"][0]
    assert root.status.code == Status.STATUS_CODE_ERROR and attributes(root)["headrace.state"] == "failed"
    assert b"private words" not in b"".join(request.SerializeToString() for request in collector.requests)


def test_a_collector_that_is_busy_or_gone(server: Server, collector: Collector) -> None:
    collector.answers += [503, 429]
    job = server.client.submit("echo", {"text": "x"})
    server.client.wait(job["id"])
    collector.of_job(job["id"])
    collector.answers += [400]
    server.client.run("echo", {"text": "refused"})
    deadline = time.monotonic() + 60
    while "headrace_trace_spans_refused_total 0" in (text := server.control.request("GET", "/metrics").body.decode()):
        assert time.monotonic() < deadline, text
        time.sleep(0.1)
    assert "headrace_trace_spans_sent_total" in text
    collector.server.shutdown()
    collector.server.server_close()
    server.healthy()
    assert "traces are not taken" in server.log_text()
    collector.server = Collector().server  # for the fixture's end


CANARY = "the canary sings at dawn"


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    fake = FakeUpstream()
    yield fake
    fake.close()


def add_model(server: Server, fake: FakeUpstream) -> None:
    body = {"name": "gpu-1", "base_url": fake.url, "models": [{"id": "org/m"}], "probe_every": 0}
    assert server.control.post("/upstreams", body).status == 201


def chats(server: Server) -> None:
    messages: Any = [{"role": "user", "content": CANARY}]
    client = sdk(server)
    client.chat.completions.create(model="org/m", messages=messages)
    assert list(client.chat.completions.create(model="org/m", messages=messages, stream=True))
    server.client.run("org-m", {"messages": messages})


def attempts(collector: Collector, job: str, count: int, within: float = 60.0) -> list[Span]:
    deadline = time.monotonic() + within
    while True:
        spans = collector.spans()
        roots = {span.span_id for span in spans if span.name == f"job {job}"}
        found = [span for span in spans if span.name == "attempt" and span.parent_span_id in roots]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, [span.name for span in spans]
        time.sleep(0.05)


def test_attributes_of_generative_ai(
    start_server: Callable[..., Server], collector: Collector, upstream: FakeUpstream
) -> None:
    settings = (f"traces.endpoint={collector.url}", "traces.gen_ai=true")
    server = start_server(settings=settings)
    server.wait_engines("echo")
    add_model(server, upstream)
    chats(server)
    for span in attempts(collector, "org-m", 3):
        told = attributes(span)
        assert span.kind == Span.SPAN_KIND_CLIENT
        assert {name: value for name, value in told.items() if name.startswith(("gen_ai.", "server."))} == {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "org/m",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": 7,
            "gen_ai.usage.output_tokens": 3,
            "server.address": "127.0.0.1",
            "server.port": upstream.port,
        }
    server.client.run("echo", {"text": "x"})
    (other,) = attempts(collector, "echo", 1)
    assert not any(name.startswith(("gen_ai.", "server.")) for name in attributes(other))
    sent = b"".join(request.SerializeToString() for request in collector.requests)
    assert CANARY.encode() not in sent and b"Hello" not in sent, "neither prompts nor answers"


def test_of_which_there_are_none_unless_they_are_asked_for(
    server: Server, collector: Collector, upstream: FakeUpstream
) -> None:
    add_model(server, upstream)
    chats(server)
    spans = attempts(collector, "org-m", 3)
    assert not any(name.startswith(("gen_ai.", "server.")) for span in spans for name in attributes(span))


def test_what_is_left_goes_at_the_end(server: Server, collector: Collector) -> None:
    job = server.client.run("echo", {"text": "last"})
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    collector.of_job(job["id"], within=20)
