"""Ours, the peers and the physical limits, interleaved in one run; bench/README.md tells the rows.

Prints each row as it is measured, then the budgets, and (when every row was measured) writes bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import contextlib
import pathlib
import shutil
import signal
import sys
import tempfile

import llm
import many
import paths
import report
import scale
import timing
from rows import Budget, NotHere, Results, Row, Stage, choose

ROOT = pathlib.Path(__file__).resolve().parents[1]


def all_rows() -> list[Row]:
    return paths.rows() + llm.rows() + timing.rows() + scale.rows() + many.rows()


def all_budgets() -> list[Budget]:
    return paths.budgets() + llm.budgets() + timing.budgets() + scale.budgets() + many.budgets()


def measure(chosen: list[Row], stages: list[Stage], rounds: int, show: report.Progress) -> list[Results]:
    """What each stage gave; with two, a row is measured on both before the next, every other round the second one first."""
    results = [Results() for _ in stages]
    plan = [(number, row) for number in range(rounds) for row in chosen if number == 0 or not row.once]
    for at, (number, row) in enumerate(plan):
        for side in range(len(stages)) if number % 2 == 0 else reversed(range(len(stages))):
            which = f"  {stages[side].build.name:8}" if len(stages) > 1 else ""
            show.now(f"[{at + 1}/{len(plan)}] round {number + 1}{which} {row.name}")
            try:
                figures = row.measure(stages[side])
            except NotHere as why:
                show.line(f"round {number + 1}{which}  {row.name:32}  not measured: {why}")
                continue
            results[side].add(row.name, figures)
            show.line(f"round {number + 1}{which}  " + report.one_line(row.name, figures))
    show.clear()
    return results


def arguments_of(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--build", default="build/release", help="folder of the release build (default %(default)s)")
    parser.add_argument("--against", metavar="FOLDER", help="another build, measured row by row beside it")
    parser.add_argument("--rows", default="", metavar="PATTERN", help="comma-separated parts of row names, or regexes")
    parser.add_argument("--seconds", type=float, default=5, help="of one row (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    parser.add_argument("--quick", action="store_true", help="1 s, one round, without the rows that take minutes")
    parser.add_argument("--list", action="store_true", help="only say which rows would be measured")
    parser.add_argument("--no-write", action="store_true", help="leave bench/RESULTS.md as it is")
    parser.add_argument("-o", "--format", choices=("table", "json"), default="table")
    arguments = parser.parse_args(words)
    if arguments.quick:
        arguments.seconds, arguments.rounds = min(arguments.seconds, 1.0), 1
    return arguments


def main(words: list[str]) -> int:
    arguments = arguments_of(words)
    chosen = choose(all_rows(), arguments.rows, arguments.quick)
    if arguments.list or not chosen:
        print("\n".join(row.name for row in chosen) or f"no row matches {arguments.rows}")
        return 0 if chosen else 2
    build = (ROOT / arguments.build).resolve()
    command = " ".join(["./dev bench", *words])
    run = report.Run.begin(ROOT, command, arguments.rounds, arguments.seconds)
    # SIGTERM unwinds as Ctrl-C does, so that no server outlives the run.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    builds = [build] if arguments.against is None else [build, (ROOT / arguments.against).resolve()]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=build))
    show = report.Progress(sys.stderr if arguments.format == "json" else sys.stdout)
    try:
        with contextlib.ExitStack() as stack:
            stages = [
                stack.enter_context(Stage(each, folder / str(number), arguments.seconds))
                for number, each in enumerate(builds)
            ]
            results, *others = measure(chosen, stages, arguments.rounds, show)
    except KeyboardInterrupt:
        show.clear()
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = report.verdicts(all_budgets(), results)
    pages = ROOT / "docs/performance"
    if arguments.format == "json":
        print(report.as_json(run, results, found))
    else:
        print("\n" + report.budget_table(found, pages))
        for other in others:
            print(f"\n{builds[1].name} against {builds[0].name}\n" + report.ratio_table(results, other))
    if not (arguments.rows or arguments.quick or arguments.no_write or arguments.against):
        picture = scale.workers_plot(results)
        if picture:
            (ROOT / "bench/workers.svg").write_text(picture)
        (ROOT / "bench/RESULTS.md").write_text(
            report.document(run, results, found, pages, "workers.svg" if picture else None)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
