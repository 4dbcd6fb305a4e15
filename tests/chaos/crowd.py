"""Too many of one kind: readers who never read, and a tenant that floods while another works."""

from __future__ import annotations

import contextlib
import resource
import socket
import statistics
import threading
import time

from poison import Stopwatch
from registry import Campaign, Outcome, fault
from stage import ECHO, Stage, memory_of

READERS = 5000
PER_READER = 96 << 10  # bytes of memory that one may cost
MOST_SLOWDOWN = 2.0  # of the p99 of one who works beside a flood


def raise_file_limit(wanted: int) -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return min(wanted, soft - 200)


def slow_reader(port: int, key: str, path: str) -> socket.socket:
    """Asks for a stream and never reads a byte of it."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    made.connect(("127.0.0.1", port))
    made.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        "Accept: text/event-stream\r\n\r\n".encode()
    )
    return made


@fault("slow-readers", "5 000 readers of streams who never read, while others work", rounds=1, quick=0)
def slow_readers(campaign: Campaign) -> Outcome:
    outcome = Outcome()
    count = raise_file_limit(READERS)
    settings = (f"limits.connections={READERS * 2}",)
    engines = (ECHO / "echo", ECHO / "echo_slow")
    with Stage(campaign.binary, campaign.folder, engines, settings) as stage:
        stage.server.wait_engines("echo", "echo_slow")
        client = stage.server.client
        key = client.key or ""
        for _ in range(campaign.rounds):
            with Stopwatch(stage.server) as alone:
                time.sleep(3)
            before = memory_of(stage.pid)
            job = client.submit("echo_slow", {"text": "watched", "duration_ms": 20_000})["id"]
            readers: list[socket.socket] = []
            try:
                with Stopwatch(stage.server) as beside:
                    for number in range(count):
                        path = f"/api/v1/jobs/{job}/events" if number % 2 else f"/api/v1/jobs/{job}?wait=60"
                        readers.append(slow_reader(stage.server.client_port, key, path))
                        if number % 250 == 0:
                            campaign.say(f"{number} readers, {memory_of(stage.pid) >> 20} MB")
                    client.wait(job, within=60)
                    time.sleep(2)
                    with_readers = memory_of(stage.pid)
            finally:
                for reader in readers:
                    reader.close()
            each = max(0, with_readers - before) // count
            outcome.rounds += 1
            outcome.points += count
            outcome.wrong += beside.failures[:5]
            if each > PER_READER:
                outcome.wrong.append(f"a reader costs {each} bytes of memory")
            outcome.notes = {
                "readers": count,
                "memory_mb": {"before": before >> 20, "with": with_readers >> 20},
                "bytes_each": each,
                "p99_ms": {"alone": alone.ms(0.99), "beside": beside.ms(0.99)},
            }
        if problem := stage.healthy("echo"):
            outcome.wrong.append(problem)
    return outcome


class Flood:
    """A tenant's callers who submit as fast as they can."""

    def __init__(self, stage: Stage, key: str, callers: int = 8) -> None:
        self.client = stage.server.client.with_key(key)
        self.sent = 0
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(callers)]

    def _run(self) -> None:
        while not self.stop.is_set():
            with contextlib.suppress(OSError):
                reply = self.client.post(
                    "/jobs", {"capability": "echo_slow", "input": {"text": "flood", "duration_ms": 20}}
                )
                self.sent += 1 if reply.status == 202 else 0

    def __enter__(self) -> Flood:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(10)


@fault("flood", "a tenant floods a capability while another works with it", rounds=3, quick=0)
def flood(campaign: Campaign) -> Outcome:
    """The other one waits for one turn, not for the queue: its p99 stays within twice what it is alone, in the median
    of the rounds (one round of some seconds has too few samples to judge by)."""
    outcome = Outcome()
    ratios: list[float] = []
    with Stage(campaign.binary, campaign.folder, (ECHO / "echo_slow",)) as stage:
        stage.server.wait_engines("echo_slow")
        loud = stage.server.new_key("caller", "loud")
        calm = stage.server.new_key("caller", "calm")

        class Calm(Stopwatch):
            def _run(self) -> None:
                while not self.stop.is_set():
                    began = time.monotonic()
                    job = self.client.run("echo_slow", {"text": "calm", "duration_ms": 20})
                    if job["state"] != "succeeded":
                        self.failures.append(str(job))
                    self.seconds.append(time.monotonic() - began)

        for number in range(campaign.rounds):
            with Calm(stage.server, key=calm) as alone:
                time.sleep(4)
            with Flood(stage, loud) as loud_one:
                time.sleep(1)
                with Calm(stage.server, key=calm) as beside:
                    time.sleep(6)
            outcome.rounds += 1
            outcome.accepted += loud_one.sent
            outcome.wrong += beside.failures[:5]
            ratio = beside.ms(0.99) / max(alone.ms(0.99), 0.01)
            outcome.notes[f"round {number + 1}"] = {
                "p50_ms": {"alone": alone.ms(0.5), "beside": beside.ms(0.5)},
                "p99_ms": {"alone": alone.ms(0.99), "beside": beside.ms(0.99)},
                "p99_ratio": round(ratio, 2),
                "flood_jobs": loud_one.sent,
            }
            campaign.say(f"{number + 1}/{campaign.rounds} p99 {ratio:.2f} of what it is alone")
            ratios.append(ratio)
    if statistics.median(ratios) > MOST_SLOWDOWN:
        outcome.wrong.append(f"p99 grows {statistics.median(ratios):.1f} times, {MOST_SLOWDOWN} are allowed")
    return outcome
