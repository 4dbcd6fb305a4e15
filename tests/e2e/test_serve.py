"""`headrace serve` as an operator meets it: what it prints, refuses, measures, logs and reloads."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Workers
from server import BINARY, ECHO, Server, free_port
from waiting import eventually

Start = Callable[..., Server]


def test_two_servers_are_never_given_one_port() -> None:
    """Of 100 drawn at random, with none of them taken yet, two are the same in most runs."""
    assert len({free_port() for _ in range(100)}) == 100


def serve(folder: Path, *more: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to be refused."""
    return subprocess.run(
        [
            str(BINARY),
            "serve",
            "--data",
            str(folder / "data"),
            "--client",
            f"127.0.0.1:{free_port()}",
            "--control",
            f"127.0.0.1:{free_port()}",
            *more,
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, **env},
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.startswith("headrace: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_starting_says_where_and_how(start_server: Start) -> None:
    server = start_server(engines=())
    text = server.log_text()
    assert f"http://127.0.0.1:{server.client_port}" in text
    assert f"http://127.0.0.1:{server.control_port}" in text
    assert str(server.key_file) in text
    assert server.key_file.stat().st_mode & 0o777 == 0o600
    key = server.key_file.read_text()
    assert re.fullmatch(r"hr_[A-Za-z0-9]+_[A-Za-z0-9_-]+\n", key)
    # A key that still works is kept.
    server.stop()
    server.start()
    assert server.key_file.read_text() == key
    assert key.strip() not in server.log_text()


@pytest.mark.parametrize(
    "setting, named",
    [
        ("client.listen=0.0.0.0:0", "client.listen"),
        ("control.listen=0.0.0.0:0", "control.listen"),
        ("client.listen=nonsense", "client.listen"),
        ("client.tls_certificate=/no/such.pem", "client.tls_key"),
        ("server.nonsense=1", "server.nonsense"),
        ("jobs.max_attempts=0", "jobs.max_attempts"),
        ("engines.paths=/no/such/folder", "engines.paths"),
        ("log.level=loud", "log.level"),
    ],
)
def test_a_start_that_cannot_be_names_its_setting(tmp_path: Path, setting: str, named: str) -> None:
    done = subprocess.run(
        [
            str(BINARY),
            "serve",
            "--data",
            str(tmp_path / "data"),
            *(() if setting.startswith("client.listen") else ("--client", f"127.0.0.1:{free_port()}")),
            *(() if setting.startswith("control.listen") else ("--control", f"127.0.0.1:{free_port()}")),
            "--set",
            setting,
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert named in refused(done)


def test_insecure_takes_it_as_written(start_server: Start) -> None:
    server = start_server(engines=(), settings=("client.insecure=true",))
    server.stop()
    server.start()


def test_a_port_in_use_is_named(tmp_path: Path, server: Server) -> None:
    done = subprocess.run(
        [
            str(BINARY),
            "serve",
            "--data",
            str(tmp_path / "data"),
            "--client",
            f"127.0.0.1:{server.client_port}",
            "--control",
            f"127.0.0.1:{free_port()}",
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "client.listen" in refused(done)


def test_a_broken_engine_file_stops_the_start(tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    engine.mkdir()
    (engine / "engine.toml").write_text('capability = "x"\nversion = "1.0.0"\nnonsense = 1\n')
    text = refused(serve(tmp_path, "--engine", str(engine)))
    assert "engine.toml" in text and "nonsense" in text
    (tmp_path / "empty").mkdir()
    assert "engine.toml" in refused(serve(tmp_path, "--engine", str(tmp_path / "empty")))


def test_environment_and_file_are_settings(tmp_path: Path) -> None:
    assert "HEADRACE_JOBS_LEASE_S" in refused(serve(tmp_path, HEADRACE_JOBS_LEASE_S="0"))
    config = tmp_path / "headrace.toml"
    config.write_text("[jobs]\n\nlease = 3\n")
    text = refused(serve(tmp_path, "--config", str(config)))
    assert f"{config}:3" in text and "did you mean jobs.lease_s" in text


def test_a_damaged_database_stops_the_start(start_server: Start) -> None:
    server = start_server(engines=())
    server.stop()
    (server.folder / "data" / "jobs.db").write_bytes(b"not a database at all" * 500)
    done = serve(server.folder)
    assert "jobs.db" in refused(done)


# --- metrics ---------------------------------------------------------------------------------------


def metric(text: str, name: str, **labels: str) -> float:
    total = 0.0
    for line in text.splitlines():
        found = re.fullmatch(r"([a-zA-Z_:]+)(\{.*\})? (\S+)", line)
        if found and found[1] == name and all(f'{key}="{value}"' in (found[2] or "") for key, value in labels.items()):
            total += float(found[3])
    return total


def test_metrics_count_what_happened(server: Server) -> None:
    before = server.control.request("GET", "/metrics").body.decode()
    for number in range(3):
        server.client.run("echo", {"text": str(number)})
    job = server.client.submit("echo", {"text": "durable"})
    server.client.wait(job["id"])
    server.client.post("/jobs", {"capability": "echo", "input": {}})
    after = ""

    def grew(name: str, **labels: str) -> float:
        return metric(after, name, **labels) - metric(before, name, **labels)

    def counted() -> bool:
        """A request is counted when its answer has gone, which its caller may see first."""
        nonlocal after
        reply = server.control.request("GET", "/metrics")
        assert reply.header("content-type").startswith("text/plain; version=0.0.4")
        after = reply.body.decode()
        return grew("headrace_http_request_seconds_count", door="client", route="/jobs") >= 5

    eventually(counted)
    assert grew("headrace_jobs_accepted_total", capability="echo", **{"class": "interactive"}) == 3
    assert grew("headrace_jobs_accepted_total", capability="echo", **{"class": "durable"}) == 1
    assert grew("headrace_jobs_ended_total", capability="echo", state="succeeded") == 4
    assert grew("headrace_job_run_seconds_count", capability="echo") == 4
    assert grew("headrace_job_queue_seconds_count", capability="echo") == 4
    assert grew("headrace_http_requests_total", door="client", route="/jobs", status="200") == 3
    assert grew("headrace_http_requests_total", door="client", route="/jobs", status="400") == 1
    assert grew("headrace_http_request_seconds_count", door="client", route="/jobs") == 5
    assert grew("headrace_commit_seconds_count") >= 1
    assert metric(after, "headrace_workers", state="ready") >= 1
    assert metric(after, "headrace_slots", capability="echo") >= 1
    assert metric(after, "process_resident_memory_bytes") > 1e6
    assert metric(after, "headrace_build_info") == 1


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_takes_the_metrics(server: Server) -> None:
    server.client.run("echo", {"text": "x"})
    text = server.control.request("GET", "/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_metrics_stand_on_the_control_door_alone(server: Server) -> None:
    assert server.client.request("GET", "/metrics").status == 404
    assert server.control.with_key(None).request("GET", "/metrics").status == 200


def test_health_needs_no_key_and_no_engine(server: Server) -> None:
    for door in (server.client, server.control):
        for path in ("/healthz", "/readyz"):
            assert door.with_key(None).request("GET", path).status == 200


# --- log -------------------------------------------------------------------------------------------


def test_one_log_line_per_event_as_json(start_server: Start) -> None:
    server = start_server(settings=("log.format=json", "log.level=debug"))
    server.wait_engines("echo")
    job = server.client.submit("echo", {"text": "do not log me"})
    server.client.wait(job["id"])
    # A request is logged when its answer has gone, which its caller may see first.
    asked = re.compile(r'"message":"request".*/jobs"')
    eventually(lambda: '"message":"job ended"' in server.log_text() and asked.search(server.log_text()))
    lines = [json.loads(line) for line in server.log_text().splitlines() if line.startswith("{")]
    mine = {line["message"]: line for line in lines if line.get("job") == job["id"]}
    for message in ("job accepted", "job started", "job ended"):
        assert mine[message]["tenant"] == "default", mine
    assert mine["job ended"]["worker"].startswith("echo@1.0.0") and mine["job ended"]["state"] == "succeeded"
    requests = [line for line in lines if line["message"] == "request" and line["path"].endswith("/jobs")]
    assert requests and requests[-1]["door"] == "client"
    text = server.log_text()
    assert "do not log me" not in text and server.client.key not in text


# --- signals ---------------------------------------------------------------------------------------


def test_hangup_reloads_all_or_nothing(start_server: Start, tmp_path: Path) -> None:
    config = tmp_path / "headrace.toml"
    config.write_text('[log]\nlevel = "info"\n')
    server = start_server(engines=(), env={"HEADRACE_CONFIG": str(config)})

    def settings() -> dict[str, Any]:
        return {item["name"]: item["value"] for item in server.control.get("/config").json()["settings"]}

    assert settings()["log.level"] == "info"
    config.write_text('[log]\nlevel = "debug"\n[jobs]\nlease_s = 20\n')
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: settings()["log.level"] == "debug")
    eventually(lambda: "next start setting=jobs.lease_s" in server.log_text())
    config.write_text('[log]\nlevel = "warn"\nnonsense = 1\n')
    reply = server.control.post("/reload")
    assert reply.status == 400 and "nonsense" in reply.body.decode()
    assert settings()["log.level"] == "debug"
    config.write_text('[log]\nlevel = "warn"\n')
    assert server.control.post("/reload").status in (200, 204)
    assert settings()["log.level"] == "warn"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            f"/CN={name}",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(key),
            "-out",
            str(cert),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def test_tls_and_its_reload(start_server: Start, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "first")
    server = start_server(engines=(), settings=(f"control.tls_certificate={cert}", f"control.tls_key={key}"))

    def subject() -> str:
        pem = ssl.get_server_certificate(("127.0.0.1", server.control_port))
        text = subprocess.run(
            ["openssl", "x509", "-noout", "-subject"], input=pem, capture_output=True, text=True, check=True
        ).stdout
        return text.strip().rpartition("=")[2].strip()

    assert subject() == "first"
    context = ssl.create_default_context(cafile=str(cert))
    with urllib.request.urlopen(f"https://127.0.0.1:{server.control_port}/readyz", context=context) as reply:
        assert reply.status == 200
    certificate(tmp_path, "second")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: subject() == "second")
    key.write_text("broken")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "settings kept" in server.log_text())
    assert subject() == "second"


def test_the_second_signal_ends_at_once(start_server: Start) -> None:
    server = start_server()
    server.wait_engines("echo_slow")
    job = server.client.submit("echo_slow", {"text": "x", "duration_ms": 60_000})
    server.client.wait(job["id"], {"running"})
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: server.client.request("GET", "/readyz").status == 503)
    assert server.client.post("/jobs", {"capability": "echo", "input": {"text": "late"}}).status == 503
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0


def test_drain_gives_up_after_its_time(start_server: Start) -> None:
    server = start_server(settings=("server.drain_s=1",))
    server.wait_engines("echo_slow")
    job = server.client.submit("echo_slow", {"text": "x", "duration_ms": 60_000})
    server.client.wait(job["id"], {"running"})
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0, "sooner than by the default, 30 s"
    assert time.monotonic() - began > 0.9


@pytest.mark.parametrize("io_loops", [0, 2])
def test_both_thread_models_serve(start_server: Start, io_loops: int) -> None:
    server = start_server(settings=(f"server.io_loops={io_loops}",))
    server.wait_engines("echo")
    for number in range(20):
        assert server.client.run("echo", {"text": str(number)})["output"] == {"text": str(number)}
    job = server.client.submit("echo", {"text": "durable"})
    assert server.client.wait(job["id"])["output"] == {"text": "durable"}
    assert f"io_loops={io_loops}" in server.log_text()
    assert server.stop() == 0


def test_a_server_without_engines_is_small(start_server: Start) -> None:
    server = start_server(engines=())
    resident = metric(server.control.request("GET", "/metrics").body.decode(), "process_resident_memory_bytes")
    assert resident < 80e6


# --- workers from elsewhere --------------------------------------------------------------------------


def start_worker(server: Server, folder: Path, *more: str, scheme: str = "http") -> subprocess.Popen[bytes]:
    token = folder / "worker.key"
    if not token.exists():
        token.write_text(server.new_key("worker") + "\n")
    log = (folder / "worker.log").open("wb")
    return subprocess.Popen(
        [
            str(BINARY),
            "worker",
            "--connect",
            f"{scheme}://127.0.0.1:{server.control_port}",
            "--token-file",
            str(token),
            "--engine",
            str(ECHO / "echo"),
            "--engine",
            str(ECHO / "echo_slow"),
            "--name",
            "elsewhere",
            *more,
        ],
        stdout=log,
        stderr=log,
    )


def test_a_worker_from_elsewhere_runs_jobs(start_server: Start, tmp_path: Path) -> None:
    server = start_server(engines=())
    with start_worker(server, tmp_path, "--set", "engines.stop_grace_s=60") as worker:
        try:
            server.wait_engines("echo", "echo_slow")
            assert server.client.run("echo", {"text": "far"})["output"] == {"text": "far"}
            names = [view["name"] for view in server.control.get("/workers").json()["workers"]]
            assert any(name.startswith("elsewhere/") for name in names), names
            # A durable job outlives the link: the server goes and comes back, the engine goes on.
            job = server.client.submit("echo_slow", {"text": "long", "duration_ms": 5000})
            server.client.wait(job["id"], {"running"})
            server.kill()
            server.start()
            ended = server.client.wait(job["id"], within=40)
            assert ended["output"] == {"text": "long"}
            # SIGTERM lets what runs end.
            server.wait_engines("echo_slow")
            last = server.client.submit("echo_slow", {"text": "last", "duration_ms": 4000})
            server.client.wait(last["id"], {"running"})
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(30) == 0
            assert server.client.wait(last["id"], {"succeeded"})["attempt"] == 1
        finally:
            worker.kill()


def test_a_worker_over_tls_trusts_only_its_authority(start_server: Start, tmp_path: Path) -> None:
    server = start_server(engines=())
    cert, key = certificate(tmp_path, "ours")
    (tmp_path / "worker.key").write_text(server.new_key("worker") + "\n")
    server.stop()
    server.settings += (f"control.tls_certificate={cert}", f"control.tls_key={key}")
    server.start()
    with start_worker(server, tmp_path, scheme="wss") as stranger:
        try:
            eventually(lambda: "certificate" in (tmp_path / "worker.log").read_text())
            assert server.client.get("/capabilities/echo").status == 404
        finally:
            stranger.kill()
    with start_worker(server, tmp_path, "--ca-file", str(cert), scheme="wss") as worker:
        try:
            eventually(lambda: server.client.get("/capabilities/echo").status == 200)
            assert server.client.run("echo", {"text": "sealed"})["output"] == {"text": "sealed"}
        finally:
            worker.kill()


def test_a_worker_that_cannot_start_says_why(tmp_path: Path) -> None:
    token = tmp_path / "key"
    token.write_text("hr_x_y\n")

    def worker(*arguments: str) -> str:
        return refused(
            subprocess.run([str(BINARY), "worker", *arguments], capture_output=True, text=True, timeout=20, check=False)
        )

    engine = ("--engine", str(ECHO / "echo"))
    assert "--connect" in worker("--connect", "nonsense", "--token-file", str(token), *engine)
    assert "in the clear" in worker("--connect", "http://example.org:8601", "--token-file", str(token), *engine)
    assert "--token-file" in worker("--connect", "http://127.0.0.1:1", "--token-file", str(tmp_path / "none"), *engine)
    assert "--engine" in worker("--connect", "http://127.0.0.1:1", "--token-file", str(token))


def test_a_session_is_told_that_the_server_ends(start_server: Start) -> None:
    from test_sessions import OPENING, TALK, connect
    from worker import offer

    server = start_server(engines=(), settings=("server.drain_s=1",))
    workers = Workers(server)
    worker = workers.start(offer("talk", TALK))
    with connect(server.client, "talk") as session:
        session.send(OPENING)
        session.receive()
        leased = worker.next_job()
        session.send({"input": {"text": "hello"}, "seq": 1})
        leased.next_step()
        leased.output({"text": "HELLO"}, 1)
        session.receive()
        server.process.send_signal(signal.SIGTERM)
        messages, code = session.until_closed()
    assert code == 1011 and "error" in messages[-1], (messages, code)
    assert server.process.wait(30) == 0
    for open_worker in workers.open:
        open_worker.close()
