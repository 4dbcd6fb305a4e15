"""kill -9 of server, agent and engine under load: no accepted job is lost, none ends twice.

Callers submit durable jobs without pause, each under an idempotency key of its own, and send a request
again (same key) when the connection broke, as a careful client does. Meanwhile, round by round, a victim is
killed. At the end every job that was ever acknowledged must have succeeded with the right output, every key
must have made one job, and every job must have exactly one usage record.

Run: python3 tests/chaos/kill_rounds.py --binary build/dev/headrace [--rounds 5] [--kind server] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from server import Server  # noqa: E402

KINDS = ["server", "engine", "agent"]
CALLERS = 6
# capability -> input beside the text; py_echo runs on the agent alone
WORK = {"echo_slow": {"duration_ms": 15}, "py_echo_slow": {"duration_ms": 15}, "py_echo": {}}


class Load:
    """Callers that never stop until told to; they remember what was acknowledged."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.seed = server, seed
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.accepted: dict[str, str] = {}  # job id -> text
        self.clashes: list[str] = []
        self.retries = 0
        self.threads = [threading.Thread(target=self.call, args=(i,), daemon=True) for i in range(CALLERS)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def join(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(60)

    def call(self, number: int) -> None:
        rng = random.Random(self.seed * 1000 + number)
        client = self.server.client
        count = 0
        while not self.stop.is_set():
            count += 1
            text = f"{number}-{count}"
            capability = rng.choice(list(WORK))
            body = {"capability": capability, "input": {"text": text, **WORK[capability]}, "idempotency_key": text}
            seen: set[str] = set()
            while True:
                try:
                    reply = client.post("/jobs", body)
                except OSError:
                    reply = None
                if reply is not None and reply.status == 202:
                    seen.add(reply.json()["id"])
                    break
                if reply is not None and reply.status not in (429, 503):
                    self.clashes.append(f"{text}: status {reply.status} {reply.body[:300]!r}")
                    break
                if self.stop.is_set() and reply is None:
                    return
                with self.lock:
                    self.retries += 1
                time.sleep(0.05)
            if rng.random() < 0.1:  # a twin, as after a lost answer
                try:
                    twin = client.post("/jobs", body)
                    if twin.status == 202:
                        seen.add(twin.json()["id"])
                except OSError:
                    pass
            if len(seen) > 1:
                self.clashes.append(f"{text}: one key made {len(seen)} jobs")
            with self.lock:
                for job in seen:
                    self.accepted[job] = text
            time.sleep(0.01)


class Agent:
    """`headrace worker` with one engine, over the worker link."""

    def __init__(self, binary: pathlib.Path, server: Server, folder: pathlib.Path) -> None:
        self.binary, self.server, self.folder = binary, server, folder
        self.token = folder / "worker.key"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not self.token.exists():
            self.token.write_text(self.server.new_key("worker", "default") + "\n")
        command = [
            str(self.binary),
            "worker",
            "--connect",
            f"ws://127.0.0.1:{self.server.control_port}",
            "--token-file",
            str(self.token),
            "--engine",
            str(ROOT / "examples/engines/echo/py_echo"),
        ]
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def engine_hosts(parent: int) -> list[int]:
    return [
        int(word)
        for task in pathlib.Path(f"/proc/{parent}/task").iterdir()
        for word in (task / "children").read_text().split()
    ]


def strike(kind: str, server: Server, agent: Agent, rng: random.Random) -> str:
    assert server.process is not None
    if kind == "server":
        server.kill()
        began = time.monotonic()
        server.start()
        return f"server, ready again after {time.monotonic() - began:.2f} s"
    if kind == "agent":
        agent.kill()
        agent.start()
        return "agent"
    parent = rng.choice([server.process.pid, agent.process.pid if agent.process else server.process.pid])
    hosts = engine_hosts(parent)
    if not hosts:
        return "engine: none was up"
    victim = rng.choice(hosts)
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return "engine: it was gone already"
    return f"engine, process {victim}"


def wait_for_ends(server: Server, accepted: dict[str, str], within: float) -> list[str]:
    """The wrongs among the accepted jobs, once each has ended or the time is up."""
    wrongs = []
    deadline = time.monotonic() + within
    for job, text in accepted.items():
        while True:
            reply = server.client.request("GET", f"/api/v1/jobs/{job}")
            if reply.status != 200:
                wrongs.append(f"{job}: lost, status {reply.status}")
                break
            state = reply.json()
            if state["state"] == "succeeded":
                if state["output"]["text"] != text:
                    wrongs.append(f"{job}: output {state['output']} for {text}")
                break
            if state["state"] in ("failed", "cancelled", "expired"):
                wrongs.append(f"{job}: {state['state']} {state.get('error')}")
                break
            if time.monotonic() > deadline:
                wrongs.append(f"{job}: still {state['state']}")
                break
            time.sleep(0.05)
    return wrongs


def usage_counts(server: Server) -> dict[str, int]:
    counts: dict[str, int] = {}
    cursor = ""
    while True:
        page = server.control.request("GET", f"/api/v1/usage?limit=200{cursor}").json()
        for record in page["usage"]:
            counts[record["job"]] = counts.get(record["job"], 0) + 1
        if not page.get("next_cursor"):
            return counts
        cursor = "&cursor=" + page["next_cursor"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="headrace-chaos-"))
    print(f"seed {arguments.seed}, data in {folder}")
    engines = tuple(ROOT / "examples/engines/echo" / name for name in ("echo_slow", "py_echo_slow"))
    # Kills come faster than in life: more attempts than the default, or an unlucky job would be dead.
    server = Server(
        folder, engines=engines, settings=("jobs.max_attempts=20", "log.level=info"), binary=arguments.binary.resolve()
    )
    agent = Agent(arguments.binary.resolve(), server, folder)
    good = False
    try:
        server.start()
        agent.start()
        server.wait_engines("echo_slow", "py_echo_slow", "py_echo")
        load = Load(server, arguments.seed)
        load.start()
        for number in range(arguments.rounds):
            time.sleep(rng.uniform(0.4, 1.6))
            kind = arguments.kind or KINDS[number % len(KINDS)]
            print(
                f"round {number + 1}: killed {strike(kind, server, agent, rng)}; {len(load.accepted)} accepted so far",
                flush=True,
            )
        time.sleep(1)
        load.join()
        wrongs = load.clashes + wait_for_ends(server, load.accepted, 120)
        usage = usage_counts(server)
        none = [job for job in load.accepted if usage.get(job, 0) == 0]
        double = [job for job, count in usage.items() if count > 1]
        print(
            json.dumps(
                {
                    "rounds": arguments.rounds,
                    "accepted": len(load.accepted),
                    "sent_again": load.retries,
                    "wrong": len(wrongs),
                    "without_usage": len(none),
                    "double_usage": len(double),
                }
            )
        )
        for wrong in wrongs[:20]:
            print("WRONG", wrong)
        good = not (wrongs or none or double) and len(load.accepted) > 0
        return 0 if good else 1
    finally:
        if agent.process is not None:
            agent.kill()
        if server.process is not None and server.process.poll() is None:
            server.stop(40)
        if good and not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
