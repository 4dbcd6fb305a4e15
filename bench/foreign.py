"""The foreign servers of ./dev peers: from their own virtual environments, as their manuals start them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import parts
from rows import NotHere

ROOT = pathlib.Path(__file__).resolve().parents[1]
NAMES = ("litellm", "fastchat")
PACKAGES = {"litellm": "litellm", "fastchat": "fschat"}
KEY = "sk-bench"
READY_WITHIN = 180.0


@dataclass
class Server:
    """What takes a chat at /v1/chat/completions."""

    address: str
    auth: str  # a whole header line, or nothing
    pids: Callable[[], list[int]]
    close: Callable[[], None]

    def post(self, path: str, body: str) -> tuple[int, str]:
        fields = {"Content-Type": "application/json"}
        if self.auth:
            fields["Authorization"] = self.auth.partition(": ")[2]
        with contextlib.closing(http.client.HTTPConnection(*self.address.split(":"), timeout=60)) as connection:
            connection.request("POST", path, body, fields)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def check(self, body: str, expected: str) -> None:
        """An answer that is empty, or is none, is not worth measuring."""
        status, text = self.post("/v1/chat/completions", body)
        if status != 200 or expected not in text:
            raise RuntimeError(f"{self.address} answers {status} {text[:300]!r}")


def venv(name: str) -> pathlib.Path:
    return ROOT / "build" / f"venv-peer-{name}"


def require(name: str) -> pathlib.Path:
    """Its environment, once everything that is pinned is in it."""
    folder = venv(name)
    if not (folder / ".stamp").exists():
        raise NotHere(f"{name} is not installed in build/{folder.name}")
    return folder


def version(name: str) -> str:
    for found in venv(name).glob(f"lib/python3*/site-packages/{PACKAGES[name]}-*.dist-info"):
        return f"{name} {found.name.removesuffix('.dist-info').partition('-')[2]}"
    return ""


def environment(folder: pathlib.Path, **more: str) -> dict[str, str]:
    """Nothing of it asks for anything outside of this machine."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "HOME": str(folder), "NO_PROXY": "127.0.0.1,localhost", **more}


def family(pid: int) -> list[int]:
    found = [pid]
    for child in parts.children(pid):
        found += family(child)
    return found


class Processes:
    """Started together, ended together; what they say is in `folder`."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.all: list[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True)

    def start(self, name: str, command: list[str], env: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.all.append(subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, env=env))

    def wait_for(self, name: str, answers: Callable[[], bool]) -> None:
        def holds() -> bool:
            if any(process.poll() is not None for process in self.all):
                raise RuntimeError(f"{name} has ended: " + (self.folder / f"{name}.log").read_text()[-2000:])
            try:
                return answers()
            except OSError:
                return False

        parts.wait_until(name, holds, within=READY_WITHIN, step=0.2)

    def pids(self) -> list[int]:
        return [pid for process in self.all for pid in family(process.pid)]

    def close(self) -> None:
        for process in reversed(self.all):
            parts.end(process, within=10)


def status_of(address: str, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    with contextlib.closing(http.client.HTTPConnection(*address.split(":"), timeout=10)) as connection:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def litellm(folder: pathlib.Path, model_address: str, model: str) -> Server:
    home = require("litellm")
    address = f"127.0.0.1:{parts.free_port()}"
    processes = Processes(folder)
    parameters = {"model": f"openai/{model}", "api_base": f"http://{model_address}/v1", "api_key": "none"}
    config = {
        "model_list": [{"model_name": model, "litellm_params": parameters}],
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"telemetry": False},
    }
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    env = environment(folder, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_MODE="PRODUCTION", LITELLM_LOG="ERROR")
    host, port = address.split(":")
    command = [str(home / "bin/litellm"), "--config", "config.yaml", "--host", host, "--port", port]
    return started(
        processes,
        address,
        lambda: processes.start("litellm", [*command, "--num_workers", "1"], env),
        lambda: processes.wait_for("litellm", lambda: status_of(address, "GET", "/health/liveliness")[0] == 200),
    )


def fastchat(folder: pathlib.Path, model_address: str, model: str) -> Server:
    """Its controller and its API server; the worker that answers at once registers as any does."""
    python = require("fastchat") / "bin/python"
    address, controller = f"127.0.0.1:{parts.free_port()}", f"127.0.0.1:{parts.free_port()}"
    processes = Processes(folder)
    env = environment(folder, LOGDIR=str(folder))

    def command(part: str, at: str, *more: str) -> list[str]:
        host, port = at.split(":")
        return [str(python), "-m", f"fastchat.serve.{part}", "--host", host, "--port", port, *more]

    def start() -> None:
        processes.start("controller", command("controller", controller), env)
        more = ("--controller-address", f"http://{controller}", "--api-keys", KEY)
        processes.start("openai_api_server", command("openai_api_server", address, *more), env)

    def ready() -> None:
        processes.wait_for("controller", lambda: status_of(controller, "POST", "/list_models")[0] == 200)
        processes.wait_for("openai_api_server", lambda: status_of(address, "GET", "/v1/models")[0] == 401)
        worker = {"worker_name": f"http://{model_address}", "check_heart_beat": False, "worker_status": None}
        status, text = status_of(controller, "POST", "/register_worker", json.dumps(worker))
        models = json.loads(status_of(controller, "POST", "/list_models")[1])["models"]
        if status != 200 or models != [model]:
            raise RuntimeError(f"the controller did not take the worker: {status} {text[:300]!r}, models {models}")

    return started(processes, address, start, ready)


def started(processes: Processes, address: str, start: Callable[[], None], ready: Callable[[], None]) -> Server:
    with contextlib.ExitStack() as undo:
        undo.callback(processes.close)
        start()
        try:
            ready()
        except RuntimeError as error:
            raise NotHere("it does not start: " + str(error).strip().splitlines()[-1]) from error
        time.sleep(1)  # what they do once, in the background, is not a request's
        undo.pop_all()
    return Server(address, f"Authorization: Bearer {KEY}", processes.pids, processes.close)
