"""contracts §5: keys, workers, queues, dead letters, usage, settings."""

from __future__ import annotations

import datetime
import time

import pytest
from wire import paths_of, problem
from worker import TEXT_TO_TEXT, offer


def in_seconds(seconds: float) -> str:
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


# --- keys --------------------------------------------------------------------------------------------


def test_a_key_is_shown_once(server, control) -> None:
    reply = control.post("/keys", {"name": "once", "role": "caller", "tenant": "acme"})
    assert reply.status == 201
    made = reply.json()
    assert made["key"] == f"hr_{made['id']}_{made['key'].split('_', 2)[2]}"
    assert (made["name"], made["role"], made["tenant"]) == ("once", "caller", "acme")
    shown = control.get(f"/keys/{made['id']}").json()
    assert "key" not in shown and {**shown, "key": made["key"]} == made
    listed = control.get("/keys").json()["keys"]
    assert shown in listed and not any("key" in key for key in listed)
    assert server.client.with_key(made["key"]).get("/capabilities").status == 200


def test_the_key_file(server) -> None:
    text = server.key_file.read_text()
    assert text.endswith("\n") and text.count("\n") == 1 and text.startswith("hr_")
    assert server.key_file.stat().st_mode & 0o777 == 0o600
    own = server.control.get(f"/keys/{text.split('_')[1]}").json()
    assert own["role"] == "admin" and own["tenant"] == "default"


def test_revoked_keys_end_at_once(server, control) -> None:
    made = control.post("/keys", {"name": "short", "role": "caller"}).json()
    client = server.client.with_key(made["key"])
    assert client.get("/jobs").status == 200
    assert control.delete(f"/keys/{made['id']}").status == 204
    problem(client.get("/jobs"), 401, "unauthenticated")
    assert control.get(f"/keys/{made['id']}").json()["revoked_at"]
    assert control.delete(f"/keys/{made['id']}").status == 204
    problem(control.delete("/keys/nobodynobody"), 404)


def test_expiring_keys(server, control) -> None:
    expires_at = in_seconds(5)
    made = control.post("/keys", {"name": "soon", "role": "caller", "expires_at": expires_at}).json()
    client = server.client.with_key(made["key"])
    assert client.get("/jobs").status == 200
    deadline = time.monotonic() + 30
    while (reply := client.get("/jobs")).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    problem(reply, 401)
    assert in_seconds(0) >= expires_at, "not before its time"


def test_scoped_keys_see_their_capabilities_only(server) -> None:
    client = server.as_role("developer", capabilities=["echo"])
    assert client.run("echo", {"text": "x"})["state"] == "succeeded"
    assert [entry["name"] for entry in client.get("/capabilities").json()["capabilities"]] == ["echo"]
    problem(client.post("/jobs", {"capability": "echo_slow", "input": {"text": "x"}}), 404)
    problem(client.get("/capabilities/echo_slow"), 404)
    foreign = server.client.submit("echo_slow", {"text": "x", "duration_ms": 0})
    problem(client.get(f"/jobs/{foreign['id']}"), 404)
    problem(client.post(f"/jobs/{foreign['id']}/cancel"), 404)
    assert all(job["capability"].startswith("echo@") for job in client.get("/jobs").json()["jobs"])


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        ({"name": "x"}, "role"),
        ({"name": "x", "role": "god"}, "role"),
        ({"name": "x", "role": 5}, "role"),
        ({"name": 5, "role": "caller"}, "name"),
        ({"name": "", "role": "caller"}, "name"),
        ({"name": "x" * 201, "role": "caller"}, "name"),
        ({"name": "x", "role": "caller", "tenant": "No Such"}, "tenant"),
        ({"name": "x", "role": "caller", "tenant": ""}, "tenant"),
        ({"name": "x", "role": "caller", "tenant": "system"}, "tenant"),
        ({"name": "x", "role": "caller", "capabilities": "echo"}, "capabilities"),
        ({"name": "x", "role": "caller", "capabilities": [5]}, "capabilities[0]"),
        ({"name": "x", "role": "caller", "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "x", "role": "caller", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "role": "caller", "more": 1}, "more"),
        ({"name": "x", "role": "caller", "key": "hr_mine"}, "key"),
    ],
)
def test_bad_keys(control, body, path) -> None:
    assert path in paths_of(problem(control.post("/keys", body), 400, "invalid_argument"))


