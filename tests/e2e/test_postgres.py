"""`serve` with its jobs on a real PostgreSQL: what a user sees of it, and of its misfortunes."""

from __future__ import annotations

import pathlib
import subprocess
import threading
import time
from collections.abc import Callable

import pytest
from postgres import Postgres
from server import BINARY, Server, free_port
from waiting import eventually
from wire import Client


@pytest.fixture
def start(database: Postgres, start_server: Callable[..., Server]) -> Callable[..., Server]:
    database.fresh()

    def make(*settings: str, **options: object) -> Server:
        server = start_server(settings=(*database.settings, *settings), env=database.env, **options)
        if server.engines:
            server.wait_engines("echo", "echo_slow")
        return server

    return make


class Load:
    """Submits durable jobs until it is told to stop, and keeps what it was answered."""

    def __init__(self, client: Client, callers: int = 4) -> None:
        self.client = client
        self.accepted: list[str] = []
        self.refused: list[tuple[int, str | None]] = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(callers)]
        for thread in self.threads:
            thread.start()

    def run(self) -> None:
        while not self.over.is_set():
            reply = self.client.post("/jobs", {"capability": "echo", "input": {"text": "x"}})
            if reply.status == 202:
                self.accepted.append(reply.json()["id"])
            else:
                self.refused.append((reply.status, reply.header("Retry-After")))
                time.sleep(0.05)

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def all_end_once(self, database: Postgres) -> None:
        for job in self.accepted:
            assert self.client.wait(job, within=60)["state"] == "succeeded"
        rows = database.ask("SELECT count(*), count(DISTINCT id) FROM jobs WHERE ended = 2").split("|")
        assert rows == [str(len(self.accepted))] * 2, "as many ends as accepts, and no job nobody knows of"
        assert database.ask("SELECT count(*) FROM usage") == str(len(self.accepted))


def test_jobs_run_and_outlive_a_kill(database: Postgres, start: Callable[..., Server]) -> None:
    server = start()
    client = server.client
    first = client.submit("echo", {"text": "kept"})
    assert client.wait(first["id"])["output"]["text"] == "kept"
    assert client.run("echo", {"text": "at once"})["output"]["text"] == "at once"
    again = {"Idempotency-Key": "order-17"}
    once = client.submit("echo", {"text": "once"}, headers=again)
    waiting = [client.submit("echo_slow", {"text": "x"})["id"] for _ in range(3)]
    server.kill()
    server.start()
    client = server.client
    assert client.submit("echo", {"text": "once"}, headers=again)["id"] == once["id"]
    assert client.job(first["id"])["output"]["text"] == "kept"
    for job in (once["id"], *waiting):
        assert client.wait(job, within=60)["state"] == "succeeded"
    listed = client.get("/jobs?limit=50").json()["jobs"]
    assert [job["id"] for job in listed] == sorted((job["id"] for job in listed), reverse=True)
    assert {first["id"], once["id"], *waiting} <= {job["id"] for job in listed}
    assert database.ask("SELECT count(*) FROM jobs WHERE ended IS NULL") == "0"


def test_a_crash_of_the_database_under_load(database: Postgres, start: Callable[..., Server]) -> None:
    server = start("postgres.patience_s=1")
    load = Load(server.client)
    eventually(lambda: len(load.accepted) > 25)
    database.stop("immediate")
    eventually(lambda: server.client.request("GET", "/readyz").status == 503 and load.refused)
    database.start()
    server.wait_ready()
    before = len(load.accepted)
    eventually(lambda: len(load.accepted) > before + 25)
    load.stop()
    assert {status for status, _ in load.refused} == {503}, "and never 401"
    assert all(after is not None and int(after) > 0 for _, after in load.refused)
    load.all_end_once(database)


def test_a_database_that_stands_still(database: Postgres, start: Callable[..., Server]) -> None:
    server = start()
    load = Load(server.client)
    eventually(lambda: len(load.accepted) > 10)
    database.pause_commits(2)
    before = len(load.accepted)
    eventually(lambda: len(load.accepted) > before + 10)
    load.stop()
    assert load.refused == [], "slow is not gone"
    load.all_end_once(database)


def refusal(folder: pathlib.Path, database: Postgres, env: dict[str, str], *settings: str) -> str:
    command = [str(BINARY), "serve", "--data", str(folder / "data")]
    command += ["--client", f"127.0.0.1:{free_port()}", "--control", f"127.0.0.1:{free_port()}"]
    for setting in (*database.settings, *settings):
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **env}, timeout=30)
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_what_is_wrong_is_named_at_the_start(database: Postgres, tmp_path: pathlib.Path) -> None:
    database.fresh()
    wrong = {"HEADRACE_POSTGRES_PASSWORD": "battery staple"}
    said = refusal(tmp_path, database, wrong)
    assert "postgres.password" in said and "battery" not in said
    said = refusal(tmp_path, database, database.env, "postgres.url=host=/nowhere dbname=postgres user=headrace")
    assert "postgres.url" in said
    said = refusal(tmp_path, database, database.env, "postgres.url=postgresql://a:hidden@host/db")
    assert "postgres.password" in said and "hidden" not in said
    said = refusal(tmp_path, database, database.env, "store.migrate=check")
    assert "headrace migrate up" in said


def migrate(database: Postgres, *words: str) -> str:
    command = [str(BINARY), "migrate", *words]
    for setting in database.settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **database.env})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_schema_goes_up_and_down(database: Postgres, start: Callable[..., Server]) -> None:
    database.fresh()
    assert "CREATE TABLE jobs" in migrate(database, "up", "--dry-run")
    assert "pending" in migrate(database, "status")
    migrate(database, "up")
    assert "applied" in migrate(database, "status") and "pending" not in migrate(database, "status")
    migrate(database, "down", "--to", "0")
    assert database.ask("SELECT count(*) FROM pg_tables WHERE tablename = 'jobs'") == "0"
    server = start("store.migrate=auto")
    server.healthy()


def test_password_never_shows(database: Postgres, start: Callable[..., Server]) -> None:
    server = start()
    shown = server.control.get("/config").body.decode() + server.log_text()
    assert "correct horse" not in shown
