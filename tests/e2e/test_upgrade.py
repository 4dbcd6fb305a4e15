"""Data folders of earlier versions, as `kill -9` left them, are taken over in place (tests/upgrade)."""

from __future__ import annotations

import datetime
import json
import pathlib
import tarfile
from typing import Any

import pytest
from server import ROOT, Server

FIXTURES = ROOT / "tests" / "upgrade"
ENGINES = (ROOT / "examples/engines/echo/echo", ROOT / "examples/engines/echo/echo_slow", ROOT / "tests/engines/fault")
VERSIONS = sorted(path.stem.removeprefix("data-") for path in FIXTURES.glob("data-*.json"))
# The fixture grows older than its results and files may: nothing is to expire here.
KEEP = tuple(f"retention.{name}=315360000" for name in ("results_s", "jobs_s", "files_s", "usage_s"))


def same_end(then: dict[str, Any], now: dict[str, Any]) -> None:
    for name in ("id", "capability", "state", "created_at", "finished_at", "attempt", "output", "error", "usage"):
        assert then.get(name) == now.get(name), (name, then, now)


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_is_still_there(version: str, tmp_path: pathlib.Path) -> None:
    before = json.loads((FIXTURES / f"data-{version}.json").read_text())
    with tarfile.open(FIXTURES / f"data-{version}.tar.xz") as tar:
        tar.extractall(tmp_path)
    server = Server(tmp_path, ENGINES, KEEP)
    # The key of then is the key of now: no other is made.
    server.key_file.write_text(before["admin_key"] + "\n")
    server.start()
    try:
        hold_against(server, before)
    finally:
        server.kill()


def hold_against(server: Server, before: dict[str, Any]) -> None:
    server.wait_engines("echo", "echo_slow")
    assert server.client.key == before["admin_key"]
    for job_id, then in before["ended"].items():
        same_end(then, server.client.job(job_id))
    for job_id in before["open"]:
        server.client.post(f"/jobs/{job_id}/cancel")
        assert server.client.wait(job_id)["state"] == "cancelled"
    keyed = before["keyed"]
    other = server.client.with_key(before["other"]["key"])
    same_end(before["other"]["job"], other.job(before["other"]["job"]["id"]))
    assert server.client.get(f"/jobs/{before['other']['job']['id']}").status == 404
    content = server.client.get(f"/files/{before['file']['id']}/content")
    if datetime.datetime.now(datetime.UTC).isoformat() < before["file"]["expires_at"]:
        assert content.body == b"kept through the upgrade\n" * 4000
    else:
        assert content.status == 404  # the fixture is older than an upload is kept
    assert server.client.job(keyed["id"])["output"] == {"text": "keyed"}
    usage = server.control.get("/usage?limit=200").json()["usage"]
    ran = {job_id for job_id, job in before["ended"].items() if job["state"] == "succeeded"}
    assert ran <= {record["job"] for record in usage}
    server.healthy()
    assert server.stop() == 0
    server.start()
    for job_id, then in before["ended"].items():
        same_end(then, server.client.job(job_id))
