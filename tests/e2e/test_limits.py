"""Limits of keys, apps, tenants and models, and the records that bring them, on the real server."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import random
import socket
import subprocess
import time
from typing import Any

import pytest
from server import Server
from wire import API, Client


@pytest.fixture
def tenant() -> str:
    return f"t{random.randrange(10**9)}"


def call(client: Client, capability: str = "echo") -> Any:
    body = {"capability": capability, "input": {"text": "x"}}
    return client.post("/jobs", body, {"Prefer": "wait=10"})


def wait_for_next_minute(room_s: float = 20) -> None:
    """Windows are full minutes: a test that counts in one wants some of it left."""
    left = 60 - time.time() % 60
    if left < room_s:
        time.sleep(left + 0.05)


def test_requests_per_minute_of_a_key(server: Server, tenant: str) -> None:
    client = server.as_role("caller", tenant, limits={"requests_per_minute": 3})
    wait_for_next_minute()
    for left in (2, 1, 0):
        reply = call(client)
        assert reply.status == 200, reply.body
        assert reply.header("x-ratelimit-limit-requests") == "3"
        assert reply.header("x-ratelimit-remaining-requests") == str(left)
        assert reply.header("x-ratelimit-reset-requests").endswith("s")
    refused = call(client)
    assert refused.status == 429
    problem = refused.json()
    assert problem["code"] == "quota_exceeded"
    assert problem["errors"] == [{"path": "key.requests_per_minute", "rule": "limit", "limit": "3"}]
    assert 1 <= int(refused.header("retry-after")) <= 60
    assert refused.header("x-ratelimit-remaining-requests") == "0"
    # What is not a job is not counted, and others are not either.
    assert client.get("/jobs").status == 200
    assert call(server.as_role("caller", tenant)).status == 200


def test_every_way_of_handing_in_a_job_is_counted(server: Server, tenant: str) -> None:
    client = server.as_role("developer", tenant, limits={"requests_per_day": 4})
    body = {"capability": "echo", "input": {"text": "x"}}
    done = client.submit("echo", {"text": "x"})
    with client.stream("POST", "/jobs", body, {"Accept": "text/event-stream"}) as (head, events):
        assert head.status == 200
        assert head.header("x-ratelimit-remaining-requests") == "2"
        assert [event.event for event in events][-1] == "done"
    client.wait(done["id"])
    assert client.post(f"/jobs/{done['id']}/retry").status == 409  # refused for another reason: not counted
    job = client.submit("echo_slow", {"text": "x", "duration_ms": 60_000})
    client.post(f"/jobs/{job['id']}/cancel")
    client.wait(job["id"])
    again = client.post(f"/jobs/{job['id']}/retry")
    assert again.status == 202
    client.post(f"/jobs/{again.json()['id']}/cancel")
    assert client.post("/jobs", body).status == 429
    assert client.post(f"/jobs/{job['id']}/retry").status == 429
    with client.stream("POST", "/jobs", body, {"Accept": "text/event-stream"}) as (head, _):
        assert head.status == 429


def test_a_race_admits_exactly_the_limit(server: Server, tenant: str) -> None:
    client = server.as_role("caller", tenant, limits={"requests_per_day": 50})

    def some(_: int) -> int:
        return sum(call(client).status == 200 for _ in range(25))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(some, range(8))) == 50


def test_concurrency_is_given_back(server: Server, tenant: str) -> None:
    client = server.as_role("caller", tenant, limits={"concurrency": 1})
    slow = {"capability": "echo_slow", "input": {"text": "x", "duration_ms": 600_000}}
    with client.stream("POST", "/jobs", slow, {"Accept": "text/event-stream"}) as (head, events):
        assert head.status == 200
        next(events)
        refused = call(client)
        assert refused.status == 429 and refused.json()["errors"][0]["path"] == "key.concurrency"
    # The client has hung up: the place is free again, and not when a comment, one every 15 s, meets the dead socket.
    deadline = time.monotonic() + 12
    while call(client).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_apps_share_their_limit(server: Server, tenant: str) -> None:
    made = server.control.post("/apps", {"name": "shop", "tenant": tenant, "limits": {"requests_per_day": 2}})
    assert made.status == 201 and made.json()["limits"] == {"requests_per_day": 2}
    one, two = (server.as_role("caller", tenant, app="shop") for _ in range(2))
    assert call(one).status == 200 and call(two).status == 200
    refused = call(one)
    assert refused.status == 429 and refused.json()["errors"][0]["path"] == "app.requests_per_day"
    changed = server.control.request("PATCH", f"{API}/apps/shop?tenant={tenant}", {"limits": {"requests_per_day": 3}})
    assert changed.status == 200
    assert call(two).status == 200 and call(two).status == 429
    assert server.control.delete(f"/apps/shop?tenant={tenant}").status == 409


def test_tenants_and_their_models(server: Server, tenant: str) -> None:
    client = server.as_role("caller", tenant)
    limits = {"requests_per_day": 3}
    body = {"name": tenant, "limits": limits, "models": {"echo": {"requests_per_day": 1}}}
    assert server.control.post("/tenants", body).status == 201
    assert server.control.get(f"/tenants/{tenant}").json()["models"] == {"echo": {"requests_per_day": 1}}
    assert call(client).status == 200
    refused = call(client)
    assert refused.status == 429 and refused.json()["errors"][0]["path"] == "model.requests_per_day"
    server.control.request("PATCH", f"{API}/tenants/{tenant}", {"models": {}})
    assert [call(client).status for _ in range(3)] == [200, 200, 429]


def test_who_is_switched_off_is_refused(server: Server, tenant: str) -> None:
    server.control.post("/apps", {"name": "shop", "tenant": tenant})
    server.control.post("/users", {"name": "ann@example.org", "tenant": tenant, "email": "ann@example.org"})
    client = server.as_role("caller", tenant, app="shop", user="ann@example.org")
    assert call(client).status == 200
    for path in (f"/apps/shop?tenant={tenant}", f"/users/ann%40example.org?tenant={tenant}"):
        assert server.control.request("PATCH", API + path, {"enabled": False}).status == 200
        refused = call(client)
        assert refused.status == 403 and "switched off" in refused.json()["detail"]
        assert server.control.request("PATCH", API + path, {"enabled": True}).status == 200
        assert call(client).status == 200
    assert server.control.request("PATCH", f"{API}/tenants/default", {"enabled": False}).status in (400, 404)


def test_a_key_may_be_bound_to_addresses(server: Server, tenant: str) -> None:
    assert call(server.as_role("caller", tenant, addresses=["127.0.0.0/8"])).status == 200
    away = server.as_role("caller", tenant, addresses=["10.0.0.0/8"])
    refused = call(away)
    assert refused.status == 403 and "address" in refused.json()["detail"]
    # A caller cannot talk its way in: nobody here trusts forwarded addresses.
    away.extra["X-Forwarded-For"] = "10.1.2.3"
    assert call(away).status == 403
    made = server.control.post("/keys", {"name": "x", "role": "caller", "addresses": ["nonsense"]})
    assert made.status == 400 and made.json()["errors"][0]["path"] == "addresses"


def test_a_key_may_be_bound_to_models(server: Server, tenant: str) -> None:
    client = server.as_role("caller", tenant, capabilities=["echo"])
    assert call(client).status == 200
    assert call(client, "echo_slow").status == 404


def test_rotation_overlaps(server: Server, tenant: str) -> None:
    old = server.new_key("caller", tenant)
    id_ = old.split("_")[1]
    began = time.monotonic()
    turned = server.control.post(f"/keys/{id_}/rotate", {"overlap_s": 5})
    assert turned.status == 200 and turned.header("cache-control") == "no-store"
    new = turned.json()["key"]
    assert new.split("_")[1] == id_ and new != old and "old_secret_until" in turned.json()
    assert call(server.client.with_key(old)).status == 200
    assert call(server.client.with_key(new)).status == 200
    while (status := call(server.client.with_key(old)).status) == 200:
        assert time.monotonic() - began < 30
        time.sleep(0.1)
    assert status == 401 and time.monotonic() - began >= 5
    assert call(server.client.with_key(new)).status == 200
    shown = server.control.get(f"/keys/{id_}").json()
    assert "key" not in shown and shown["last_used_at"] and shown["rotated_at"]
    assert server.control.post(f"/keys/{id_}/rotate", {"overlap_s": 90 * 86400 + 1}).status == 400
    # A rotation without a body overlaps by a day.
    assert server.control.post(f"/keys/{id_}/rotate").status == 200
    assert call(server.client.with_key(new)).status == 200


def test_a_key_can_be_changed(server: Server, tenant: str) -> None:
    key = server.new_key("caller", tenant)
    path = f"{API}/keys/{key.split('_')[1]}"
    changed = server.control.request("PATCH", path, {"name": "other", "limits": {"requests_per_day": 1}})
    assert changed.status == 200 and changed.json()["limits"] == {"requests_per_day": 1}
    client = server.client.with_key(key)
    assert [call(client).status for _ in range(2)] == [200, 429]
    assert server.control.request("PATCH", path, {"limits": {}}).status == 200
    assert call(client).status == 200
    for bad in ({"role": "admin"}, {"limits": {"requests": 1}}, {"limits": {"concurrency": -1}}, {"app": "none"}):
        reply = server.control.request("PATCH", path, bad)
        assert reply.status == 400, (bad, reply.body)


def test_all_of_it_survives_a_restart(start_server) -> None:
    server = start_server()
    server.wait_engines("echo")
    server.control.post("/tenants", {"name": "acme", "title": "Acme", "models": {"m": {"concurrency": 2}}})
    server.control.post("/apps", {"name": "shop", "tenant": "acme", "limits": {"requests_per_day": 1}})
    key = server.new_key("caller", "acme", app="shop", addresses=["127.0.0.1"])
    id_ = key.split("_")[1]
    new = server.control.post(f"/keys/{id_}/rotate", {"overlap_s": 3600}).json()["key"]
    assert call(server.client.with_key(new)).status == 200
    before = server.control.get(f"/keys/{id_}").json()
    assert server.stop() == 0
    server.start()
    server.wait_engines("echo")
    assert server.control.get(f"/keys/{id_}").json() == before
    assert server.control.get("/tenants/acme").json()["models"] == {"m": {"concurrency": 2}}
    # Counters of a single server are in its memory: a restart begins anew, within the limit again.
    assert [call(server.client.with_key(key)).status for _ in range(2)] == [200, 429]


def test_metrics_tell_of_refusals(server: Server, tenant: str) -> None:
    def refused() -> float:
        text = server.control.request("GET", "/metrics").body.decode()
        wanted = 'headrace_limit_refusals_total{limit="requests_per_day",scope="key"}'
        other = 'headrace_limit_refusals_total{scope="key",limit="requests_per_day"}'
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith((wanted, other)))

    client = server.as_role("caller", tenant, limits={"requests_per_day": 1})
    before = refused()
    assert [call(client).status for _ in range(4)] == [200, 429, 429, 429]
    assert refused() == before + 3


def test_the_server_guards_itself(start_server) -> None:
    server = start_server(settings=("overload.queue_bytes=200KiB", "jobs.keep_ended_s=1"))
    server.wait_engines("echo_slow")
    control = server.control

    def gauge(name: str) -> float:
        text = control.request("GET", "/metrics").body.decode()
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    on = 'headrace_overload_action_on{action="%s"}'
    assert gauge(on % "stop_accepting_jobs") == 0
    # Interactive jobs that wait keep their inputs in memory: three are not enough for anything, four for everything.
    big = {"capability": "echo_slow", "input": {"text": "x" * 60_000, "duration_ms": 8000}}
    patient = dataclasses.replace(server.client, timeout=90)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(patient.post, "/jobs", big, {"Prefer": "wait=60"}) for _ in range(5)]
        deadline = time.monotonic() + 30
        while gauge(on % "not_ready") != 1:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        refused = call(server.client)
        assert refused.status == 503 and refused.header("retry-after") == "5"
        for action in ("close_idle", "shed_streams", "stop_accepting_jobs", "not_ready"):
            assert gauge(on % action) == 1, action
        assert server.client.request("GET", "/readyz").status == 503
        assert server.client.request("GET", "/healthz").status == 200
        stream = server.client.request("GET", f"{API}/jobs/x/events", headers={"Accept": "text/event-stream"})
        assert stream.status == 503
        idle = socket.create_connection(("127.0.0.1", server.client_port))
        idle.settimeout(30)
        assert idle.recv(1) == b""  # closed, though nothing was wrong with it
        assert all(job.result().status in (200, 503) for job in waiting)
        assert any(job.result().status == 200 for job in waiting)
    deadline = time.monotonic() + 60  # ended jobs stay in memory for a while, too
    while server.client.request("GET", "/readyz").status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert call(server.client).status == 200
    assert "overload action=stop_accepting_jobs on resource=queue_bytes" in server.log_text()


def cli(server: Server, *arguments: str) -> str:
    command = [str(server.binary), *arguments, "--control", f"http://127.0.0.1:{server.control_port}"]
    command += ["--key-file", str(server.key_file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands(server: Server, tenant: str) -> None:
    cli(server, "tenants", "create", tenant, "--title", "T", "--requests-per-day", "100")
    cli(server, "tenants", "set", tenant, "--model", "echo", "--concurrency", "5")
    cli(server, "apps", "create", "shop", "--tenant", tenant, "--requests-per-minute", "60")
    cli(server, "apps", "set", "shop", "--tenant", tenant, "--concurrency", "3")
    shown = json.loads(cli(server, "tenants", "list", "-o", "json"))["tenants"]
    mine = next(item for item in shown if item["name"] == tenant)
    assert mine["limits"] == {"requests_per_day": 100} and mine["models"] == {"echo": {"concurrency": 5}}
    assert "60 requests/min, 3 at once" in cli(server, "apps", "list")
    key = cli(server, "keys", "create", "--name", "k", "--tenant", tenant, "--app", "shop").strip()
    id_ = key.split("_")[1]
    assert call(server.client.with_key(key)).status == 200
    cli(server, "keys", "set", id_, "--address", "10.0.0.0/8")
    assert call(server.client.with_key(key)).status == 403
    cli(server, "keys", "set", id_, "--address", "any")
    new = cli(server, "keys", "rotate", id_, "--overlap", "0").strip()
    assert call(server.client.with_key(key)).status == 401
    assert call(server.client.with_key(new)).status == 200
    assert "shop" in cli(server, "keys", "show", id_)
    cli(server, "tenants", "set", tenant, "--off")
    assert call(server.client.with_key(new)).status == 403
    cli(server, "keys", "revoke", id_)
    cli(server, "apps", "remove", "shop", "--tenant", tenant)


def test_usage_by_key_app_model_and_day(server: Server, tenant: str) -> None:
    server.control.post("/apps", {"name": "=shop", "tenant": tenant})  # refused: a name begins with a letter
    server.control.post("/apps", {"name": "shop", "tenant": tenant})
    one = server.as_role("caller", tenant, app="shop")
    two = server.as_role("caller", tenant)
    for client in (one, one, two):
        assert call(client).status == 200
    deadline = time.monotonic() + 30
    while True:
        summary = server.control.get(f"/usage/summary?by=app&tenant={tenant}").json()
        if summary["records"] == 3:
            break
        assert time.monotonic() < deadline, summary
        time.sleep(0.05)
    assert [(row["app"], row["jobs"]) for row in summary["rows"]] == [("", 1), ("shop", 2)]
    assert summary["complete"] is True
    records = server.control.get(f"/usage?tenant={tenant}").json()["usage"]
    assert sorted(record.get("app", "") for record in records) == ["", "shop", "shop"]
    by_all = cli(server, "usage", "--tenant", tenant, "--by", "day,key,app,model", "-o", "csv")
    lines = by_all.splitlines()
    assert lines[0].startswith("day,key,key_name,app,model,jobs,succeeded,prompt_tokens") and len(lines) == 3
    assert sum(int(line.split(",")[5]) for line in lines[1:]) == 3
    table = cli(server, "usage", "--tenant", tenant, "--by", "app")
    assert "shop" in table and table.splitlines()[-1].startswith("all")
    assert "█" in cli(server, "usage", "--tenant", tenant, "--by", "day", "--plot")
    assert json.loads(cli(server, "usage", "--tenant", tenant, "-o", "json"))["records"] == 3
    assert server.control.get("/usage/summary?by=week").status == 400
