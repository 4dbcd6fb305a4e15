"""Keys, models and memory of the benchmark, and the peers: what is computed and written, and that nothing is made up."""

from __future__ import annotations

import http.server
import pathlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import foreign
import many
import parts
import peers
import pytest
import report
from rows import Figures, NotHere, Results, Stage

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"


def figures(cpu: float, **more: float) -> Figures:
    return {"rate": 1e6 / cpu, "cpu_us": cpu, "p50_ms": 1.0, "p99_ms": 2.0, **more}


# --- many ------------------------------------------------------------------------------------------


def test_a_slope_is_of_all_points_and_not_of_the_ends() -> None:
    assert many.slope([(x, 5 + 3 * x) for x in range(10)]) == pytest.approx(3)
    # The last plateau fell by chance; the ends alone would say that nothing grew.
    points = [(float(x), float(x)) for x in range(10)] + [(10.0, 0.0)]
    assert points[-1][1] == points[0][1] and many.slope(points) > 0.4
    assert many.slope([(0, 7), (1, 9), (2, 7), (3, 9), (4, 7)]) == pytest.approx(0)


def test_many_is_compared_with_one_pair_by_pair() -> None:
    # The machine was slower in the second pair: the medians of both would say 24/15.
    one = [figures(10), figures(20), figures(10)]
    found = many.compared(one, [figures(11), figures(24), figures(12)])
    assert found["cpu_ratio"] == pytest.approx(1.2) and found["one_cpu_us"] == 10 and found["cpu_us"] == 12
    with pytest.raises(ValueError):
        many.compared(one, one[:2])


def test_neither_always_goes_first() -> None:
    assert list(many.alternating(3)) == [(0, 1), (1, 0), (0, 1)]


@pytest.mark.parametrize(
    ("row", "field", "most"),
    [
        ("memory over 1 000 000 requests", "growth_over_a_million_bytes", 1e6),
        ("memory kept of chats", "above_idle_mb", 64),
    ],
)
def test_more_memory_than_allowed_is_a_miss(row: str, field: str, most: float) -> None:
    (budget,) = (one for one in many.budgets() if one.needs == (row,))
    for measured, met in ((-3.0, True), (0.99 * most, True), (1.01 * most, False)):
        found = Results()
        found.add(row, {field: measured})
        (verdict,) = report.verdicts([budget], found)
        assert verdict.met is met


