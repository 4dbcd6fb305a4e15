"""What `./dev package` made, installed as a stranger does it."""

from __future__ import annotations

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "build" / "package"
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "sdk" / "python" / "src")]


def only(pattern: str) -> pathlib.Path:
    found = list(PACKAGES.glob(pattern))
    if len(found) != 1:
        pytest.fail(f"{PACKAGES / pattern}: run ./dev package first")
    return found[0]


@pytest.fixture(scope="session")
def deb() -> pathlib.Path:
    return only("headrace_*_amd64.deb")


@pytest.fixture(scope="session")
def image() -> pathlib.Path:
    return only("headrace-*-image.tar")
