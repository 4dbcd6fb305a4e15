"""What a row and a budget are, and the stage on which rows are measured."""

from __future__ import annotations

import contextlib
import pathlib
import re
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import databases
import parts

# What one measurement found. Names that the table has columns for: rate, cpu_us, host_us, p50_ms, p99_ms;
# others stand in its last column.
Figures = dict[str, float]


@dataclass(frozen=True)
class Row:
    name: str
    measure: Callable[[Stage], Figures]
    beside: tuple[str, ...] = ()  # rows that must be measured in the same round: peers and limits
    once: bool = False  # measured in the first round only: long, or of little spread
    heavy: bool = False  # minutes; left out by --quick


class NotHere(Exception):
    """This machine or this build lacks what a row needs; the row is left out and says why."""


@dataclass(frozen=True)
class Budget:
    """A figure made of rows of one round, and what it may come to."""

    name: str
    needs: tuple[str, ...]
    value: Callable[..., float]  # takes the figures of `needs`, in order
    limit: float
    at_least: bool = False
    unit: str = ""
    page: str = ""  # the page under docs/performance/ that a miss is explained on

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass
class Results:
    rounds: dict[str, list[Figures]] = field(default_factory=dict)  # by row, in order of measuring

    def add(self, name: str, figures: Figures) -> None:
        self.rounds.setdefault(name, []).append(figures)

    def median(self, name: str) -> Figures:
        samples = self.rounds[name]
        return {key: statistics.median(s[key] for s in samples if key in s) for key in samples[0]}

    def ratio(self, other: Results, name: str, figure: str) -> float | None:
        """The median over the rounds of this build's figure over the other's; None where one has not got it."""
        pairs = zip(self.rounds.get(name, []), other.rounds.get(name, []), strict=False)
        values = [ours[figure] / theirs[figure] for ours, theirs in pairs if ours.get(figure) and theirs.get(figure)]
        return statistics.median(values) if values else None

    def judge(self, budget: Budget) -> float | None:
        """The median over the rounds of the budget's figure; None where a row was not measured."""
        samples = [self.rounds.get(name) for name in budget.needs]
        if any(found is None for found in samples):
            return None
        known = [found for found in samples if found is not None]
        count = max(len(found) for found in known)
        values = [budget.value(*(found[min(i, len(found) - 1)] for found in known)) for i in range(count)]
        return statistics.median(values)


def choose(rows: Iterable[Row], pattern: str, quick: bool = False) -> list[Row]:
    """The rows whose name one of the comma-separated patterns is found in, and those measured beside them."""
    every = {row.name: row for row in rows}
    words = [word.strip() for word in pattern.split(",") if word.strip()]
    chosen: set[str] = set()

    def take(name: str) -> None:
        if name not in chosen and name in every:
            chosen.add(name)
            for other in every[name].beside:
                take(other)

    for name, row in every.items():
        if any(re.search(word, name, re.IGNORECASE) for word in words) or not (words or (quick and row.heavy)):
            take(name)
    return [row for row in every.values() if row.name in chosen]


class Stage:
    """Servers that rows are measured on: each is started when a row first asks for it, and lives to the end."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, seconds: float) -> None:
        self.build, self.folder, self.seconds = build, folder, seconds
        self._parts: dict[str, Any] = {}
        self._databases: dict[str, str] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Stage:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def part(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._parts:
            self._parts[name] = self._stack.enter_context(contextlib.closing(make()))
        return self._parts[name]

    def fresh_folder(self, name: str) -> pathlib.Path:
        number = sum(1 for path in self.folder.glob(f"{name}-*"))
        return self.folder / f"{name}-{number}"

    # --- the parts that several rows share -------------------------------------------------------

    def limit(self) -> parts.Nginx:
        """nginx that answers by itself."""
        return self.part("return", lambda: parts.Nginx(self.folder / "return"))  # type: ignore[no-any-return]

    def proxy(self) -> parts.Nginx:
        """nginx that forwards to limit(), by TCP what came by TCP and by Unix socket what came by one."""
        backend = self.limit()
        return self.part("proxy", lambda: parts.Nginx(self.folder / "proxy", backend.addresses))  # type: ignore[no-any-return]

    def headrace(self, way: str = "tcp") -> parts.Headrace:
        return self.part(  # type: ignore[no-any-return]
            f"headrace {way}", lambda: parts.Headrace(self.build, self.folder / f"headrace-{way}", way=way)
        )

    def postgres(self) -> databases.Postgres:
        if not databases.installed():
            raise NotHere("postgresql-15 is not installed")
        return self.part("postgres", databases.Postgres)  # type: ignore[no-any-return]

    def database(self, name: str) -> str:
        """The address of a database of that name, made when it is first asked for."""
        server = self.postgres()
        if name not in self._databases:
            self._databases[name] = server.database(name)
        return self._databases[name]

    def headrace_on_postgres(self) -> parts.Headrace:
        if not databases.knows_postgres(self.build):
            raise NotHere(f"this build has no setting {databases.SETTING}")
        settings = ("store.kind=postgres", f"{databases.SETTING}={self.database('headrace')}")
        folder = self.folder / "headrace-postgres"
        return self.part(  # type: ignore[no-any-return]
            "headrace postgres", lambda: parts.Headrace(self.build, folder, settings=settings)
        )

    def drive(
        self, server: parts.Headrace, connections: int, hosts: list[int], /, **request: Any
    ) -> tuple[Figures, dict[str, Any]]:
        """One row of POST /jobs; CPU is that of `serve`, and of the engine's hosts beside it."""
        request.setdefault("seconds", self.seconds)
        headers = (server.auth, "Content-Type: application/json", *request.pop("headers", ()))
        before, hosts_before = parts.cpu_seconds([server.pid]), parts.cpu_seconds(hosts)
        result = parts.load(self.build, server.address, connections, path="/api/v1/jobs", headers=headers, **request)
        cpu = parts.cpu_seconds([server.pid]) - before
        return figures_of(result, cpu, parts.cpu_seconds(hosts) - hosts_before), result


def figures_of(result: dict[str, Any], cpu: float, host_cpu: float | None = None) -> Figures:
    done = result["good"]
    figures = {
        "rate": done / result["seconds"],
        "cpu_us": cpu / done * 1e6,
        "p50_ms": result["p50_us"] / 1e3,
        "p99_ms": result["p99_us"] / 1e3,
    }
    if host_cpu is not None:
        figures["host_us"] = host_cpu / done * 1e6
    return figures
