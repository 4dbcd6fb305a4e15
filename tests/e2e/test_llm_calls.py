"""What is told of calls of language models: metrics, and the request log with its search."""

from __future__ import annotations

import json
import pathlib
import re
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_upstream import Connection, FakeUpstream, Request, delta, usage_frame
from openai_sdk import sdk
from server import BINARY, Server

HI: Any = [{"role": "user", "content": "mail me at ann@example.com about Kraków"}]
LABELS = '{capability="org-m",model="org/m"'


# A part that the caller has read.
READ = threading.Semaphore(0)


def slow(_: FakeUpstream, to: Connection, request: Request) -> None:
    """First part after 100 ms, three more 50 ms after the one before has arrived; the card's number is cut in two by
    events."""
    assert request.json()["stream"]
    time.sleep(0.1)
    to.start_events()
    for word in ("Card 4111 11", "11 1111 1111", " is", " yours"):
        to.event(delta(word))
        READ.acquire(timeout=30)
        time.sleep(0.05)
    to.event(delta(None, finish="stop"))
    to.event(usage_frame(7, 4))
    to.event("[DONE]")
    to.end()


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    running = FakeUpstream()
    yield running
    running.close()


def add_model(server: Server, fake: FakeUpstream) -> None:
    body = {"name": "gpu-1", "base_url": fake.url, "models": [{"id": "org/m"}], "probe_every": 0}
    assert server.control.post("/upstreams", body).status == 201


