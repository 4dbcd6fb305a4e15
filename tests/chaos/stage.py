"""What the faults happen to: one server, an agent beside it, and the processes of both. Linux only."""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.path.insert(0, str(ROOT / "sdk" / "python" / "src"))

from server import Server  # noqa: E402

# Binaries that were copied elsewhere find the Python kit all the same.
os.environ.setdefault("HEADRACE_ENGINES_SDK_PATH", str(ROOT / "sdk" / "python" / "src"))

ECHO = ROOT / "examples" / "engines" / "echo"
FAULT = ROOT / "tests" / "engines" / "fault"


class Agent:
    """`headrace worker` with one engine, over the worker link."""

    def __init__(self, binary: pathlib.Path, server: Server, folder: pathlib.Path) -> None:
        self.binary, self.server, self.folder = binary, server, folder
        self.token = folder / "worker.key"
        self.process: subprocess.Popen[bytes] | None = None
        self.address = f"ws://127.0.0.1:{server.control_port}"
        self.prefix: list[str] = []
        self.env = dict(os.environ)

    def start(self) -> Agent:
        if not self.token.exists():
            self.token.write_text(self.server.new_key("worker", "default") + "\n")
        command = [*self.prefix, str(self.binary), "worker", "--connect", self.address]
        command += ["--token-file", str(self.token), "--engine", str(ECHO / "py_echo")]
        if "127.0.0.1" not in self.address:
            command.append("--insecure")
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.env)
        return self

    def kill(self) -> None:
        assert self.process is not None
        children = children_of(self.process.pid)
        self.process.kill()
        self.process.wait()
        for child in children:  # they go by themselves, but not before our folder does
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()


def children_of(parent: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
            found += [int(word) for word in (task / "children").read_text().split()]
    return found


def program_of(pid: int) -> str:
    """The short name of what runs, `headrace-host` or `python3`; empty when it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode().rsplit("/", 1)[-1]
    except OSError:
        return ""


def memory_of(pid: int) -> int:
    """Resident bytes."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def address_space_of(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


class Stage:
    """Use as a context: what it started is stopped at its end."""

    def __init__(
        self,
        binary: pathlib.Path,
        folder: pathlib.Path,
        engines: tuple[pathlib.Path, ...] = (ECHO / "echo_slow", ECHO / "py_echo_slow"),
        settings: tuple[str, ...] = (),
        agent: bool = False,
        env: dict[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Faults come faster than in life: more attempts than the default, or an unlucky job is dead.
        given = ("jobs.max_attempts=20", "log.level=info", *settings)
        self.server = Server(folder, engines=engines, settings=given, binary=binary, env=env)
        self.agent = Agent(binary, self.server, folder) if agent else None
        self.binary, self.folder = binary, folder

    @property
    def pid(self) -> int:
        assert self.server.process is not None
        return self.server.process.pid

    def __enter__(self) -> Stage:
        self.server.start()
        if self.agent is not None:
            self.agent.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.agent is not None:
            self.agent.stop()
        if self.server.process is not None and self.server.process.poll() is None:
            self.server.process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.stop(40)

    def restart(self) -> float:
        """Starts a server that is gone; the seconds until it was ready."""
        began = time.monotonic()
        self.server.start()
        return time.monotonic() - began

    def hosts(self, of: int | None = None) -> list[int]:
        """Processes of native engines (`headrace-host`) of the server."""
        return [pid for pid in children_of(of or self.pid) if program_of(pid) == "headrace-host"]

    def python_engines(self, of_agent: bool | None = None) -> list[int]:
        """Processes of Python engines, of the server, of the agent, or of both."""
        parents = [] if of_agent else [self.pid]
        if self.agent is not None and self.agent.process is not None and of_agent is not False:
            parents.append(self.agent.process.pid)
        return [pid for parent in parents for pid in children_of(parent) if program_of(pid).startswith("python")]

    def healthy(self, capability: str = "echo_slow", **more: Any) -> str | None:
        """None when a job still runs; else what went wrong."""
        try:
            job = self.server.client.run(capability, {"text": "still here", **more})
        except (OSError, AssertionError) as error:
            return f"the server does not work any more: {error}"
        if job["state"] != "succeeded" or job["output"] != {"text": "still here"}:
            return f"a job does not run any more: {job}"
        return None


@contextlib.contextmanager
def paused(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
