"""A server with FastChat workers: fschat's released BaseModelWorker (fastchat_worker.py), in processes of its own."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time
from typing import Any

from server import Server, free_port
from wire import Reply

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = HERE.parents[1] / "build" / "venv-fastchat" / "bin" / "python"
EXPIRE = 8  # several beats: a worker that misses a few on a busy machine stays


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
        """Returns when it listens."""
        self.launch()
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            assert self.process and self.process.poll() is None and time.monotonic() < deadline, self.log_text()
            time.sleep(0.05)

    def launch(self) -> Worker:
        assert PYTHON.exists(), "./dev test makes build/venv-fastchat"
        env = {**os.environ, "LOGDIR": str(self.folder), "FASTCHAT_WORKER_HEART_BEAT_INTERVAL": "1", "no_proxy": "*"}
        log = open(self.folder / f"worker{self.port}.log", "ab")
        self.process = subprocess.Popen(self.command, env=env, stdout=log, stderr=log, cwd=self.folder)
        return self

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
        """Started, registered and up."""
        worker = Worker(self.folder, controller or self.controller, models, *more).start()
        self.workers.append(worker)
        deadline = time.monotonic() + 60
        while worker.address not in self.addresses():
            assert time.monotonic() < deadline, (worker.log_text(), self.server.log_text()[-3000:])
            time.sleep(0.02)
        return worker

    def late_worker(self, models: str, seconds: float) -> Worker:
        """Launched; it listens so much later than it registers."""
        worker = Worker(self.folder, self.controller, models, "--late", str(seconds)).launch()
        self.workers.append(worker)
        return worker

    def states(self) -> dict[str, str]:
        known = self.server.control.get("/upstreams").json()["upstreams"]
        return {each["base_url"]: each["health"]["state"] for each in known}

    def addresses(self) -> list[str]:
        """Of the workers that are up."""
        return [address for address, state in self.states().items() if state == "up"]

    def wait_models(self, *names: str, within: float = 60.0) -> None:
        deadline = time.monotonic() + within
        while sorted(self.models()) != sorted(names):
            assert time.monotonic() < deadline, (self.models(), names, self.server.log_text()[-3000:])
            time.sleep(0.1)

    def chat(self, model: str, text: str, **more: Any) -> dict[str, Any]:
        return self.server.client.run(model, {"messages": [{"role": "user", "content": text}], **more})
