"""Files that were cut or had a bit flipped: the start is refused and names them, or each answer is right or an error.

The stores' own tests (tests/stores) try hundreds of points a second; here the whole program starts on the damage.
"""

from __future__ import annotations

import pathlib
import random
import shutil

from nth import prepared, start_once
from registry import Campaign, Outcome, fault
from server import Server

DATABASES = ["jobs.db", "jobs.db-wal", "catalog.db", "catalog.db-wal"]


def damage(path: pathlib.Path, rng: random.Random) -> str:
    """Cuts the file or flips a bit of it; what was done."""
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content))
    if rng.random() < 0.3:
        path.write_bytes(bytes(content[:at]))
        return f"cut at {at} of {len(content)}"
    content[at] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(content))
    return f"bit flipped in byte {at} of {len(content)}"


def victims_in(data: pathlib.Path) -> list[pathlib.Path]:
    blobs = [path for path in (data / "blobs").rglob("*") if path.is_file()]
    databases = [data / name for name in DATABASES if (data / name).exists() and (data / name).stat().st_size]
    return databases + sorted(blobs)[:8]


def answers(server: Server, jobs: dict[str, str], what: str, torn_tail: bool) -> tuple[int, list[str]]:
    """How many answers were an error, and the wrong ones: of something else, or none where there must be one."""
    errors, wrong = 0, []
    key = server.key_file.read_text().strip()
    client = server.client.with_key(key)
    for job, text in jobs.items():
        reply = client.get(f"/jobs/{job}")
        if reply.status == 401:  # the catalog's damage took the key: refused, not misread
            return errors + 1, wrong
        if reply.status >= 500:
            errors += 1
        elif reply.status == 404:
            # The last commit of a log may be one that a power cut tore: nobody can tell.
            if not torn_tail:
                wrong.append(f"{what}: {job} is gone without a word")
        elif "output" in reply.json() and reply.json()["output"] != {"text": text}:
            wrong.append(f"{what}: {job} is read as something else")
    return errors, wrong


@fault("damage", "a cut or a flipped bit in a database, its log or a blob", rounds=300, quick=10)
def damaged_files(campaign: Campaign) -> Outcome:
    outcome = Outcome()
    source, jobs = prepared(campaign)
    folder = campaign.folder / "damaged"
    counts = {"start_refused": 0, "answer_is_error": 0, "harmless": 0}
    for number in range(campaign.rounds):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        (folder / "server.log").unlink(missing_ok=True)
        chosen = victims_in(folder / "data")
        victim = chosen[number % len(chosen)]
        name = victim.relative_to(folder / "data").parts[0]
        what = f"{name}: {damage(victim, campaign.rng)}"
        server = Server(folder, engines=(), settings=("log.level=error",), binary=campaign.binary)
        said = start_once(server)
        if said is not None:
            counts["start_refused"] += 1
            if name.removesuffix("-wal") not in said:
                outcome.wrong.append(f"{what}: refused without naming it: {said[:300]}")
        else:
            errors, wrong = answers(server, jobs, what, name.endswith("-wal"))
            outcome.wrong += wrong
            counts["answer_is_error" if errors else "harmless"] += 1
            server.kill()
        outcome.rounds += 1
        outcome.points += 1
        campaign.say(f"{number + 1}/{campaign.rounds} {what}, {counts}")
    outcome.notes = dict(counts)
    return outcome
