"""A real PostgreSQL server in a folder of its own, on a Unix socket. Standard library only."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")


class Postgres:
    """Durable as in earnest (fsync), so that an immediate stop is a crash that loses nothing."""

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="headrace_pg_"))
        self.data = self.folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self.folder.chmod(0o755)
        self.secret = self.folder / "secret"
        self.secret.write_text("correct horse\n")
        self.secret.chmod(0o644)
        # What servers on one database share besides it.
        self.master_key = self.folder / "master.key"
        self.master_key.write_text(f"1 {os.urandom(32).hex()}\n")
        self.master_key.chmod(0o600)
        self.run(
            "initdb",
            "-A",
            "scram-sha-256",
            "-N",
            "-U",
            "headrace",
            "--no-locale",
            "-E",
            "UTF8",
            "--pwfile",
            str(self.secret),
            "-D",
            str(self.data),
        )
        self.start()

    @property
    def url(self) -> str:
        return f"host={self.folder} user=headrace dbname=postgres"

    @property
    def settings(self) -> tuple[str, ...]:
        return (*self.bare_settings, f"server.master_key_file={self.master_key}")

    @property
    def bare_settings(self) -> tuple[str, ...]:
        """Without the shared master key: each server makes its own."""
        return ("store.kind=postgres", f"postgres.url={self.url}")

    @property
    def env(self) -> dict[str, str]:
        return {"HEADRACE_POSTGRES_PASSWORD_FILE": str(self.secret)}

    def run(self, program: str, *words: str, check: bool = True) -> str:
        command = [str(PROGRAMS / program), *words]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        env = {**os.environ, "PGPASSWORD": "correct horse"}
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd="/", timeout=60)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses= -c max_connections=60"
        self.run("pg_ctl", "-w", "-D", str(self.data), "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "-w", "-m", mode, "-D", str(self.data), "stop", check=False)

    def ask(self, sql: str) -> str:
        return self.run("psql", "-X", "-A", "-t", "-q", "-d", self.url, "-c", sql).strip()

    def fresh(self) -> None:
        """Nothing of an earlier test stays."""
        self.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def pause_commits(self, seconds: float) -> None:
        """The backend that commits stands still, as a database that is slow beyond measure."""
        pids = self.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'headrace commit'")
        for pid in pids.split():
            os.kill(int(pid), signal.SIGSTOP)
        time.sleep(seconds)
        for pid in pids.split():
            os.kill(int(pid), signal.SIGCONT)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
