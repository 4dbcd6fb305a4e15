"""Runs libFuzzer targets, --jobs at a time, and keeps count: behind ./dev fuzz.

Every target starts from its kept corpus (tests/fuzz/corpus/TARGET), from seeds made of the repository's own
examples and test vectors, and from what it found before (build/fuzz-corpus/TARGET). CPU seconds, executions,
corpus and findings are added to docs/reliability/fuzz.json, from which the table fuzz.md beside it is made.

With --seed, a run is the same each time: it begins with the repository's inputs alone, in order of their names,
keeps nothing of what it finds on the way, and ends after --runs executions at most.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
KEPT = ROOT / "tests" / "fuzz" / "corpus"
GROWN = ROOT / "build" / "fuzz-corpus"
FINDINGS = ROOT / "build" / "fuzz-findings"
RECORD = ROOT / "docs" / "reliability" / "fuzz.json"
KEPT_BYTES = 96 * 1024  # of each target
KEPT_FILES = 200
GOAL = 3600  # CPU seconds of each target

HEAD = """# Fuzzing

`./dev fuzz [--seconds N] [TARGET...]` runs every parser of outside bytes under libFuzzer with AddressSanitizer;
the goal is one CPU-hour each. A finding ends the run, becomes a test, and is fixed. This table is written by the
run; the corpus is what `tests/fuzz/corpus` keeps (`./dev fuzz --keep` minimises it).

| target | reads | CPU seconds | executions | kept inputs | findings |
| --- | --- | ---: | ---: | ---: | --- |
"""


def about(target: str) -> str:
    """The first sentence of the target's source."""
    words = []
    for line in (ROOT / "tests" / "fuzz" / f"{target}.cpp").read_text().splitlines():
        if not line.startswith("//"):
            break
        words.append(line.removeprefix("//").strip())
    return " ".join(words).split(". ")[0].split(": ")[0].rstrip(".")


def run(program: list[str], arguments: list[str], log: pathlib.Path) -> tuple[int, float]:
    """Exit status and CPU seconds."""
    with open(log, "wb") as out:
        child = subprocess.Popen([*program, *arguments], stdout=out, stderr=out)
        _, ended, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(ended)
    return child.returncode, used.ru_utime + used.ru_stime


def inputs(target: str, seeds: pathlib.Path, seed: int) -> list[str]:
    """The arguments that tell libFuzzer where to begin. A folder is read in the order in which the file system
    happens to hold it, so that a run that must repeat itself is given a list."""
    given = [folder for folder in (KEPT / target, seeds / target) if folder.is_dir()]
    if not seed:
        (GROWN / target).mkdir(parents=True, exist_ok=True)
        return [str(folder) for folder in (GROWN / target, *given)]
    files = sorted(path for folder in given for path in folder.iterdir())
    listed = ROOT / "build" / "fuzz-seeds" / f"{target}.list"
    listed.write_text(",".join(map(str, files)))
    return [f"-seed={seed}", *([f"-seed_inputs=@{listed}"] if files else [])]


def still() -> list[str]:
    """What a program is started with so that its addresses, which steer libFuzzer too, are the same each time;
    nothing where the machine does not allow it."""
    fixed = ["setarch", "--addr-no-randomize"]
    if not shutil.which(fixed[0]) or subprocess.run([*fixed, "true"], capture_output=True, check=False).returncode:
        return []
    return fixed


def fuzz(target: str, options: argparse.Namespace, seeds: pathlib.Path) -> tuple[bool, float, int]:
    """Whether nothing was found, CPU seconds, executions."""
    FINDINGS.mkdir(parents=True, exist_ok=True)
    log = ROOT / "build" / "logs" / f"fuzz_{target}.log"
    status, used = run(
        [*(still() if options.seed else []), str(ROOT / "build" / "fuzz" / f"fuzz_{target}")],
        [
            f"-max_total_time={options.seconds}",
            f"-runs={options.runs}",
            "-timeout=5",
            "-rss_limit_mb=1024",
            "-print_final_stats=1",
            f"-artifact_prefix={FINDINGS}/{target}-",
            *inputs(target, seeds, options.seed),
        ],
        log,
    )
    text = log.read_text(errors="replace")
    executed = re.findall(r"number_of_executed_units: (\d+)", text)
    if status != 0:
        print("\n".join(text.splitlines()[-40:]))
    return status == 0, used, int(executed[-1]) if executed else 0


