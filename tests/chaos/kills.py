"""kill -9 and SIGSTOP of server, agent, host and engine under load."""

from __future__ import annotations

import os
import signal
import time

from load import WITH_AGENT, Load
from referee import Referee
from registry import Campaign, Outcome, fault
from stage import Agent, Stage, paused

READY_WITHIN = 2.0  # reliability figure for a release build on a quiet machine; noted, not asserted
MOST_MISSED = 100  # times that no victim came up in time
PAUSE = {"server": (0.4, 1.2), "agent": (0.4, 1.2), "host": (0.1, 0.6), "engine": (0.1, 0.6)}


def victims(stage: Stage, kind: str, capability: str = "") -> list[int]:
    """Processes of a kind; of an engine's, those that run the capability when one is named."""
    if kind == "host":
        return stage.hosts()
    if kind == "engine":
        return stage.python_engines(of_agent={"py_echo": True, "py_echo_slow": False}.get(capability))
    if kind == "agent":
        assert stage.agent is not None and stage.agent.process is not None
        return [stage.agent.process.pid]
    return [stage.pid]


def send(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


class Killer:
    """One kind of victim; tells what it did."""

    def __init__(self, stage: Stage, kind: str, campaign: Campaign) -> None:
        self.stage, self.kind, self.rng = stage, kind, campaign.rng
        self.ready: list[float] = []
        self.missed = 0

    def strike(self) -> str:
        if self.kind == "server":
            self.stage.server.kill()
            self.ready.append(self.stage.restart())
            return f"ready again after {self.ready[-1]:.2f} s"
        if self.kind == "agent":
            agent: Agent | None = self.stage.agent
            assert agent is not None
            agent.kill()
            agent.start()
            return "agent started again"
        return self.strike_engine()

    def strike_engine(self) -> str:
        """Only one that is at work: to kill it while it starts shows nothing, and each time it starts later."""
        capability = "echo_slow" if self.kind == "host" else self.rng.choice(["py_echo_slow", "py_echo"])
        try:
            self.stage.server.wait_engines(capability)
        except AssertionError:
            self.missed += 1
            return f"{capability} was not up"
        time.sleep(0.15)  # it has said that it is there; now it takes jobs
        found = victims(self.stage, self.kind, capability)
        if found and send(victim := self.rng.choice(found), signal.SIGKILL):
            return f"process {victim}"
        self.missed += 1
        return "none was up"


def kill_rounds(kind: str, campaign: Campaign) -> Outcome:
    outcome = Outcome()
    settings = ("jobs.lease_s=5",)  # what a killed agent held runs elsewhere after that
    with Stage(campaign.binary, campaign.folder, settings=settings, agent=True) as stage:
        stage.server.wait_engines(*WITH_AGENT)
        killer, referee = Killer(stage, kind, campaign), Referee(stage.server)
        load = Load(stage.server, campaign.seed, WITH_AGENT).start()
        began = time.monotonic()
        while outcome.rounds < campaign.rounds and killer.missed < MOST_MISSED:
            time.sleep(campaign.rng.uniform(*PAUSE[kind]))
            missed = killer.missed
            done = killer.strike()
            outcome.rounds += 1 if killer.missed == missed else 0
            if outcome.rounds % 10 == 9:
                referee.look(200)
            campaign.say(f"{outcome.rounds}/{campaign.rounds} {done}, {len(load.accepted)} accepted")
        time.sleep(0.5)
        seconds = time.monotonic() - began
        load.join()
        outcome.add_verdict(referee.judge(load))
    outcome.notes["sent_again"] = load.retries
    outcome.notes["accepted_per_s"] = round(len(load.accepted) / seconds, 1)
    if killer.missed:
        outcome.notes["no_victim"] = killer.missed
    if killer.ready:
        ready = sorted(killer.ready)
        outcome.notes["ready_s"] = {"median": round(ready[len(ready) // 2], 3), "max": round(ready[-1], 3)}
        outcome.notes["ready_over_2_s"] = sum(1 for seconds in ready if seconds > READY_WITHIN)
    return outcome


@fault("kill-server", "kill -9 of the server under load", rounds=1000, quick=3)
def kill_server(campaign: Campaign) -> Outcome:
    return kill_rounds("server", campaign)


@fault("kill-agent", "kill -9 of the agent (headrace worker)", rounds=300, quick=2)
def kill_agent(campaign: Campaign) -> Outcome:
    return kill_rounds("agent", campaign)


@fault("kill-host", "kill -9 of headrace-host, which runs native engines", rounds=1000, quick=2)
def kill_host(campaign: Campaign) -> Outcome:
    return kill_rounds("host", campaign)


@fault("kill-engine", "kill -9 of a Python engine, of the server's or the agent's", rounds=1000, quick=2)
def kill_engine(campaign: Campaign) -> Outcome:
    return kill_rounds("engine", campaign)


@fault("stop", "SIGSTOP and SIGCONT of server, agent, host and engine", rounds=120, quick=0)
def stop_rounds(campaign: Campaign) -> Outcome:
    """Half of the pauses outlast the lease: the job runs elsewhere, and the late result is refused."""
    outcome = Outcome()
    kinds = ["server", "agent", "host", "engine"]
    with Stage(campaign.binary, campaign.folder, settings=("jobs.lease_s=1.5",), agent=True) as stage:
        stage.server.wait_engines(*WITH_AGENT)
        referee = Referee(stage.server)
        load = Load(stage.server, campaign.seed, WITH_AGENT).start()
        for number in range(campaign.rounds):
            time.sleep(campaign.rng.uniform(0.2, 0.6))
            kind = kinds[number % len(kinds)]
            found = victims(stage, kind)
            if not found:
                outcome.notes["no_victim"] = outcome.notes.get("no_victim", 0) + 1
                continue
            seconds = campaign.rng.choice([0.3, 3.0])
            with paused(campaign.rng.choice(found)):
                time.sleep(seconds)
            outcome.rounds += 1
            campaign.say(f"{number + 1}/{campaign.rounds} {kind} for {seconds} s, {len(load.accepted)} accepted")
        load.join()
        outcome.add_verdict(referee.judge(load))
    return outcome
