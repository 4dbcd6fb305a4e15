"""The console's server side: sessions, the page's headers, status, samples, events and timelines."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from typing import Any

import pytest
from server import BINARY, Server
from websocket import Refused, WebSocket
from wire import API, Client, Reply, problem

SERIES = {
    "accepted",
    "finished",
    "failed",
    "queued",
    "running",
    "wait_p50_ms",
    "wait_p99_ms",
    "run_p50_ms",
    "run_p99_ms",
    "memory_bytes",
    "cpu_percent",
}


@dataclass
class Browser:
    """A page that is signed in: the cookie goes with every request, the token where it must."""

    door: Client
    cookie: str
    who: dict[str, Any]

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        sent = {"Cookie": f"headrace_session={self.cookie}", **headers}
        return self.door.request(method, API + path, body, sent)

    def get(self, path: str) -> Reply:
        return self.request("GET", path)

    def change(self, method: str, path: str, body: Any = None) -> Reply:
        return self.request(method, path, body, **{"X-CSRF-Token": self.who["csrf_token"]})


def sign_in(server: Server, **secret: str) -> Browser:
    door = server.control.with_key(None)
    reply = door.post("/session", secret)
    assert reply.status == 200, (reply.status, reply.body)
    cookie = reply.header("set-cookie") or ""
    assert cookie.startswith("headrace_session=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert "Path=/" in cookie and "Secure" not in cookie
    return Browser(door, cookie.split(";")[0].split("=", 1)[1], reply.json())


@pytest.fixture
def admin(server) -> Browser:
    return sign_in(server, key=server.control.key)


# --- the page ------------------------------------------------------------------------------------


def test_the_page_and_its_policy(server) -> None:
    door = server.control.with_key(None)
    home = door.request("GET", "/")
    assert home.status == 302 and home.header("location") == "/console/"
    assert door.request("GET", "/console").header("location") == "/console/"
    for path in ("/console/", "/console/jobs/0192", "/console/playground"):
        page = door.request("GET", path)
        assert page.status == 200 and (page.header("content-type") or "").startswith("text/html"), path
        policy = page.header("content-security-policy") or ""
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'" and rules["frame-ancestors"] == "'none'", policy
        assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'", policy
        assert rules["base-uri"] == "'none'" and rules["form-action"] == "'self'"
        assert "unsafe" not in policy
        assert page.header("x-content-type-options") == "nosniff" and page.header("referrer-policy") == "no-referrer"
        assert b"<script>" not in page.body and b"<style" not in page.body and b"style=" not in page.body
    assert server.client.with_key(None).request("GET", "/console/").status == 404, "the client door has no page"


def test_the_control_door_answers_to_its_own_names_only(server) -> None:
    reply = server.control.with_key(None).request("GET", "/console/", headers={"Host": "evil.example"})
    assert reply.status == 421, "a name that was bound to 127.0.0.1 is no way in"


# --- sessions ------------------------------------------------------------------------------------


def test_a_session_from_its_link_to_its_end(server) -> None:
    link = server.control.post("/session/links")
    assert link.status == 201 and link.json()["path"] == f"/console/#sign-in={link.json()['token']}"
    browser = sign_in(server, token=link.json()["token"])
    assert browser.who["tenant"] == "default" and browser.who["roles"] == ["admin"] and browser.who["system"] is True
    assert browser.get("/session").json() == browser.who
    again = server.control.with_key(None).post("/session", {"token": link.json()["token"]})
    problem(again, 401, "unauthenticated")
    assert again.header("set-cookie") is None
    ended = browser.change("DELETE", "/session")
    assert ended.status == 204 and "Max-Age=0" in (ended.header("set-cookie") or "")
    problem(browser.get("/session"), 401, "unauthenticated")
    problem(browser.get("/jobs"), 401, "unauthenticated")


def test_the_command_prints_a_link(server) -> None:
    command = [BINARY, "console", "--control", f"http://127.0.0.1:{server.control_port}", "--key-file", server.key_file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    address, _, token = done.stdout.strip().partition("#sign-in=")
    assert address == f"http://127.0.0.1:{server.control_port}/console/"
    assert sign_in(server, token=token).who["system"] is True
    assert token not in server.log_text() and "#sign-in=" not in server.log_text()


@pytest.mark.parametrize("role", ["operator", "developer", "viewer", "caller", "worker"])
def test_links_are_the_admins(server, role) -> None:
    problem(server.control.with_key(server.new_key(role, "acme")).post("/session/links"), 403, "permission_denied")


def test_what_a_sign_in_wants(start_server) -> None:
    server = start_server()
    door = server.control.with_key(None)
    for body in ({}, {"token": "x", "key": "y"}, {"password": "x"}, {"token": 1}):
        problem(door.post("/session", body), 400, "invalid_argument")
    problem(door.post("/session", b"token=x", {"Content-Type": "application/x-www-form-urlencoded"}), 415)
    problem(door.post("/session", {"key": server.control.key}, {"Origin": "http://evil.example"}), 403)
    assert server.client.with_key(None).post("/session", {"key": server.control.key}).status == 404
    for _ in range(10):
        problem(door.post("/session", {"token": "wrong"}), 401, "unauthenticated")
    held = door.post("/session", {"key": server.control.key})
    problem(held, 429, "quota_exceeded")
    assert 1 <= int(held.header("retry-after") or 0) <= 60


def test_changes_want_the_csrf_token(admin) -> None:
    job = {"capability": "echo", "input": {"text": "x"}}
    problem(admin.request("POST", "/jobs", job), 403, "permission_denied")
    problem(admin.request("POST", "/jobs", job, **{"X-CSRF-Token": "wrong"}), 403, "permission_denied")
    problem(admin.request("DELETE", "/session"), 403, "permission_denied")
    token = {"X-CSRF-Token": admin.who["csrf_token"]}
    evil = {**token, "Origin": "http://evil.example"}
    problem(admin.request("POST", "/jobs", job, **evil), 403, "permission_denied")
    own = {**token, "Origin": f"http://127.0.0.1:{admin.door.port}"}
    assert admin.request("POST", "/jobs", job, **own).status == 202


def test_a_token_of_another_session_is_none(server, admin) -> None:
    other = sign_in(server, key=server.control.key)
    job = {"capability": "echo", "input": {"text": "x"}}
    mixed = admin.request("POST", "/jobs", job, **{"X-CSRF-Token": other.who["csrf_token"]})
    problem(mixed, 403, "permission_denied")


def test_the_console_uses_callers_routes(server, admin) -> None:
    problem(server.control.get("/jobs"), 404, "not_found")  # a key does not open them there
    assert any(entry["name"] == "echo" for entry in admin.get("/capabilities").json()["capabilities"])
    job = admin.change("POST", "/jobs", {"capability": "echo", "input": {"text": "hello"}}).json()
    deadline = time.monotonic() + 20
    while admin.get(f"/jobs/{job['id']}").json()["state"] != "succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert admin.get(f"/jobs/{job['id']}/output").json() == {"text": "hello"}


def test_a_session_socket_wants_our_origin(server, admin) -> None:
    path = f"{API}/capabilities/echo_stream/session"
    cookie = {"Cookie": f"headrace_session={admin.cookie}"}
    for origin in ({}, {"Origin": "http://evil.example"}):
        with pytest.raises(Refused) as refused:
            WebSocket("127.0.0.1", server.control_port, path, None, headers={**cookie, **origin})
        assert refused.value.status == 403
    own = {**cookie, "Origin": f"http://127.0.0.1:{server.control_port}"}
    with pytest.raises(Refused) as refused:
        WebSocket("127.0.0.1", server.control_port, path, None, headers=own)
    assert refused.value.status == 400, "let through; echo_stream takes jobs, not sessions"


def test_a_session_ends_with_its_key_and_keeps_its_role(server) -> None:
    key = server.new_key("viewer", "acme")
    browser = sign_in(server, key=key)
    assert browser.who == {**browser.who, "tenant": "acme", "roles": ["viewer"], "system": False}
    problem(browser.change("POST", "/jobs", {"capability": "echo", "input": {"text": "x"}}), 403)
    problem(browser.get("/keys"), 403, "permission_denied")
    assert browser.get("/status").status == 200
    assert server.control.delete(f"/keys/{key.split('_')[1]}").status == 204
    problem(browser.get("/status"), 401, "unauthenticated")


def test_who_does_not_sign_in(server) -> None:
    door = server.control.with_key(None)
    problem(door.post("/session", {"key": server.new_key("worker", "acme")}), 403, "permission_denied")
    caller = sign_in(server, key=server.new_key("caller", "acme"))
    problem(caller.get("/status"), 403, "permission_denied")
    problem(door.get("/session", {"Cookie": "headrace_session=" + "A" * 54}), 401)


# --- status --------------------------------------------------------------------------------------


def test_status_of_the_whole_server(server, admin) -> None:
    server.client.run("echo", {"text": "x"})
    status = admin.get("/status").json()
    assert status["server"]["ready"] is True and status["server"]["memory_bytes"] > 1 << 20
    assert status["server"]["version"] and status["server"]["epoch"] >= 1 and status["server"]["connections"] >= 1
    assert status["totals"]["accepted"] >= 1 and status["totals"]["succeeded"] >= 1
    echo = next(queue for queue in status["queues"] if queue["capability"] == "echo")
    assert echo["version"] == "1.0.0" and echo["slots"] >= 1 and echo["queued"] == 0
    worker = next(entry for entry in status["workers"] if "echo@1.0.0" in entry["versions"])
    assert worker["kind"] == "local" and worker["slots"] >= worker["busy"] >= 0
    assert status == {**status, "warnings": status["warnings"]}
    problem(admin.get("/status?x=1"), 400)


def test_status_of_a_tenant_is_its_own(server, workers, name) -> None:
    from worker import TEXT_TO_TEXT, offer

    workers.start(offer(name, TEXT_TO_TEXT), tenant="acme")
    owner = server.as_role("caller", "acme")
    slow = owner.submit("echo_slow", {"text": "x", "duration_ms": 30_000})
    job = owner.submit(name, {"text": "mine"})
    own = sign_in(server, key=server.new_key("viewer", "acme"))
    foreign = sign_in(server, key=server.new_key("viewer", "elsewhere"))
    mine = own.get("/status").json()
    theirs = foreign.get("/status").json()
    assert name in [queue["capability"] for queue in mine["queues"]]
    assert name not in json.dumps(theirs) and "acme" not in json.dumps(theirs)
    assert mine["totals"]["queued"] + mine["totals"]["running"] >= 2
    assert theirs["totals"] == dict.fromkeys(theirs["totals"], 0)
    assert all(queue["queued"] == queue["running"] == 0 for queue in theirs["queues"])
    for field in ("memory_bytes", "cpu_percent", "loops", "connections"):
        assert theirs["server"][field] is None and mine["server"][field] is None
    problem(foreign.get(f"/jobs/{job['id']}/timeline"), 404)
    for waiting in (slow, job):
        assert owner.post(f"/jobs/{waiting['id']}/cancel").status in (200, 202)


def test_series_after_load(server, admin) -> None:
    for bad in ("59", "3601", "x", ""):
        problem(admin.get(f"/status/series?window={bad}"), 400)
    deadline = time.monotonic() + 60
    while True:
        server.client.run("echo", {"text": "load"})
        series = admin.get("/status/series?window=60").json()
        status = admin.get("/status").json()
        echo = next(queue for queue in status["queues"] if queue["capability"] == "echo")
        # Of the last whole step, in which there may have been other tests' jobs alone.
        if echo["rate"] > 0 and series["finished"] and series["finished"][-1] > 0:
            break
        assert time.monotonic() < deadline, series
        time.sleep(0.1)
    assert set(series) == SERIES | {"step_s", "end"} and series["step_s"] == 5
    lengths = {len(series[row]) for row in SERIES}
    assert len(lengths) == 1 and 1 <= lengths.pop() <= 12
    assert sum(series["accepted"]) > 0 and series["memory_bytes"][-1] > 1 << 20 and series["cpu_percent"][-1] > 0
    assert 0 <= series["run_p50_ms"][-1] <= series["run_p99_ms"][-1] < 60_000
    assert echo["p99_ms"] >= echo["p50_ms"] >= 0
    assert status["server"]["cpu_percent"] > 0
    # Another tenant has had none of it.
    foreign = sign_in(server, key=server.new_key("viewer", "elsewhere")).get("/status/series?window=60").json()
    assert set(foreign["accepted"]) <= {0} and set(foreign["memory_bytes"]) <= {None}


def status_events(browser: Browser):
    return browser.door.stream("GET", "/status/events", headers={"Cookie": f"headrace_session={browser.cookie}"})


def test_events_of_jobs_and_samples(server, admin) -> None:
    foreign = sign_in(server, key=server.new_key("viewer", "elsewhere"))
    with status_events(admin) as (head, own), status_events(foreign) as (_, theirs):
        assert head.status == 200
        assert next(own).event == "sample" and next(theirs).event == "sample"
        job = server.client.submit("echo", {"text": "x"})
        server.client.wait(job["id"])
        seen: list[str] = []
        while "succeeded" not in seen:
            event = next(own)
            assert event.event in {"job", "sample"}
            if event.event == "job" and event.data["id"] == job["id"]:
                assert event.data["capability"] == "echo@1.0.0" and event.data["time"].endswith("Z")
                seen.append(event.data["state"])
        assert seen == ["queued", "running", "succeeded"]
        sample = next(event for event in own if event.event == "sample")
        assert set(sample.data) == SERIES | {"time", "totals"} and sample.data["totals"]["succeeded"] >= 1
        event = next(theirs)
        assert event.event == "sample" and event.data["totals"]["succeeded"] == 0, "nothing of another tenant's job"


def test_events_end_with_the_session(server) -> None:
    browser = sign_in(server, key=server.control.key)
    with status_events(browser) as (_, events):
        assert next(events).event == "sample"
        assert browser.change("DELETE", "/session").status == 204
        deadline = time.monotonic() + 30
        for _ in events:
            assert time.monotonic() < deadline


# --- timelines -----------------------------------------------------------------------------------


def test_the_timeline_of_a_job(workers, client, name) -> None:
    from worker import TEXT_TO_TEXT, offer

    worker = workers.start(offer(name, TEXT_TO_TEXT))
    job = client.submit(name, {"text": "x"})
    first = worker.next_job()
    first.log("warming up")
    first.fail("engine_failed", "out of memory", retryable=True)
    second = worker.next_job()
    second.log("trying again")
    running = client.get(f"/jobs/{job['id']}/timeline").json()
    assert running["spans"][-1]["name"] == "attempt" and running["spans"][-1]["end"] is None
    second.fail("engine_failed", "still out of memory", retryable=False)
    client.wait(job["id"])
    timeline = client.get(f"/jobs/{job['id']}/timeline").json()
    assert timeline["job"]["id"] == job["id"] and timeline["job"]["state"] == "failed"
    spans = timeline["spans"]
    assert [span["name"] for span in spans] == ["accept", "queue", "attempt", "queue", "attempt"]
    assert [span.get("attempt") for span in spans] == [None, None, 1, None, 2]
    assert all(span["start"] <= span["end"] for span in spans)
    assert spans[2]["error"] == "failed" and spans[4]["error"].endswith("still out of memory")
    assert [(line["message"], line["attempt"]) for line in timeline["logs"]] == [("warming up", 1), ("trying again", 2)]
    problem(client.get("/jobs/0192f3a4-0000-7000-8000-000000000000/timeline"), 404)