def stream(server: Server, key: str | None = None, messages: Any = HI) -> float:
    """How long it took, in seconds."""
    began = time.monotonic()
    parts = 0
    for chunk in sdk(server, key).chat.completions.create(model="org/m", messages=messages, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            parts += 1
            READ.release()
    assert parts == 4
    return time.monotonic() - began


def ask(server: Server) -> None:
    assert sdk(server).chat.completions.create(model="org/m", messages=HI).choices


def requests(server: Server, *arguments: str) -> Any:
    command = [BINARY, "requests", "--data", server.folder / "data", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["requests"] if "json" in arguments else done.stdout


def logged(server: Server, count: int, within: float = 30.0) -> list[dict[str, Any]]:
    deadline = time.monotonic() + within
    while True:
        folder = server.folder / "data" / "requests"
        lines = "".join(file.read_text() for file in sorted(folder.glob("*.jsonl"))).splitlines()
        if len(lines) >= count:
            return [json.loads(line) for line in lines]
        assert time.monotonic() < deadline, lines
        time.sleep(0.05)


def sample(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, (name, [line for line in text.splitlines() if "_llm_" in line])
    return float(found[1])


def test_metrics(start_server: Callable[..., Server], fake: FakeUpstream) -> None:
    server = start_server()
    add_model(server, fake)
    ask(server)
    text = server.control.request("GET", "/metrics").body.decode()
    assert sample(text, f'headrace_llm_tokens_total{LABELS},direction="prompt"}}') == 7
    assert sample(text, f'headrace_llm_tokens_total{LABELS},direction="completion"}}') == 3
    assert sample(text, f"headrace_llm_time_to_first_token_seconds_count{LABELS}}}") == 0, "it did not stream"
    fake.behave = slow
    took = stream(server)
    text = server.control.request("GET", "/metrics").body.decode()
    assert sample(text, f'headrace_llm_tokens_total{LABELS},direction="completion"}}') == 7
    assert sample(text, f"headrace_llm_time_to_first_token_seconds_count{LABELS}}}") == 1
    assert 0.1 <= sample(text, f"headrace_llm_time_to_first_token_seconds_sum{LABELS}}}") < took
    # Four tokens: three came after the first, in 150 ms at the least.
    assert 0.04 <= sample(text, f"headrace_llm_time_per_output_token_seconds_sum{LABELS}}}") < took
    server.wait_engines("echo")
    server.client.run("echo", {"text": "x"})
    text = server.control.request("GET", "/metrics").body.decode()
    assert not [line for line in text.splitlines() if "_llm_" in line and '"echo"' in line]


def test_no_request_log_unless_it_is_asked_for(start_server: Callable[..., Server], fake: FakeUpstream) -> None:
    server = start_server()
    add_model(server, fake)
    ask(server)
    server.stop()
    assert not (server.folder / "data" / "requests").exists()
    done = subprocess.run([BINARY, "requests", "--data", server.folder / "data"], capture_output=True, text=True)
    assert done.returncode == 2 and "request_log.enabled" in done.stderr


def test_a_line_for_each_call(start_server: Callable[..., Server], fake: FakeUpstream) -> None:
    server = start_server(settings=("request_log.enabled=true",))
    add_model(server, fake)
    reply = server.control.post("/keys", {"name": "app", "role": "caller"})
    key = reply.json()
    ask(server)
    fake.behave = slow
    took_ms = stream(server, key["key"]) * 1000
    fake.behave = lambda _, to, __: to.whole(400, b'{"error":{"message":"no such thing"}}')
    with pytest.raises(Exception, match="400"):
        ask(server)
    server.wait_engines("echo")
    server.client.run("echo", {"text": "no model of language"})
    whole, streamed, failed = logged(server, 3)
    assert whole["model"] == "org/m" and whole["capability"] == "org-m" and whole["upstream"] == "gpu-1"
    assert (whole["outcome"], whole["prompt_tokens"], whole["completion_tokens"]) == ("succeeded", 7, 3)
    assert whole["durable"] is False and "first_token_ms" not in whole
    assert streamed["key"] == key["id"] and streamed["tenant"] == "default"
    assert 100 <= streamed["first_token_ms"] < took_ms and 150 <= streamed["rest_ms"] < took_ms
    assert streamed["total_ms"] >= streamed["first_token_ms"] + 150
    # The upstream's refusal was the answer: the job brought it.
    assert (failed["outcome"], failed["status"]) == ("succeeded", 400) and "status" not in whole
    folder = server.folder / "data" / "requests"
    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "example.com" not in file.read_text() and "Card" not in file.read_text()
    deadline = time.monotonic() + 30
    while "headrace_request_log_lines_total 3" not in server.control.request("GET", "/metrics").body.decode():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # The search, while the server runs.
    assert len(requests(server, "-o", "json")) == 3
    assert [line["job"] for line in requests(server, "--key", key["id"], "-o", "json")] == [streamed["job"]]
    assert requests(server, "--model", "other", "-o", "json") == []
    assert requests(server, "--limit", "1", "-o", "json") == [failed]
    assert requests(server, "--to", whole["at"], "-o", "json") == []
    assert requests(server, "--from", streamed["at"], "-o", "json")[0] == streamed
    assert requests(server, "--text", streamed["job"], "-o", "json") == [streamed]
    table = requests(server)
    assert "outcome" in table and streamed["job"] in table and "answer" not in table


def test_texts_are_kept_redacted_and_cut(
    start_server: Callable[..., Server], fake: FakeUpstream, tmp_path: pathlib.Path
) -> None:
    config = tmp_path / "settings.toml"
    config.write_text(
        "[request_log]\nenabled = true\nbodies = true\nbody_bytes = 200\n"
        "redact = ['[0-9]{4}(?: ?[0-9]{4}){2,3}', '(?i)[a-z0-9._-]+@[a-z0-9.-]+']\n"
    )
    server = start_server(env={"HEADRACE_CONFIG": str(config)})
    add_model(server, fake)
    fake.behave = slow
    stream(server)
    (line,) = logged(server, 1)
    assert line["answer"] == "Card [redacted] is yours"
    assert "[redacted] about Kraków" in line["request"] and "example.com" not in json.dumps(line)
    long: Any = [{"role": "user", "content": "ż" * 300}]
    stream(server, messages=long)
    cut = logged(server, 2)[1]
    assert 198 <= len(cut["request"].encode()) <= 200 and cut["request_bytes"] > 600
    assert [found["job"] for found in requests(server, "--text", "KRAK", "-o", "json")] == [line["job"]]
    assert "is yours" in requests(server, "--text", "yours")
    assert "4111" not in (server.folder / "server.log").read_text()


def test_a_pattern_that_is_none_stops_the_start(tmp_path: pathlib.Path) -> None:
    command = [BINARY, "serve", "--data", tmp_path / "data", "--set", "request_log.redact=("]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "request_log.redact" in done.stderr, done.stderr