def test_a_tenants_admin_stays_in_it(server, control) -> None:
    acme = control.with_key(server.new_key("admin", "acme"))
    made = acme.post("/keys", {"name": "own", "role": "caller"}).json()
    assert made["tenant"] == "acme"
    problem(acme.post("/keys", {"name": "other", "role": "caller", "tenant": "globex"}), 403, "permission_denied")
    foreign = control.post("/keys", {"name": "g", "role": "caller", "tenant": "globex"}).json()
    problem(acme.get(f"/keys/{foreign['id']}"), 404)
    problem(acme.delete(f"/keys/{foreign['id']}"), 404)
    assert {key["tenant"] for key in acme.get("/keys").json()["keys"]} == {"acme"}
    problem(acme.get("/keys?tenant=globex"), 403)
    problem(acme.get("/config"), 403)
    problem(acme.post("/reload"), 403)
    assert {key["tenant"] for key in control.get("/keys?tenant=acme").json()["keys"]} == {"acme"}


# --- workers -----------------------------------------------------------------------------------------


def test_workers(workers, control, name) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT), name=f"w-{name}")
    listed = control.get("/workers").json()["workers"]
    (own,) = (entry for entry in listed if entry["name"] == f"w-{name}")
    assert own.keys() >= {"id", "name", "pid", "host", "state", "versions", "slots", "running", "since"}
    assert own["versions"] == [f"{name}@1.0.0"] and (own["pid"], own["host"], own["slots"]) == (1, "test", 1)
    assert control.get(f"/workers/{own['id']}").json()["name"] == f"w-{name}"
    assert any("echo@1.0.0" in entry["versions"] for entry in listed), "hosts of --engine are workers too"
    problem(control.get("/workers/x"), 404)
    problem(control.get("/workers/01890a5d-ac96-774b-bcce-b302099a8057"), 404)
    problem(control.post("/workers/x/drain"), 404)
    assert worker.welcome.worker.hex() == own["id"].replace("-", "")


def test_drain_a_worker(workers, client, control, name) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    worker_id = next(
        entry["id"] for entry in control.get("/workers").json()["workers"] if f"{name}@1.0.0" in entry["versions"]
    )
    running = client.submit(name, {"text": "running"})
    leased = worker.next_job()
    reply = control.post(f"/workers/{worker_id}/drain")
    assert reply.status in (200, 202)
    assert worker.drained.wait(30)
    waiting = client.submit(name, {"text": "waiting"})
    leased.done({"text": "done"})
    assert client.wait(running["id"])["state"] == "succeeded"
    time.sleep(0.3)
    assert client.job(waiting["id"])["state"] == "queued" and worker.jobs.empty()


def test_remove_a_worker(workers, control, name) -> None:
    workers.start(offer(name, TEXT_TO_TEXT))
    worker_id = next(
        entry["id"] for entry in control.get("/workers").json()["workers"] if f"{name}@1.0.0" in entry["versions"]
    )
    assert control.post(f"/workers/{worker_id}/remove").status in (200, 202)


# --- queues ------------------------------------------------------------------------------------------


def queue_of(control, name: str) -> dict:
    return next(queue for queue in control.get("/queues").json()["queues"] if queue["capability"] == f"{name}@1.0.0")


def test_pause_and_resume(workers, client, control, name) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    assert control.post(f"/queues/{name}@1.0.0/pause").status == 200
    job = client.submit(name, {"text": "x"})
    time.sleep(0.3)
    assert client.job(job["id"])["state"] == "queued"
    queue = queue_of(control, name)
    assert queue["paused"] and queue["queued"] == 1 and queue["running"] == 0
    assert control.post(f"/queues/{name}@1.0.0/resume").status == 200
    worker.next_job().done({"text": "y"})
    assert client.wait(job["id"])["state"] == "succeeded" and not queue_of(control, name)["paused"]


def test_purge(workers, client, control, name) -> None:
    workers.start(offer(name, TEXT_TO_TEXT))
    control.post(f"/queues/{name}@1.0.0/pause")
    jobs = [client.submit(name, {"text": "x"}) for _ in range(3)]
    reply = control.post(f"/queues/{name}@1.0.0/purge")
    assert reply.status == 200 and reply.json()["purged"] == 3
    for job in jobs:
        ended = client.wait(job["id"])
        assert ended["state"] == "cancelled" and ended["error"]["reason"] == "purged"


def test_drain_a_queue(workers, client, control, name) -> None:
    workers.start(offer(name, TEXT_TO_TEXT))
    assert control.post(f"/queues/{name}@1.0.0/drain").status == 200
    problem(client.post("/jobs", {"capability": name, "input": {"text": "x"}}), 503, "unavailable")
    assert queue_of(control, name)["draining"]
    control.post(f"/queues/{name}@1.0.0/resume")
    client.submit(name, {"text": "x"})


