"""Unmodified FastChat workers: they register, beat, serve, die and are found again. The worker is fschat's released
BaseModelWorker (fastchat_worker.py)."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time

import pytest
from fastchat_site import EXPIRE, Site
from fastchat_worker_text import TEXT
from waiting import eventually
from wire import Client


def test_a_worker_registers_and_serves(fastchat: Site) -> None:
    worker = fastchat.worker("text-model,other-name")
    fastchat.wait_models("other-name", "text-model")
    assert fastchat.ask("/get_worker_address", {"model": "text-model"}).json() == {"address": worker.address}
    assert fastchat.ask("/get_worker_address", {"model": "nobody"}).json() == {"address": ""}
    status = fastchat.ask("/worker_get_status").json()
    assert status["model_names"] == ["other-name", "text-model"] and status["speed"] == 1
    assert fastchat.ask("/test_connection", method="GET").json() == "success"
    assert fastchat.ask("/list_language_models").json()["models"] == ["other-name", "text-model"]
    assert fastchat.ask("/list_multimodal_models").json()["models"] == []

    job = fastchat.chat("text-model", "Where?", temperature=0.25, stop=["END"], repeat_penalty=1.2)
    assert job["state"] == "succeeded", job
    assert job["output"]["text"] == TEXT and job["output"]["finish_reason"] == "stop"
    meters = job["usage"]["meters"]
    assert meters["prompt_tokens"] == 7 and meters["completion_tokens"] == 9, job["usage"]
    (call,) = worker.calls()
    assert call["model"] == "text-model" and call["prompt"].endswith("USER: Where? ASSISTANT:")
    assert call["prompt"].startswith("A chat between a curious user")
    assert call["temperature"] == 0.25 and call["repetition_penalty"] == 1.2 and call["echo"] is False
    assert sorted(call["stop"]) == ["END"] and call["stop_token_ids"] is None
    assert worker.calls("count"), "a prompt that long in this context is counted"


def test_a_call_waits_for_a_worker_that_registers_before_it_listens(fastchat: Site) -> None:
    """As all of FastChat's workers do. A probe or a call that comes in between must not count against it."""
    late = fastchat.late_worker("text-model", seconds=5)
    eventually(lambda: fastchat.states() == {late.address: "starting"})
    assert fastchat.ask("/get_worker_address", {"model": "text-model"}).json() == {"address": late.address}
    job = fastchat.chat("text-model", "Where?")
    assert job["state"] == "succeeded" and job["output"]["text"] == TEXT, job
    assert fastchat.states() == {late.address: "up"}
    late.kill()
    again = late.launch()
    eventually(lambda: fastchat.states() == {again.address: "starting"})
    assert fastchat.chat("text-model", "Where?")["state"] == "succeeded"


def test_who_registers_and_never_listens_is_given_up(fastchat: Site) -> None:
    late = fastchat.late_worker("text-model", seconds=600)
    fastchat.wait_models("text-model")
    began = time.monotonic()
    job = fastchat.chat("text-model", "Where?")
    assert job["state"] == "failed" and job["error"]["code"] == "unavailable", job
    assert 5 < time.monotonic() - began < 60, "ten seconds"
    assert fastchat.states()[late.address] in ("open", "half_open")


def test_streamed_in_pieces_that_make_the_text(fastchat: Site) -> None:
    fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    body = {"capability": "text-model", "input": {"messages": [{"role": "user", "content": "x"}]}}
    pieces = []
    with fastchat.server.client.stream("POST", "/jobs", body, {"Accept": "text/event-stream"}) as (head, events):
        assert head.status == 200
        for event in events:
            if event.event == "output" and "text" in event.data["output"]:
                pieces.append(event.data["output"]["text"])
            if event.event == "done":
                assert event.data["state"] == "succeeded", event.data
                assert event.data["output"]["text"] == TEXT
    assert "".join(pieces) == TEXT and len(pieces) > 2
    assert "\ufffd" not in "".join(pieces)


def test_limits_of_the_context(fastchat: Site) -> None:
    worker = fastchat.worker("small", "--context", "40")
    fastchat.wait_models("small")
    assert fastchat.chat("small", "hi", max_tokens=5)["state"] == "succeeded"
    assert worker.calls()[-1]["max_new_tokens"] == 5
    assert fastchat.chat("small", "hi")["state"] == "succeeded"
    counted = len(worker.calls()[-1]["prompt"].split())
    assert worker.calls()[-1]["max_new_tokens"] == 40 - counted - 1
    job = fastchat.chat("small", "word " * 50)
    assert job["state"] == "failed" and job["error"]["code"] == "context_exceeded", job


