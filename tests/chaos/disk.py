"""A disk that is full: answers say so, nothing accepted is lost, and work goes on when there is room again."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import time
from collections.abc import Iterator

from load import Load
from referee import Referee
from registry import Campaign, Outcome, fault
from stage import ECHO, Stage

WORK = {"echo": {}}
SIZE = 24 << 20


@contextlib.contextmanager
def small_disk(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "chaos", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def needs_root(_: Campaign) -> str | None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "a small disk takes root; `nth-call` fills one without"
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True)
    return None if probe.returncode == 0 else "this container may not mount"


def fill(path: pathlib.Path, leave: int) -> None:
    """Takes the room but for `leave` bytes."""
    free = os.statvfs(path.parent)
    with contextlib.suppress(OSError), path.open("wb") as ballast:
        ballast.write(b"\0" * max(0, free.f_bavail * free.f_frsize - leave))


@fault("full-disk", "a small disk that fills up and is freed, again and again", rounds=30, quick=1, needs=needs_root)
def full_disk(campaign: Campaign) -> Outcome:
    outcome = Outcome()
    settings = ("retention.low_disk_bytes=0", "retention.low_disk_percent=0")
    with small_disk(campaign.folder) as disk, Stage(campaign.binary, disk, (ECHO / "echo",), settings) as stage:
        stage.server.wait_engines("echo")
        referee = Referee(stage.server)
        load = Load(stage.server, campaign.seed, WORK, callers=4, pause=0.02, again=(429, 503, 507)).start()
        for number in range(campaign.rounds):
            time.sleep(0.3)
            before = sum(load.refused.values())
            fill(disk / "ballast", campaign.rng.choice([0, 4096, 40_000, 200_000]))
            deadline = time.monotonic() + 20
            while sum(load.refused.values()) == before and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(0.3)
            full = sum(load.refused.values()) > before
            (disk / "ballast").unlink(missing_ok=True)
            outcome.rounds += 1 if full else 0
            outcome.notes["never_full"] = outcome.notes.get("never_full", 0) + (0 if full else 1)
            campaign.say(f"{number + 1}/{campaign.rounds} refused {load.refused}, {len(load.accepted)} accepted")
        time.sleep(0.5)
        load.join()
        if stage.server.process is not None and stage.server.process.poll() is not None:
            outcome.wrong.append("the server ended")
            stage.restart()
        outcome.add_verdict(referee.judge(load))
        outcome.notes["refused"] = load.refused
        if problem := stage.healthy("echo"):
            outcome.wrong.append(problem)
    return outcome