def test_unknown_queues(control) -> None:
    for reference in ("nobody@1.0.0", "nobody", "echo@9.0.0"):
        for act in ("pause", "resume", "drain", "purge"):
            problem(control.post(f"/queues/{reference}/{act}"), 404)


def test_foreign_tenants_may_not_manage_the_systems_queues(server, control) -> None:
    acme = control.with_key(server.new_key("admin", "acme"))
    problem(acme.post("/queues/echo@1.0.0/pause"), 403)


# --- dead letters ------------------------------------------------------------------------------------


def test_dead_letters(workers, client, control, name) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    job = client.submit(name, {"text": "poison"})
    for attempt in range(1, 6):
        leased = worker.next_job(within=40)
        assert leased.job.attempt == attempt
        leased.fail("engine_failed", "again", retryable=True)
    dead = client.wait(job["id"])
    assert dead["state"] == "failed" and dead["error"]["reason"] == "dead" and dead["attempt"] == 5
    listed = control.get("/dead-letters").json()
    assert listed.keys() == {"dead_letters", "next_cursor"}
    assert job["id"] in [letter["id"] for letter in listed["dead_letters"]]
    only = control.get(f"/dead-letters?capability={name}&limit=1").json()["dead_letters"]
    assert [letter["id"] for letter in only] == [job["id"]]
    reply = control.post(f"/dead-letters/{job['id']}/replay")
    assert reply.status == 202
    again = reply.json()
    assert again["retry_of"] == job["id"] and again["id"] != job["id"]
    leased = worker.next_job()
    assert leased.inputs() == {"text": "poison"} and leased.job.attempt == 1
    leased.done({"text": "cured"})
    assert client.wait(again["id"])["state"] == "succeeded"


def test_only_dead_letters_are_replayed(client, control) -> None:
    job = client.submit("echo", {"text": "x"})
    client.wait(job["id"])
    problem(control.post(f"/dead-letters/{job['id']}/replay"), 409, "conflict")
    problem(control.post("/dead-letters/x/replay"), 404)


# --- usage, settings ---------------------------------------------------------------------------------


def test_usage(server, control) -> None:
    caller = server.as_role("caller", "usage-tenant")
    durable = caller.submit("echo", {"text": "x"})
    caller.wait(durable["id"])
    interactive = caller.run("echo", {"text": "x"})
    deadline = time.monotonic() + 30
    while True:
        page = control.get("/usage?tenant=usage-tenant").json()
        if len(page["usage"]) >= 2 or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert page.keys() == {"usage", "next_cursor"}
    assert {record["job"] for record in page["usage"]} == {durable["id"], interactive["id"]}
    record = page["usage"][0]
    assert (record["tenant"], record["capability"], record["state"]) == ("usage-tenant", "echo@1.0.0", "succeeded")
    assert {"attempts", "queued_s", "run_s", "usage", "finished_at", "caller"} <= record.keys()
    assert control.get(f"/usage?tenant=usage-tenant&from={in_seconds(60)}").json()["usage"] == []
    for query in ("limit=0", "from=yesterday", "cursor=x", "what=1"):
        problem(control.get(f"/usage?{query}"), 400)
    viewer = control.with_key(server.new_key("viewer", "idle-tenant"))
    assert viewer.get("/usage").json()["usage"] == []
    problem(viewer.get("/usage?tenant=usage-tenant"), 403)


def test_config(server, control) -> None:
    reply = control.get("/config")
    assert reply.status == 200 and isinstance(reply.json(), dict)
    assert server.key_file.read_text().strip() not in reply.body.decode()


def test_reload(start_server) -> None:
    server = start_server()
    reply = server.control.post("/reload")
    assert reply.status == 200, reply.body
    server.wait_engines("echo")
    server.healthy()


def test_audit_rows_are_written(start_server) -> None:
    import sqlite3

    server = start_server(engines=())
    made = server.control.post("/keys", {"name": "audited", "role": "caller"}).json()
    server.control.delete(f"/keys/{made['id']}")
    server.stop()
    rows = []
    with sqlite3.connect(server.folder / "data" / "catalog.db") as database:
        tables = [row[0] for row in database.execute("select name from sqlite_master where type='table'")]
        for table in tables:
            if "audit" in table:
                rows += [str(row) for row in database.execute(f"select * from {table}")]
    assert any("key.create" in row and made["id"] in row for row in rows), rows
    assert any("key.revoke" in row and made["id"] in row for row in rows)
    assert not any(made["key"] in row for row in rows)
