"""contracts §1: health, doors, errors that http makes, draining, restart."""

from __future__ import annotations

import re
import signal
import time

from wire import API, RawSocket, problem

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_method_not_allowed(server) -> None:
    for door, path, allowed in (
        (server.client, "/jobs", {"GET", "POST"}),
        (server.client, "/jobs/x", {"GET", "DELETE"}),
        (server.client, "/jobs/x/cancel", {"POST"}),
        (server.control, "/keys", {"GET", "POST"}),
    ):
        reply = door.request("PATCH", API + path)
        problem(reply, 405)
        assert allowed <= {method.strip() for method in (reply.header("allow") or "").split(",")}


def test_unknown_routes(server) -> None:
    for path in ("/nothing", "/jobs/x/nothing", "/jobs/x/events/y", "/", ""):
        problem(server.client.request("GET", API + path), 404, "not_found")


def test_problems_name_their_trace(server) -> None:
    sent = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    body = problem(server.client.get("/jobs/x", sent), 404)
    assert body["trace_id"] == TRACE and body["instance"] == f"{API}/jobs/x"
    for bad in (f"00-{'0' * 32}-00f067aa0ba902b7-01", "nonsense", f"ff-{TRACE}-00f067aa0ba902b7-01"):
        assert problem(server.client.get("/jobs/x", {"traceparent": bad}), 404)["trace_id"] != TRACE
    one, two = (problem(server.client.get("/jobs/x"), 404)["trace_id"] for _ in range(2))
    assert one != two


def test_the_trace_reaches_the_engine(workers, client, name) -> None:
    from worker import TEXT_TO_TEXT, offer

    worker = workers.start(offer(name, TEXT_TO_TEXT))
    client.submit(name, {"text": "x"}, headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    leased = worker.next_job()
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", leased.job.traceparent)
    leased.done({"text": ""})
    client.submit(name, {"text": "x"})
    leased = worker.next_job()
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", leased.job.traceparent)
    leased.done({"text": ""})


def test_content_types(client) -> None:
    for content_type in ("text/plain", "application/xml", "application/jsonx"):
        problem(
            client.post("/jobs", b'{"capability":"echo","input":{"text":"x"}}', {"Content-Type": content_type}), 415
        )
    for content_type in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        reply = client.post("/jobs", b'{"capability":"echo","input":{"text":"x"}}', {"Content-Type": content_type})
        assert reply.status == 202


def test_keep_alive_and_pipelining(client) -> None:
    one = (f"GET {API}/jobs?limit=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.key}\r\n\r\n").encode()
    with RawSocket(client.host, client.port) as raw:
        raw.send(one * 5 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert raw.read_until_closed().count(b"HTTP/1.1 200") == 6


def test_data_folder(start_server) -> None:
    server = start_server()
    job = server.client.submit("echo", {"text": "x"})
    server.client.wait(job["id"])
    data = server.folder / "data"
    assert {"jobs.db", "catalog.db", "blobs", "master.key", "lock"} <= {entry.name for entry in data.iterdir()}
    assert (data / "master.key").stat().st_mode & 0o077 == 0


def test_drain_on_sigterm(start_server) -> None:
    server = start_server()
    server.wait_engines("echo_slow")
    client = server.client
    job = client.submit("echo_slow", {"text": "x", "duration_ms": 4000})
    client.wait(job["id"], {"running"})
    server.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 1
    draining = None
    while time.monotonic() < deadline and draining is None:
        try:
            reply = client.request("GET", "/readyz")
        except OSError:
            break
        draining = reply.status if reply.status == 503 else None
        time.sleep(0.02)
    assert server.process.wait(20) == 0, server.log_text()[-2000:]
    server.start()
    assert server.client.wait(job["id"])["state"] == "succeeded"


def test_restart_keeps_durable_jobs(start_server) -> None:
    server = start_server()
    server.wait_engines("echo_slow")
    done = server.client.submit("echo", {"text": "kept"})
    server.client.wait(done["id"])
    interactive = server.client.run("echo", {"text": "gone"})
    running = server.client.submit("echo_slow", {"text": "again", "duration_ms": 4000})
    server.client.wait(running["id"], {"running"})
    queued = [server.client.submit("echo_slow", {"text": str(i), "duration_ms": 100}) for i in range(10)]
    server.kill()
    server.start()
    assert server.client.job(done["id"])["output"] == {"text": "kept"}
    problem(server.client.get(f"/jobs/{interactive['id']}"), 404)
    ended = server.client.wait(running["id"], within=40)
    assert ended["state"] == "succeeded" and ended["output"] == {"text": "again"}
    for number, job in enumerate(queued):
        assert server.client.wait(job["id"], within=40)["output"] == {"text": str(number)}


def test_promoted_jobs_survive(start_server) -> None:
    server = start_server()
    server.wait_engines("echo_slow")
    reply = server.client.post(
        "/jobs", {"capability": "echo_slow", "input": {"text": "p", "duration_ms": 5000}}, {"Prefer": "wait=1"}
    )
    assert reply.status == 202
    server.kill()
    server.start()
    assert server.client.wait(reply.json()["id"], within=40)["output"] == {"text": "p"}


def test_a_second_server_on_the_same_data_is_refused(start_server, server) -> None:
    import subprocess

    from server import BINARY, free_port

    first = start_server(engines=())
    second = subprocess.run(
        [
            BINARY,
            "serve",
            "--data",
            first.folder / "data",
            "--client",
            f"127.0.0.1:{free_port()}",
            "--control",
            f"127.0.0.1:{free_port()}",
            "--admin-key-file",
            first.folder / "other.key",
        ],
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert second.returncode != 0 and b"lock" in second.stderr
