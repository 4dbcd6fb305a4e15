"""Unmodified FastChat workers: they register, beat, serve, die and are found again. The worker is fschat's released
BaseModelWorker (fastchat_worker.py)."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastchat_worker_text import TEXT
from server import Server, free_port
from wire import Client, Reply

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = HERE.parents[1] / "build" / "venv-fastchat" / "bin" / "python"
EXPIRE = 4


class Worker:
    def __init__(self, folder: pathlib.Path, controller: str, models: str, *more: str, host: str = "127.0.0.1"):
        self.port = free_port()
        self.address = f"http://{host}:{self.port}"
        self.records = folder / f"worker{self.port}.jsonl"
        self.folder = folder
        self.command = [
            str(PYTHON),
            str(HERE / "fastchat_worker.py"),
            *("--port", str(self.port), "--host", host, "--controller", controller),
            *("--models", models, "--record", str(self.records), *more),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Worker:
        assert PYTHON.exists(), "./dev test makes build/venv-fastchat"
        env = {**os.environ, "LOGDIR": str(self.folder), "FASTCHAT_WORKER_HEART_BEAT_INTERVAL": "1", "no_proxy": "*"}
        log = open(self.folder / f"worker{self.port}.log", "ab")
        self.process = subprocess.Popen(self.command, env=env, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            assert self.process.poll() is None and time.monotonic() < deadline, self.log_text()
            time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log_text(self) -> str:
        return (self.folder / f"worker{self.port}.log").read_text(errors="replace")[-3000:]

    def calls(self, kind: str = "generate") -> list[dict[str, Any]]:
        if not self.records.exists():
            return []
        lines = [json.loads(line) for line in self.records.read_text().splitlines()]
        return [line for line in lines if line["kind"] == kind]


class Site:
    """A server, its controller's address, and workers."""

    def __init__(self, server: Server, folder: pathlib.Path) -> None:
        self.server = server
        self.folder = folder
        self.workers: list[Worker] = []
        self.door_port = 0

    @property
    def token(self) -> str:
        return (self.server.folder / "data" / "fastchat.token").read_text().strip()

    @property
    def controller(self) -> str:
        return f"http://127.0.0.1:{self.server.control_port}/fastchat/{self.token}"

    def ask(self, path: str, body: Any = None, method: str = "POST", **headers: str) -> Reply:
        plain = self.server.control.with_key(None)
        return plain.request(method, f"/fastchat/{self.token}{path}", body, headers)

    def models(self) -> list[str]:
        return self.ask("/list_models").json()["models"]

    def worker(self, models: str, *more: str, controller: str | None = None) -> Worker:
        self.workers.append(Worker(self.folder, controller or self.controller, models, *more).start())
        return self.workers[-1]

    def wait_models(self, *names: str, within: float = 20.0) -> None:
        deadline = time.monotonic() + within
        while sorted(self.models()) != sorted(names):
            assert time.monotonic() < deadline, (self.models(), names, self.server.log_text()[-3000:])
            time.sleep(0.1)

    def chat(self, model: str, text: str, **more: Any) -> dict[str, Any]:
        return self.server.client.run(model, {"messages": [{"role": "user", "content": text}], **more})


@pytest.fixture
def site(start_server: Callable[..., Server], tmp_path: pathlib.Path) -> Iterator[Site]:
    door = free_port()
    settings = (f"fastchat.expire_s={EXPIRE}", f"fastchat.listen=127.0.0.1:{door}")
    running = Site(start_server(settings=settings, engines=()), tmp_path)
    running.door_port = door
    yield running
    for worker in running.workers:
        worker.kill()


def test_a_worker_registers_and_serves(site: Site) -> None:
    worker = site.worker("text-model,other-name")
    site.wait_models("other-name", "text-model")
    assert site.ask("/get_worker_address", {"model": "text-model"}).json() == {"address": worker.address}
    assert site.ask("/get_worker_address", {"model": "nobody"}).json() == {"address": ""}
    status = site.ask("/worker_get_status").json()
    assert status["model_names"] == ["other-name", "text-model"] and status["speed"] == 1
    assert site.ask("/test_connection", method="GET").json() == "success"
    assert site.ask("/list_language_models").json()["models"] == ["other-name", "text-model"]
    assert site.ask("/list_multimodal_models").json()["models"] == []

    job = site.chat("text-model", "Where?", temperature=0.25, stop=["END"], repeat_penalty=1.2)
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


