"""Faults that have a test suite of their own: power cuts in the stores' tests, a lost database in the end-to-end ones."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

from registry import Campaign, Outcome, fault

ROOT = pathlib.Path(__file__).resolve().parents[2]
POWER_CUT = ROOT / "build" / "dev" / "stores_crash_test"
POSTGRES = sorted((ROOT / "tests" / "e2e").glob("test_postgres.py"))


def needs_stores_test(_: Campaign) -> str | None:
    return None if POWER_CUT.exists() else f"{POWER_CUT.relative_to(ROOT)} is not built"


@fault(
    "power-cut", "unsynced writes dropped, torn or out of order at a random point", rounds=500, needs=needs_stores_test
)
def power_cut(campaign: Campaign) -> Outcome:
    """Each round is a seed; three planted bugs (a sync left out) must be found as well."""
    outcome = Outcome()
    campaign.say(f"{campaign.rounds} seeds, and as many for each planted bug")
    env = {**os.environ, "HEADRACE_CRASH_SEEDS": str(campaign.rounds)}
    done = subprocess.run([POWER_CUT], env=env, capture_output=True, text=True)
    outcome.rounds = campaign.rounds
    outcome.points = campaign.rounds
    outcome.notes["planted_bugs_found"] = len(re.findall(r"^\[       OK \].*Finds", done.stdout, re.M))
    if done.returncode != 0:
        outcome.wrong = [line for line in done.stdout.splitlines() if "seed" in line or "FAILED" in line][:20]
        outcome.wrong = outcome.wrong or [done.stdout[-500:] + done.stderr[-500:]]
    return outcome


def needs_postgres(_: Campaign) -> str | None:
    if not POSTGRES:
        return "there is no PostgreSQL suite"
    if not any(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")) and shutil.which("initdb") is None:
        return "PostgreSQL is not installed"
    return None


@fault("database", "PostgreSQL down, slow, restarted (tests/e2e/test_postgres.py)", rounds=1, needs=needs_postgres)
def database(campaign: Campaign) -> Outcome:
    outcome = Outcome()
    python = ROOT / "build" / "venv-test" / "bin" / "python"
    command = [str(python if python.exists() else sys.executable), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    env = {**os.environ, "HEADRACE_BIN": str(campaign.binary)}
    for number in range(campaign.rounds):
        campaign.say(f"{number + 1}/{campaign.rounds} running the suite")
        done = subprocess.run([*command, *map(str, POSTGRES)], env=env, capture_output=True, text=True, cwd=ROOT)
        outcome.rounds += 1
        passed = re.search(r"(\d+) passed", done.stdout)
        outcome.points += int(passed[1]) if passed else 0
        if done.returncode != 0:
            outcome.wrong.append(done.stdout[-1500:])
    return outcome