# --- the load generator ------------------------------------------------------------------------------


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str]]
    answer = b'{"choices":[]}'

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen.append((self.headers["X-Word"] or "", body))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def recorder() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    handler = type("Handler", (Recorder,), {"seen": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # callers that end leave answers behind
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", handler.seen
        server.shutdown()


needs_load = pytest.mark.skipif(not (BUILD / "bench_load").exists(), reason="bench_load is not built")


@needs_load
def test_every_request_draws_its_own_word(tmp_path: pathlib.Path, recorder: tuple[str, list[tuple[str, str]]]) -> None:
    address, seen = recorder
    words = [f"word{'x' * number}" for number in range(5)]  # of different lengths: the length is counted anew
    (tmp_path / "words").write_text("\n".join(words) + "\n")
    result = parts.load(
        BUILD, address, 2, requests=200, body='{"a":"{fill}"}', headers=("X-Word: {fill}",), fill=tmp_path / "words"
    )
    assert result["good"] >= 200
    assert {word for word, _ in seen} == set(words)
    assert all(body == f'{{"a":"{word}"}}' for word, body in seen)


@needs_load
def test_a_drained_load_leaves_no_answer_behind(recorder: tuple[str, list[tuple[str, str]]]) -> None:
    address, seen = recorder
    result = parts.load(BUILD, address, 4, seconds=1, body="{}", drain=60)
    assert result["good"] == len(seen) > 0


# --- peers -------------------------------------------------------------------------------------------


def test_what_is_not_installed_is_said_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(foreign, "ROOT", tmp_path)
    asked = []

    def measure(stage: object, name: str, kind: str, connections: int) -> Figures:
        asked.append((name, kind))
        if name in foreign.NAMES:
            foreign.require(name)
        return figures(50)

    monkeypatch.setattr(peers, "measure", measure)
    with Stage(tmp_path, tmp_path, 1) as stage, open(tmp_path / "out", "w") as out:
        results, missing = peers.run(stage, [], 2, 8, report.Progress(out))
    assert [line.partition(":")[0] for line in missing] == ["litellm", "fastchat"]
    assert "not installed" in missing[0] and "litellm" in (tmp_path / "out").read_text()
    # Not tried again, and the others in both rounds.
    assert asked.count(("litellm", "whole")) == 1 and len(results.rounds["nginx streamed"]) == 2
    how = report.Run("./dev peers", "abc1234", "2 cores", 0, 2, 1)
    text = peers.document(how, 8, results, missing)
    assert text.count("| litellm | an OpenAI-style server | not measured |") == 2
    assert "## Not measured" in text and "abc1234" in text and "./dev peers" in text


def test_an_environment_counts_only_when_it_is_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(foreign, "ROOT", tmp_path)
    package = foreign.venv("fastchat") / "lib/python3.11/site-packages/fschat-0.2.36.dist-info"
    package.mkdir(parents=True)
    with pytest.raises(NotHere):
        foreign.require("fastchat")
    (foreign.venv("fastchat") / ".stamp").write_text("pins")
    assert foreign.require("fastchat") == foreign.venv("fastchat")
    assert foreign.version("fastchat") == "fastchat 0.2.36" and foreign.version("litellm") == ""


def test_a_peer_that_does_not_start_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(foreign, "ROOT", tmp_path)
    program = foreign.venv("litellm") / "bin/litellm"
    program.parent.mkdir(parents=True)
    (foreign.venv("litellm") / ".stamp").write_text("pins")
    program.write_text("#!/bin/sh\necho starting\necho no module named sun >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(NotHere, match="it does not start: no module named sun"):
        foreign.litellm(tmp_path / "folder", "127.0.0.1:1", "fake")


def test_a_peers_ratio_is_to_ours_before_the_same_server() -> None:
    results = Results()
    for ours, theirs in ((50, 9000), (100, 20000)):
        results.add("headrace whole", figures(ours))
        results.add("litellm whole", figures(theirs))
        results.add("headrace fastchat whole", figures(2 * ours))
        results.add("fastchat whole", figures(4 * ours))
    assert peers.times(results, "litellm whole", "headrace whole") == 190
    text = peers.table(results, "whole")
    assert re.search(r"\| litellm \|.*\| 190 \|", text) and re.search(r"\| fastchat \|.*\| 2 \|", text)
    assert "| nginx | an OpenAI-style server | not measured |" in text


@pytest.mark.parametrize(("answer", "good"), [(b"data: word9\n\n", True), (b"", False), (b'{"error":1}', False)])
def test_an_empty_answer_is_not_measured(
    recorder: tuple[str, list[tuple[str, str]]], monkeypatch: pytest.MonkeyPatch, answer: bytes, good: bool
) -> None:
    monkeypatch.setattr(Recorder, "answer", answer)
    server = foreign.Server(recorder[0], "Authorization: Bearer x", list, lambda: None)
    if good:
        server.check("{}", "word9")
    else:
        with pytest.raises(RuntimeError):
            server.check("{}", "word9")


@pytest.mark.parametrize("name", foreign.NAMES)
def test_peers_are_pinned_to_the_last_package(name: str) -> None:
    lines = (ROOT / f"scripts/requirements-peer-{name}.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert foreign.PACKAGES[name] in pins and len(pins) > 20
    if name == "fastchat":
        # With pydantic 2 its API server answers streams with an empty 200.
        assert pins["pydantic"].startswith("1.")


def test_an_unknown_peer_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench/peers.py"), "--only", "litelm"], capture_output=True, text=True
    )
    assert done.returncode == 2 and "no peer litelm" in done.stderr
