"""Makes the data folder that later versions must take over in place: run once with the binary of the version
that is being left, then committed. `make_fixture.py --binary OLD/headrace --version 0.1.0`

Writes tests/upgrade/data-VERSION.tar.xz (the folder as `kill -9` left it, WAL included) and
tests/upgrade/data-VERSION.json (what a caller saw of every job, file and key before the kill).
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import tarfile
import tempfile
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from server import ROOT, Server  # noqa: E402

ECHOES = ROOT / "examples" / "engines" / "echo"
ENGINES = (ECHOES / "echo", ECHOES / "echo_slow", ROOT / "tests" / "engines" / "fault")


def seen(server: Server, job_id: str) -> dict[str, Any]:
    return server.client.get(f"/jobs/{job_id}").json()


def fill(server: Server) -> dict[str, Any]:
    """Jobs in every state, a large value, a file, a keyed request, keys of two tenants."""
    client = server.client
    ended: list[str] = []
    ended += [client.submit("echo", {"text": f"line {i}"})["id"] for i in range(20)]
    ended.append(client.submit("echo", {"text": "long " * 40_000})["id"])
    ended.append(client.submit("fault", {"text": "x", "how": "throw"})["id"])
    ended.append(client.submit("fault", {"text": "x", "how": "crash"})["id"])
    for job_id in ended:
        client.wait(job_id, within=60)
    keyed = client.post("/jobs", {"capability": "echo", "input": {"text": "keyed"}}, {"Idempotency-Key": "upgrade-1"})
    client.wait(keyed.json()["id"])
    slow = [client.submit("echo_slow", {"text": f"slow {i}", "duration_ms": 30_000})["id"] for i in range(3)]
    client.wait(slow[0], {"running"})
    cancelled = client.submit("echo_slow", {"text": "never", "duration_ms": 30_000})["id"]
    client.post(f"/jobs/{cancelled}/cancel")
    upload = client.request(
        "POST", "/api/v1/files", b"kept through the upgrade\n" * 4000, {"Content-Type": "text/plain"}
    )
    assert upload.status == 201, upload.body
    other = server.as_role("caller", "north")
    theirs = other.submit("echo", {"text": "of another tenant"})
    other.wait(theirs["id"])
    return {
        "ended": {job_id: seen(server, job_id) for job_id in [*ended, keyed.json()["id"], cancelled]},
        "open": {job_id: seen(server, job_id) for job_id in slow},
        "keyed": {"key": "upgrade-1", "id": keyed.json()["id"]},
        "file": upload.json(),
        "other": {"key": other.key, "job": other.get(f"/jobs/{theirs['id']}").json()},
        "admin_key": server.key_file.read_text().strip(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--version", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(pathlib.Path(folder), ENGINES, binary=options.binary).start()
        server.wait_engines("echo", "echo_slow", "fault")
        try:
            manifest = fill(server)
        finally:
            server.kill()
        with tarfile.open(HERE / f"data-{options.version}.tar.xz", "w:xz") as tar:
            tar.add(
                server.folder / "data",
                arcname="data",
                filter=lambda entry: entry if entry.isfile() or entry.isdir() else None,
            )
    (HERE / f"data-{options.version}.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
