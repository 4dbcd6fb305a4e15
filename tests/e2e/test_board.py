"""Every metric, and every label of it, that the Grafana board and the alert rules name is there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_upstream import FakeUpstream
from openai_sdk import sdk
from server import ROOT, Server

BOARD = ROOT / "deploy" / "grafana" / "headrace.json"
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
ENGINES = (ROOT / "examples/engines/echo/echo", ROOT / "examples/engines/echo/echo_slow")
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset"}
OF_THE_SCRAPE = {"job", "instance", "le"}


class Expression:
    """The names in a PromQL expression: read by what they stand beside, not by what they begin with."""

    def __init__(self, text: str) -> None:
        self.selectors = re.findall(r"([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}", text)
        self.groupings = re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", text)
        bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', " ", text)
        bare = re.sub(r"\b(?:by|without|on|ignoring)\s*\([^)]*\)", " ", bare)
        names = re.findall(r"(?<![\w$.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])", bare)
        self.metrics = {name for name in names if name not in WORDS}

    def labels(self) -> set[str]:
        out = {label for _, matchers in self.selectors for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)}
        return out | {label.strip() for group in self.groupings for label in group.split(",")}


def of_board() -> Iterator[str]:
    board = json.loads(BOARD.read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def of_rules() -> Iterator[str]:
    """On the line of `expr:`, or in the block below it; that the file is sound is promtool's to say."""
    found = re.findall(r"^( *)expr: (.*)\n((?:\1 +.*\n)*)", RULES.read_text(), re.MULTILINE)
    assert len(found) == RULES.read_text().count("- alert:")
    for _, first, block in found:
        yield block if first == "|" else first


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """Name -> label names, of a server in which a little of everything has happened."""
    settings = ("jobs.queued_per_capability=1", "traces.endpoint=http://127.0.0.1:9", "request_log.enabled=true")
    server = Server(tmp_path_factory.mktemp("board"), engines=ENGINES, settings=settings).start()
    fake = FakeUpstream()
    try:
        server.wait_engines("echo", "echo_slow")
        server.client.run("echo", {"text": "x"})
        # While it is paused, one waits and the next is refused, however long that takes.
        assert server.control.post("/queues/echo_slow@1.0.0/pause").status == 200
        replies = [server.client.post("/jobs", {"capability": "echo_slow", "input": slow()}) for _ in range(2)]
        assert [reply.status for reply in replies] == [202, 429]
        assert server.control.post("/queues/echo_slow@1.0.0/resume").status == 200
        server.client.wait(replies[0].json()["id"], {"running", "succeeded"})
        body = {"name": "up", "base_url": fake.url, "models": [{"id": "org/m"}], "probe_every": 0}
        assert server.control.post("/upstreams", body).status == 201
        stream = sdk(server).chat.completions.create(
            model="org/m", messages=[{"role": "user", "content": "x"}], stream=True
        )
        assert list(stream)
        text = server.control.request("GET", "/metrics").body.decode()
        found: dict[str, set[str]] = {}
        for name, labels in re.findall(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ", text, re.MULTILINE):
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
        yield found
    finally:
        fake.close()
        server.stop()


def slow() -> dict[str, Any]:
    return {"text": "x", "duration_ms": 300}


@pytest.mark.parametrize("source", [of_board, of_rules])
def test_every_name_is_exposed(exposed: dict[str, set[str]], source: Callable[[], Iterator[str]]) -> None:
    seen = 0
    for text in source():
        expression = Expression(text)
        metrics = expression.metrics - {"up"}  # Prometheus' own
        assert metrics or "up" in expression.metrics, text
        missing = metrics - exposed.keys()
        assert not missing, (missing, text)
        for metric, matchers in expression.selectors:
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
            assert labels <= exposed.get(metric, set()) | OF_THE_SCRAPE, (metric, labels, text)
        known = set().union(*(exposed[metric] for metric in metrics)) | OF_THE_SCRAPE
        assert expression.labels() <= known, (expression.labels() - known, text)
        seen += len(metrics)
    assert seen > 10


def test_variables_of_the_board(exposed: dict[str, set[str]]) -> None:
    board = json.loads(BOARD.read_text())
    names = {variable["name"] for variable in board["templating"]["list"]}
    queries = [variable["query"]["query"] for variable in board["templating"]["list"] if variable["type"] == "query"]
    for query in queries:
        found = re.fullmatch(r"label_values\((\w+), (\w+)\)", query)
        assert found and found[2] in exposed[found[1]] | OF_THE_SCRAPE, query
    used = set(re.findall(r"\$\{?(\w+)", BOARD.read_text())) - {"__rate_interval", "__all"}
    assert used == names
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)


def test_names_are_found_where_they_stand() -> None:
    text = (
        'histogram_quantile(0.9, sum by (le, x) (rate(a_bucket{job=~"$job", y!="b_total"}[5m]))) > 0 and on (x) c == 1'
    )
    assert Expression(text).metrics == {"a_bucket", "c"}
    assert Expression(text).labels() == {"le", "x", "job", "y"}
    assert Expression("count(no_such == 3) or vector(0)").metrics == {"no_such"}
