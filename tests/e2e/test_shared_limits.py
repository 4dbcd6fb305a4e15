"""Limits of two servers on one PostgreSQL, and known keys while the database is away."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable

import pytest
from postgres import Postgres
from server import Server
from wire import API, Client


@pytest.fixture
def start(database: Postgres, start_server: Callable[..., Server]) -> Callable[..., Server]:
    database.fresh()

    def make(*settings: str) -> Server:
        server = start_server(settings=(*database.settings, *settings), env=database.env)
        server.wait_engines("echo")
        return server

    return make


def call(client: Client) -> int:
    body = {"capability": "echo", "input": {"text": "x"}}
    return client.post("/jobs", body, {"Prefer": "wait=10"}).status


def limited(server: Server, limit: int) -> Client:
    """Its tenant is the same for every server: what is counted together goes by names."""
    body = {"name": "acme", "limits": {"requests_per_day": limit}}
    deadline = time.monotonic() + 60
    # Another server may have made it: then this one hears of it.
    while server.control.get("/tenants/acme").status != 200:
        assert server.control.post("/tenants", body).status in (201, 409)
        assert time.monotonic() < deadline
    return server.as_role("caller", "acme")


def race(clients: list[Client], tries: int) -> int:
    def some(client: Client) -> int:
        return sum(call(client) == 200 for _ in range(tries))

    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        return sum(pool.map(some, clients))


def test_two_servers_admit_exactly_the_limit(start, database: Postgres) -> None:
    clients = [limited(start(), 60) for _ in range(2)]
    assert race(clients * 3, 25) == 60
    taken = database.ask("SELECT taken FROM counters WHERE counter = 'tenant/acme//requests_per_day'")
    assert taken == "60"
    assert [call(client) for client in clients] == [429, 429]


def test_each_alone_when_told_so(start, database: Postgres) -> None:
    clients = [limited(start("postgres.share_limits=false"), 10) for _ in range(2)]
    assert race(clients, 20) == 20
    assert database.ask("SELECT count(*) FROM counters") == "0"


def test_known_keys_work_while_the_database_is_away(start, database: Postgres) -> None:
    server = start()
    known = limited(server, 25)
    revoked = server.new_key("caller", "acme")
    assert server.control.delete(f"/keys/{revoked.split('_')[1]}").status == 204
    assert call(known) == 200
    # In order: a crash may forget the shares of its last moments (synchronous_commit is off for them).
    database.stop("fast")
    try:
        before = time.monotonic()
        # The key is known, and its limit holds here; what needs the database says so, and never 401.
        answers = [call(known) for _ in range(30)]
        assert set(answers) == {200, 429}, answers
        # A share that was granted before counts on; then this server counts alone, up to the limit.
        assert 20 <= answers.count(200) <= 25
        assert time.monotonic() - before < 20
        assert known.get("/capabilities").status == 200
        assert server.control.get("/keys").status == 200
        assert call(server.client.with_key(revoked)) == 401
        assert known.post("/jobs", {"capability": "echo", "input": {"text": "x"}}).status in (429, 503)
        made = server.control.post("/keys", {"name": "x", "role": "caller", "tenant": "globex"})
        assert made.status == 503 and int(made.header("Retry-After") or 0) > 0
    finally:
        database.start()
    deadline = time.monotonic() + 30
    while server.client.post("/jobs", {"capability": "echo", "input": {"text": "x"}}).status != 202:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # What was used meanwhile is told to the others.
    deadline = time.monotonic() + 60
    while int(database.ask("SELECT coalesce(max(taken), 0) FROM counters") or 0) < 25:
        call(known)
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert server.client.request("GET", f"{API}/jobs", headers={}).status == 200
