"""FastChat's released `model_worker`, not a line of it changed, with torch and transformers behind it, and the
released `openai` package in front. The model (tiny_llama.py) knows nothing; what counts is every step on the way."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from server import ROOT, Server, free_port

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = ROOT / "build" / "venv-model-worker" / "bin" / "python"
MODEL = "tiny"
ASK = [{"role": "user", "content": "What is a worker?"}]
OFFLINE = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OMP_NUM_THREADS": "1", "no_proxy": "*"}


class ModelWorker:
    def __init__(self, server: Server, weights: pathlib.Path, folder: pathlib.Path) -> None:
        token = (server.folder / "data" / "fastchat.token").read_text().strip()
        port = str(free_port())
        self.log = folder / "worker.log"
        self.command = [
            *(str(PYTHON), "-m", "fastchat.serve.model_worker", "--device", "cpu"),
            *("--model-path", str(weights), "--model-names", MODEL, "--conv-template", "vicuna_v1.1"),
            *("--controller-address", f"http://127.0.0.1:{server.control_port}/fastchat/{token}"),
            *("--host", "127.0.0.1", "--port", port, "--worker-address", f"http://127.0.0.1:{port}"),
        ]
        env = {**OFFLINE, "LOGDIR": str(folder), "FASTCHAT_WORKER_HEART_BEAT_INTERVAL": "1"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command, env=env, stdout=log, stderr=log, cwd=folder)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def until(there: Callable[[], bool], worker: ModelWorker, within: float = 120) -> None:
    deadline = time.monotonic() + within
    while not there():
        assert worker.process.poll() is None, worker.log.read_text(errors="replace")[-3000:]
        assert time.monotonic() < deadline, worker.log.read_text(errors="replace")[-3000:]
        time.sleep(0.1)


class Stage:
    def __init__(self, server: Server, weights: pathlib.Path, folder: pathlib.Path) -> None:
        self.server = server
        self.worker = ModelWorker(server, weights, folder)
        url = f"http://127.0.0.1:{server.client_port}/v1"
        self.openai = openai.OpenAI(base_url=url, api_key=server.client.key, max_retries=0, timeout=120)
        until(self.listed, self.worker)

    def listed(self) -> bool:
        return MODEL in [model.id for model in self.openai.models.list()]

    def chat(self, **more: Any) -> Any:
        wanted: dict[str, Any] = {"model": MODEL, "messages": ASK, "max_tokens": 24, "temperature": 0, **more}
        return self.openai.chat.completions.create(**wanted)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    assert PYTHON.exists(), "./dev test-services workers makes build/venv-model-worker"
    weights = tmp_path_factory.mktemp("weights")
    made = subprocess.run(
        [str(PYTHON), str(HERE / "tiny_llama.py"), str(weights)],
        env=OFFLINE,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert made.returncode == 0, made.stderr[-3000:]
    server = Server(tmp_path_factory.mktemp("server"), engines=()).start()
    stage = Stage(server, weights, tmp_path_factory.mktemp("worker"))
    yield stage
    stage.worker.kill()
    server.stop()


def test_a_stream_gives_what_a_whole_answer_gives(stage: Stage) -> None:
    whole = stage.chat()
    text = whole.choices[0].message.content
    assert text and whole.choices[0].finish_reason == "length"
    assert whole.usage.prompt_tokens > 10 and 0 < whole.usage.completion_tokens <= 24
    chunks = list(stage.chat(stream=True, stream_options={"include_usage": True}))
    parts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert "".join(parts) == text and len(parts) > 3
    assert chunks[-1].usage == whole.usage


def test_more_than_its_concurrency_at_once(stage: Stage) -> None:
    """--limit-worker-concurrency is 5."""
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: stage.chat().choices[0].message.content, range(12)))
    assert len(set(answers)) == 1 and answers[0], "greedy: all the same"


def test_choices_prompts_and_embeddings(stage: Stage) -> None:
    assert len(stage.chat(n=2, temperature=1).choices) == 2
    plain = stage.openai.completions.create(model=MODEL, prompt="A worker is", max_tokens=8, temperature=0)
    assert plain.choices[0].text and plain.usage and plain.usage.completion_tokens <= 8
    reply = stage.server.client.request(
        "POST", f"/v1/engines/{MODEL}/embeddings", {"input": ["a", "b"], "model": MODEL}
    )
    found = json.loads(reply.body)
    assert reply.status == 200 and [len(each["embedding"]) for each in found["data"]] == [256, 256]


def test_its_context_holds(stage: Stage) -> None:
    """1024 tokens."""
    long = stage.chat(messages=[{"role": "user", "content": "hi " * 300}], max_tokens=5000)
    assert long.choices[0].finish_reason == "length" and long.usage.total_tokens <= 1024
    with pytest.raises(openai.BadRequestError) as refused:
        stage.chat(messages=[{"role": "user", "content": "hi there " * 2000}])
    assert refused.value.code == "context_length_exceeded"


def test_the_server_may_be_killed(stage: Stage) -> None:
    stage.server.kill()
    stage.server.start()
    until(stage.listed, stage.worker)
    assert stage.chat().choices[0].message.content


def test_the_worker_may_be_killed(stage: Stage) -> None:
    stream = stage.chat(stream=True, max_tokens=900)
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    stage.worker.kill()
    with pytest.raises(openai.APIError):
        for _ in stream:
            pass
    with pytest.raises(openai.APIStatusError) as refused:
        stage.chat()
    assert refused.value.status_code in (404, 503)
