"""What is printed and written of a run: the rows, the budgets, the machine."""

from __future__ import annotations

import json
import os
import pathlib
import platform
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from rows import Budget, Figures, Results

COLUMNS = (
    ("rate", "rate /s"),
    ("cpu_us", "CPU µs"),
    ("host_us", "engine host µs"),
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99 ms"),
)
UNITS = {"us": "µs", "ms": "ms", "s": "s", "mb": "MB", "kb": "kB", "bytes": "bytes"}


def number(value: float) -> str:
    """Three figures that matter, or the whole number."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def others(figures: Figures) -> str:
    """What has no column: "first_event_ms" is read as "first event 1.2 ms"."""
    words = []
    for name, value in figures.items():
        if name in dict(COLUMNS):
            continue
        stem, _, unit = name.rpartition("_")
        if stem and unit in UNITS:
            words.append(f"{stem.replace('_', ' ')} {number(value)} {UNITS[unit]}")
        elif "_us_" in name:
            stem, _, rest = name.partition("_us_")
            words.append(f"{stem} {rest.replace('_', ' ')} {number(value)} µs")
        else:
            words.append(f"{name.replace('_', ' ')} {number(value)}")
    return ", ".join(words)


def one_line(name: str, figures: Figures) -> str:
    shown = [f"{name:32}"]
    for key, heading in COLUMNS:
        if key in figures:
            shown.append(f"{heading.replace(' /s', '')} {number(figures[key])}")
    return "  ".join([*shown, others(figures)]).rstrip()


@dataclass
class Verdict:
    budget: Budget
    value: float

    @property
    def met(self) -> bool:
        return self.budget.met(self.value)

    @property
    def allowed(self) -> str:
        sign = "≥" if self.budget.at_least else "≤"
        return f"{sign} {self.budget.limit:g}{' ' if self.budget.unit else ''}{self.budget.unit}"

    @property
    def measured(self) -> str:
        return f"{number(self.value)}{' ' if self.budget.unit else ''}{self.budget.unit}"


def verdicts(budgets: Iterable[Budget], results: Results) -> list[Verdict]:
    found = []
    for budget in budgets:
        value = results.judge(budget)
        if value is not None:
            found.append(Verdict(budget, value))
    return found


def budget_table(found: list[Verdict], pages: pathlib.Path) -> str:
    lines = ["| budget | measured | allowed | |", "| --- | ---: | ---: | --- |"]
    for verdict in found:
        word = "met" if verdict.met else "**missed**"
        page = pages / f"{verdict.budget.page}.md"
        if not verdict.met and verdict.budget.page and page.exists():
            word = f"[missed](../docs/performance/{page.name})"
        lines.append(f"| {verdict.budget.name} | {verdict.measured} | {verdict.allowed} | {word} |")
    return "\n".join(lines)


def row_table(results: Results) -> str:
    lines = ["| row | " + " | ".join(heading for _, heading in COLUMNS) + " | |"]
    lines.append("| --- |" + " ---: |" * len(COLUMNS) + " --- |")
    for name in results.rounds:
        figures = results.median(name)
        cells = [number(figures[key]) if key in figures else "" for key, _ in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {others(figures)} |")
    return "\n".join(lines)


def ratio_table(first: Results, second: Results) -> str:
    """How the second build's figures stand to the first's, by row."""
    kinds = [(key, heading) for key, heading in COLUMNS if key != "host_us"]
    lines = ["| row | " + " | ".join(heading for _, heading in kinds) + " |", "| --- |" + " ---: |" * len(kinds)]
    for name in first.rounds:
        ratios = [second.ratio(first, name, key) for key, _ in kinds]
        lines.append(f"| {name} | " + " | ".join("" if r is None else f"{r:.2f}x" for r in ratios) + " |")
    return "\n".join(lines)


def machine() -> str:
    """In words, and nothing of where it stands."""
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}"


def commit(root: pathlib.Path) -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "include", "examples")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


@dataclass
class Run:
    """How and where it was measured."""

    command: str
    commit: str
    machine: str
    load: float  # runnable processes on average before the run
    rounds: int
    seconds: float

    @classmethod
    def begin(cls, root: pathlib.Path, command: str, rounds: int, seconds: float) -> Run:
        """Here and now."""
        return cls(command, commit(root), machine(), os.getloadavg()[0], rounds, seconds)

    @property
    def busy(self) -> bool:
        return self.load > 0.5


def state(run: Run) -> str:
    """How far the machine may be trusted."""
    return (
        f"**The machine was busy**: {run.load:.1f} processes were runnable on average before the run, so rates and "
        "latencies are pessimistic; CPU ratios within a round hold."
        if run.busy
        else "The machine was otherwise quiet."
    )


def document(run: Run, results: Results, found: list[Verdict], pages: pathlib.Path, plot: str | None) -> str:
    text = (
        "# Results\n\n"
        f"Written by `{run.command}` at commit {run.commit}, {time.strftime('%Y-%m-%d')}, on {run.machine}; medians of\n"
        f"{run.rounds} rounds, every row {run.seconds:g} s, rows interleaved. {state(run)}\n\n"
        "CPU is that of the serving processes alone (nginx worker; `headrace serve`), for each finished request; the engine\n"
        "host's share has a column of its own. A ratio is taken within each round, then its median.\n\n"
        "## Budgets\n\n" + budget_table(found, pages) + "\n\n## Rows\n\n" + row_table(results) + "\n"
    )
    if plot:
        text += f"\n## Workers\n\n![Throughput by the number of workers]({plot})\n"
    return text


def as_json(run: Run, results: Results, found: list[Verdict]) -> str:
    return json.dumps(
        {
            "command": run.command,
            "commit": run.commit,
            "machine": run.machine,
            "load": run.load,
            "rows": results.rounds,
            "budgets": [
                {
                    "name": v.budget.name,
                    "measured": v.value,
                    "limit": v.budget.limit,
                    "at_least": v.budget.at_least,
                    "unit": v.budget.unit,
                    "met": v.met,
                }
                for v in found
            ],
        },
        indent=1,
        ensure_ascii=False,
    )


class Progress:
    """Lines, and on a terminal one line that says what is being measured now."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()

    def now(self, text: str) -> None:
        if self._terminal:
            self._out.write(f"\r\x1b[K{text}")
            self._out.flush()

    def clear(self) -> None:
        if self._terminal:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def line(self, text: str) -> None:
        self.clear()
        self._out.write(text + "\n")
        self._out.flush()
