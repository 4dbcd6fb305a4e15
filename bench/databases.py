"""The databases under a job log: a PostgreSQL server of our own, and the raw writers that are the limit."""

from __future__ import annotations

import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
from typing import Any

import parts

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
# The setting of `headrace serve` that holds the address of the database.
SETTING = "postgres.url"


class Postgres:
    """On a Unix socket, durable as it comes (fsync and synchronous_commit on); gone with its folder."""

    def __init__(self) -> None:
        # Where its user may go: PostgreSQL does not run as root.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="headrace-bench-pg-"))
        self.user: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        data = str(self.folder / "data")
        made = [str(PROGRAMS / "initdb"), "-A", "trust", "-U", "headrace", "--no-locale", "-E", "UTF8", "-D", data]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd="/", **self.user)
        command = [str(PROGRAMS / "postgres"), "-D", data, "-k", str(self.folder), "-c", "listen_addresses="]
        command += ["-c", "log_min_messages=fatal", "-c", "shared_buffers=128MB", "-c", "max_wal_size=2GB"]
        self.process = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **self.user)
        parts.wait_until("PostgreSQL", self._answers, step=0.1)

    def _answers(self) -> bool:
        ready = [str(PROGRAMS / "pg_isready"), "-q", "-h", str(self.folder), "-U", "headrace", "-d", "postgres"]
        return subprocess.run(ready).returncode == 0

    def database(self, name: str) -> str:
        """Makes a database; its address."""
        subprocess.run(
            [str(PROGRAMS / "createdb"), "-h", str(self.folder), "-U", "headrace", name], check=True, cwd="/"
        )
        return f"host={self.folder} user=headrace dbname={name}"

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def installed() -> bool:
    return (PROGRAMS / "initdb").exists()


def knows_postgres(build: pathlib.Path) -> bool:
    """Whether this build of the server can keep its job log in PostgreSQL."""
    shown = subprocess.run([str(build / "headrace"), "config", "show"], capture_output=True, text=True)
    return shown.returncode == 0 and SETTING in shown.stdout


def store_bench(
    build: pathlib.Path, folder: pathlib.Path, seconds: float, writers: int, *, raw: bool, postgres: str = ""
) -> dict[str, float]:
    """A plain group-commit writer, or our job log at its port; the figures of a row."""
    command = [str(build / "store_bench"), "--seconds", f"{seconds:g}", "--writers", str(writers)]
    command += ["--dir", str(folder)] + ["--raw"] * raw + (["--postgres", postgres] if postgres else [])
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    result = json.loads(done.stdout.strip().splitlines()[-1])
    return {
        "rate": result["rows_per_second"],
        "cpu_us": result["cpu_us_per_row"],
        "p50_ms": result["p50_us"] / 1e3,
        "p99_ms": result["p99_us"] / 1e3,
    }
