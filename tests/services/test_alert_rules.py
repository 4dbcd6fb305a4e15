"""The alert rules as Prometheus itself reads them, and what they say of made-up series."""

from __future__ import annotations

import pathlib
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "prometheus"


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_sound() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")


def test_they_fire_when_they_should_and_not_else() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


def test_promtool_sees_a_rule_that_is_wrong(tmp_path: pathlib.Path) -> None:
    broken = (FOLDER / "alerts.yml").read_text().replace("max by (instance, action) (", "max by (instance, action (")
    (tmp_path / "alerts.yml").write_text(broken)
    done = subprocess.run(["promtool", "check", "rules", str(tmp_path / "alerts.yml")], capture_output=True, timeout=60)
    assert done.returncode != 0
