"""Two servers on one database have one catalog: keys, accounts, audit and upstreams made on either hold on both."""

from __future__ import annotations

import concurrent.futures
import pathlib
import subprocess
import threading
import time
from collections.abc import Callable

import pytest
from fake_upstream import FakeUpstream
from fastchat_site import EXPIRE, Site, Worker
from postgres import Postgres
from server import BINARY, Server, free_port
from upstream_site import KEY
from waiting import eventually
from wire import Client

SOON = 60.0
OFFLINE = "postgres.offline_s=20"  # far longer than a stop of the database takes


@pytest.fixture
def start(database: Postgres, start_server: Callable[..., Server]) -> Callable[..., Server]:
    database.fresh()

    def make(*settings: str, **options: object) -> Server:
        given = {"settings": (*database.settings, *settings), "env": database.env, "engines": (), **options}
        return start_server(**given)

    return make


def status(server: Server, key: str) -> int:
    return server.client.with_key(key).get("/capabilities").status


def heard(server: Server) -> int:
    """The gauge of whether the other servers' changes are heard of."""
    lines = server.control.request("GET", "/metrics").body.decode().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("headrace_catalog_heard ")))


def id_of(key: str) -> str:
    return key.split("_")[1]


def test_a_key_of_one_works_on_the_other_until_it_is_revoked(start, database: Postgres) -> None:
    a, b = start(), start()
    before = time.monotonic()
    key = a.new_key("caller", "acme")
    assert status(a, key) == 200, "before the answer"
    eventually(lambda: status(b, key) == 200)
    took = time.monotonic() - before
    shown = b.control.get(f"/keys/{id_of(key)}")
    assert shown.status == 200 and shown.json()["tenant"] == "acme"
    rotated = b.control.post(f"/keys/{id_of(key)}/rotate", {"overlap_s": 0})
    assert rotated.status in (200, 201), rotated.body
    eventually(lambda: status(a, rotated.json()["key"]) == 200)
    eventually(lambda: status(a, key) == 401)
    key = rotated.json()["key"]
    assert b.control.delete(f"/keys/{id_of(key)}").status == 204
    assert status(b, key) == 401
    eventually(lambda: status(a, key) == 401)
    assert took < SOON
    eventually(lambda: database.ask("SELECT count(*) FROM audit WHERE tenant = 'acme'") == "3", "one audit list")


def test_an_account_changed_on_one_holds_on_the_other(start) -> None:
    a, b = start(), start()
    assert a.control.post("/tenants", {"name": "acme", "limits": {"requests_per_day": 5}}).status == 201
    assert a.control.post("/tenants", {"name": "acme"}).status == 409
    eventually(lambda: b.control.get("/tenants/acme").status == 200)
    assert b.control.get("/tenants/acme").json()["limits"]["requests_per_day"] == 5
    key = a.new_key("caller", "acme")
    eventually(lambda: status(b, key) == 200)
    assert b.control.request("PATCH", "/api/v1/tenants/acme", {"enabled": False}).status == 200
    assert status(b, key) == 403
    eventually(lambda: status(a, key) == 403)
    assert a.control.request("PATCH", "/api/v1/tenants/acme", {"enabled": True}).status == 200
    eventually(lambda: status(b, key) == 200)


def test_a_key_may_name_an_app_that_another_server_has_just_made(start) -> None:
    """Over and over, since whether the word of the app is there before the key is a matter of a millisecond."""
    pair = start(), start()
    for n in range(40):
        there, here = pair[n % 2], pair[1 - n % 2]
        app, user = f"shop{n}", f"ann{n}"
        assert there.control.post("/users", {"name": user, "tenant": "acme", "role": "caller"}).status == 201
        assert there.control.post("/apps", {"name": app, "tenant": "acme"}).status == 201
        made = here.control.post("/keys", {"name": f"k{n}", "role": "caller", "tenant": "acme", "app": app})
        assert made.status == 201, (n, made.body)
        assert here.control.get(f"/apps/{app}?tenant=acme").status == 200, "it is known here by then"
        assert status(here, made.json()["key"]) == 200
    key = pair[0].control.post("/keys", {"name": "plain", "role": "caller", "tenant": "acme"}).json()["id"]
    eventually(lambda: pair[1].control.get(f"/keys/{key}").status == 200)
    assert pair[0].control.post("/apps", {"name": "late", "tenant": "acme"}).status == 201
    assert pair[1].control.request("PATCH", f"/api/v1/keys/{key}", {"app": "late"}).status == 200
    nobody = {"name": "none", "role": "caller", "tenant": "acme", "app": "nobody-made-it"}
    assert pair[1].control.post("/keys", nobody).status == 400