def test_streamed_in_pieces_that_make_the_text(site: Site) -> None:
    site.worker("text-model")
    site.wait_models("text-model")
    body = {"capability": "text-model", "input": {"messages": [{"role": "user", "content": "x"}]}}
    pieces = []
    with site.server.client.stream("POST", "/jobs", body, {"Accept": "text/event-stream"}) as (head, events):
        assert head.status == 200
        for event in events:
            if event.event == "output" and "text" in event.data["output"]:
                pieces.append(event.data["output"]["text"])
            if event.event == "done":
                assert event.data["state"] == "succeeded", event.data
                assert event.data["output"]["text"] == TEXT
    assert "".join(pieces) == TEXT and len(pieces) > 2
    assert "\ufffd" not in "".join(pieces)


def test_limits_of_the_context(site: Site) -> None:
    worker = site.worker("small", "--context", "40")
    site.wait_models("small")
    assert site.chat("small", "hi", max_tokens=5)["state"] == "succeeded"
    assert worker.calls()[-1]["max_new_tokens"] == 5
    assert site.chat("small", "hi")["state"] == "succeeded"
    counted = len(worker.calls()[-1]["prompt"].split())
    assert worker.calls()[-1]["max_new_tokens"] == 40 - counted - 1
    job = site.chat("small", "word " * 50)
    assert job["state"] == "failed" and job["error"]["code"] == "context_exceeded", job


@pytest.mark.parametrize(
    ("number", "code"), [(50002, "engine_failed"), (40302, "invalid_argument"), (42903, "unavailable")]
)
def test_what_a_worker_refuses(site: Site, number: int, code: str) -> None:
    site.worker("text-model")
    site.wait_models("text-model")
    job = site.chat("text-model", f"[error:{number}]")
    assert job["state"] == "failed" and job["error"]["code"] == code, job
    assert "the worker says no" in job["error"]["message"]


def test_no_usage_is_counted(site: Site) -> None:
    worker = site.worker("text-model")
    site.wait_models("text-model")
    job = site.chat("text-model", "[no-usage]")
    meters = job["usage"]["meters"]
    assert meters["prompt_tokens"] == len(worker.calls()[-1]["prompt"].split())
    assert meters["completion_tokens"] == len(TEXT.split())


def test_tools_by_the_models_own_form(site: Site) -> None:
    worker = site.worker("qwen-like", "--template", "qwen-7b-chat")
    plain = site.worker("vicuna-like")
    site.wait_models("qwen-like", "vicuna-like")
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    job = site.chat("qwen-like", "[tool]", tools=tools)
    assert job["state"] == "succeeded", job
    assert job["output"]["text"] == "I look." and job["output"]["finish_reason"] == "tool_calls"
    (call,) = job["output"]["tool_calls"]
    assert call["name"] == "weather" and json.loads(call["arguments"]) == {"in": "Rome"}
    assert '<tools>\n{"type": "function"' in worker.calls()[-1]["prompt"]
    refused = site.chat("vicuna-like", "hi", tools=tools)
    assert refused["state"] == "failed" and refused["error"]["code"] == "invalid_argument", refused
    assert "tools" in refused["error"]["message"] and not plain.calls()


def test_a_dead_worker_is_not_noticed(site: Site) -> None:
    one, two = site.worker("text-model"), site.worker("text-model")
    site.wait_models("text-model")
    for _ in range(4):
        assert site.chat("text-model", "ping")["state"] == "succeeded"
    assert one.calls() and two.calls(), "calls go to both"
    two.kill()
    for _ in range(4):
        assert site.chat("text-model", "ping")["state"] == "succeeded"
    assert one.process is not None and one.process.poll() is None


def test_a_worker_that_dies_of_a_call_before_the_first_byte_is_not_noticed(site: Site) -> None:
    dying, living = site.worker("text-model", "--always", "die:before"), site.worker("text-model")
    site.wait_models("text-model")
    for i in range(4):
        assert site.chat("text-model", f"number {i}")["state"] == "succeeded"
    assert len(dying.calls()) == 1 and dying.process.wait(5) != 0, "it had one call and died of it"
    assert len(living.calls()) == 4


