"""The board as Grafana's own model of a dashboard reads it (its published SDK for Go, strict: unknown members, missing
ones and values of another type are faults). A Grafana server is not to be had here; that the metrics which it asks for
are there is tests/e2e/test_board.py's to say."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections import Counter

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BOARD = HERE.parents[1] / "deploy" / "grafana" / "headrace.json"


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    program = tmp_path_factory.mktemp("board") / "read"
    build = ["go", "build", "-o", str(program), "."]
    done = subprocess.run(build, cwd=HERE / "grafana_board", capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return program


def read(reader: pathlib.Path, board: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(reader), str(board)], capture_output=True, text=True, timeout=60)


def test_grafanas_model_takes_the_board_whole(reader: pathlib.Path) -> None:
    done = read(reader, BOARD)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    board = json.loads(BOARD.read_text())
    assert told["uid"] == board["uid"]
    assert told["panels"] == dict(Counter(panel["type"] for panel in board["panels"]))
    # Every query was taken for one of Prometheus, as it stands in the file.
    assert told["queries"] == [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda panel: panel["options"].update(legends={}), "legends"),
        (lambda panel: panel["options"]["legend"].update(showLegend="yes"), "showLegend"),
        (lambda panel: panel["targets"][0].update(expression="up"), "expression"),
        (lambda panel: panel.pop("type"), "type"),
    ],
)
def test_what_is_wrong_is_seen(reader: pathlib.Path, tmp_path: pathlib.Path, change: object, fault: str) -> None:
    board = json.loads(BOARD.read_text())
    assert callable(change)
    change(next(panel for panel in board["panels"] if panel["type"] == "timeseries"))
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(board))
    done = read(reader, broken)
    assert done.returncode != 0
    assert fault in done.stderr, done.stderr
