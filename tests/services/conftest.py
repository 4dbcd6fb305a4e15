"""Tests beside real foreign programs, which each test module starts itself."""

from __future__ import annotations

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "sdk" / "python" / "src")]
