"""Rows of how soon: dispatch, cancel, queue timeout, start; and what an engine host costs for each call."""

from __future__ import annotations

import contextlib
import json
import statistics
import time

import parts
from paths import echo_body
from rows import Budget, Figures, Row, Stage, figures_of

PACE = 200.0  # calls a second on one connection: the worker is idle when a job comes
CANCELS = 40
TIMEOUTS = 20
TTL = 0.2
STARTS = 5


def dispatch(stage: Stage) -> Figures:
    server = stage.headrace("unix")
    figures, _ = stage.drive(server, 1, server.hosts("echo"), body=echo_body(), headers=("Prefer: wait=10",), rate=PACE)
    return figures


def bare_answer(stage: Stage) -> Figures:
    """At the same pace: what HTTP and being woken cost on this machine."""
    server = stage.limit()
    before = parts.cpu_seconds(server.pids)
    result = parts.load(stage.build, server.addresses["unix"], 1, seconds=stage.seconds, body=echo_body(), rate=PACE)
    return figures_of(result, parts.cpu_seconds(server.pids) - before)


def cancel(stage: Stage) -> Figures:
    """From the moment a caller sends the cancel to the moment the worker has it."""
    server = stage.headrace()
    took = []
    with contextlib.closing(parts.SimWorkers(server, capability="sim-cancel", engine_us=60_000_000, tell=True)) as sim:
        for _ in range(CANCELS):
            job = server.call("POST", "/jobs", {"capability": "sim-cancel", "input": {"text": "x"}})
            sim.told("lease")
            sent = time.monotonic_ns()
            server.call("POST", f"/jobs/{job['id']}/cancel")
            took.append((sim.told("cancel") - sent) / 1e6)
    return {"p50_ms": statistics.median(took), "p99_ms": max(took)}


def queue_timeout(stage: Stage) -> Figures:
    """How much later than its time a job's end is with the caller who waits for it."""
    server = stage.headrace()
    late = []
    with server.paused("echo"), contextlib.closing(server.connect()) as connection:
        fields = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json", "Prefer": "wait=10"}
        for _ in range(TIMEOUTS):
            sent = time.monotonic()
            connection.request("POST", "/api/v1/jobs", echo_body(ttl=TTL), fields)
            job = json.loads(connection.getresponse().read())
            if job["state"] != "expired":
                raise RuntimeError(f"a job whose time is up is {job['state']}")
            late.append((time.monotonic() - sent - TTL) * 1e3)
    if min(late) < 0:
        raise RuntimeError("a job expired before its time")
    return {"p50_ms": statistics.median(late), "p99_ms": max(late)}


def start(stage: Stage) -> Figures:
    """On a new data folder and on one that is there; memory once an echo engine has been idle for a second."""
    new, again, memory = [], [], []
    for _ in range(STARTS):
        folder = stage.fresh_folder("start")
        with contextlib.closing(parts.Headrace(stage.build, folder, engines=("echo",))) as server:
            new.append(server.start_seconds)
            parts.end(server.process)
            again.append(server.start())
            time.sleep(1)
            memory.append(parts.resident_bytes(server.pid))
    return {
        "first_start_ms": statistics.median(new) * 1e3,
        "start_ms": statistics.median(again) * 1e3,
        "slowest_ms": max(new + again) * 1e3,
        "idle_mb": statistics.median(memory) / 1e6,
    }


def host_row(engine: str) -> Row:
    def measure(stage: Stage) -> Figures:
        server = stage.part(
            f"headrace {engine}",
            lambda: parts.Headrace(stage.build, stage.folder / f"headrace-{engine}", engines=(engine,)),
        )
        figures, _ = stage.drive(server, 64, server.hosts(engine), body=echo_body(engine), headers=("Prefer: wait=10",))
        return figures

    return Row(f"engine host {'python' if engine.startswith('py_') else 'native'}", measure)


def rows() -> list[Row]:
    return [
        Row("nginx return unix paced", bare_answer),
        Row("dispatch to an idle worker", dispatch, beside=("nginx return unix paced",)),
        Row("cancel to the engine", cancel, once=True),
        Row("queue timeout", queue_timeout, once=True),
        Row("start", start, once=True),
        host_row("echo"),
        host_row("py_echo"),
    ]


def budgets() -> list[Budget]:
    def above_bare(figure: str, limit: float) -> Budget:
        return Budget(
            f"dispatch to an idle worker: a whole call above a bare nginx answer, {figure[:3]}",
            ("dispatch to an idle worker", "nginx return unix paced"),
            lambda ours, bare: ours[figure] - bare[figure],
            limit,
            unit="ms",
            page="timing",
        )

    def one(name: str, row: str, figure: str, limit: float, unit: str, page: str) -> Budget:
        return Budget(name, (row,), lambda found: found[figure], limit, unit=unit, page=page)

    return [
        above_bare("p50_ms", 0.3),
        above_bare("p99_ms", 3),
        one("cancel reaches the engine, slowest", "cancel to the engine", "p99_ms", 100, "ms", "timing"),
        one("queue timeout, latest", "queue timeout", "p99_ms", 20, "ms", "timing"),
        one("cold start to ready", "start", "first_start_ms", 300, "ms", "timing"),
        one("idle memory", "start", "idle_mb", 40, "MB", "memory"),
        one("engine host CPU per call, native", "engine host native", "host_us", 15, "µs", "engine-hosts"),
        one("engine host CPU per call, Python", "engine host python", "host_us", 150, "µs", "engine-hosts"),
    ]
