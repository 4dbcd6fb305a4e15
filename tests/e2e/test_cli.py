"""The command line as a person and a script use it."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from server import BINARY, ECHO, ROOT, Server

OK, FAILED, USAGE, REFUSED, UNREACHABLE = range(5)
Run = Callable[..., subprocess.CompletedProcess[str]]


def cli_of(server: Server, **env: str) -> Run:
    def run(*arguments: str, code: int = OK, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(BINARY), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=server.folder,
            env={
                "PATH": "/usr/bin:/bin",
                "HEADRACE_URL": f"http://127.0.0.1:{server.client_port}",
                "HEADRACE_CONTROL_URL": f"http://127.0.0.1:{server.control_port}",
                "HEADRACE_KEY_FILE": str(server.key_file),
                **env,
            },
        )
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done

    return run


@pytest.fixture
def cli(server: Server) -> Run:
    return cli_of(server)


def out_json(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def test_help_and_version_need_no_server(cli: Run) -> None:
    text = cli("--help").stdout
    for command in (
        "serve",
        "worker",
        "call",
        "jobs",
        "capabilities",
        "workers",
        "keys",
        "queues",
        "dead-letters",
        "requests",
        "engine",
        "config",
        "completion",
        "version",
    ):
        assert f"  {command} " in text, command
    assert cli("version").stdout.startswith("headrace ")
    assert "there is no command fly" in cli("fly", code=USAGE).stderr
    cli(code=USAGE)


def test_call_prints_the_one_text(cli: Run) -> None:
    assert cli("call", "echo", "--text", "hello there").stdout == "hello there\n"
    assert cli("call", "echo", "--text", "-", stdin="from a pipe").stdout == "from a pipe\n"
    job = out_json(cli("call", "echo", "--text", "x", "-o", "json"))
    assert job["state"] == "succeeded" and job["output"] == {"text": "x"}


def test_call_streams_outputs(cli: Run) -> None:
    assert cli("call", "echo_stream", "--text", "one two three").stdout.split() == ["one", "two", "three"]


def test_call_takes_tensors_and_whole_inputs(cli: Run) -> None:
    done = cli("call", "echo_tensor", "--x", "[1, 2.5, 4]", "-o", "json")
    assert out_json(done)["output"]["y"]["data"] == [1, 2.5, 4]
    assert cli("call", "echo", "--input", '{"text": "whole"}').stdout == "whole\n"


def test_call_help_is_typed(cli: Run) -> None:
    text = cli("call", "echo_slow", "--help").stdout
    assert "--duration-ms" in text and "INTEGER" in text and "Slow echo" in text
    assert "Could not convert" in cli("call", "echo_slow", "--text", "x", "--duration-ms", "soon", code=USAGE).stderr
    assert "--nonsense" in cli("call", "echo", "--nonsense", code=USAGE).stderr


def test_call_tells_what_the_server_refused(cli: Run) -> None:
    text = cli("call", "echo", code=REFUSED).stderr
    assert "input.text" in text and "required" in text
    assert "nothing_such" in cli("call", "nothing_such", code=REFUSED).stderr
    text = cli("call", "echo_slow", "--text", "x", "--duration-ms", "-1", code=REFUSED).stderr
    assert "input.duration_ms" in text


def test_call_options_may_stand_before_and_after(server: Server) -> None:
    cli = cli_of(server, HEADRACE_URL="http://127.0.0.1:1")
    url = f"http://127.0.0.1:{server.client_port}"
    assert cli("call", "--server", url, "echo", "--text", "a").stdout == "a\n"
    assert cli("call", "echo", "--text", "b", "--server", url).stdout == "b\n"
    cli("call", "echo", "--text", "c", code=UNREACHABLE)


def test_no_key_and_no_server(server: Server, tmp_path: pathlib.Path) -> None:
    cli = cli_of(server, HEADRACE_KEY_FILE="")
    # Without a key anywhere; the folder holds no headrace-data either.
    assert "--key-file" in cli("jobs", "list", code=REFUSED).stderr
    assert "cannot be read" in cli("jobs", "list", "--key-file", str(tmp_path / "none"), code=USAGE).stderr
    assert "not an address" in cli("jobs", "list", "--server", "ftp://x", code=USAGE).stderr
    assert "is the server running?" in cli("jobs", "list", "--server", "http://127.0.0.1:1", code=UNREACHABLE).stderr


def test_jobs_from_submit_to_retry(cli: Run) -> None:
    job_id = cli("call", "echo_slow", "--text", "x", "--duration-ms", "60000", "--detach").stdout.strip()
    assert job_id in cli("jobs", "list").stdout
    assert job_id in cli("jobs", "list", "--capability", "echo_slow", "--limit", "5").stdout
    assert "echo_slow@1.0.0" in cli("jobs", "show", job_id).stdout
    cli("jobs", "cancel", job_id)
    assert "cancelled" in cli("jobs", "watch", job_id, code=FAILED).stderr
    cli("jobs", "cancel", job_id, code=REFUSED)
    retried = out_json(cli("jobs", "retry", job_id, "-o", "json"))
    assert retried["retry_of"] == job_id
    cli("jobs", "cancel", retried["id"])
    cli("jobs", "show", "no-such-id", code=REFUSED)


def test_jobs_logs_end_with_the_job(cli: Run) -> None:
    job_id = cli("call", "echo", "--text", "x", "--detach").stdout.strip()
    cli("jobs", "watch", job_id)
    cli("jobs", "logs", job_id)


def test_capabilities(cli: Run) -> None:
    text = cli("capabilities").stdout
    assert "echo_slow" in text and "Slow echo" in text
    text = cli("capabilities", "echo_slow@1.0.0").stdout
    assert "duration_ms (integer)" in text and "text (text)" in text
    assert out_json(cli("capabilities", "echo", "-o", "json"))["version"] == "1.0.0"
    cli("capabilities", "nothing_such", code=REFUSED)


def test_keys_are_shown_once_and_can_be_revoked(server: Server, cli: Run) -> None:
    made = cli("keys", "create", "--name", "from the cli", "--role", "caller", "--days", "1")
    key = made.stdout.strip()
    assert key.startswith("hr_") and key not in made.stderr
    mine = cli_of(server, HEADRACE_KEY=key, HEADRACE_KEY_FILE="")
    assert mine("call", "echo", "--text", "with my key").stdout == "with my key\n"
    listed = cli("keys", "list").stdout
    assert "from the cli" in listed and key not in listed
    key_id = key.split("_")[1]
    cli("keys", "revoke", key_id)
    mine("call", "echo", "--text", "no more", code=REFUSED)
    assert "--role" in cli("keys", "create", "--name", "x", "--role", "king", code=USAGE).stderr


def test_workers_and_queues(cli: Run) -> None:
    assert "echo@1.0.0" in cli("workers", "list").stdout
    assert "echo@1.0.0" in cli("queues", "list").stdout
    cli("queues", "pause", "echo_tensor@1.0.0")
    paused = {queue["capability"]: queue["paused"] for queue in out_json(cli("queues", "list", "-o", "json"))["queues"]}
    assert paused["echo_tensor@1.0.0"] is True
    cli("queues", "resume", "echo_tensor@1.0.0")
    cli("queues", "pause", "nothing@1.0.0", code=REFUSED)
    cli("dead-letters", "list")


def test_a_durable_call_outlives_its_server(start_server: Callable[..., Server]) -> None:
    server = start_server()
    server.wait_engines("echo_slow")
    with subprocess.Popen(
        [
            str(BINARY),
            "call",
            "echo_slow",
            "--text",
            "survived",
            "--duration-ms",
            "6000",
            "--key-file",
            str(server.key_file),
            "--server",
            f"http://127.0.0.1:{server.client_port}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as calling:
        deadline = time.monotonic() + 30
        while not server.client.get("/jobs?state=running").json()["jobs"]:
            assert calling.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        server.kill()
        server.start()
        out, err = calling.communicate(timeout=90)
    assert (calling.returncode, out) == (0, "survived\n"), err
    assert "the job is safe" in err


def test_config(cli: Run, tmp_path: pathlib.Path) -> None:
    good = tmp_path / "headrace.toml"
    good.write_text('[log]\nlevel = "debug"\n')
    assert "sound" in cli("config", "check", "--config", str(good)).stdout
    listed = out_json(cli("config", "show", "--config", str(good), "--set", "server.drain_s=3", "-o", "json"))
    shown = {item["name"]: item for item in listed["settings"]}
    assert shown["log.level"]["value"] == "debug" and shown["log.level"]["origin"] == f"{good}:2"
    assert shown["server.drain_s"]["origin"] == "--set" and shown["jobs.lease_s"]["origin"] == "default"
    assert "log.level" in cli("config", "show").stdout
    bad = tmp_path / "bad.toml"
    bad.write_text('[log]\nlevle = "debug"\n[jobs]\nlease_s = 0\n')
    text = cli("config", "check", "--config", str(bad), code=USAGE).stderr
    assert f"{bad}:2: unknown setting log.levle; did you mean log.level?" in text and "jobs.lease_s" in text
    assert cli("config", "docs").stdout == (ROOT / "docs/operate/configuration.md").read_text()


def test_completion_is_valid_shell(cli: Run) -> None:
    script = cli("completion", "bash").stdout
    probe = (
        script
        + """