@pytest.mark.parametrize("when", ["first", "after"])
def test_after_the_first_byte_no_other_worker_is_tried(site: Site, when: str) -> None:
    dying = site.worker("text-model", "--always", f"die:{when}")
    site.wait_models("text-model")
    living = site.worker("text-model")
    deadline = time.monotonic() + 20
    while not dying.calls():
        job = site.chat("text-model", "x")
        assert time.monotonic() < deadline
    assert job["state"] == "failed" and job["error"]["code"] == "unavailable", job
    before = len(living.calls())
    assert site.chat("text-model", "x")["state"] == "succeeded" and len(living.calls()) == before + 1


def test_death_during_a_call(site: Site) -> None:
    for when in ("before", "first", "after"):
        worker = site.worker(f"{when}-model")
        site.wait_models(f"{when}-model")
        job = site.chat(f"{when}-model", f"[die:{when}]")
        assert job["state"] == "failed", (when, job)
        assert job["error"]["code"] in ("unavailable", "engine_failed"), (when, job)
        assert worker.process is not None and worker.process.wait(5) != 0
        site.wait_models(within=EXPIRE * 3)
        gone = site.server.client.post(
            "/jobs",
            {"capability": f"{when}-model", "input": {"messages": [{"role": "user", "content": "x"}]}},
            {"Prefer": "wait=10"},
        )
        assert gone.status in (200, 404, 503), gone.body
        if gone.status == 200:
            assert gone.json()["error"]["code"] == "unavailable", gone.body


def test_the_other_worker_takes_over_before_the_first_byte(site: Site) -> None:
    dying, living = site.worker("text-model"), site.worker("text-model")
    site.wait_models("text-model")
    dying.process.send_signal(19)  # SIGSTOP: takes connections, answers nothing
    threading.Timer(1.0, dying.kill).start()
    jobs = [site.chat("text-model", f"number {i}") for i in range(4)]
    assert [job["state"] for job in jobs] == ["succeeded"] * 4, jobs
    assert len(living.calls()) == 4


def test_the_server_finds_its_workers_again(site: Site) -> None:
    worker = site.worker("text-model")
    site.wait_models("text-model")
    before = site.token
    site.server.kill()
    site.server.start()
    assert site.token == before
    assert site.models() == ["text-model"], "before any heart-beat"
    assert site.chat("text-model", "again")["state"] == "succeeded"
    time.sleep(EXPIRE + 2)
    assert site.models() == ["text-model"], "its beats are heard"
    worker.kill()
    site.wait_models(within=EXPIRE * 4)


def test_a_worker_that_was_dropped_registers_again(site: Site) -> None:
    worker = site.worker("text-model")
    site.wait_models("text-model")
    assert site.ask("/receive_heart_beat", {"worker_name": worker.address, "queue_length": 0}).json() == {"exist": True}
    unknown = {"worker_name": "http://127.0.0.1:1", "queue_length": 0}
    assert site.ask("/receive_heart_beat", unknown).json() == {"exist": False}
    worker.process.send_signal(19)
    site.wait_models(within=EXPIRE * 4)
    worker.process.send_signal(18)
    site.wait_models("text-model", within=20)


def test_only_workers_of_the_networks(site: Site) -> None:
    contacted = []
    trap = socket.create_server(("127.0.0.1", 0))
    trap.settimeout(1.0)

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                contacted.append(trap.accept())

    threading.Thread(target=listen, daemon=True).start()
    port = trap.getsockname()[1]
    for name in (
        "http://169.254.169.254/latest",
        "http://10.0.0.1:21002",
        "http://[::ffff:169.254.169.254]:80",
        "http://0xa9fea9fe/",
        "http://2852039166/",
        "http://0.0.0.0:80",
        "http://192.168.1.1:80",
        f"http://user@127.0.0.1:{port}",
        f"http://127.0.0.1:{port}/?x=",
        "file:///etc/passwd",
        "http://127.0.0.1:22\r\nX: y",
        "gopher://127.0.0.1:70",
        "",
    ):
        status = {"model_names": ["evil"], "speed": 1, "queue_length": 0}
        for told in (None, status):
            body = {"worker_name": name, "check_heart_beat": True, "worker_status": told}
            reply = site.ask("/register_worker", body)
            assert reply.status in (403, 422), (name, reply.status, reply.body)
    assert site.models() == [] and not contacted
    for body in (
        "[]",
        "x",
        "{}",
        '{"worker_name": 7}',
        '{"worker_name": "http://127.0.0.1:1", "worker_status": {"a": 1}}',
    ):
        assert site.ask("/register_worker", body).status == 422, body
    # A worker that cannot be asked how it is: 200, and it is not known.
    trap.close()
    body = {"worker_name": f"http://127.0.0.1:{port}", "check_heart_beat": True, "worker_status": None}
    assert site.ask("/register_worker", body).status == 200
    assert site.models() == []


