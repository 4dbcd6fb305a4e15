"""The stops of the tour at /v1: what others speak. Standard library only; clients and workers run in environments of
their own."""

from __future__ import annotations

import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.request
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
SDK_PYTHON = ROOT / "build/venv-demo/bin/python"
WORKER_PYTHON = ROOT / "build/venv-fastchat/bin/python"
WORKER = ROOT / "tests/e2e/fastchat_worker.py"
MODEL = "vicuna-demo"
WITHIN = 30.0


class V1:
    """`server` is the tour's; `wrong` the exception that a wrong answer raises."""

    def __init__(self, server: Any, wrong: type[Exception]) -> None:
        self.server, self.wrong = server, wrong
        self.worker: subprocess.Popen[bytes] | None = None

    def ask(self, model: str, question: str) -> str:
        """By the unmodified `openai` package; prints the answer as it comes, gives the whole of it."""
        words = ["scripts/tour_openai.py", self.server.url + "/v1", str(self.server.key_file), model, question]
        print(f"   OpenAI(base_url={self.server.url}/v1)  model={model}  {question}\n   ", end="")
        with subprocess.Popen([str(SDK_PYTHON), *words], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = ""
            while piece := process.stdout.read(1):
                said += piece
                print(piece if piece != "\n" else "\n   ", end="", flush=True)
        print()
        if process.returncode != 0 or not re.search(r"\[usage\] [1-9]\d* [1-9]", said):
            raise self.wrong(f"the SDK ended with status {process.returncode}, or told no usage")
        return said

    def sdk(self) -> None:
        if "Paris" not in self.ask("chat", "What is the capital of France?"):
            raise self.wrong("the answer names no Paris")

    def start_worker(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        token = (self.server.data / "fastchat.token").read_text().strip()
        command = [str(WORKER_PYTHON), str(WORKER), "--port", str(port), "--models", MODEL]
        command += ["--controller", f"{self.server.control}/fastchat/{token}"]
        command += ["--record", str(self.server.data.parent / "worker.jsonl")]
        environment = {**os.environ, "LOGDIR": str(self.server.data.parent), "no_proxy": "*"}
        with (self.server.data.parent / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def models(self) -> list[str]:
        request = urllib.request.Request(self.server.url + "/v1/models")
        request.add_header("Authorization", "Bearer " + self.server.key_file.read_text().strip())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return [str(model["id"]) for model in json.loads(answer.read())["data"]]

    def fastchat(self) -> None:
        """A worker of fschat's released BaseModelWorker registers, and is one more model of /v1."""
        self.start_worker()
        began = time.monotonic()
        while MODEL not in self.models():
            assert self.worker is not None
            if self.worker.poll() is not None or time.monotonic() - began > WITHIN:
                raise self.wrong(f"the worker did not register; see {self.server.data.parent / 'worker.log'}")
            time.sleep(0.1)
        print(f"   the worker registered after {time.monotonic() - began:.1f} s; models: {', '.join(self.models())}")
        # Its model is a fixed text, so that nothing but the way there is shown.
        if "The capital of France is Paris. 你好" not in self.ask(MODEL, "What is the capital of France?"):
            raise self.wrong("the worker's text did not come")

    def stop(self) -> None:
        if self.worker is not None and self.worker.poll() is None:
            self.worker.kill()
            self.worker.wait()