def chat(client: Client) -> tuple[int, object]:
    body = {"model": "org/shared", "messages": [{"role": "user", "content": "hi"}]}
    reply = client.request("POST", "/v1/chat/completions", body)
    return reply.status, reply.json()


def test_an_upstream_of_one_serves_on_the_other(start) -> None:
    a, b = start(), start()
    fake, other = FakeUpstream(), FakeUpstream()
    try:
        spec = {
            "name": "hosted",
            "base_url": fake.url,
            "models": [{"id": "org/shared", "remote": "real"}],
            "probe_every": 0,
            "key": KEY,
        }
        made = a.control.post("/upstreams", spec)
        assert made.status == 201, made.body
        assert chat(a.client)[0] == 200
        eventually(lambda: chat(b.client)[0] == 200)
        assert fake.requests[-1].headers["authorization"] == f"Bearer {KEY}", "opened with the shared master key"
        changed = b.control.request("PATCH", "/api/v1/upstreams/hosted", {"base_url": other.url})
        assert changed.status == 200, changed.body

        def moved() -> bool:
            chat(a.client)
            return bool(other.requests)

        eventually(moved)
        b.kill()
        b.start()
        assert b.control.get("/upstreams/hosted").json()["base_url"] == other.url
        assert a.control.delete("/upstreams/hosted").status == 204
        eventually(lambda: b.control.get("/upstreams/hosted").status == 404)
        eventually(lambda: chat(b.client)[0] == 404)
    finally:
        fake.close()
        other.close()


def test_fastchat_workers_stay_with_the_server_they_beat_at(start, database: Postgres, tmp_path: pathlib.Path) -> None:
    a, b = (start(f"fastchat.expire_s={EXPIRE}") for _ in range(2))
    worker = Worker(tmp_path, Site(a, tmp_path).controller, "beating").start()

    def names(server: Server) -> list[str]:
        return [each["kind"] for each in server.control.get("/upstreams").json()["upstreams"]]

    try:
        eventually(lambda: names(a) == ["fastchat"])
        assert database.ask("SELECT count(*) FROM upstreams") == "0"
        # What the other sets comes here beside it, and goes again.
        spec = {"name": "hosted", "base_url": "http://127.0.0.1:9/v1", "models": [{"id": "m"}], "probe_every": 0}
        assert b.control.post("/upstreams", spec).status == 201
        eventually(lambda: sorted(names(a)) == ["fastchat", "openai"])
        assert names(b) == ["openai"]
        a.kill()
        a.start()
        assert sorted(names(a)) == ["fastchat", "openai"]
        assert b.control.delete("/upstreams/hosted").status == 204
        eventually(lambda: names(a) == ["fastchat"])
    finally:
        worker.kill()
    eventually(lambda: names(a) == [], "it beats no more")


def test_both_make_keys_at_the_same_time(start) -> None:
    pair = start(), start()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: pair[n % 2].new_key("caller", "acme"), range(60)))
    assert len(set(made)) == 60
    for server in pair:
        eventually(lambda server=server: all(status(server, key) == 200 for key in made))


