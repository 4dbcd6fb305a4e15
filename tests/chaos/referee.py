"""Was anything lost, done twice, or answered wrongly? Asked of the server itself, after the faults."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, field
from typing import Any

from load import Load
from server import Server
from wire import Client

ENDED = {"succeeded", "failed", "cancelled", "expired"}


@dataclass
class Verdict:
    accepted: int = 0
    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.double or self.wrong)


def pages(door: Client, path: str, query: str = "") -> list[dict[str, Any]]:
    """Every item of a list."""
    out: list[dict[str, Any]] = []
    cursor = ""
    while True:
        reply = door.get(f"/{path}?limit=200{query}{cursor}")
        assert reply.status == 200, (path, reply.status, reply.body[:300])
        page = reply.json()
        out += page[path]
        if not page.get("next_cursor"):
            return out
        cursor = "&cursor=" + page["next_cursor"]


def wait_until_idle(server: Server, within: float) -> None:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        queues = server.control.get("/queues").json()["queues"]
        if all(queue["queued"] == 0 and queue["running"] == 0 for queue in queues):
            return
        time.sleep(0.1)


class Referee:
    """Sees ends as they come, so that a second, different end of a job would show."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.seen: dict[str, tuple[str, str]] = {}  # job -> (state, finished_at) as first seen
        self.verdict = Verdict()

    def look(self, count: int = 1) -> None:
        """Notes the ends among the newest jobs, and compares those seen before."""
        for job in self.server.client.get(f"/jobs?limit={min(200, count)}").json()["jobs"]:
            self._note(job)

    def _note(self, job: dict[str, Any]) -> None:
        if job["state"] not in ENDED:
            if job["id"] in self.seen:
                self.verdict.double.append(f"{job['id']}: was {self.seen[job['id']][0]}, is {job['state']} again")
            return
        end = (job["state"], str(job.get("finished_at")))
        if self.seen.setdefault(job["id"], end) != end:
            self.verdict.double.append(f"{job['id']}: ended {self.seen[job['id']]} and then {end}")

    def judge(self, load: Load, within: float = 120.0, allowed: tuple[str, ...] = ("succeeded",)) -> Verdict:
        """Waits until nothing is open, then holds every accepted job against what the server says."""
        deadline = time.monotonic() + within
        wait_until_idle(self.server, within)
        verdict = self.verdict
        verdict.accepted += len(load.accepted)
        verdict.double += [clash for clash in load.clashes if "one key made" in clash]
        verdict.wrong += [clash for clash in load.clashes if "one key made" not in clash]
        jobs = {job["id"]: job for job in pages(self.server.client, "jobs")}
        # An end that could not be written is tried again, and stands in no queue meanwhile.
        for job in [job for job in load.accepted if job in jobs and jobs[job]["state"] not in ENDED]:
            jobs[job] = self._wait_for(job, deadline)
        usage: dict[str, int] = {}
        # A clock that was set back has left records of a time that is still to come.
        later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)
        for record in pages(self.server.control, "usage", f"&to={later:%Y-%m-%dT%H:%M:%SZ}"):
            usage[record["job"]] = usage.get(record["job"], 0) + 1
        for job in jobs.values():
            self._note(job)
        for job, text in load.accepted.items():
            self._judge_one(jobs.get(job), job, text, usage.get(job, 0), allowed)
        return verdict

    def _wait_for(self, job: str, deadline: float) -> dict[str, Any]:
        while True:
            seen: dict[str, Any] = self.server.client.get(f"/jobs/{job}?wait=1").json()
            if seen["state"] in ENDED or time.monotonic() > deadline:
                return seen

    def _judge_one(
        self, job: dict[str, Any] | None, name: str, text: str, charged: int, allowed: tuple[str, ...]
    ) -> None:
        verdict = self.verdict
        if job is None:
            verdict.lost.append(f"{name}: lost")
        elif job["state"] not in ENDED:
            verdict.lost.append(f"{name}: still {job['state']}")
        elif job["state"] not in allowed:
            verdict.wrong.append(f"{name}: {job['state']} {job.get('error')}")
        elif charged == 0:
            verdict.lost.append(f"{name}: ended without a usage record")
        elif charged > 1:
            verdict.double.append(f"{name}: {charged} usage records")
        elif job["state"] == "succeeded" and self._output(job) != {"text": text}:
            verdict.wrong.append(f"{name}: output {str(self._output(job))[:100]} for {text[:100]}")

    def _output(self, job: dict[str, Any]) -> Any:
        """A list leaves out an output that lies in a blob."""
        if "output" not in job:
            job = self.server.client.get(f"/jobs/{job['id']}").json()
        return job.get("output")
