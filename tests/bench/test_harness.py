"""The arithmetic of the benchmark: which rows, which ratios, what is written. Nothing here is timed."""

from __future__ import annotations

import io
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest
import report
import run
import scale
import train
from plot import Line, svg, ticks
from rows import Budget, Figures, Results, Row, Stage, choose

ROOT = pathlib.Path(__file__).resolve().parents[2]


def row(name: str, *beside: str, heavy: bool = False) -> Row:
    def measure(stage: object) -> Figures:
        raise AssertionError("not measured here")

    return Row(name, measure, beside=beside, heavy=heavy)


ROWS = [row("peer 1"), row("peer 2"), row("ours 1", "peer 1"), row("ours 2", "peer 2"), row("long", heavy=True)]


def names(rows: list[Row]) -> list[str]:
    return [one.name for one in rows]


def test_a_chosen_row_brings_its_peers_in_order() -> None:
    assert names(choose(ROWS, "ours 2")) == ["peer 2", "ours 2"]
    assert names(choose(ROWS, "ours (1|2)$, long")) == ["peer 1", "peer 2", "ours 1", "ours 2", "long"]
    assert names(choose(ROWS, "OURS 1")) == ["peer 1", "ours 1"]
    assert choose(ROWS, "nothing") == []


def test_quick_leaves_out_what_is_long_unless_it_is_named() -> None:
    assert "long" not in names(choose(ROWS, "", quick=True))
    assert "long" in names(choose(ROWS, ""))
    assert names(choose(ROWS, "long", quick=True)) == ["long"]


def ratio(limit: float, at_least: bool = False) -> Budget:
    return Budget("ratio", ("a", "b"), lambda a, b: a["cpu_us"] / b["cpu_us"], limit, at_least=at_least, page="page")


def results(*pairs: tuple[float, float]) -> Results:
    found = Results()
    for a, b in pairs:
        found.add("a", {"cpu_us": a})
        found.add("b", {"cpu_us": b})
    return found


def test_a_ratio_is_taken_within_each_round() -> None:
    # The machine was half as fast in the second round: the medians of both rows would say 15/25.
    found = results((10, 20), (20, 40), (10, 30))
    assert found.judge(ratio(1)) == 0.5
    assert found.median("a") == {"cpu_us": 10}


def test_a_row_of_one_round_counts_in_every_ratio() -> None:
    found = results((10, 20))
    found.add("a", {"cpu_us": 30})
    assert found.judge(ratio(1)) == pytest.approx((0.5 + 1.5) / 2)


def test_a_budget_without_its_rows_is_not_judged() -> None:
    found = Results()
    found.add("a", {"cpu_us": 1})
    assert found.judge(ratio(1)) is None
    assert report.verdicts([ratio(1)], found) == []


@pytest.mark.parametrize(
    ("limit", "at_least", "met"), [(0.5, False, True), (0.49, False, False), (0.5, True, True), (0.51, True, False)]
)
def test_met_or_not(limit: float, at_least: bool, met: bool) -> None:
    (verdict,) = report.verdicts([ratio(limit, at_least)], results((10, 20)))
    assert verdict.met is met


def test_a_miss_links_to_its_page_where_there_is_one(tmp_path: pathlib.Path) -> None:
    found = report.verdicts([ratio(0.1)], results((10, 20)))
    assert "| ratio | 0.50 | ≤ 0.1 | **missed** |" in report.budget_table(found, tmp_path)
    (tmp_path / "page.md").write_text("why")
    assert "[missed](../docs/performance/page.md)" in report.budget_table(found, tmp_path)


def test_every_budget_is_made_of_rows_that_exist_and_are_measured_together() -> None:
    every = {one.name: one for one in run.all_rows()}
    assert len(every) == len(run.all_rows())
    for one in every.values():
        assert set(one.beside) <= set(every), one.name
    for budget in run.all_budgets():
        assert set(budget.needs) <= set(every), budget.name
        together = set(names(choose(run.all_rows(), f"^{budget.needs[0]}$")))
        if len(budget.needs) == 2:
            assert set(budget.needs) <= together, budget.name


