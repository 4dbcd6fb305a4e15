"""Two `serve` processes on one database: jobs find workers, callers see ends, and a death is made good."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from postgres import Postgres
from server import Server
from waiting import eventually
from worker import TEXT_TO_TEXT, TestWorker, offer

LEASE = "postgres.lease_s=6"


@pytest.fixture
def nodes(database: Postgres, start_server: Callable[..., Server]) -> tuple[Server, Server]:
    """Both know the capability `shared`; neither has a worker for it."""
    database.fresh()
    options = {"engines": (), "settings": (*database.settings, LEASE), "env": database.env}
    pair = start_server(**options), start_server(**options)
    for node in pair:
        worker_of(node).close()
    eventually(lambda: database.ask("SELECT count(*) FROM nodes") == "2")
    # Each has heard of the other once it has renewed its lease since.
    both = database.ask("SELECT now()")
    eventually(lambda: database.ask(f"SELECT min(seen_at) > '{both}' FROM nodes") == "t")
    return pair


def worker_of(node: Server) -> TestWorker:
    key = node.new_key("worker", "default")
    return TestWorker("127.0.0.1", node.control_port, key, [offer("shared", TEXT_TO_TEXT)])


def ended_once(database: Postgres, count: int) -> None:
    assert database.ask("SELECT count(*) FROM jobs WHERE ended = 2") == str(count)
    assert database.ask("SELECT count(*) FROM jobs WHERE ended IS NULL") == "0"
    assert database.ask("SELECT count(*) FROM usage") == str(count)


def test_the_node_with_a_worker_runs_it(nodes: tuple[Server, Server], database: Postgres) -> None:
    a, b = nodes
    caller = a.as_role("caller", "default")
    jobs = [caller.submit("shared", {"text": str(n)}) for n in range(5)]
    with_events = caller.open("GET", f"/api/v1/jobs/{jobs[0]['id']}/events")
    worker = worker_of(b)
    for _ in jobs:
        job = worker.next_job(20)
        job.done({"text": "ran " + job.inputs()["text"]})
    for n, job in enumerate(jobs):
        done = caller.wait(job["id"], within=20)
        assert done["state"] == "succeeded" and done["output"]["text"] == f"ran {n}"
    stream = with_events[1].read()  # ends with the job
    assert b"event: done" in stream and b"ran 0" in stream
    with_events[0].close()
    worker.close()
    ended_once(database, 5)


def test_a_job_of_a_killed_node_runs_on_the_other(nodes: tuple[Server, Server], database: Postgres) -> None:
    a, b = nodes
    caller = a.as_role("caller", "default")
    job = caller.submit("shared", {"text": "x"})
    worker_of(b).next_job(20)
    # The first attempt's record is not waited for.
    eventually(lambda: database.ask("SELECT state FROM jobs") == "1")
    b.kill()
    worker = worker_of(a)
    again = worker.next_job(60)
    again.done({"text": "second time"})
    done = caller.wait(job["id"], within=20)
    assert done["output"]["text"] == "second time"
    assert done["attempt"] == 2, "the death cost one"
    worker.close()
    ended_once(database, 1)


def test_a_restarted_node_finishes_its_own(nodes: tuple[Server, Server], database: Postgres) -> None:
    a, b = nodes
    caller = a.as_role("caller", "default")
    job = caller.submit("shared", {"text": "x"})
    worker_of(b).next_job(20)
    b.kill()
    b.start()
    worker = worker_of(b)
    worker.next_job(30).done({"text": "after the restart"})
    assert caller.wait(job["id"], within=20)["output"]["text"] == "after the restart"
    worker.close()
    ended_once(database, 1)


def test_a_cancel_reaches_the_node_that_runs_it(nodes: tuple[Server, Server], database: Postgres) -> None:
    a, b = nodes
    caller = a.as_role("caller", "default")
    waiting = caller.submit("shared", {"text": "nobody has it"})
    assert caller.post(f"/jobs/{waiting['id']}/cancel").status in (200, 202)
    assert caller.wait(waiting["id"])["state"] == "cancelled"
    running = caller.submit("shared", {"text": "b has it"})
    worker = worker_of(b)
    held = worker.next_job(20)
    assert caller.post(f"/jobs/{running['id']}/cancel").status in (200, 202)
    assert held.cancelled.wait(20), "the engine was told"
    held.fail("cancelled")
    assert caller.wait(running["id"], within=20)["state"] == "cancelled"
    worker.close()


def test_a_cancel_may_come_by_any_node(nodes: tuple[Server, Server]) -> None:
    a, b = nodes
    waiting = a.client.submit("shared", {"text": "nobody has it"})
    assert b.client.post(f"/jobs/{waiting['id']}/cancel").status in (200, 202)
    assert b.client.wait(waiting["id"])["state"] == "cancelled"
    running = a.client.submit("shared", {"text": "a has it"})
    worker = worker_of(a)
    held = worker.next_job(20)
    eventually(lambda: b.client.job(running["id"])["state"] == "running")
    assert b.client.post(f"/jobs/{running['id']}/cancel").status in (200, 202)
    assert held.cancelled.wait(20), "the engine was told"
    held.fail("cancelled")
    assert b.client.wait(running["id"], within=20)["state"] == "cancelled"
    assert a.client.wait(running["id"], within=20)["state"] == "cancelled"
    worker.close()
