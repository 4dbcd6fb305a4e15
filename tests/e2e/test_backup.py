"""headrace backup: made under load, found sound, restored; damage of any kind is named."""

from __future__ import annotations

import json
import pathlib
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fake_upstream import FakeUpstream, good
from server import BINARY, Server

BIG = "big " * 30_000  # lies in a blob


def backup(*arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [str(BINARY), "backup", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def report(*arguments: Any) -> dict[str, Any]:
    done = backup(*arguments, "-o", "json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def refused(words: str, *arguments: Any, status: int = 2) -> None:
    done = backup(*arguments)
    assert done.returncode == status and words in done.stderr, done


@pytest.fixture
def made(start_server: Callable[..., Server], tmp_path: pathlib.Path) -> tuple[Server, pathlib.Path, list[str]]:
    server = start_server()
    server.wait_engines("echo", "echo_slow")
    jobs = [server.client.submit("echo", {"text": text})["id"] for text in ("one", "two", BIG)]
    for job in jobs:
        server.client.wait(job)
    folder = tmp_path / "backup"
    report("create", "--data", server.folder / "data", "--to", folder)
    return server, folder, jobs


def test_under_load_and_back(start_server: Callable[..., Server], tmp_path: pathlib.Path) -> None:
    server = start_server()
    server.wait_engines("echo", "echo_slow")
    accepted: list[str] = []
    stop = threading.Event()

    def load() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            text = f"{number} {BIG if number % 10 == 0 else ''}"
            accepted.append(server.client.submit("echo", {"text": text})["id"])

    caller = server.as_role("caller")
    waiting = server.client.submit("echo_slow", {"text": "open", "duration_ms": 60_000})
    server.client.wait(waiting["id"], {"running"})
    thread = threading.Thread(target=load)
    thread.start()
    while len(accepted) < 50:
        assert thread.is_alive()
        thread.join(0.02)
    before = list(accepted)
    first = report("create", "--data", server.folder / "data", "--to", tmp_path / "backup", "--with-master-key")
    stop.set()
    thread.join()
    assert first["open_jobs"] >= 1 and first["master_key"]
    sound = report("verify", tmp_path / "backup")
    assert {**sound, "expired_blobs": 0} == {**first, "expired_blobs": 0}
    server.kill()

    again = tmp_path / "again"
    report("restore", tmp_path / "backup", "--data", again / "data")
    restored = Server(again)
    shutil.copy(server.key_file, restored.key_file)
    restored.start()
    try:
        for job in before:
            assert restored.client.wait(job)["state"] == "succeeded"
        assert restored.client.with_key(caller.key).get("/capabilities").status == 200
        restored.wait_engines("echo_slow")
        restored.client.wait(waiting["id"], {"running"})
        restored.client.post(f"/jobs/{waiting['id']}/cancel")
        restored.healthy()
        # Its fences are above every one that the lost server may have given.
        assert int(restored.log_text().rpartition("epoch=")[2].split()[0]) > 1_000_000
    finally:
        restored.kill()


def with_upstream(server: Server) -> FakeUpstream:
    """A tenant, an app, and an upstream with a key and header fields, one call of it in the request log."""
    fake = FakeUpstream(good)
    assert server.control.post("/tenants", {"name": "acme", "limits": {"requests_per_day": 77}}).status == 201
    assert server.control.post("/apps", {"name": "shop", "tenant": "acme", "title": "Shop"}).status == 201
    body = {
        "name": "up",
        "base_url": fake.url,
        "models": ["m"],
        "probe_every": 0,
        "key": KEY,
        "headers": {"X-Api-Key": HEADER},
    }
    assert server.control.post("/upstreams", body).status == 201
    assert server.client.run("m", {"messages": [{"role": "user", "content": SAID}]})["state"] == "succeeded"
    return fake


def files_of(folder: pathlib.Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


LOGGING = ("request_log.enabled=true", "request_log.bodies=true")
KEY, HEADER, SAID = "sk-canary-of-the-key", "canary-of-the-header", "what somebody asked the model"


@pytest.mark.parametrize("with_key", [True, False])
def test_what_travels(start_server: Callable[..., Server], tmp_path: pathlib.Path, with_key: bool) -> None:
    server = start_server(settings=LOGGING)
    fake = with_upstream(server)
    token = (server.folder / "data" / "fastchat.token").read_text()
    assert server.stop() == 0
    assert any(SAID in path.read_text() for path in (server.folder / "data" / "requests").iterdir())

    report(
        "create",
        *("--data", server.folder / "data", "--to", tmp_path / "backup"),
        *(["--with-master-key"] if with_key else []),
    )
    kept = files_of(tmp_path / "backup")
    secrets = {"master.key", "fastchat.token"}
    assert kept & secrets == (secrets if with_key else set())
    assert not any(name.startswith("requests") for name in kept), "the request log stays where it is"
    content = b"".join((tmp_path / "backup" / name).read_bytes() for name in kept if name != "jobs.db")
    assert KEY.encode() not in content and HEADER.encode() not in content

    again = tmp_path / "again"
    report("restore", tmp_path / "backup", "--data", again / "data")
    restored = Server(again)
    shutil.copy(server.key_file, restored.key_file)
    restored.start()
    try:
        tenant = restored.control.get("/tenants/acme").json()
        assert tenant["limits"] == {"requests_per_day": 77}
        assert [app["name"] for app in restored.control.get("/apps?tenant=acme").json()["apps"]] == ["shop"]
        told = (again / "data" / "fastchat.token").read_text()
        assert (told == token) is with_key
        assert (again / "data" / "fastchat.token").stat().st_mode & 0o077 == 0
        upstream = restored.control.get("/upstreams/up").json()
        assert upstream["enabled"] is with_key and upstream["base_url"] == fake.url
        if not with_key:
            assert "the key of an upstream cannot be opened" in restored.log_text()
            body = {"key": KEY, "headers": {"X-Api-Key": HEADER}, "enabled": True}
            assert restored.control.request("PATCH", "/api/v1/upstreams/up", body).status == 200
        fake.requests.clear()
        assert restored.client.run("m", {"messages": [{"role": "user", "content": "hi"}]})["state"] == "succeeded"
        sent = fake.requests[0].headers
        assert sent["authorization"] == f"Bearer {KEY}" and sent["x-api-key"] == HEADER
    finally:
        restored.kill()
        fake.close()


def test_a_backup_holds_no_master_key_unasked(made: tuple[Server, pathlib.Path, list[str]]) -> None:
    _, folder, _ = made
    assert not (folder / "master.key").exists()
    assert (folder.stat().st_mode & 0o777, (folder / "jobs.db").stat().st_mode & 0o077) == (0o700, 0)


@pytest.mark.parametrize("what", ["jobs.db", "catalog.db", "blob"])
@pytest.mark.parametrize("how", ["flip", "cut", "gone"])
def test_damage_is_named(made: tuple[Server, pathlib.Path, list[str]], what: str, how: str) -> None:
    _, folder, _ = made
    path = next(p for p in (folder / "blobs").rglob("*") if p.is_file()) if what == "blob" else folder / what
    data = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    elif how == "cut":
        path.write_bytes(data[:-100])
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    refused(path.name, "verify", folder, status=2 if how == "gone" else 1)
    refused(path.name, "restore", folder, "--data", folder.parent / "new", status=2 if how == "gone" else 1)
    assert not (folder.parent / "new").exists()


def test_a_row_that_was_changed_is_named(made: tuple[Server, pathlib.Path, list[str]]) -> None:
    """Also when whoever changed it mended the manifest: the rows have checksums of their own."""
    import hashlib

    _, folder, _ = made
    with sqlite3.connect(folder / "jobs.db") as database:
        database.execute("UPDATE ended_jobs SET state = 3")
    database.close()
    manifest = json.loads((folder / "backup.json").read_text())
    data = (folder / "jobs.db").read_bytes()
    manifest["files"]["jobs.db"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "backup.json").write_text(json.dumps(manifest))
    refused("ended_jobs", "verify", folder, status=1)


def test_what_is_there_is_not_written_over(
    made: tuple[Server, pathlib.Path, list[str]], tmp_path: pathlib.Path
) -> None:
    server, folder, _ = made
    refused("is there already", "create", "--data", server.folder / "data", "--to", folder)
    refused("holds something already", "restore", folder, "--data", server.folder / "data")
    refused("is no data folder", "create", "--data", tmp_path / "none", "--to", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    refused("holds no backup", "verify", server.folder / "data")
    manifest = json.loads((folder / "backup.json").read_text())
    manifest["files"]["../outside"] = {"size": 1, "sha256": ""}
    (folder / "backup.json").write_text(json.dumps(manifest))
    refused("no manifest", "verify", folder, status=1)
