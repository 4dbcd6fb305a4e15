"""The N-th call of a kind fails, for N = 1, 2, 3 … until a run is clean: at a start, and while requests run.

Allowed: an answer of 5xx, or a start that is refused in one line; then, without the fault, the same request
under the same key makes one job that ends well. A failed allocation in our own code may end the process:
it must start again with everything it had accepted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import shutil
import subprocess
import time
from typing import Any

from referee import ENDED
from registry import Campaign, Outcome, fault, needs_shim
from server import Server
from shim import ERRORS, EVER, Shim
from stage import ECHO, Stage

FILE_KINDS = ["open", "read", "write", "sync", "rename", "truncate", "folder", "map", "socket"]
RUN_KINDS = ["open", "read", "write", "sync", "rename", "folder", "accept"]
TEXT = "x" * 100_000  # above what lies in a row: it becomes a blob
# Nearly every allocation of a request is of the same few places: that many are tried, spread over all.
MEMORY_POINTS = 1500


class Runtime:
    """One server that is hurt again and again, and the requests that are under way meanwhile."""

    def __init__(self, stage: Stage, shim: Shim, outcome: Outcome) -> None:
        self.stage, self.shim, self.outcome = stage, shim, outcome
        self.number = 0
        # A connection that nobody can accept is given up.
        self.hasty = dataclasses.replace(stage.server.client, timeout=3.0)
        self.accepted: dict[str, str] = {}
        self.ends = 0  # times the process ended

    def bodies(self) -> dict[str, Any]:
        self.number += 1
        text = f"{self.number}-{TEXT}"
        return {
            "capability": "echo",
            "input": {"text": text},
            "idempotency_key": f"nth-{self.number}",
        }

    def ask(self, method: str, path: str, body: Any, what: str) -> tuple[int, Any]:
        """Status and body; status 0 when there was no answer."""
        try:
            reply = self.hasty.request(method, "/api/v1" + path, body)
        except OSError:
            return 0, None
        if reply.status >= 400 and (
            reply.status < 500 or not (reply.header("content-type") or "").startswith("application/problem+json")
        ):
            self.outcome.wrong.append(f"{what}: {method} {path}: {reply.status} {reply.body[:200]!r}")
        return reply.status, reply.body

    def scenario(self, what: str) -> dict[str, Any]:
        """A durable job with a blob as its input, its result, a file there and back; with what came of it."""
        body = self.bodies()
        with contextlib.suppress(OSError):
            reply = self.hasty.post("/jobs", body)
            if reply.status == 202:
                self.accepted[reply.json()["id"]] = body["input"]["text"]
                self.ask("GET", f"/jobs/{reply.json()['id']}?wait=1", None, what)
            elif reply.status < 500:
                self.outcome.wrong.append(f"{what}: {reply.status} {reply.body[:200]!r}")
        status, content = self.ask("POST", "/files?filename=a.txt", f"file {self.number} {TEXT}".encode(), what)
        if status == 201:
            file = json.loads(content)["id"]
            status, back = self.ask("GET", f"/files/{file}/content", None, what)
            if status == 200 and back != f"file {self.number} {TEXT}".encode():
                self.outcome.wrong.append(f"{what}: a file came back as something else")
        self.ask("GET", "/jobs?limit=5", None, what)
        return body

    def point(self, kind: str, error: str, first: int, last: int) -> bool:
        """One fault while the scenario runs, then the same without it. False when nothing failed: clean."""
        what = f"{kind} {error} at call {first}" + (" and after" if last == EVER else "")
        self.shim.arm(kind, error, first, last)
        body = self.scenario(what)
        self.shim.disarm()
        hit = self.shim.failed > 0
        self.outcome.points += 1 if hit else 0
        self.alive(kind, what)
        self.recovered(body, what)
        return hit

    def alive(self, kind: str, what: str) -> None:
        process = self.stage.server.process
        assert process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.0)
        if process.poll() is None:
            return
        self.ends += 1
        if kind != "memory":
            self.outcome.wrong.append(f"{what}: the server ended: {process.returncode}")
        self.stage.restart()
        self.stage.server.wait_engines("echo")

    def recovered(self, body: dict[str, Any], what: str) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                reply = self.stage.server.client.post("/jobs", body)
                if reply.status == 202:
                    break
            except OSError:
                reply = None
                self.alive("memory", what)
            if time.monotonic() > deadline:
                self.outcome.wrong.append(f"{what}: not recovered: {reply.status if reply else 'no answer'}")
                return
            time.sleep(0.02)
        job = reply.json()["id"]
        self.accepted[job] = body["input"]["text"]
        try:
            end = self.stage.server.client.wait(job, within=60)
        except (OSError, AssertionError) as error:
            self.outcome.wrong.append(f"{what}: {job} does not end: {str(error)[:300]}")
            return
        if end["state"] != "succeeded" or end["output"] != {"text": body["input"]["text"]}:
            self.outcome.wrong.append(f"{what}: ended as {end['state']} {end.get('error')}")

    def judge(self) -> None:
        """Every job is there and has ended well; a key made one job."""
        texts: dict[str, str] = {}
        for job, text in self.accepted.items():
            reply = self.stage.server.client.get(f"/jobs/{job}")
            if reply.status != 200 or reply.json()["state"] not in ENDED:
                self.outcome.lost += 1
                self.outcome.wrong.append(f"{job}: lost, status {reply.status}")
            elif texts.setdefault(text, job) != job:
                self.outcome.double += 1
                self.outcome.wrong.append(f"{text[:10]}: one key made {job} and {texts[text]}")
        self.outcome.accepted += len(self.accepted)


def runtime_stage(campaign: Campaign, shim: Shim) -> Stage:
    # A read or write that fails while a job runs costs it an attempt, and there are many.
    settings = ("retention.low_disk_bytes=0", "retention.low_disk_percent=0", "jobs.retry_base_s=0.01")
    return Stage(campaign.binary, campaign.folder / "run", (ECHO / "echo",), settings, env=shim.env)


@fault("nth-call", "EIO, ENOSPC, EMFILE at the N-th call while requests run", rounds=1000, quick=3, needs=needs_shim)
def nth_call(campaign: Campaign) -> Outcome:
    """`rounds` bounds N for each kind and error; a kind ends before it when a run is clean."""
    outcome = Outcome()
    shim = Shim(campaign.shim, campaign.folder)
    with runtime_stage(campaign, shim) as stage:
        stage.server.wait_engines("echo")
        runtime = Runtime(stage, shim, outcome)
        runtime.point("open", "EIO", EVER, EVER)  # warm: what is opened once is open
        for kind in RUN_KINDS[:-1] if campaign.quick else RUN_KINDS:
            for error in ERRORS[kind]:
                for last in (0, EVER):
                    number = 1
                    # When no connection is accepted at all, each point is a caller who waits in vain.
                    most = 2 if kind == "accept" and last else campaign.rounds
                    while number <= most and runtime.point(kind, error, number, last or number):
                        campaign.say(f"{kind} {error} at call {number}, {outcome.points} points")
                        number += 1
                    clean = number <= most
                    outcome.notes[f"{kind} {error}{' on' if last else ''}"] = number - 1 if clean else f">{number - 1}"
                    outcome.rounds += 1
        runtime.judge()
        if problem := stage.healthy("echo"):
            outcome.wrong.append(problem)
    return outcome


@fault("nth-memory", "an allocation that fails while requests run", rounds=MEMORY_POINTS, needs=needs_shim)
def nth_memory(campaign: Campaign) -> Outcome:
    outcome = Outcome()
    shim = Shim(campaign.shim, campaign.folder)
    with runtime_stage(campaign, shim) as stage:
        stage.server.wait_engines("echo")
        runtime = Runtime(stage, shim, outcome)
        runtime.point("memory", "ENOMEM", EVER, EVER)
        calls = shim.seen
        step = max(1, calls // campaign.rounds)
        for number in range(1, calls + 1, step):
            runtime.point("memory", "ENOMEM", number, number)
            outcome.rounds += 1
            campaign.say(f"allocation {number} of {calls}, the process ended {runtime.ends} times")
        runtime.judge()
        outcome.notes = {"allocations": calls, "process_ended": runtime.ends}
    return outcome


# --- the start ------------------------------------------------------------------------------------


def start_once(server: Server, within: float = 60.0) -> str | None:
    """None when it came up; else the last line it said."""
    server.start(ready=False)
    assert server.process is not None
    deadline = time.monotonic() + within
    while server.process.poll() is None:
        with contextlib.suppress(OSError):
            if server.client.request("GET", "/readyz").status == 200:
                return None
        if time.monotonic() > deadline:
            server.kill()
            return "headrace: did not become ready and did not end"
        time.sleep(0.01)
    return server.log_text().strip().split("\n")[-1]


def prepared(campaign: Campaign) -> tuple[pathlib.Path, dict[str, str]]:
    """A data folder as kill -9 leaves it, with jobs that ended and some that are open."""
    folder = campaign.folder / "prepared"
    jobs: dict[str, str] = {}
    with Stage(campaign.binary, folder, (ECHO / "echo",)) as stage:
        stage.server.wait_engines("echo")
        for number in range(20):
            text = f"{number} " + "y" * (100_000 if number % 4 == 0 else 10)
            jobs[stage.server.client.submit("echo", {"text": text})["id"]] = text
        for job in jobs:
            stage.server.client.wait(job)
        stage.server.kill()
    return folder, jobs


def jobs_are_there(server: Server, jobs: dict[str, str]) -> list[str]:
    server.wait_ready()
    wrong = []
    for job, text in jobs.items():
        reply = server.client.get(f"/jobs/{job}")
        if reply.status != 200 or reply.json().get("output") != {"text": text}:
            wrong.append(f"{job}: {reply.status} {reply.body[:200]!r}")
    return wrong


def start_point(
    campaign: Campaign, shim: Shim, source: pathlib.Path | None, jobs: dict[str, str], call: tuple[str, str, int]
) -> tuple[bool, list[str]]:
    """Whether something failed at that start, and what was wrong about how it went on."""
    kind, error, number = call
    what = f"start, {kind} {error} at call {number}"
    folder = campaign.folder / "start"
    shutil.rmtree(folder, ignore_errors=True)
    if source is None:
        folder.mkdir()
    else:
        shutil.copytree(source, folder)
        (folder / "server.log").unlink(missing_ok=True)
    server = Server(folder, engines=(), settings=("log.level=error",), binary=campaign.binary, env=shim.env)
    wrong = []
    shim.arm(kind, error, number)
    said = start_once(server)
    shim.disarm()
    hit = shim.failed > 0
    assert server.process is not None
    if said is not None and not said.startswith("headrace: ") and kind != "memory":
        wrong.append(f"{what}: ended with {server.process.returncode}, saying {said[:300]!r}")
    if server.process.poll() is None:
        server.kill()
    if hit:
        if (again := start_once(server)) is not None:
            wrong.append(f"{what}: does not start afterwards: {again[:300]}")
        else:
            wrong += [f"{what}: {line}" for line in jobs_are_there(server, jobs)]
            server.kill()
    return hit, wrong


@fault("nth-start", "EIO, ENOSPC, EMFILE, ENOMEM at the N-th call of a start", rounds=400, quick=12, needs=needs_shim)
def nth_start(campaign: Campaign) -> Outcome:
    """A first start on an empty folder, and one on the folder that kill -9 left."""
    outcome = Outcome()
    shim = Shim(campaign.shim, campaign.folder)
    source, jobs = prepared(campaign)
    cases: list[tuple[pathlib.Path | None, dict[str, str]]] = [(None, {}), (source, jobs)]
    for folder, expected in cases:
        for kind in ["read", "sync"] if campaign.quick else [*FILE_KINDS, "memory"]:
            # Each allocation takes a start of its own: a sample, growing apart.
            for error in ERRORS[kind]:
                number = reached = 1
                while reached <= campaign.rounds:
                    hit, wrong = start_point(campaign, shim, folder, expected, (kind, error, number))
                    outcome.wrong += wrong
                    if not hit:
                        break
                    outcome.points += 1
                    campaign.say(
                        f"{kind} {error} at call {number}, {outcome.points} points, {len(outcome.wrong)} wrong"
                    )
                    reached += 1
                    number += 1 if kind != "memory" else 1 + number // 20
                name = f"{kind} {error}{' again' if folder else ''}"
                outcome.notes[name] = reached - 1
                outcome.rounds += 1
    return outcome
