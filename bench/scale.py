"""Rows of how many: idle connections, workers, loops, and a million jobs in the queue."""

from __future__ import annotations

import base64
import contextlib
import os
import resource
import socket
import struct
import time
from collections.abc import Callable

import parts
import plot
from paths import echo_body
from rows import Budget, Figures, NotHere, Results, Row, Stage

IDLE = 10_000
IDLE_WORKERS = 1_000
SLOTS = 1_000  # of one simulated worker that holds sessions
WORKERS = (1, 2, 4, 8, 16, 32, 64)
ENGINE_US = 20_000
MILLION = 1_000_000
ROOM_FOR_IDLE = "limits.connections=20000"


def may_open(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard < count:
            raise NotHere(f"{count} open files are needed, and the limit is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


# --- what an idle peer costs ---------------------------------------------------------------------


def settled(pid: int) -> int:
    """Resident bytes, once they have stopped to change."""
    last = parts.resident_bytes(pid)
    while True:
        time.sleep(1)
        now = parts.resident_bytes(pid)
        if abs(now - last) < 64 * 1024:
            return now
        last = now


def idle_row(name: str, hold: Callable[[parts.Headrace, contextlib.ExitStack], int]) -> Row:
    def measure(stage: Stage) -> Figures:
        may_open(IDLE + 2_000)
        folder = stage.fresh_folder("idle")
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(
                contextlib.closing(parts.Headrace(stage.build, folder, settings=(ROOM_FOR_IDLE,)))
            )
            # What the server keeps once it has worked is not what a connection costs.
            stage.drive(server, 64, [], body=echo_body(), headers=("Prefer: wait=10",), seconds=0.5)
            before = settled(server.pid)
            count = hold(server, stack)
            held = settled(server.pid)
            return {"count": count, "each_kb": (held - before) / count / 1e3}

    return Row(name, measure, once=True)


def head_of(one: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        got = one.recv(4096)
        if not got:
            raise RuntimeError("a connection was closed")
        head += got
    return head


def hold_connections(server: parts.Headrace, stack: contextlib.ExitStack) -> int:
    """Kept alive after one answered request each."""
    host, port = server.address.split(":")
    for _ in range(IDLE):
        one = stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not head_of(one).startswith(b"HTTP/1.1 200"):
            raise RuntimeError("a connection was not answered")
    return IDLE


def hold_sessions(server: parts.Headrace, stack: contextlib.ExitStack) -> int:
    """Accepted, running on a slot, and silent."""
    workers = IDLE // SLOTS + 1
    sim = parts.SimWorkers(server, capability="sim-session", workers=workers, slots=SLOTS, stream=True)
    stack.enter_context(contextlib.closing(sim))
    host, port = server.address.split(":")
    upgrade = (
        "GET /api/v1/capabilities/sim-session/session HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{server.auth}\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
    ).encode()
    text = b'{"input":{},"seq":0}'
    first = struct.pack("!BB", 0x81, 0x80 | len(text)) + bytes(4) + text  # masked with zeros
    for number in range(IDLE):
        one = stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
        one.sendall(upgrade)
        if not head_of(one).startswith(b"HTTP/1.1 101"):
            raise RuntimeError("a session was refused")
        one.sendall(first)
        answer = one.recv(4096)
        if b'"job"' not in answer:
            raise RuntimeError(f"session {number} was not accepted: {answer!r}")
    return IDLE


def hold_workers(server: parts.Headrace, stack: contextlib.ExitStack) -> int:
    sim = parts.SimWorkers(server, capability="sim-idle", workers=IDLE_WORKERS)
    stack.enter_context(contextlib.closing(sim))
    return IDLE_WORKERS


# --- workers and loops ---------------------------------------------------------------------------


def workers_row(count: int) -> Row:
    def measure(stage: Stage) -> Figures:
        server = stage.headrace()
        sim = parts.SimWorkers(server, capability="sim", workers=count, engine_us=ENGINE_US)
        with contextlib.closing(sim):
            # Twice as many callers as slots, so that none of them ever waits for a job.
            figures, _ = stage.drive(
                server, 2 * count + 2, [sim.process.pid], body=echo_body("sim"), headers=("Prefer: wait=30",)
            )
        figures["each_per_worker"] = figures["rate"] / count
        return figures

    beside = () if count == 1 else ("workers 1",)
    return Row(f"workers {count}", measure, beside=beside)


def loops_row(loops: int) -> Row:
    def measure(stage: Stage) -> Figures:
        server = stage.part(
            f"headrace loops {loops}",
            lambda: parts.Headrace(
                stage.build,
                stage.folder / f"headrace-loops-{loops}",
                engines=("echo",),
                settings=(f"server.io_loops={loops}",),
            ),
        )
        figures, _ = stage.drive(server, 64, server.hosts("echo"), body=echo_body(), headers=("Prefer: wait=10",))
        return figures

    return Row(f"io loops {loops}", measure, beside=("io loops 1",) if loops == 2 else ())


# --- a million jobs ------------------------------------------------------------------------------


def million(stage: Stage) -> Figures:
    folder = stage.fresh_folder("million")
    settings = (f"jobs.queued_per_capability={2 * MILLION}",)
    server = parts.Headrace(stage.build, folder, engines=("echo",), settings=settings)
    with contextlib.closing(server):
        version = server.queue("echo")["capability"]
        server.control("POST", f"/queues/{version}/pause")
        empty, _ = stage.drive(server, 256, [], body=echo_body())
        queued = server.queue("echo")["queued"]
        stage.drive(server, 256, [], body=echo_body(), requests=max(MILLION - queued, 1))
        full, _ = stage.drive(server, 256, [], body=echo_body())
        memory = parts.resident_bytes(server.pid)
        queued = server.queue("echo")["queued"]
        parts.end(server.process)
        restart = server.start()
        found = server.queue("echo")["queued"] + server.queue("echo")["running"]
        restart_memory = parts.resident_bytes(server.pid)
        server.process.kill()  # what is left need not be run
        server.process.wait()
    return {
        "rate": full["rate"],
        "cpu_us": full["cpu_us"],
        "p50_ms": full["p50_ms"],
        "p99_ms": full["p99_ms"],
        "empty_rate": empty["rate"],
        "queued": queued,
        "found_again": found,
        "resident_mb": memory / 1e6,
        "restart_s": restart,
        "restart_resident_mb": restart_memory / 1e6,
    }


def rows() -> list[Row]:
    return [
        idle_row("idle http keep-alive", hold_connections),
        idle_row("idle websocket sessions", hold_sessions),
        idle_row("idle workers", hold_workers),
        *(workers_row(count) for count in WORKERS),
        *(loops_row(loops) for loops in (0, 1, 2)),
        Row("million queued", million, once=True, heavy=True),
    ]


def workers_plot(results: Results) -> str | None:
    """Throughput by the number of workers, beside that many times one worker; None when not measured."""
    points = [
        (float(count), results.median(f"workers {count}")["rate"])
        for count in WORKERS
        if f"workers {count}" in results.rounds
    ]
    if len(points) < 2 or points[0][0] != 1:
        return None
    ideal = [(x, x * points[0][1]) for x, _ in points]
    return plot.svg(
        f"Simulated workers of {ENGINE_US // 1000} ms a job",
        "workers",
        "jobs a second",
        [plot.Line("measured", points), plot.Line("N times one worker", ideal, dashed=True)],
    )


def slowest_share(one: Figures, *others: Figures) -> float:
    return min(found["each_per_worker"] for found in others) / one["each_per_worker"]


def budgets() -> list[Budget]:
    def each(name: str, row: str, limit: float) -> Budget:
        return Budget(name, (row,), lambda found: found["each_kb"], limit, unit="kB", page="memory")

    return [
        each("10 000 idle HTTP connections, resident each", "idle http keep-alive", 5),
        each("10 000 idle WebSocket sessions, resident each", "idle websocket sessions", 12),
        each("1 000 idle workers, resident each", "idle workers", 16),
        Budget(
            f"N workers / N times one worker, the worst of N = {WORKERS[1]} to {WORKERS[-1]}",
            tuple(f"workers {count}" for count in WORKERS),
            slowest_share,
            0.97,
            at_least=True,
            page="workers",
        ),
        Budget(
            "two I/O loops CPU / one I/O loop CPU",
            ("io loops 2", "io loops 1"),
            lambda two, one: two["cpu_us"] / one["cpu_us"],
            1.15,
            page="loops",
        ),
        Budget(
            "1 000 000 queued jobs, resident",
            ("million queued",),
            lambda found: found["resident_mb"],
            400,
            unit="MB",
            page="million",
        ),
        Budget(
            "accept with 1 000 000 queued / accept with none",
            ("million queued",),
            lambda found: found["rate"] / found["empty_rate"],
            0.8,
            at_least=True,
            page="million",
        ),
    ]