def test_two_builds_are_compared_within_each_round() -> None:
    first, second = results((10, 20), (20, 40), (10, 30)), results((9, 20), (18, 40), (9, 15))
    assert second.ratio(first, "a", "cpu_us") == pytest.approx(0.9)
    assert second.ratio(first, "a", "p50_ms") is None and second.ratio(first, "c", "cpu_us") is None
    assert report.ratio_table(first, second).split("\n")[2:] == ["| a |  | 0.90x |  |  |", "| b |  | 1.00x |  |  |"]


def test_each_row_is_measured_on_both_builds_before_the_next(tmp_path: pathlib.Path) -> None:
    order: list[str] = []

    def measured(name: str) -> Row:
        def measure(stage: Stage) -> Figures:
            order.append(f"{stage.build.name} {name}")
            return {"rate": 1}

        return Row(name, measure)

    stages = [Stage(tmp_path / which, tmp_path / f"data-{which}", 1) for which in ("old", "new")]
    found = run.measure([measured("a"), measured("b")], stages, 2, report.Progress(io.StringIO()))
    assert order == ["old a", "new a", "old b", "new b", "new a", "old a", "new b", "old b"]
    assert [len(each.rounds["a"]) for each in found] == [2, 2]


def test_training_is_rows_of_ours() -> None:
    chosen = names(train.chosen_rows())
    assert chosen == list(train.ROWS) and not [name for name in chosen if name.startswith(("nginx", "raw"))]


def test_numbers_are_short() -> None:
    shown = [report.number(value) for value in (0, 0.123, 1.234, 12.34, 123.4, 12345.6)]
    assert shown == ["0", "0.12", "1.23", "12.3", "123", "12346"]
    assert report.others({"rate": 1, "first_event_ms": 1.5, "cpu_us_per_event": 7.25, "queued": 3}) == (
        "first event 1.50 ms, cpu per event 7.25 µs, queued 3"
    )


def test_document_and_json_tell_the_same(tmp_path: pathlib.Path) -> None:
    how = report.Run("./dev bench", "abc1234", "2 cores", 4.0, 1, 5)
    found = results((10, 20))
    verdicts = report.verdicts([ratio(1)], found)
    text = report.document(how, found, verdicts, tmp_path, "plot.svg")
    assert "abc1234" in text and "The machine was busy" in text and "| ratio | 0.50 | ≤ 1 | met |" in text
    assert "| a |  | 10 |" in text and "](plot.svg)" in text
    told = json.loads(report.as_json(how, found, verdicts))
    assert told["budgets"][0]["met"] is True and told["rows"]["b"] == [{"cpu_us": 20}]


def test_the_machine_is_told_in_words() -> None:
    assert "/" not in report.machine() and "cores of" in report.machine()


def test_ticks_are_round_and_cover_everything() -> None:
    assert ticks(64) == [0, 10, 20, 30, 40, 50, 60, 70]
    assert ticks(3200)[-1] >= 3200
    for most in (0.3, 1, 7, 99, 101, 12345):
        found = ticks(most)
        assert found[0] == 0 and found[-1] >= most and 2 <= len(found) <= 9, (most, found)


def test_a_plot_is_whole_xml_with_every_point() -> None:
    text = svg(
        "a < b",
        "workers",
        "jobs a second",
        [Line("ours", [(1, 50), (2, 99)]), Line("ideal", [(0, 0), (2, 100)], dashed=True)],
    )
    tree = ElementTree.fromstring(text)
    assert len(tree.findall("{*}circle")) == 2 and len(tree.findall("{*}polyline")) == 2
    assert tree.findtext("{*}title") == "a < b"


def test_the_workers_are_drawn_beside_the_ideal() -> None:
    found = Results()
    assert scale.workers_plot(found) is None
    for count in scale.WORKERS:
        found.add(f"workers {count}", {"rate": 50.0 * count, "each_per_worker": 50.0})
    text = scale.workers_plot(found)
    assert text is not None and "N times one worker" in text
    (budget,) = (one for one in scale.budgets() if one.name.startswith("N workers"))
    assert found.judge(budget) == 1


def test_the_command_lists_rows_without_a_build() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench/run.py"), "--list", "--rows", "interactive unix 64"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["nginx proxy unix 64", "interactive unix 64"]