def test_the_token_is_needed_and_stays_secret(site: Site) -> None:
    site.server.stop()
    site.server.settings += ("log.level=debug",)
    site.server.start()
    plain = site.server.control.with_key(None)
    for token in ("", "x", site.token[:-1], site.token + "x", "%00", "..%2f"):
        reply = plain.request("POST", f"/fastchat/{token}/list_models")
        assert reply.status in (400, 404), (token, reply.status)
    assert plain.request("POST", "/list_models").status == 404
    assert site.ask("/list_models", Origin="http://evil.example").status == 403
    site.worker("text-model")
    site.wait_models("text-model")
    assert site.ask("/list_models/nothing").status == 404
    log = site.server.log_text()
    assert "path=/fastchat/{token}/list_models" in log and site.token not in log
    metrics = site.server.control.request("GET", "/metrics").body.decode()
    assert site.token not in metrics and "/fastchat/" + site.token not in metrics
    assert (site.server.folder / "data" / "fastchat.token").stat().st_mode & 0o077 == 0


def test_a_door_of_its_own(site: Site) -> None:
    address = f"http://127.0.0.1:{site.door_port}"
    worker = site.worker("text-model", controller=address)
    site.wait_models("text-model")
    door = Client("127.0.0.1", site.door_port, site.server.client.key)
    assert door.request("POST", "/list_models").json() == {"models": ["text-model"]}
    assert door.with_key(None).request("POST", "/refresh_all_workers").json() is None
    body = {"model": "text-model", "prompt": "raw", "max_new_tokens": 5, "echo": False}
    chunks = door.request("POST", "/worker_generate_stream", body).body.split(b"\0")
    assert chunks[-1] == b"" and json.loads(chunks[-2])["text"] == TEXT
    none = door.request("POST", "/worker_generate_stream", {"model": "nobody", "prompt": "x"}).body
    assert json.loads(none.rstrip(b"\0"))["error_code"] == 50005
    worker.kill()
    dead = door.request("POST", "/worker_generate_stream", body).body
    assert json.loads(dead.rstrip(b"\0"))["error_code"] in (50005, 50006)


def chat_body(**more: Any) -> dict[str, Any]:
    return {"model": "text-model", "messages": [{"role": "user", "content": "Where?"}], **more}


def test_the_routes_of_its_api_server(site: Site) -> None:
    worker = site.worker("text-model")
    site.wait_models("text-model")
    door = Client("127.0.0.1", site.door_port, site.server.client.key)
    for client in (door, site.server.client):
        reply = client.request("POST", "/api/v1/chat/completions", chat_body(repetition_penalty=1.3, n=2))
        assert reply.status == 200, reply.body
        answer = reply.json()
        assert answer["object"] == "chat.completion" and answer["model"] == "text-model"
        assert [choice["message"]["content"] for choice in answer["choices"]] == [TEXT, TEXT]
        assert answer["choices"][0]["finish_reason"] == "stop"
        assert answer["usage"] == {"prompt_tokens": 14, "completion_tokens": 18, "total_tokens": 32}
        assert worker.calls()[-1]["repetition_penalty"] == 1.3

        stream = client.request("POST", "/api/v1/chat/completions", chat_body(stream=True))
        events = [line[6:] for line in stream.body.decode().splitlines() if line.startswith("data: ")]
        assert events[-1] == "[DONE]"
        chunks = [json.loads(event)["choices"][0] for event in events[:-1]]
        assert chunks[0]["delta"] == {"role": "assistant"}
        assert "".join(chunk["delta"].get("content", "") for chunk in chunks) == TEXT
        assert chunks[-1]["finish_reason"] == "stop"

        check = {"prompts": [{"model": "text-model", "prompt": "one two three", "max_tokens": 2045}]}
        assert client.request("POST", "/api/v1/token_check", check).json() == {
            "prompts": [{"fits": True, "tokenCount": 3, "contextLength": 2048}]
        }
        embedded = client.request("POST", "/v1/engines/text-model/embeddings", {"input": ["a", "bcd", "e", "f", "gh"]})
        assert embedded.status == 200, embedded.body
        rows = embedded.json()
        assert [row["embedding"] for row in rows["data"]] == [[n, 0.5, -1.0] for n in (1, 3, 1, 1, 2)]
        assert rows["usage"] == {"prompt_tokens": 5, "total_tokens": 5} and rows["model"] == "text-model"
    assert [len(call["input"]) for call in worker.calls("embed")][:2] == [4, 1]


