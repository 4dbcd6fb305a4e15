"""`headrace bench` against a running server: what it counts, not how fast anything is."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest
from server import BINARY, Server
from test_cli import FAILED, OK, REFUSED, USAGE, Run, cli_of, out_json


@pytest.fixture
def cli(server: Server) -> Run:
    return cli_of(server)


def test_counts_calls_and_draws_a_histogram(cli: Run) -> None:
    text = cli("bench", "echo", "--text", "hi", "-n", "40", "-c", "4").stdout
    assert "40 in " in text and "4 callers" in text, text
    assert "errors      none" in text, text
    for word in ("p50 ", "p90 ", "p99 ", "p99.9 ", "slowest "):
        assert word in text, text
    bars = [line for line in text.splitlines() if line.rstrip()[-1:].isdigit() and any(c in line for c in "█▏▎▍▌▋▊▉")]
    assert sum(int(line.split()[-1]) for line in bars) == 40, text


def test_json_holds_the_same(cli: Run) -> None:
    found = out_json(cli("bench", "echo", "--text", "hi", "-n", "20", "-o", "json"))
    assert found["mode"] == "wait" and found["callers"] == 1
    assert found["good"] == 20 and found["failed"] == 0 and found["errors"] == {}
    latency = found["latency_ms"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p999"] <= latency["max"]
    assert sum(row["count"] for row in found["histogram"]) == 20
    assert all(row["from_ms"] < row["to_ms"] for row in found["histogram"])


def test_durable_calls_become_jobs(cli: Run, server: Server) -> None:
    def known() -> set[str]:
        return {job["id"] for job in server.client.get("/jobs?capability=echo&limit=200").json()["jobs"]}

    before = known()
    found = out_json(cli("bench", "echo", "--text", "hi", "-n", "10", "--durable", "-o", "json"))
    assert found["mode"] == "durable" and found["good"] == 10
    # One more: the call that is tried first.
    assert len(known() - before) == 11


def test_streams_tell_the_first_output(cli: Run) -> None:
    found = out_json(cli("bench", "echo_stream", "--text", "one two three", "-n", "6", "--stream", "-o", "json"))
    assert found["good"] == 6 and found["outputs"] == 18
    assert 0 < found["first_output_ms"]["p50"] <= found["latency_ms"]["max"]
    assert "first output" in cli("bench", "echo_stream", "--text", "a", "-n", "2", "--stream").stdout


def test_a_rate_is_held_and_the_wait_of_late_calls_counts(cli: Run) -> None:
    # Four slots of 200 ms, one caller: calls that are due every 50 ms fall ever further behind.
    arguments = ("bench", "echo_slow", "--text", "x", "--duration_ms", "200", "-n", "8", "--rate", "20", "-o", "json")
    latency = out_json(cli(*arguments))["latency_ms"]
    assert latency["max"] >= 8 * 200 - 7 * 50, latency
    # With callers enough, none waits.
    found = out_json(cli(*arguments, "-c", "4"))
    assert found["rate_due"] == 20 and found["seconds"] >= 7 * 0.05


def test_mistakes_show_as_themselves(cli: Run) -> None:
    assert "text" in cli("bench", "echo", code=REFUSED).stderr
    assert "nothing-here" in cli("bench", "nothing-here", code=REFUSED).stderr
    assert "name a capability" in cli("bench", code=USAGE).stderr
    for wrong in (("--durable", "--stream"), ("-n", "1", "--duration", "1"), ("-c", "0"), ("--rate", "0")):
        assert "headrace: " in cli("bench", "echo", "--text", "hi", *wrong, code=USAGE).stderr


def test_errors_are_counted_by_code(start_server, cli: Run) -> None:
    own = start_server(settings=("jobs.queued_per_capability=3",))
    own.wait_engines("echo")
    paused = own.control.post("/queues/echo@1.0.0/pause")
    assert paused.status == 200, paused.body
    done = cli_of(own)("bench", "echo", "--text", "hi", "-n", "10", "--durable", "-o", "json", code=FAILED)
    found = json.loads(done.stdout)
    # The call that is tried first takes one of three places.
    assert found["good"] == 2 and found["errors"] == {"quota_exceeded": 8}


def test_help_shows_both_kinds_of_flags(cli: Run) -> None:
    text = cli("bench", "echo", "--help").stdout
    assert "--text" in text and "--rate" in text and "--durable" in text
    assert "bench" in cli("completion", "bash").stdout


def ended(server: Server) -> int:
    return server.control.get("/status").json()["totals"]["succeeded"]


def test_an_interrupt_ends_with_what_there_is(server: Server) -> None:
    before = ended(server)
    process = subprocess.Popen(
        [str(BINARY), "bench", "echo", "--text", "hi", "--duration", "60", "-o", "json"],
        stdout=subprocess.PIPE,
        env={
            "PATH": "/usr/bin:/bin",
            "HEADRACE_URL": f"http://127.0.0.1:{server.client_port}",
            "HEADRACE_KEY_FILE": str(server.key_file),
        },
    )
    # Beyond the call that is tried first: an interrupt is waited for from then on.
    deadline = time.monotonic() + 60
    while ended(server) < before + 20:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    found = json.loads(out)
    assert process.returncode == OK and found["interrupted"] and found["good"] > 0
