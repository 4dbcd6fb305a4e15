"""`pip install headrace[remote]`: the agent of the Python package, from an environment of its own."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from connect_proxy import ConnectProxy
from server import ROOT, Server
from test_serve import certificate
from waiting import eventually

ECHOES = ROOT / "examples" / "engines" / "echo"
Start = Callable[..., Server]


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """`headrace-engine` as a stranger installs it: nothing of this tree is on its path."""
    venv = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    package = f"{ROOT / 'sdk' / 'python'}[remote]"
    subprocess.run(
        [venv / "bin" / "pip", "install", "-q", "--disable-pip-version-check", package],
        check=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    return venv / "bin" / "headrace-engine"


class Agent:
    def __init__(self, tool: pathlib.Path, server: Server, folder: pathlib.Path) -> None:
        self.tool, self.server = tool, server
        self.token = folder / "worker.key"
        self.token.write_text(server.new_key("worker") + "\n")
        self.log = folder / "agent.log"

    @contextlib.contextmanager
    def run(self, *more: str, engine: str = "py_echo_slow", scheme: str = "ws") -> Iterator[subprocess.Popen[bytes]]:
        url = f"{scheme}://127.0.0.1:{self.server.control_port}"
        command = [str(self.tool), "remote", "--connect", url, "--token-file", str(self.token)]
        command += ["--engine", str(ECHOES / engine), "--name", "box", *more]
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with open(self.log, "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=env)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def hosts(self) -> list[int]:
        """The pids of the engine hosts that it has told of, in order."""
        lines = [line for line in self.text().splitlines() if "engine host started" in line]
        return [int(line.rpartition("pid=")[2]) for line in lines]

    def wait_slots(self, capability: str = "py_echo_slow") -> None:
        try:
            self.server.wait_engines(capability)
        except AssertionError as error:
            raise AssertionError(self.text()) from error


@pytest.fixture
def agent(tool: pathlib.Path, start_server: Start, tmp_path: pathlib.Path) -> Agent:
    return Agent(tool, start_server(engines=()), tmp_path)


def slow(server: Server, text: str, duration_ms: int) -> dict[str, Any]:
    return server.client.submit("py_echo_slow", {"text": text, "duration_ms": duration_ms})


def test_jobs_run_and_the_end_is_orderly(agent: Agent) -> None:
    server = agent.server
    with agent.run() as process:
        agent.wait_slots()
        big = "x" * 700_000
        job = server.client.run("py_echo_slow", {"text": big, "duration_ms": 1})
        assert job["output"] == {"text": big}
        workers = server.control.get("/workers").json()["workers"]
        assert any(worker["name"].startswith("box/py_echo_slow@1.0.0") for worker in workers), workers
        last = slow(server, "last", 2_500)  # half of the five seconds that the agent gives it then
        server.client.wait(last["id"], {"running"})
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert server.client.wait(last["id"])["state"] == "succeeded"
    eventually(lambda: not pathlib.Path(f"/proc/{agent.hosts()[0]}").exists())


def test_a_cancel_reaches_the_engine(agent: Agent) -> None:
    server = agent.server
    with agent.run():
        agent.wait_slots()
        hosts = agent.hosts()
        job = slow(server, "never", 60_000)
        server.client.wait(job["id"], {"running"})
        server.client.post(f"/jobs/{job['id']}/cancel")
        assert server.client.wait(job["id"], within=30)["state"] == "cancelled"
        # An engine that does not hear of it is ended with its host, and started again.
        agent.wait_slots()
        assert agent.hosts() == hosts


def test_an_engine_that_is_killed_is_running_again(agent: Agent) -> None:
    server = agent.server
    with agent.run():
        agent.wait_slots()
        job = slow(server, "twice", 5_000)
        server.client.wait(job["id"], {"running"})
        os.kill(agent.hosts()[0], signal.SIGKILL)
        done = server.client.wait(job["id"], within=40)
        assert (done["state"], done["attempt"]) == ("succeeded", 2)
        assert len(agent.hosts()) == 2


def test_jobs_survive_a_cut_link_through_a_proxy_with_tls(
    tool: pathlib.Path, start_server: Start, tmp_path: pathlib.Path
) -> None:
    cert, key = certificate(tmp_path, "ours")
    server = start_server(engines=())
    agent = Agent(tool, server, tmp_path)
    server.stop()
    server.settings += (f"control.tls_certificate={cert}", f"control.tls_key={key}")
    server.start()
    with ConnectProxy() as proxy, agent.run("--ca-file", str(cert), "--proxy", proxy.url, scheme="wss"):
        eventually(lambda: "worker is linked" in agent.text())
        eventually(lambda: server.client.get("/capabilities/py_echo_slow").status == 200)
        jobs = [slow(server, f"job {n}", 5_000) for n in range(4)]
        for job in jobs:
            server.client.wait(job["id"], {"running"})
        for cut in range(2):
            proxy.cut()
            eventually(lambda back=cut + 1: agent.text().count("resumed=True") >= back)
        ends = [server.client.wait(job["id"], within=40) for job in jobs]
        assert [(end["state"], end["attempt"]) for end in ends] == [("succeeded", 1)] * 4, agent.text()
        assert set(proxy.targets) == {f"127.0.0.1:{server.control_port}"}


def test_a_server_that_is_killed_is_found_again(agent: Agent) -> None:
    server = agent.server
    with agent.run():
        agent.wait_slots()
        job = slow(server, "again", 4_000)
        server.client.wait(job["id"], {"running"})
        server.kill()
        server.start()
        done = server.client.wait(job["id"], within=30)
        assert (done["state"], done["output"]) == ("succeeded", {"text": "again"}), agent.text()
        assert len(agent.hosts()) == 1, "the engine stays loaded"


def test_what_is_wrong_is_said(agent: Agent, tmp_path: pathlib.Path) -> None:
    def refused(*arguments: str) -> str:
        command = [str(agent.tool), "remote", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1, done
        return done.stderr

    there = ("--connect", f"ws://127.0.0.1:{agent.server.control_port}")
    token, engine = ("--token-file", str(agent.token)), ("--engine", str(ECHOES / "py_echo"))
    assert "--connect" in refused("--connect", "nonsense", *token, *engine)
    assert "in the clear" in refused("--connect", "http://192.0.2.1:8601", *token, *engine)
    assert "--token-file" in refused(*there, "--token-file", str(tmp_path / "none"), *engine)
    assert "native" in refused(*there, *token, "--engine", str(ECHOES / "echo"))
    assert "no engine.toml" in refused(*there, *token, "--engine", str(tmp_path))
    agent.token.write_text("hr_wrong_key\n")
    with agent.run():
        eventually(lambda: "the server answers 401" in agent.text())
    assert "hr_wrong_key" not in agent.text()
