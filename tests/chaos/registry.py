"""What a fault is to the campaign: a name, what it does, how often, and what came of it."""

from __future__ import annotations

import pathlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Outcome:
    """What a fault's rounds came to. Anything in `wrong` fails the campaign."""

    rounds: int = 0
    points: int = 0  # single failures or damages produced; 0 where a round is one
    accepted: int = 0  # jobs the server said 202 to
    lost: int = 0
    double: int = 0
    wrong: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def add_verdict(self, verdict: Any) -> None:
        self.accepted += verdict.accepted
        self.lost += len(verdict.lost)
        self.double += len(verdict.double)
        self.wrong += verdict.lost + verdict.double + verdict.wrong

    @property
    def good(self) -> bool:
        return not self.wrong and self.lost == 0 and self.double == 0


@dataclass
class Campaign:
    """What a fault is given: the programs, a folder of its own, how often, and where to say how far it is."""

    binary: pathlib.Path
    folder: pathlib.Path
    rounds: int
    seed: int
    say: Callable[[str], None]
    quick: bool = False

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    @property
    def shim(self) -> pathlib.Path:
        return self.binary.parent / "tests" / "chaos_shim.so"


@dataclass
class Fault:
    name: str
    what: str
    run: Callable[[Campaign], Outcome]
    rounds: int  # of a campaign by hand
    quick: int  # of ./dev test; 0: not in there
    needs: Callable[[Campaign], str | None]  # why it cannot run here, or None


FAULTS: dict[str, Fault] = {}


def fault(
    name: str,
    what: str,
    rounds: int,
    quick: int = 0,
    needs: Callable[[Campaign], str | None] = lambda _: None,
) -> Callable[[Callable[[Campaign], Outcome]], Callable[[Campaign], Outcome]]:
    def add(run: Callable[[Campaign], Outcome]) -> Callable[[Campaign], Outcome]:
        FAULTS[name] = Fault(name, what, run, rounds, quick, needs)
        return run

    return add


def needs_shim(campaign: Campaign) -> str | None:
    return None if campaign.shim.exists() else f"{campaign.shim} is not built"
