"""Writes docs/reliability/README.md from the files of results that run.py --json has left beside it.

Run: python3 tests/chaos/report.py
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import stage  # noqa: F401  (the paths of what the modules import)

# isort: split
import run  # noqa: F401  (every fault registers itself)
from registry import FAULTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reliability"
HEAD = """# Reliability: what was broken on purpose, and what came of it

<!-- Written by tests/chaos/report.py from results.json. Do not edit. -->

Every fault below was produced against the real program under load. What must hold: each job that was answered
with 202 ends once, with the right output and one usage record (0 lost, 0 double); damage is named and never read
as something else; what is refused is refused with a 5xx and works again afterwards. `tests/chaos/README.md` tells
how each fault is made and who judges. A row is what `run.py --json` wrote; nothing is typed by hand.

    ./dev chaos                                     all of it, with the rounds of a release
    ./dev chaos --fault kill-server --rounds 1000   one of them
    ./dev chaos --list

"""


def row(result: dict[str, Any]) -> str:
    ways = result["notes"].get("ways", [])
    cells = [
        f"`{result['fault']}`",
        result["what"] + (f" (here: {', '.join(ways)})" if ways else ""),
        str(result["rounds"]),
        str(result["points"] or ""),
        str(result["accepted"] or ""),
        str(result["lost"]),
        str(result["double"]),
        "held" if result["good"] else "**broken**",
    ]
    return "| " + " | ".join(cells) + " |"


def notes_of(result: dict[str, Any]) -> str:
    """The figures of one fault, in one line."""
    lines = [f"- **{result['fault']}**: {result['seconds']:.0f} s, commit `{result['commit']}`, {result['at']}, "]
    lines[0] += f"{result['processors']} processors, load average {result['load_average']}"
    lines.append(f"  `{result['command']} --seed {result['seed']}`")
    if result["notes"]:
        flat = ", ".join(f"{key} {json.dumps(value)}" for key, value in result["notes"].items())
        lines.append(f"  {flat.replace('{', '(').replace('}', ')').replace(chr(34), '')}")
    for wrong in result["wrong"][:5]:
        lines.append(f"  wrong: {wrong[:300]!r}")
    return "\n".join(lines)


def main() -> int:
    results = json.loads((FOLDER / "results.json").read_text())
    known = [results[name] for name in FAULTS if name in results]
    missing = [name for name in FAULTS if name not in results]
    text = HEAD
    text += "| fault | what | rounds | points | jobs accepted | lost | double | result |\n"
    text += "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
    text += "\n".join(row(result) for result in known) + "\n"
    if missing:
        text += f"\nNot run yet: {', '.join(f'`{name}`' for name in missing)}.\n"
    text += "\n## The runs\n\n" + "\n".join(notes_of(result) for result in known) + "\n"
    (FOLDER / "README.md").write_text(text)
    print(f"wrote docs/reliability/README.md: {len(known)} faults, {len(missing)} not run yet")
    return 0


if __name__ == "__main__":
    sys.exit(main())