@pytest.mark.parametrize(
    ("number", "code"), [(50002, "engine_failed"), (40302, "invalid_argument"), (42903, "unavailable")]
)
def test_what_a_worker_refuses(fastchat: Site, number: int, code: str) -> None:
    fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    job = fastchat.chat("text-model", f"[error:{number}]")
    assert job["state"] == "failed" and job["error"]["code"] == code, job
    assert "the worker says no" in job["error"]["message"]


def test_no_usage_is_counted(fastchat: Site) -> None:
    worker = fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    job = fastchat.chat("text-model", "[no-usage]")
    meters = job["usage"]["meters"]
    assert meters["prompt_tokens"] == len(worker.calls()[-1]["prompt"].split())
    assert meters["completion_tokens"] == len(TEXT.split())


def test_tools_by_the_models_own_form(fastchat: Site) -> None:
    worker = fastchat.worker("qwen-like", "--template", "qwen-7b-chat")
    plain = fastchat.worker("vicuna-like")
    fastchat.wait_models("qwen-like", "vicuna-like")
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    job = fastchat.chat("qwen-like", "[tool]", tools=tools)
    assert job["state"] == "succeeded", job
    assert job["output"]["text"] == "I look." and job["output"]["finish_reason"] == "tool_calls"
    (call,) = job["output"]["tool_calls"]
    assert call["name"] == "weather" and json.loads(call["arguments"]) == {"in": "Rome"}
    assert '<tools>\n{"type": "function"' in worker.calls()[-1]["prompt"]
    refused = fastchat.chat("vicuna-like", "hi", tools=tools)
    assert refused["state"] == "failed" and refused["error"]["code"] == "invalid_argument", refused
    assert "tools" in refused["error"]["message"] and not plain.calls()


def test_an_operator_knows_better(fastchat: Site) -> None:
    worker = fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    (known,) = fastchat.server.control.get("/upstreams?tenant=system").json()["upstreams"]
    assert known["kind"] == "fastchat" and known["origin"] == "fastchat"
    path = f"/api/v1/upstreams/{known['name']}?tenant=system"
    changed = fastchat.server.control.request(
        "PATCH", path, {"options": {"conv_template": "qwen-7b-chat"}, "weight": 3}
    )
    assert changed.status == 200, changed.body
    assert fastchat.chat("text-model", "hi")["state"] == "succeeded"
    assert worker.calls()[-1]["prompt"].endswith("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n")
    assert worker.calls()[-1]["stop_token_ids"], "they are the template's"
    # Its next beat makes it register again, which changes nothing that was set.
    deadline = time.monotonic() + 60
    while "worker_name" not in known["options"] or known["options"].get("conv_template") != "qwen-7b-chat":
        assert time.monotonic() < deadline, known
        time.sleep(0.2)
        known = fastchat.server.control.request("GET", path).json()
    assert known["weight"] == 3
    assert fastchat.chat("text-model", "hi")["state"] == "succeeded"
    assert "<|im_start|>" in worker.calls()[-1]["prompt"]


def test_a_dead_worker_is_not_noticed(fastchat: Site) -> None:
    one, two = fastchat.worker("text-model"), fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    for _ in range(4):
        assert fastchat.chat("text-model", "ping")["state"] == "succeeded"
    assert one.calls() and two.calls(), "calls go to both"
    two.kill()
    for _ in range(4):
        assert fastchat.chat("text-model", "ping")["state"] == "succeeded"
    assert one.process is not None and one.process.poll() is None


def test_a_worker_that_dies_of_a_call_before_the_first_byte_is_not_noticed(fastchat: Site) -> None:
    dying, living = fastchat.worker("text-model", "--always", "die:before"), fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    for i in range(4):
        assert fastchat.chat("text-model", f"number {i}")["state"] == "succeeded"
    assert len(dying.calls()) == 1 and dying.process.wait(30) != 0, "it had one call and died of it"
    assert len(living.calls()) == 4