def keep(target: str, seeds: pathlib.Path) -> None:
    """The smallest inputs that reach all that is reached, as the corpus in the repository."""
    kept = KEPT / target
    with tempfile.TemporaryDirectory() as folder:
        sources = [str(place) for place in (kept, seeds / target, GROWN / target) if place.is_dir()]
        log = ROOT / "build" / "logs" / f"fuzz_{target}_merge.log"
        status, _ = run([str(ROOT / "build" / "fuzz" / f"fuzz_{target}")], ["-merge=1", folder, *sources], log)
        if status != 0:
            sys.exit(f"{target}: the corpus could not be merged; see {log}")
        kept.mkdir(parents=True, exist_ok=True)
        for old in kept.iterdir():
            old.unlink()
        left = KEPT_BYTES
        found = sorted(pathlib.Path(folder).iterdir(), key=lambda path: path.stat().st_size)
        # Of too many every so-manieth, so that large ones are among them.
        for path in found[:: 1 + len(found) // KEPT_FILES]:
            left -= path.stat().st_size
            if left < 0:
                break
            (kept / path.name[:16]).write_bytes(path.read_bytes())


def write_table(record: dict[str, dict]) -> None:
    rows = []
    for target, row in sorted(record.items()):
        kept = len(list((KEPT / target).glob("*"))) if (KEPT / target).is_dir() else 0
        findings = "; ".join(row["findings"]) or "none"
        rows.append(
            f"| `{target}` | {about(target)} | {row['cpu_seconds']:.0f} | {row['executions']} | {kept} | {findings} |"
        )
    total = sum(row["cpu_seconds"] for row in record.values())
    reached = sum(row["cpu_seconds"] >= GOAL for row in record.values())
    foot = f"\n{total / 3600:.2f} CPU-hours in all; {reached} of {len(record)} targets have had their hour.\n"
    RECORD.with_suffix(".md").write_text(HEAD + "\n".join(rows) + "\n" + foot)


def add_to_record(target: str, used: float, executed: int) -> None:
    # Read anew each time: runs of other targets may be going on.
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    row = record.setdefault(target, {"cpu_seconds": 0.0, "executions": 0, "findings": []})
    row["cpu_seconds"] = round(row["cpu_seconds"] + used, 1)
    row["executions"] += executed
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    write_table(record)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=-1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--no-record", action="store_true")
    parser.add_argument("targets", nargs="+")
    options = parser.parse_args()
    targets = [name.removeprefix("fuzz_") for name in options.targets]
    seeds = ROOT / "build" / "fuzz-seeds"
    subprocess.run([sys.executable, str(ROOT / "tests" / "fuzz" / "seeds.py"), str(seeds)], check=True)

    def fuzz_one(target: str) -> tuple[bool, float, int]:
        return fuzz(target, options, seeds) if options.seconds > 0 else (True, 0.0, 0)

    found_in = []
    with concurrent.futures.ThreadPoolExecutor(max(options.jobs, 1)) as pool:
        runs = {pool.submit(fuzz_one, target): target for target in targets}
        for done in concurrent.futures.as_completed(runs):
            if done.cancelled():
                continue
            target = runs[done]
            sound, used, executed = done.result()
            print(f"{target}: {executed} executions in {used:.1f} CPU seconds", flush=True)
            if options.keep and sound:
                keep(target, seeds)
            if not options.no_record:
                add_to_record(target, used, executed)
            if not sound:
                found_in.append(target)
                for other in runs:
                    other.cancel()
    if found_in:
        sys.exit(f"{', '.join(found_in)} found something; the input lies in {FINDINGS.relative_to(ROOT)}")
    print(f"{len(targets)} fuzz targets, nothing found")


if __name__ == "__main__":
    main()
