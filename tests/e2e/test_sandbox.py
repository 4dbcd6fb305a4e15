"""docs/operate/security.md: what engines are kept from, as a caller sees it, under serve and under the agent."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import time

import pytest
from server import BINARY, ROOT, Server
from wire import Client

CAPTIVE = ROOT / "tests" / "engines" / "captive"
REFUSED = ["ptrace", "mount", "unshare", "user_namespace", "io_uring", "bpf", "keyctl", "module", "terminal"]


def attempt(client: Client, what: str) -> str:
    return client.run("captive", {"text": what})["output"]["text"]


def test_what_always_holds(start_server) -> None:
    server = start_server(engines=(CAPTIVE,))
    server.wait_engines("captive")
    assert attempt(server.client, "privileges") == "1"
    assert attempt(server.client, "core") == "0 0"
    assert attempt(server.client, "ptrace") == "EPERM"
    assert attempt(server.client, "ipv4") == "ok"


def test_seccomp_and_no_network_by_setting(start_server) -> None:
    server = start_server(engines=(CAPTIVE,), settings=("engines.seccomp=on", "engines.network=false"))
    server.wait_engines("captive")
    assert {what: attempt(server.client, what) for what in REFUSED} == dict.fromkeys(REFUSED, "EPERM")
    assert [attempt(server.client, what) for what in ("ipv4", "ipv6", "unix", "child", "thread")] == [
        "EPERM",
        "EPERM",
        "ok",
        "ok",
        "ok",
    ]


def changed_engine(folder: pathlib.Path, network: str) -> pathlib.Path:
    copy = folder / "captive"
    shutil.copytree(CAPTIVE, copy)
    with (copy / "engine.toml").open("a") as file:
        file.write(f"\n[sandbox]\nnetwork = {network}\n")
    return copy


def test_an_engine_gives_the_network_up_by_itself(start_server, tmp_path) -> None:
    server = start_server(engines=(changed_engine(tmp_path, "false"),))
    server.wait_engines("captive")
    assert attempt(server.client, "ipv4") == "EPERM" and attempt(server.client, "bpf") != "EPERM"


def test_an_engine_cannot_take_the_network_back(start_server, tmp_path) -> None:
    server = start_server(engines=(changed_engine(tmp_path, "true"),), settings=("engines.network=false",))
    deadline = time.monotonic() + 30
    while "captive@1.0.0 needs the network, and engines.network is off" not in server.log_text():
        assert time.monotonic() < deadline, server.log_text()
        time.sleep(0.05)


def test_a_python_engine_works_under_all_of_it(start_server) -> None:
    folder = ROOT / "tests" / "engines" / "py_fault"
    server = start_server(engines=(folder,), settings=("engines.seccomp=on", "engines.network=false"))
    server.wait_engines("py_fault")
    assert server.client.run("py_fault", {"text": "well"})["state"] == "succeeded"


@pytest.mark.parametrize("folder", ["/proc", "groups", "/sys/fs/cgroup/memory"])
def test_a_folder_that_is_no_cgroup_of_version_two_is_refused(tmp_path, folder) -> None:
    if folder.startswith("/sys") and not (pathlib.Path(folder) / "memory.limit_in_bytes").exists():
        pytest.skip("no cgroup v1 here")
    done = subprocess.run(
        [str(BINARY), "serve", "--data", str(tmp_path / "data"), "--set", f"engines.cgroup={folder}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2 and f"engines.cgroup is refused: {folder}" in done.stderr


def test_the_agent_holds_its_engines_too(start_server, tmp_path) -> None:
    server: Server = start_server(engines=())
    token = tmp_path / "worker.key"
    token.write_text(server.new_key("worker"))
    with open(tmp_path / "agent.log", "wb") as log:
        agent = subprocess.Popen(
            [
                str(BINARY),
                "worker",
                "--connect",
                f"http://127.0.0.1:{server.control_port}",
                "--token-file",
                str(token),
                "--engine",
                str(CAPTIVE),
                "--set",
                "engines.seccomp=on",
                "--set",
                "engines.network=false",
            ],
            stdout=log,
            stderr=log,
            env=dict(os.environ),
        )
    try:
        server.wait_engines("captive")
        assert attempt(server.client, "privileges") == "1"
        assert [attempt(server.client, what) for what in ("ptrace", "ipv4", "unix")] == ["EPERM", "EPERM", "ok"]
    finally:
        agent.terminate()
        agent.wait(30)
