"""A bad network between worker and server, and between caller and server, through proxy.py."""

from __future__ import annotations

import time

from load import Load
from proxy import Proxy
from referee import Referee
from registry import Campaign, Outcome, fault
from stage import Stage

WORK = {"echo_slow": {"duration_ms": 15}, "py_echo": {}}
LEASE_S = 2


def hurt(proxy: Proxy, how: str) -> None:
    if how == "delay":
        proxy.delay, proxy.jitter = 0.1, 0.2
    elif how == "slow":
        proxy.rate = 20_000
    elif how == "half-open":
        proxy.half_open()
    elif how == "partition":
        proxy.partitioned = True
    elif how == "reset":
        proxy.reset()


WAYS = ["delay", "slow", "half-open", "partition", "reset"]


def rounds_on(campaign: Campaign, stage: Stage, proxy: Proxy, load: Load, outcome: Outcome) -> None:
    for number in range(campaign.rounds):
        time.sleep(campaign.rng.uniform(0.2, 0.6))
        how = WAYS[number % len(WAYS)]
        hurt(proxy, how)
        # Half of the faults end before the lease does, half outlast it.
        time.sleep(campaign.rng.choice([0.4, 1.5 * LEASE_S]) if how != "reset" else 0.1)
        proxy.heal()
        outcome.rounds += 1
        outcome.notes[how] = outcome.notes.get(how, 0) + 1
        campaign.say(f"{number + 1}/{campaign.rounds} {how}, {len(load.accepted)} accepted")


@fault("link", "delay, trickle, half-open, partition, reset between agent and server", rounds=150, quick=0)
def link_rounds(campaign: Campaign) -> Outcome:
    outcome = Outcome()
    settings = (f"jobs.lease_s={LEASE_S}",)
    with Stage(campaign.binary, campaign.folder, settings=settings, agent=True) as stage:
        assert stage.agent is not None
        stage.agent.stop()
        with Proxy(stage.server.control_port, campaign.seed) as proxy:
            stage.agent.address = f"ws://127.0.0.1:{proxy.port}"
            stage.agent.start()
            stage.server.wait_engines(*WORK)
            referee = Referee(stage.server)
            # Jobs that end at the worker while nobody can hear of it: their time is bounded all the same.
            load = Load(stage.server, campaign.seed, WORK, pause=0.04, deadline=90).start()
            rounds_on(campaign, stage, proxy, load, outcome)
            load.join()
            outcome.add_verdict(referee.judge(load))
    return outcome


@fault("callers", "the same between callers and server", rounds=150, quick=0)
def caller_rounds(campaign: Campaign) -> Outcome:
    outcome = Outcome()
    with Stage(campaign.binary, campaign.folder) as stage:
        stage.server.wait_engines("echo_slow")
        with Proxy(stage.server.client_port, campaign.seed) as proxy:
            referee = Referee(stage.server)
            work = {"echo_slow": {"duration_ms": 15}}
            load = Load(stage.server, campaign.seed, work, pause=0.04, port=proxy.port, again=(408, 429, 503)).start()
            rounds_on(campaign, stage, proxy, load, outcome)
            load.join()
            outcome.add_verdict(referee.judge(load))
            outcome.notes["sent_again"] = load.retries
    return outcome
