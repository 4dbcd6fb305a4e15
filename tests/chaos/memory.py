"""Memory runs out: of an engine, and, by a limit on the address space, of server, agent and host."""

from __future__ import annotations

import resource
import subprocess
import time

from load import WITH_AGENT, Load
from referee import Referee
from registry import Campaign, Outcome, fault
from stage import ECHO, FAULT, Stage, address_space_of

HEADROOM = 1 << 20  # what a process may still take when its limit comes
LARGE = [4 << 20, 14 << 20]  # inputs that need more than that
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@fault("oom-engine", "an engine that allocates until its limit ends it", rounds=20, quick=1)
def oom_engine(campaign: Campaign) -> Outcome:
    """`fault` has `memory = "256 MiB"` in its engine.toml; a leak costs that job its attempts, nobody else."""
    outcome = Outcome()
    settings = ("jobs.max_attempts=2", "jobs.retry_base_s=0.05")
    with Stage(campaign.binary, campaign.folder, (ECHO / "echo", FAULT), settings) as stage:
        stage.server.wait_engines("echo", "fault")
        client = stage.server.client
        for number in range(campaign.rounds):
            job = client.submit("fault", {"text": "leak", "how": "leak"})["id"]
            outcome.accepted += 1
            end = client.wait(job, within=120)
            if end["state"] != "failed" or (end.get("error") or {}).get("reason") != "dead":
                outcome.wrong.append(f"{job}: {end['state']} {end.get('error')}")
            if problem := stage.healthy("echo"):
                outcome.wrong.append(problem)
            outcome.rounds += 1
            campaign.say(f"{number + 1}/{campaign.rounds} {end['state']} after {end.get('attempt')} attempts")
    return outcome


class Squeeze:
    """Takes a process its memory for a while; whoever ended by it is started again as a supervisor would."""

    def __init__(self, stage: Stage, campaign: Campaign, outcome: Outcome, load: Load) -> None:
        self.stage, self.campaign, self.outcome, self.load = stage, campaign, outcome, load
        self.ended: dict[str, int] = {}
        self.answers: dict[int, int] = {}

    def victim(self, kind: str) -> int | None:
        if kind == "server":
            return self.stage.pid
        if kind == "agent":
            assert self.stage.agent is not None and self.stage.agent.process is not None
            return self.stage.agent.process.pid
        hosts = self.stage.hosts()
        return self.campaign.rng.choice(hosts) if hosts else None

    def ask_much(self, kind: str) -> None:
        """A job whose input does not fit; an answer of 202 counts as any other."""
        text = str(self.outcome.rounds) + "x" * self.campaign.rng.choice(LARGE)
        body = {"capability": "py_echo" if kind == "agent" else "echo_slow", "input": {"text": text}}
        if kind != "agent":
            body["input"] = {"text": text, "duration_ms": 1}
        try:
            reply = self.stage.server.client.post("/jobs", body)
        except OSError:
            return
        self.answers[reply.status] = self.answers.get(reply.status, 0) + 1
        if reply.status == 202:
            with self.load.lock:
                self.load.accepted[reply.json()["id"]] = text
        elif reply.status < 500:
            self.outcome.wrong.append(f"{kind} without memory: {reply.status} {reply.body[:200]!r}")

    def once(self, kind: str, seconds: float) -> None:
        pid = self.victim(kind)
        if pid is None:
            return
        try:
            room = address_space_of(pid) + self.campaign.rng.randrange(HEADROOM)
            resource.prlimit(pid, resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
            self.ask_much(kind)
            time.sleep(seconds)
            resource.prlimit(pid, resource.RLIMIT_AS, UNLIMITED)
        except (ProcessLookupError, FileNotFoundError):
            self.ended[kind] = self.ended.get(kind, 0) + 1
        self.outcome.rounds += 1
        self.start_again(kind)

    def start_again(self, kind: str) -> None:
        agent = self.stage.agent
        processes = {"server": self.stage.server.process, "agent": agent.process if agent else None}
        process = processes.get(kind)
        if process is None:
            return
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            return
        self.ended[kind] = self.ended.get(kind, 0) + 1
        if kind == "server":
            self.stage.restart()
        elif agent is not None:
            agent.start()


@fault("oom", "server, agent and host without memory under load (prlimit)", rounds=60, quick=0)
def oom(campaign: Campaign) -> Outcome:
    """Either a request gets a 5xx, or the process ends and comes back with all that it had accepted."""
    outcome = Outcome()
    with Stage(campaign.binary, campaign.folder, agent=True) as stage:
        stage.server.wait_engines(*WITH_AGENT)
        referee = Referee(stage.server)
        load = Load(stage.server, campaign.seed, WITH_AGENT, again=(429, 500, 503, 507)).start()
        squeeze = Squeeze(stage, campaign, outcome, load)
        kinds = ["server", "agent", "host"]
        for number in range(campaign.rounds):
            kind = kinds[number % len(kinds)]
            squeeze.once(kind, campaign.rng.uniform(0.3, 1.0))
            time.sleep(0.3)
            campaign.say(f"{number + 1}/{campaign.rounds} {kind}, ended {squeeze.ended}, {len(load.accepted)} accepted")
        load.join()
        outcome.add_verdict(referee.judge(load))
        outcome.notes = {
            "ended": squeeze.ended,
            "refused": load.refused,
            "sent_again": load.retries,
            "large": squeeze.answers,
        }
    return outcome
