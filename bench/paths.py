"""Rows of the request paths: interactive, durable, streamed, and the peers they are held against."""

from __future__ import annotations

import json
from collections.abc import Callable

import databases
import parts
from rows import Budget, Figures, Row, Stage, figures_of

TEXT = "the quick brown fox jumps over the lazy dog"
CONNECTIONS = (1, 16, 64, 256)
CALLERS = (16, 64, 256)
WAYS = ("tcp", "unix")
STREAM_EVENTS = 20


def echo_body(capability: str = "echo", text: str = TEXT, **more: object) -> str:
    return json.dumps({"capability": capability, "input": {"text": text}, **more}, separators=(",", ":"))


def nginx_row(kind: str, way: str, connections: int) -> Row:
    def measure(stage: Stage) -> Figures:
        server = stage.limit() if kind == "return" else stage.proxy()
        before = parts.cpu_seconds(server.pids)
        result = parts.load(
            stage.build,
            server.addresses[way],
            connections,
            seconds=stage.seconds,
            body=echo_body(),
            headers=("Content-Type: application/json",),
        )
        return figures_of(result, parts.cpu_seconds(server.pids) - before)

    return Row(f"nginx {kind} {way} {connections}", measure)


def interactive_row(way: str, connections: int) -> Row:
    def measure(stage: Stage) -> Figures:
        server = stage.headrace(way)
        figures, _ = stage.drive(
            server, connections, server.hosts("echo"), body=echo_body(), headers=("Prefer: wait=10",)
        )
        return figures

    return Row(f"interactive {way} {connections}", measure, beside=(f"nginx proxy {way} {connections}",))


def durable(server: Callable[[Stage], parts.Headrace], connections: int, paused: bool) -> Callable[[Stage], Figures]:
    def measure(stage: Stage) -> Figures:
        on = server(stage)
        hosts = on.hosts("echo")
        if paused:
            with on.paused("echo"):
                figures, _ = stage.drive(on, connections, hosts, body=echo_body())
            del figures["host_us"]
            return figures
        before = parts.cpu_seconds([on.pid])
        figures, result = stage.drive(on, connections, hosts, body=echo_body())
        on.drain("echo")
        figures["cpu_us_to_its_end"] = (parts.cpu_seconds([on.pid]) - before) / result["good"] * 1e6
        return figures

    return measure


def durable_rows(store: str, server: Callable[[Stage], parts.Headrace]) -> list[Row]:
    found = []
    for callers in CALLERS:
        beside = (f"raw {store} {callers}", f"nginx return tcp {callers}")
        found.append(Row(f"raw {store} {callers}", at_the_store(store, callers, raw=True)))
        found.append(
            Row(
                f"job log {store} {callers}",
                at_the_store(store, callers, raw=False),
                beside=(f"raw {store} {callers}",),
            )
        )
        for paused in (True, False):
            name = f"durable {store} {'accept only ' if paused else ''}{callers}"
            found.append(Row(name, durable(server, callers, paused), beside=beside))
    return found


def at_the_store(store: str, writers: int, raw: bool) -> Callable[[Stage], Figures]:
    """The database alone, or our job log without a server before it."""

    def measure(stage: Stage) -> Figures:
        url = stage.database("raw" if raw else "log") if store == "postgres" else ""
        return databases.store_bench(stage.build, stage.folder / "store", stage.seconds, writers, raw=raw, postgres=url)

    return measure


def streamed(stage: Stage) -> Figures:
    server = stage.headrace()
    text = " ".join(f"word{i:02d}" for i in range(STREAM_EVENTS))
    figures, result = stage.drive(
        server,
        64,
        server.hosts("echo_stream"),
        body=echo_body("echo_stream", text),
        headers=("Accept: text/event-stream",),
        count="event: output",
    )
    if result["events"] < result["good"] * STREAM_EVENTS:
        raise RuntimeError(f"a stream lacks events: {result}")
    figures["cpu_us_per_event"] = figures["cpu_us"] / STREAM_EVENTS
    figures["first_event_ms"] = result["first_event_p50_us"] / 1e3
    return figures


def rows() -> list[Row]:
    found = []
    for connections in CONNECTIONS:
        for way in WAYS:
            found.append(nginx_row("return", way, connections))
            found.append(nginx_row("proxy", way, connections))
            found.append(interactive_row(way, connections))
    found += durable_rows("sqlite", Stage.headrace)
    found += durable_rows("postgres", Stage.headrace_on_postgres)
    found.append(Row("streamed sse 64 x 20", streamed))
    return found


def in_turn(a: float, b: float) -> float:
    """What two limits give one after the other."""
    return 1 / (1 / a + 1 / b)


def budgets() -> list[Budget]:
    found = []
    for way in WAYS:
        for connections in (64, 256):
            found.append(
                Budget(
                    f"interactive CPU / nginx proxy_pass CPU, {way}, {connections} connections",
                    (f"interactive {way} {connections}", f"nginx proxy {way} {connections}"),
                    lambda ours, peer: ours["cpu_us"] / peer["cpu_us"],
                    0.8,
                    page="interactive",
                )
            )
        found.append(
            Budget(
                f"interactive p50 / nginx proxy_pass p50, {way}, 1 connection",
                (f"interactive {way} 1", f"nginx proxy {way} 1"),
                lambda ours, peer: ours["p50_ms"] / peer["p50_ms"],
                1.2,
                page="interactive",
            )
        )
    found += durable_budgets("sqlite") + durable_budgets("postgres")
    found.append(
        Budget(
            "streamed output CPU per event, 64 streams of 20",
            ("streamed sse 64 x 20",),
            lambda row: row["cpu_us_per_event"],
            8,
            unit="µs",
            page="streaming",
        )
    )
    return found


def durable_budgets(store: str) -> list[Budget]:
    found = []
    for words, kind in (("accept only ", "accept"), ("", "accept, workers running")):
        found.append(
            Budget(
                f"durable {kind} / (return 200 then raw {store} writer), 256 callers",
                (f"durable {store} {words}256", "nginx return tcp 256", f"raw {store} 256"),
                lambda ours, answer, disk: ours["rate"] / in_turn(answer["rate"], disk["rate"]),
                0.6,
                at_least=True,
                page="durable",
            )
        )
    return found