COMP_WORDS=(headrace jobs '') COMP_CWORD=2; _headrace; echo "${COMPREPLY[@]}"
COMP_WORDS=(headrace jobs list --state '') COMP_CWORD=4; _headrace; echo "${COMPREPLY[@]}"
COMP_WORDS=(headrace ca) COMP_CWORD=1; _headrace; echo "${COMPREPLY[@]}"
"""
    )
    done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, check=True)
    jobs, states, commands = done.stdout.splitlines()
    assert {"list", "watch", "cancel"} <= set(jobs.split())
    assert states.split() == ["queued", "running", "succeeded", "failed", "cancelled", "expired"]
    assert set(commands.split()) == {"call", "capabilities"}
    assert not done.stderr
    assert "compdef" in cli("completion", "zsh").stdout
    assert "complete -c headrace" in cli("completion", "fish").stdout


def test_engine_check_reads_as_the_server_does(cli: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "engine.toml").write_text('capability = "x"\nversion = "not a version"\n')
    assert "version" in cli("engine", "check", str(tmp_path), code=FAILED).stderr
    cli("engine", "new", "shout", "--dir", str(tmp_path / "shout"))
    assert (tmp_path / "shout" / "engine.toml").exists()
    cli("engine", "run", str(ECHO / "py_echo"), "--input", '{"text": "tried"}')
