"""Every conversation template as the installed fschat renders it, byte for byte."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PYTHON = ROOT / "build" / "venv-fastchat" / "bin" / "python"
RENDER = pathlib.Path(os.environ.get("HEADRACE_BIN", ROOT / "build" / "dev" / "headrace")).with_name("fastchat_render")


@pytest.fixture(scope="module")
def cases() -> list[dict]:
    assert PYTHON.exists(), "./dev test makes build/venv-fastchat"
    lines = subprocess.run([PYTHON, HERE / "fastchat_prompts.py"], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in lines.stdout.splitlines()]


@pytest.fixture(scope="module")
def answers(cases: list[dict]) -> list[dict]:
    asked = "".join(json.dumps(case["ask"]) + "\n" for case in cases)
    lines = subprocess.run([RENDER], input=asked, check=True, capture_output=True, text=True, encoding="utf-8")
    return [json.loads(line) for line in lines.stdout.splitlines()]


def test_prompts_are_those_of_the_package(cases: list[dict], answers: list[dict]) -> None:
    assert len(cases) == len(answers)
    assert len({case["style"] for case in cases}) == 19, "a style of the release is not covered"
    wrong = [
        (case["ask"], case["prompt"], answer)
        for case, answer in zip(cases, answers, strict=True)
        if answer.get("prompt") != case["prompt"] or answer["style"] != case["style"]
    ]
    assert not wrong, f"{len(wrong)} of {len(cases)}; the first: {wrong[0]}"
    print(f"{len(cases)} prompts equal")


def test_both_numberings_are_told_apart(cases: list[dict], answers: list[dict]) -> None:
    for case, answer in zip(cases, answers, strict=True):
        conv = case["ask"].get("conv")
        if conv is None:
            continue
        newer = "system_message_vision" in conv
        if newer:
            assert answer["numbering"] == "head"
        elif conv["sep_style"] < 8:
            assert answer["numbering"] == "released"


def test_the_table_is_what_the_package_holds() -> None:
    script = ROOT / "scripts" / "fastchat_templates.py"
    checked = subprocess.run([PYTHON, script, "--check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