def test_servers_that_start_together_have_one_admin(database: Postgres, tmp_path: pathlib.Path) -> None:
    database.fresh()
    servers = []
    for n in range(3):
        folder = tmp_path / f"node{n}"
        folder.mkdir()
        servers.append(Server(folder, engines=(), settings=database.settings, env=database.env))
    try:
        threads = [threading.Thread(target=server.start, kwargs={"ready": False}) for server in servers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for server in servers:
            server.wait_ready(SOON)
        assert len({server.key_file.read_text() for server in servers}) == 1
        assert database.ask("SELECT count(*) FROM keys") == "1"
        for server in servers:
            assert server.control.get("/keys").status == 200
        # A key file that was lost is written again, with the same key.
        before = servers[0].key_file.read_text()
        servers[0].stop()
        servers[0].key_file.unlink()
        servers[0].start()
        assert servers[0].key_file.read_text() == before
    finally:
        for server in servers:
            server.stop()


def test_known_keys_work_for_the_stated_time_without_the_database(start, database: Postgres) -> None:
    server = start(OFFLINE)
    other = start(OFFLINE)
    known = server.new_key("caller", "acme")
    revoked = server.new_key("caller", "acme")
    assert server.control.delete(f"/keys/{id_of(revoked)}").status == 204
    database.stop("fast")
    try:
        assert status(server, known) == 200
        made = server.control.post("/keys", {"name": "x", "role": "caller", "tenant": "acme"})
        assert made.status == 503 and int(made.header("Retry-After") or 0) > 0
        assert status(server, revoked) == 401
        stranger = known[:-3] + ("AAA" if not known.endswith("AAA") else "BBB")
        eventually(lambda: status(server, stranger) == 503, "who can tell whether it was made elsewhere")
        assert heard(server) == 0

        def over() -> bool:
            reply = server.client.with_key(known).get("/capabilities")
            assert reply.status in (200, 503), "never 401"
            return reply.status == 503 and int(reply.header("Retry-After") or 0) > 0

        eventually(over)
        assert status(server, revoked) == 401
        models = server.client.with_key(known).request("GET", "/v1/models")
        assert models.status == 503 and int(models.header("Retry-After") or 0) > 0
        assert server.client.request("GET", "/readyz").status == 503
        assert server.client.request("GET", "/healthz").status == 200
    finally:
        database.start()
    eventually(lambda: status(server, known) == 200)
    eventually(lambda: status(other, known) == 200)
    eventually(lambda: heard(server) == 1, "the catalog is heard again")
    assert status(server, stranger) == 401
    server.wait_ready(SOON)
    key = server.as_role("caller", "acme").key
    eventually(lambda: status(other, key) == 200)


def test_what_was_revoked_while_a_server_was_cut_off(start, database: Postgres) -> None:
    """Its connections are dropped: on its return it hears of what it missed."""
    a, b = start(), start()
    key = a.new_key("caller", "acme")
    eventually(lambda: status(b, key) == 200)
    database.ask(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'headrace node'"
    )

    def revoke() -> bool:
        return a.control.delete(f"/keys/{id_of(key)}").status == 204

    eventually(revoke)
    eventually(lambda: status(b, key) == 401)


def refusal(folder: pathlib.Path, env: dict[str, str], *settings: str) -> str:
    command = [str(BINARY), "serve", "--data", str(folder / "data")]
    command += ["--client", f"127.0.0.1:{free_port()}", "--control", f"127.0.0.1:{free_port()}"]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **env}, timeout=60)
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_a_foreign_master_key_stops_the_start(start, database: Postgres, tmp_path: pathlib.Path) -> None:
    start()
    said = refusal(tmp_path / "stranger", database.env, *database.bare_settings)
    assert "server.master_key_file" in said and "master.key" in said and "share_catalog" in said
    assert database.ask("SELECT count(*) FROM keys") == "1", "it has changed nothing"


def test_a_server_with_keys_of_its_own_brings_them(start, database: Postgres) -> None:
    """As a server of before: first its own catalog, then the shared one, and back."""
    server = start("postgres.share_catalog=false")
    assert server.control.post("/tenants", {"name": "acme", "title": "of a server"}).status == 201
    kept = server.new_key("caller", "acme")
    gone = server.new_key("caller", "acme")
    assert server.control.delete(f"/keys/{id_of(gone)}").status == 204
    fake = FakeUpstream()
    spec = {"name": "own", "base_url": fake.url, "models": [{"id": "org/own"}], "probe_every": 0, "key": KEY}
    assert server.control.post("/upstreams", spec).status == 201
    assert database.ask("SELECT count(*) FROM keys") == "0"
    server.stop()
    admin = server.key_file.read_text()
    server.settings = database.settings
    server.start()
    assert server.key_file.read_text() == admin
    assert "catalog.db is taken over into the database" in server.log_text()
    other = start()
    for node in (server, other):
        assert status(node, kept) == 200
        assert status(node, gone) == 401
        assert node.control.get("/tenants/acme").json()["title"] == "of a server"
        assert node.control.get("/upstreams/own").status == 200
    # Two keys, a tenant, a revocation, an upstream.
    assert int(database.ask("SELECT count(*) FROM audit")) >= 5
    # What is revoked now is not brought back by another start.
    assert other.control.delete(f"/keys/{id_of(kept)}").status == 204
    server.stop()
    server.start()
    assert status(server, kept) == 401
    fake.close()
