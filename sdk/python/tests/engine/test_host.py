"""The real host process, driven over a socket pair."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from engine.parent import Parent
from headrace._version import VERSION
from headrace.engine import protocol as link
from headrace.engine.values import decode_values, encode_values

ECHO = """
    from headrace.engine import Engine
    class E(Engine):
        def run(self, text: str) -> dict:
            return {"text": text}
"""


def test_plain(tmp_path: Path) -> None:
    with Parent(tmp_path, ECHO, slots=4) as parent:
        assert parent.hello.protocol == 1
        assert parent.hello.slots == 1
        assert parent.hello.pid == parent.process.pid
        assert parent.hello.kit == f"python {VERSION}"
        assert parent.hello.name == "test-worker"
        assert parent.hello.offers[0].capability == "test"
        assert parent.call({"text": "first"}) == {"text": "first"}
        assert parent.call({"text": "höhe"}) == {"text": "höhe"}


def test_function_and_default_and_bare_value(tmp_path: Path) -> None:
    source = """
        def shout(text: str, times: int = 2, mark: str | None = None):
            return text.upper() * times + (mark or "!")
    """
    interface = {
        "inputs": {"text": {"kind": "text"}},
        "parameters": {"times": {"kind": "integer"}, "mark": {"kind": "string"}},
        "outputs": {"text": {"kind": "text"}},
    }
    with Parent(tmp_path, source, entry="engine:shout", interface=interface) as parent:
        assert parent.call({"text": "ab"}) == {"text": "ABAB!"}
        assert parent.call({"text": "ab", "times": 1, "mark": "?"}) == {"text": "AB?"}


def test_async_runs_jobs_together(tmp_path: Path) -> None:
    source = """
        import asyncio
        from headrace.engine import Engine
        class E(Engine):
            def setup(self):
                self.seen = []
            async def run(self, text: str) -> dict:
                self.seen.append(text)
                while len(self.seen) < 3:
                    await asyncio.sleep(0.001)
                return {"text": " ".join(sorted(self.seen))}
    """
    with Parent(tmp_path, source, slots=3) as parent:
        assert parent.hello.slots == 3
        credit = parent.expect(link.Credit)
        assert (list(credit.offers), credit.slots) == ([0], 3)
        refs = [parent.lease(parent.job({"text": name})) for name in "abc"]
        assert [parent.outputs(ref) for ref in refs] == [{"text": "a b c"}] * 3
        assert [parent.expect(link.Credit).slots for _ in refs] == [1, 1, 1]


def test_generator_streams_and_totals(tmp_path: Path) -> None:
    source = """
        from headrace.engine import Engine
        class E(Engine):
            def run(self, text: str):
                for word in text.split():
                    yield {"text": word + " ", "count": len(word)}
                return {"last": word}
    """
    interface = {
        "inputs": {"text": {"kind": "text"}},
        "outputs": {
            "text": {"kind": "text", "stream": "append"},
            "count": {"kind": "integer", "stream": "replace"},
            "last": {"kind": "text"},
        },
    }
    with Parent(tmp_path, source, interface=interface) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job({"text": "a bc def"}, stream_outputs=True))
        total = {"text": "a bc def ", "count": 3, "last": "def"}
        assert parent.outputs(ref) == total
        steps = [body.step for body in parent.arrived(link.Output)]
        assert [step.seq for step in steps] == [0, 1, 2]
        assert decode_values(steps[2].values) == {"text": "def ", "count": 3}
        # Nobody listens: nothing but the result is sent.
        assert parent.call({"text": "a bc def"}) == total
        assert parent.arrived(link.Output) == []


def test_async_generator(tmp_path: Path) -> None:
    source = """
        from headrace.engine import Engine
        class E(Engine):
            async def run(self, text: str):
                for word in text.split():
                    yield word
    """
    interface = {
        "inputs": {"text": {"kind": "text"}},
        "outputs": {"text": {"kind": "text", "stream": "append"}},
    }
    with Parent(tmp_path, source, interface=interface) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job({"text": "a b"}, stream_outputs=True))
        assert parent.outputs(ref) == {"text": "ab"}
        assert len(parent.arrived(link.Output)) == 2


def test_batch_each_may_fail_alone(tmp_path: Path) -> None:
    source = """
        from headrace.engine import Engine, EngineError, progress, usage
        class E(Engine):
            def run_batch(self, jobs):
                progress(0.5, f"{len(jobs)} jobs")
                usage("calls", 1)
                results = []
                for job in jobs:
                    if job["text"] == "bad":
                        results.append(EngineError("not_found", "no such word", retryable=True))
                    else:
                        results.append({"text": job["text"] + str(len(jobs))})
                return results
    """
    with Parent(tmp_path, source, max_batch=8) as parent:
        assert parent.hello.batch_limit == 8
        parent.expect(link.Credit)
        jobs = [parent.job({"text": text}) for text in ("a", "bad", "c")]
        parent.lease(*jobs)
        result = parent.expect(link.Result)
        assert [decode_values(one.values)["text"] for one in result.results] == ["a3", "c3"]
        assert result.results[0].meters[0] == link.Meter("calls", 1.0)
        failure = parent.failure(jobs[1].ref)
        assert (failure.code, failure.message, failure.retryable) == (
            "not_found",
            "no such word",
            True,
        )
        assert [body.message for body in parent.arrived(link.Progress)] == ["3 jobs"] * 3
        assert parent.expect(link.Credit).slots == 1
        assert parent.arrived(link.Credit) == []


def test_session(tmp_path: Path) -> None:
    source = """
        from headrace.engine import Engine, Session
        class E(Engine):
            def run(self, session: Session, prefix: str):
                for step in session:
                    yield {"text": prefix + step["text"]}
                return {"text": "end"}
    """
    interface = {
        "mode": "stream",
        "inputs": {"text": {"kind": "text"}},
        "parameters": {"prefix": {"kind": "string"}},
        "outputs": {"text": {"kind": "text", "stream": "append"}},
    }
    with Parent(tmp_path, source, interface=interface) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job({"prefix": ">"}, stream=True))
        values = encode_values({"text": "one"})
        parent.send(link.Input(ref, step=link.Step(1, values)))
        assert decode_values(parent.expect(link.Output).step.values) == {"text": ">one"}
        assert parent.expect(link.Window) == link.Window(ref, len(values))
        parent.send(link.Input(ref, step=link.Step(2, encode_values({"text": "two"}), True)))
        assert decode_values(parent.expect(link.Output).step.values) == {"text": ">two"}
        assert parent.outputs(ref) == {"text": "end"}


def test_async_session_hang_up(tmp_path: Path) -> None:
    source = """
        from headrace.engine import Engine, Session
        class E(Engine):
            async def run(self, session: Session):
                async for step in session:
                    yield step["text"]
    """
    with Parent(tmp_path, source, slots=2) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job(stream=True))
        parent.send(link.Input(ref, step=link.Step(1, encode_values({"text": "one"}))))
        parent.expect(link.Output)
        parent.send(link.Cancel([ref], "cancelled"))
        assert parent.failure(ref).code == "cancelled"


def test_cancel_plain_async_and_generator(tmp_path: Path) -> None:
    source = """
        import asyncio, time
        from headrace.engine import progress, sleep, on_cancel, current_job
        def by_progress(text):
            while True:
                time.sleep(0.005)
                progress(None, "busy")
        def by_sleep(text):
            progress(0.0)
            sleep(1000)
        def by_callback(text):
            import threading
            stop = threading.Event()
            with on_cancel(stop.set):
                progress(0.0)
                stop.wait()
        def by_yield(text):
            try:
                while True:
                    time.sleep(0.005)
                    progress_once = current_job().outlet.progress(current_job(), 0.1, "", {})
                    yield "x"
            finally:
                print("cleaned up")
        async def by_await(text):
            progress(0.0)
            await asyncio.sleep(1000)
    """
    for name in ("by_progress", "by_sleep", "by_callback", "by_yield", "by_await"):
        with Parent(tmp_path, source, entry=f"engine:{name}") as parent:
            parent.expect(link.Credit)
            ref = parent.lease(parent.job({"text": ""}))
            parent.expect(link.Progress)
            parent.send(link.Cancel([ref], "timeout"))
            failure = parent.failure(ref)
            assert failure.code == "cancelled", name
            assert "timeout" in failure.message
            parent.expect(link.Credit)
            if name == "by_yield":
                assert [log.line for log in parent.arrived(link.Log)] == ["cleaned up"]


def test_progress_with_outputs(tmp_path: Path) -> None:
    source = """
        from headrace.engine import progress
        def run(text):
            progress(0.25, "a quarter", text="partly")
            return text
    """
    interface = {
        "inputs": {"text": {"kind": "text"}},
        "outputs": {"text": {"kind": "text"}},
        "progress": {"outputs": {"text": {"kind": "text"}}},
    }
    with Parent(tmp_path, source, entry="engine:run", interface=interface) as parent:
        parent.call({"text": "whole"})
        (report,) = parent.arrived(link.Progress)
        assert (report.fraction, report.message) == (0.25, "a quarter")
        assert decode_values(report.values) == {"text": "partly"}


def test_lines_of_a_job_are_its_log(tmp_path: Path) -> None:
    source = """
        import sys
        from headrace.engine import Engine, log
        class E(Engine):
            def setup(self):
                print("loading")
            def run(self, text):
                print("one\\ntwo")
                print("to stderr", file=sys.stderr)
                sys.stdout.write("no newline")
                log("by", "log")
                return text
    """
    with Parent(tmp_path, source) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job({"text": ""}))
        parent.result(ref)
        logs = parent.arrived(link.Log)
        assert all(log.ref == ref and log.at_ms > 1_600_000_000_000 for log in logs)
        assert [(log.stream, log.line) for log in logs] == [
            ("stdout", "one"),
            ("stdout", "two"),
            ("stderr", "to stderr"),
            ("log", "by log"),
            ("stdout", "no newline"),
        ]
        parent.send(link.Drain("test"))
        status, errors = parent.wait()
        assert status == 0
        assert errors == "loading\n"


def test_exception_fails_the_job_alone(tmp_path: Path) -> None:
    source = """
        from headrace.engine import EngineError
        def run(text):
            if text == "own":
                raise EngineError("bad_page", "the page is bad")
            if text == "unknown":
                raise EngineError("nonsense", "why")
            return {"text": 1 / int(text)}
    """
    interface = {
        "inputs": {"text": {"kind": "text"}},
        "outputs": {"text": {"kind": "text"}},
        "errors": {"bad_page": {}},
    }
    with Parent(tmp_path, source, entry="engine:run", interface=interface) as parent:
        parent.expect(link.Credit)
        failure = parent.failure(parent.lease(parent.job({"text": "0"})))
        assert failure.code == "engine_failed"
        assert failure.message == "ZeroDivisionError: division by zero"
        assert not failure.retryable
        assert any("line" in log.line for log in parent.arrived(link.Log))
        failure = parent.failure(parent.lease(parent.job({"text": "own"})))
        assert (failure.code, failure.message) == ("bad_page", "the page is bad")
        failure = parent.failure(parent.lease(parent.job({"text": "unknown"})))
        assert (failure.code, failure.message) == ("engine_failed", "nonsense: why")
        failure = parent.failure(parent.lease(parent.job({"text": "1"})))
        assert failure.message == "TypeError: output 'text': str is expected, not float"
        failure = parent.failure(parent.lease(parent.job(b"\xff\xff")))
        assert failure.code == "engine_failed"


def test_exit_and_crash_end_the_process(tmp_path: Path) -> None:
    for source, status in (
        ("import sys\ndef run(text): sys.exit(9)", 9),
        ("import os, signal\ndef run(text): os.kill(os.getpid(), signal.SIGKILL)", -9),
    ):
        with Parent(tmp_path, source, entry="engine:run") as parent:
            parent.expect(link.Credit)
            parent.lease(parent.job({"text": ""}))
            assert parent.wait()[0] == status


def test_setup_failure(tmp_path: Path) -> None:
    source = """
        from headrace.engine import Engine
        class E(Engine):
            def setup(self):
                raise RuntimeError("no such model")
            def run(self, text): ...
    """
    with Parent(tmp_path, source) as parent:
        status, errors = parent.wait()
        assert status == 3
        assert "RuntimeError: no such model" in errors
    with Parent(tmp_path, "import nowhere_at_all", entry="engine:E") as parent:
        status, errors = parent.wait()
        assert status == 3
        assert "nowhere_at_all" in errors


def test_refused_by_the_server(tmp_path: Path) -> None:
    with Parent(tmp_path, ECHO, welcome=False) as parent:
        parent.send(link.Welcome(error="another interface"))
        assert parent.wait() == (4, "headrace: refused: another interface\n")


def test_parent_goes_away_while_busy(tmp_path: Path) -> None:
    source = """
        import time
        from headrace.engine import progress
        def run(text):
            progress(0.0)
            time.sleep(1000)
    """
    with Parent(tmp_path, source, entry="engine:run") as parent:
        parent.expect(link.Credit)
        parent.lease(parent.job({"text": ""}))
        parent.expect(link.Progress)
        parent.socket.close()
        assert parent.wait()[0] == 0
    assert list(tmp_path.glob("headrace-engine-*")) == []


def test_parent_goes_away_during_setup(tmp_path: Path) -> None:
    source = """
        import time
        from headrace.engine import Engine
        class E(Engine):
            def setup(self):
                time.sleep(1000)
            def run(self, text): ...
    """
    with Parent(tmp_path, source) as parent:
        parent.socket.close()
        assert parent.wait()[0] == 0


def test_pings_both_ways_while_busy(tmp_path: Path) -> None:
    source = """
        import time
        from headrace.engine import progress
        def run(text):
            progress(0.0)
            time.sleep(1000)
    """
    with Parent(tmp_path, source, entry="engine:run", heartbeat_ms=200) as parent:
        parent.expect(link.Credit)
        parent.lease(parent.job({"text": ""}))
        parent.expect(link.Progress)
        ping = parent.receive()
        assert isinstance(ping, link.Ping)
        assert not ping.reply
        parent.send(link.Ping(77))
        while (answer := parent.receive()) != link.Ping(77, True):
            assert isinstance(answer, link.Ping)


def test_drain_finishes_what_is_running(tmp_path: Path) -> None:
    source = """
        import time
        from headrace.engine import Engine, progress
        class E(Engine):
            def run(self, text):
                progress(0.0)
                time.sleep(0.2)
                return text
            def teardown(self):
                print("torn down")
    """
    with Parent(tmp_path, source) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job({"text": "done"}))
        parent.expect(link.Progress)
        os.kill(parent.process.pid, signal.SIGINT)  # a terminal's Ctrl-C is for the parent
        os.kill(parent.process.pid, signal.SIGTERM)
        assert parent.expect(link.Drain).reason == "terminated"
        assert parent.outputs(ref) == {"text": "done"}
        assert parent.wait() == (0, "torn down\n")


def test_drain_waits_for_parts(tmp_path: Path) -> None:
    values = encode_values({"text": "x"})
    with Parent(tmp_path, ECHO) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job(values_size=len(values)))
        parent.send(link.Drain("test"))
        parent.send_part(ref, 0, values)
        assert parent.outputs(ref) == {"text": "x"}
        assert parent.wait()[0] == 0


def test_refused_lease_is_forgotten(tmp_path: Path) -> None:
    source = """
        from headrace.engine import progress, sleep
        def run(text):
            progress(0.0)
            if text == "wait":
                sleep(1000)
            return text
    """
    with Parent(tmp_path, source, entry="engine:run") as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job({"text": "wait"}))
        parent.expect(link.Progress)
        parent.send(link.Refused(ref, "fenced out"))
        parent.expect(link.Credit)
        assert parent.arrived(link.Failure) == []
        assert parent.outputs(parent.lease(parent.job({"text": "next"}))) == {"text": "next"}


def test_a_lying_parent_ends_the_host(tmp_path: Path) -> None:
    with Parent(tmp_path, ECHO) as parent:
        parent.expect(link.Credit)
        parent.socket.sendall(b"\xff\xff\xff\xff")
        status, errors = parent.wait()
        assert status == 4
        assert "link broke" in errors