@pytest.mark.parametrize("when", ["first", "after"])
def test_after_the_first_byte_no_other_worker_is_tried(fastchat: Site, when: str) -> None:
    dying = fastchat.worker("text-model", "--always", f"die:{when}")
    fastchat.wait_models("text-model")
    living = fastchat.worker("text-model")
    deadline = time.monotonic() + 60
    while not dying.calls():
        job = fastchat.chat("text-model", "x")
        assert time.monotonic() < deadline
    assert job["state"] == "failed" and job["error"]["code"] == "unavailable", job
    before = len(living.calls())
    last = fastchat.chat("text-model", "x")
    assert last["state"] == "succeeded" and len(living.calls()) == before + 1, (last, living.calls())


def test_death_during_a_call(fastchat: Site) -> None:
    for when in ("before", "first", "after"):
        worker = fastchat.worker(f"{when}-model")
        fastchat.wait_models(f"{when}-model")
        job = fastchat.chat(f"{when}-model", f"[die:{when}]")
        assert job["state"] == "failed", (when, job)
        assert job["error"]["code"] in ("unavailable", "engine_failed"), (when, job)
        assert worker.process is not None and worker.process.wait(30) != 0
        fastchat.wait_models()
        gone = fastchat.server.client.post(
            "/jobs",
            {"capability": f"{when}-model", "input": {"messages": [{"role": "user", "content": "x"}]}},
            {"Prefer": "wait=10"},
        )
        assert gone.status in (200, 404, 503), gone.body
        if gone.status == 200:
            assert gone.json()["error"]["code"] == "unavailable", gone.body


def test_the_other_worker_takes_over_before_the_first_byte(fastchat: Site) -> None:
    dying, living = fastchat.worker("text-model"), fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    dying.process.send_signal(19)  # SIGSTOP: takes connections, answers nothing
    threading.Timer(1.0, dying.kill).start()
    jobs = [fastchat.chat("text-model", f"number {i}") for i in range(4)]
    assert [job["state"] for job in jobs] == ["succeeded"] * 4, jobs
    assert len(living.calls()) == 4


def test_the_server_finds_its_workers_again(fastchat: Site) -> None:
    worker = fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    before = fastchat.token
    fastchat.server.kill()
    fastchat.server.start()
    assert fastchat.token == before
    assert fastchat.models() == ["text-model"], "before any heart-beat"
    assert fastchat.chat("text-model", "again")["state"] == "succeeded"
    time.sleep(EXPIRE + 2)
    assert fastchat.models() == ["text-model"], "its beats are heard"
    worker.kill()
    fastchat.wait_models()


def test_a_server_that_stood_still_keeps_its_workers(fastchat: Site) -> None:
    worker = fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    server = fastchat.server
    assert server.process
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(EXPIRE + 2)
    server.process.send_signal(signal.SIGCONT)
    assert fastchat.chat("text-model", "Where?")["state"] == "succeeded"
    time.sleep(EXPIRE / 2)
    assert fastchat.addresses() == [worker.address]
    assert "beats no more" not in server.log_text()


def test_a_worker_that_was_dropped_registers_again(fastchat: Site) -> None:
    worker = fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    assert fastchat.ask("/receive_heart_beat", {"worker_name": worker.address, "queue_length": 0}).json() == {
        "exist": True
    }
    heard = [each["health"].get("heard_at") for each in fastchat.server.control.get("/upstreams").json()["upstreams"]]
    assert heard and all(heard)
    unknown = {"worker_name": "http://127.0.0.1:1", "queue_length": 0}
    assert fastchat.ask("/receive_heart_beat", unknown).json() == {"exist": False}
    worker.process.send_signal(19)
    fastchat.wait_models()
    worker.process.send_signal(18)
    fastchat.wait_models("text-model")


def test_a_caller_that_leaves_stops_the_worker(fastchat: Site) -> None:
    worker = fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    of_worker = Client("127.0.0.1", worker.port)

    def queue() -> int:
        return of_worker.request("POST", "/worker_get_status").json()["queue_length"]

    body = {"capability": "text-model", "input": {"messages": [{"role": "user", "content": "[slow]"}]}}
    began = time.monotonic()
    connection, response = fastchat.server.client.open("POST", "/api/v1/jobs", body, {"Accept": "text/event-stream"})
    response.read(64)
    eventually(worker.calls)
    assert queue() == 1
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    eventually(lambda: queue() == 0, within=began + 8.5 - time.monotonic())
    assert time.monotonic() - began < 9, "its answer would take nine seconds"
    eventually(lambda: fastchat.ask("/worker_get_status").json()["queue_length"] == 0)
    assert worker.process is not None and worker.process.poll() is None
