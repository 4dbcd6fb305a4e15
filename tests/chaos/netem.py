"""Real packets lost, delayed and cut off between agent and server: a network namespace and tc netem. Takes root."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator

from load import Load
from referee import Referee
from registry import Campaign, Outcome, fault
from stage import Stage

WORK = {"echo_slow": {"duration_ms": 15}, "py_echo": {}}
LEASE_S = 2
# tc's words for what the link does; "down" takes it away.
WAYS = [
    "delay 100ms 50ms",
    "loss 10%",
    "delay 20ms reorder 25% 50%",
    "duplicate 10% corrupt 2%",
    "rate 200kbit",
    "loss 100%",
    "down",
]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def needs_netns(_: Campaign) -> str | None:
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("tc") is None:
        return "network namespaces take root, ip and tc; `link` and `callers` go without"
    name = f"hrprobe{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        return "network namespaces cannot be made here"
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return None


class Wire:
    """Two addresses with a wire between; the far one lies in a namespace of its own."""

    def __init__(self) -> None:
        number = os.getpid() % 200
        self.space = f"hrchaos{os.getpid()}"
        self.near, self.far = f"hrn{number}", f"hrf{number}"
        self.near_address, self.far_address = f"10.213.{number}.1", f"10.213.{number}.2"

    def make(self) -> None:
        ip("netns", "add", self.space)
        ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", self.space)
        ip("addr", "add", f"{self.near_address}/24", "dev", self.near)
        ip("link", "set", self.near, "up")
        ip("-n", self.space, "addr", "add", f"{self.far_address}/24", "dev", self.far)
        ip("-n", self.space, "link", "set", self.far, "up")
        ip("-n", self.space, "link", "set", "lo", "up")

    def hurt(self, how: str) -> None:
        if how == "down":
            ip("link", "set", self.near, "down")
            return
        subprocess.run(["tc", "qdisc", "replace", "dev", self.near, "root", "netem", *how.split()], check=True)

    def heal(self) -> None:
        subprocess.run(["tc", "qdisc", "del", "dev", self.near, "root"], capture_output=True)
        ip("link", "set", self.near, "up")

    def remove(self) -> None:
        for words in (["link", "del", self.near], ["netns", "del", self.space]):
            subprocess.run(["ip", *words], capture_output=True)


@contextlib.contextmanager
def wire() -> Iterator[Wire]:
    made = Wire()
    try:
        made.make()
        yield made
    finally:
        made.remove()


def probe_netem(made: Wire) -> bool:
    try:
        made.hurt("delay 1ms")
    except subprocess.CalledProcessError:
        return False
    made.heal()
    return True


@fault(
    "netem", "loss, delay, reordering, corruption and a cut wire between agent and server", rounds=70, needs=needs_netns
)
def netem_rounds(campaign: Campaign) -> Outcome:
    outcome = Outcome()
    settings = (f"jobs.lease_s={LEASE_S}", "control.insecure=true")
    with wire() as made, Stage(campaign.binary, campaign.folder, settings=settings, agent=True) as stage:
        # Without the kernel's netem the wire can still be cut.
        ways = WAYS if probe_netem(made) else ["down"]
        outcome.notes["ways"] = ways
        assert stage.agent is not None
        agent, server = stage.agent, stage.server
        agent.stop()
        server.stop()
        server.control_host = server.control.host = made.near_address
        stage.restart()
        agent.address = f"ws://{made.near_address}:{server.control_port}"
        agent.prefix = ["ip", "netns", "exec", made.space]
        agent.start()
        server.wait_engines(*WORK)
        referee = Referee(server)
        load = Load(server, campaign.seed, WORK, pause=0.04, deadline=120).start()
        for number in range(campaign.rounds):
            how = ways[number % len(ways)]
            made.hurt(how)
            time.sleep(campaign.rng.choice([0.5, 2 * LEASE_S]))
            made.heal()
            time.sleep(0.5)
            outcome.rounds += 1
            campaign.say(f"{number + 1}/{campaign.rounds} {how}, {len(load.accepted)} accepted")
        load.join()
        outcome.add_verdict(referee.judge(load, within=180))
    return outcome
