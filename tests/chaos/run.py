"""The fault campaign: what goes wrong in life, done on purpose, and a referee who counts what was lost.

  run.py --list                       every fault, and how many rounds it has by default
  run.py --fault kill-server --rounds 50
  run.py --quick                      the cheap ones, a few rounds each (./dev test)
  run.py                              all of them, with the rounds of a release

Every accepted job must end once with the right output and one usage record, whatever happens. The last
line of a fault is its result; --json FILE adds it to a file of results, from which
docs/reliability/README.md is written (report.py). Exit 1 when anything was wrong.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import stage  # noqa: F401  (the paths of what the modules import)

# isort: split
import clocks  # noqa: F401
import crowd  # noqa: F401
import damage  # noqa: F401
import disk  # noqa: F401
import kills  # noqa: F401
import memory  # noqa: F401
import netem  # noqa: F401
import network  # noqa: F401
import nth  # noqa: F401
import poison  # noqa: F401
import suites  # noqa: F401
from registry import FAULTS, Campaign, Fault, Outcome

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Progress:
    """One line that is written over on a terminal, and only now and then in a log."""

    def __init__(self) -> None:
        self.terminal = sys.stdout.isatty()
        self.last = 0.0

    def say(self, text: str) -> None:
        now = time.monotonic()
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            print("\r\033[K" + text[:width], end="", flush=True)
        elif now - self.last > 10:
            print(text, flush=True)
            self.last = now

    def done(self, text: str) -> None:
        print(("\r\033[K" if self.terminal else "") + text, flush=True)


def commit() -> str:
    """The commit that was tested, with a plus when files differ from it."""
    try:
        head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True)
        dirty = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return ""
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def result_of(fault: Fault, outcome: Outcome, seconds: float, arguments: argparse.Namespace) -> dict[str, object]:
    command = ["./dev", "chaos", "--fault", fault.name, "--rounds", str(arguments.rounds or fault.rounds)]
    return {
        "fault": fault.name,
        "what": fault.what,
        "good": outcome.good,
        "rounds": outcome.rounds,
        "points": outcome.points,
        "accepted": outcome.accepted,
        "lost": outcome.lost,
        "double": outcome.double,
        "wrong": outcome.wrong[:20],
        "notes": outcome.notes,
        "seconds": round(seconds, 1),
        "seed": arguments.seed,
        "command": " ".join(command),
        "commit": arguments.commit or commit(),
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "load_average": round(os.getloadavg()[2], 1),
    }


def add_to(path: pathlib.Path, result: dict[str, object]) -> None:
    """Each fault's result takes the place of its last one."""
    known = json.loads(path.read_text()) if path.exists() else {}
    known[str(result["fault"])] = result
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


def run_one(fault: Fault, arguments: argparse.Namespace, progress: Progress) -> dict[str, object] | None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"headrace-{fault.name}-"))
    rounds = arguments.rounds or (fault.quick if arguments.quick else fault.rounds)
    began = time.monotonic()

    def say(text: str) -> None:
        progress.say(f"{fault.name}: {text} ({time.monotonic() - began:.0f} s)")

    campaign = Campaign(arguments.binary, folder, rounds, arguments.seed, say, arguments.quick)
    if why := fault.needs(campaign):
        progress.done(f"{fault.name:16} skipped: {why}")
        shutil.rmtree(folder, ignore_errors=True)
        return None
    say("starting")
    try:
        outcome = fault.run(campaign)
    except Exception:
        outcome = Outcome(wrong=[traceback.format_exc()])
    result = result_of(fault, outcome, time.monotonic() - began, arguments)
    progress.done(
        f"{fault.name:16} {'ok' if outcome.good else 'WRONG':5} {outcome.rounds} rounds, {outcome.points} points, "
        f"{outcome.accepted} accepted, {outcome.lost} lost, {outcome.double} double, {result['seconds']} s"
        + (f", {json.dumps(outcome.notes)}" if outcome.notes else "")
    )
    for wrong in outcome.wrong[:10]:
        print("  WRONG", wrong, flush=True)
    if outcome.good and not arguments.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"  what it left lies in {folder} (seed {arguments.seed})")
    return result


def table(results: list[dict[str, object]]) -> None:
    columns = ["fault", "rounds", "points", "accepted", "lost", "double", "seconds", "good"]
    rows = [columns] + [[str(result[column]) for column in columns] for result in results]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build" / "release" / "headrace")
    parser.add_argument(
        "--fault", action="append", choices=sorted(FAULTS), metavar="NAME", help="only this one; repeat"
    )
    parser.add_argument("--rounds", type=int, help="instead of each fault's own number")
    parser.add_argument("--quick", action="store_true", help="the cheap ones, a few rounds each")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--json", type=pathlib.Path, help="file of results to add to")
    parser.add_argument("--commit", help="what was tested, when it is not what the repository holds")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the folders of rounds that went well")
    arguments = parser.parse_args()
    if arguments.list:
        for fault in FAULTS.values():
            print(f"{fault.name:16} {fault.rounds:5} rounds  {fault.what}")
        return 0
    arguments.binary = arguments.binary.resolve()
    chosen = [FAULTS[name] for name in arguments.fault] if arguments.fault else list(FAULTS.values())
    if arguments.quick and not arguments.fault:
        chosen = [fault for fault in chosen if fault.quick > 0]
    progress = Progress()
    results = []
    for fault in chosen:
        if result := run_one(fault, arguments, progress):
            results.append(result)
            if arguments.json:
                add_to(arguments.json, result)
    table(results)
    return 0 if results and all(result["good"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
