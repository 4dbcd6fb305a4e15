"""A job that kills every engine that takes it: dead after its attempts, and the others go on."""

from __future__ import annotations

import threading
import time

from registry import Campaign, Outcome, fault
from server import Server
from stage import ECHO, FAULT, Stage

ATTEMPTS = 5


class Stopwatch:
    """One caller of quick jobs; the seconds each took."""

    def __init__(self, server: Server, capability: str = "echo", key: str | None = None) -> None:
        self.client = server.client.with_key(key) if key else server.client
        self.capability = capability
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Stopwatch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(30)

    def _run(self) -> None:
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                job = self.client.run(self.capability, {"text": "quick"})
                if job["state"] != "succeeded":
                    self.failures.append(f"a job beside it: {job}")
            except (AssertionError, OSError) as error:
                self.failures.append(f"a job beside it: {error}")
            self.seconds.append(time.monotonic() - began)
            time.sleep(0.01)

    def ms(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2) if ordered else 0.0


@fault("poison", "a job that kills every engine that takes it", rounds=50, quick=1)
def poison(campaign: Campaign) -> Outcome:
    outcome = Outcome()
    settings = (f"jobs.max_attempts={ATTEMPTS}", "jobs.retry_base_s=0.05")
    with Stage(campaign.binary, campaign.folder, (ECHO / "echo", FAULT), settings) as stage:
        stage.server.wait_engines("echo", "fault")
        client = stage.server.client
        with Stopwatch(stage.server) as alone:
            time.sleep(1 if campaign.quick else 5)
        with Stopwatch(stage.server) as beside:
            for number in range(campaign.rounds):
                job = client.submit("fault", {"text": "poison", "how": "crash"})["id"]
                outcome.accepted += 1
                end = client.wait(job, within=120)
                error = end.get("error") or {}
                if end["state"] != "failed" or error.get("reason") != "dead" or end["attempt"] != ATTEMPTS:
                    outcome.wrong.append(f"{job}: {end['state']} after {end.get('attempt')} attempts: {error}")
                outcome.rounds += 1
                campaign.say(f"{number + 1}/{campaign.rounds} dead after {end['attempt']} attempts")
        outcome.wrong += beside.failures[:5]
        if problem := stage.healthy("echo"):
            outcome.wrong.append(problem)
        outcome.notes = {
            "p50_ms": {"alone": alone.ms(0.5), "beside": beside.ms(0.5)},
            "p99_ms": {"alone": alone.ms(0.99), "beside": beside.ms(0.99)},
            "jobs_beside": len(beside.seconds),
        }
    return outcome