def test_errors_of_its_api_server(site: Site) -> None:
    site.worker("text-model")
    site.wait_models("text-model")
    door = Client("127.0.0.1", site.door_port, site.server.client.key)
    cases = [
        (chat_body(model="nobody"), 40301),
        (chat_body(temperature=3), 40302),
        (chat_body(temperature="x"), 40001),
        (chat_body(messages=None), 40001),
        (chat_body(messages=[{"role": "owner", "content": "x"}]), 40001),
        (chat_body(messages=[{"role": "user", "content": "word " * 3000}]), 40303),
        (chat_body(messages=[{"role": "user", "content": "[error:50002]"}]), 50001),
        ("[]", 40001),
        ("{", 40001),
    ]
    for body, number in cases:
        reply = door.request("POST", "/api/v1/chat/completions", body)
        assert reply.status == 400, (body, reply.body)
        answer = reply.json()
        assert answer["object"] == "error" and answer["code"] == number, (str(body)[:200], answer)
    refused = door.with_key("hr_wrong").request("POST", "/api/v1/chat/completions", chat_body())
    assert refused.status == 401 and refused.json()["detail"]["error"]["code"] == "invalid_api_key"
    broken = chat_body(messages=[{"role": "user", "content": "[error:50001]"}], stream=True)
    events = door.request("POST", "/api/v1/chat/completions", broken).body.decode()
    lines = [line[6:] for line in events.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]" and json.loads(lines[-2])["error_code"] == 50001
    bad = door.request("POST", "/v1/engines/text-model/embeddings", {"input": [[1, 2]]})
    assert bad.status == 400 and bad.json()["code"] == 40001
    assert (
        door.request("POST", "/api/v1/token_check", {"prompts": [{"model": "nobody", "prompt": "x"}]}).json()["code"]
        == 40301
    )


def test_behind_openai(site: Site) -> None:
    worker = site.worker("Org/Text-Model.v1")
    site.wait_models("Org/Text-Model.v1")
    client = site.server.client
    listed = client.request("GET", "/v1/models")
    if listed.status == 404:
        pytest.skip("the OpenAI dialect is not there yet")
    assert "Org/Text-Model.v1" in [model["id"] for model in listed.json()["data"]]
    reply = client.request("POST", "/v1/chat/completions", chat_body(model="Org/Text-Model.v1", max_tokens=3))
    assert reply.status == 200, reply.body
    assert reply.json()["choices"][0]["message"]["content"] == TEXT
    assert reply.json()["usage"]["total_tokens"] == 16
    raw = client.request("POST", "/v1/completions", {"model": "Org/Text-Model.v1", "prompt": "as it is"})
    assert raw.status == 200, raw.body
    assert worker.calls()[-1]["prompt"] == "as it is"


def test_a_caller_that_leaves_stops_the_worker(site: Site) -> None:
    worker = site.worker("text-model")
    site.wait_models("text-model")
    body = {"capability": "text-model", "input": {"messages": [{"role": "user", "content": "[slow]"}]}}
    connection, response = site.server.client.open("POST", "/api/v1/jobs", body, {"Accept": "text/event-stream"})
    response.read(64)
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    deadline = time.monotonic() + 5
    while site.ask("/worker_get_status").json()["queue_length"] > 0:
        assert time.monotonic() < deadline, site.server.log_text()[-2000:]
        time.sleep(0.1)
    assert worker.process is not None and worker.process.poll() is None
