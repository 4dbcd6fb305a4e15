"""Real work for a release that counts as it runs (scripts/pgo.sh): some 20 s of rows of ours, without the peers beside them.

python3 bench/train.py --build build/pgo
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
import tempfile

import llm
import paths
from rows import Row, Stage

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What callers do: short jobs, many at a time and alone, jobs that are stored first, outputs and chats as streams and whole.
ROWS = (
    "interactive tcp 64",
    "interactive tcp 256",
    "interactive unix 1",
    "interactive unix 64",
    "durable sqlite accept only 64",
    "durable sqlite 64",
    "streamed sse 64 x 20",
    "chat whole",
    "chat streamed",
)


def chosen_rows() -> list[Row]:
    every = {row.name: row for row in paths.rows() + llm.rows()}
    return [every[name] for name in ROWS]


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/pgo", help="folder of the build that counts (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=2, help="of one row (default %(default)s)")
    arguments = parser.parse_args(words)
    build = (ROOT / arguments.build).resolve()
    profile = build / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="train-", dir=build))
    try:
        with Stage(build, folder, arguments.seconds) as stage:
            for row in chosen_rows():
                print(f"{row.name:32} {row.measure(stage)['rate']:.0f} /s", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    counted = sum(1 for _ in profile.rglob("*.gcda"))
    print(f"{counted} sources were counted")
    return 0 if counted else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
