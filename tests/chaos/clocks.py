"""The wall clock jumps while the monotonic one goes on: nothing expires early, nothing storms."""

from __future__ import annotations

import time

from load import Load
from referee import Referee
from registry import Campaign, Outcome, fault, needs_shim
from shim import Shim
from stage import ECHO, FAULT, Stage

HOUR_MS = 3_600_000
JUMPS = [HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS]
WORK = {"echo_slow": {"duration_ms": 15}}


def watched(stage: Stage) -> dict[str, str]:
    """Jobs that have time, and must not end because a clock was set: one runs, one waits, one has a deadline."""
    client = stage.server.client
    return {
        "timeout": client.submit("echo_slow", {"text": "t", "duration_ms": 4000}, timeout=60)["id"],
        "deadline": client.submit("echo_slow", {"text": "d", "duration_ms": 4000}, deadline=600)["id"],
        "ttl": client.submit("echo_slow", {"text": "q", "duration_ms": 4000}, ttl=600)["id"],
    }


@fault("clock", "the wall clock jumps an hour or a day, forwards and back", rounds=40, quick=2, needs=needs_shim)
def clock_jumps(campaign: Campaign) -> Outcome:
    outcome = Outcome()
    shim = Shim(campaign.shim, campaign.folder)
    with Stage(
        campaign.binary,
        campaign.folder / "run",
        (ECHO / "echo_slow", FAULT),
        ("jobs.retry_base_s=1", "jobs.retry_max_s=1"),
        env=shim.env,
    ) as stage:
        client = stage.server.client
        stage.server.wait_engines("echo_slow", "fault")
        referee = Referee(stage.server)
        load = Load(stage.server, campaign.seed, WORK, callers=2, pause=0.05).start()
        for number in range(campaign.rounds):
            jobs = watched(stage)
            began = time.monotonic()
            again = client.submit("fault", {"text": "again", "how": "retryable"})["id"]
            time.sleep(0.3)
            jump = JUMPS[number % len(JUMPS)]
            shim.shift_clock(jump)
            outcome.rounds += 1
            time.sleep(1.5)
            # Pauses are up to a second by the monotonic clock, half of one on average, whatever the other says.
            attempts = client.job(again).get("attempt", 1)
            seconds = time.monotonic() - began
            if attempts > 5 + 4 * seconds:
                outcome.wrong.append(f"jump of {jump} ms: {attempts} attempts in {seconds:.1f} seconds")
            client.post(f"/jobs/{again}/cancel")
            for what, job in jobs.items():
                end = client.wait(job, within=60)
                if end["state"] != "succeeded" or end["attempt"] != 1:
                    outcome.wrong.append(
                        f"jump of {jump} ms, job with a {what}: {end['state']} after {end['attempt']} "
                        f"attempts {end.get('error')}"
                    )
            shim.shift_clock(0)
            campaign.say(f"{number + 1}/{campaign.rounds} {jump} ms, {len(load.accepted)} accepted")
        load.join()
        outcome.add_verdict(referee.judge(load))
    return outcome
