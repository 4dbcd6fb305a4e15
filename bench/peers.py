"""Foreign chat servers beside nginx and us: the same chat, whole and streamed, before the same instant models.

    ./dev peers [--only litellm,fastchat] [--connections 8] [--seconds 5] [--rounds 3] [--no-write]

Writes bench/PEERS.md when every party that is installed was measured.
"""

from __future__ import annotations

import argparse
import contextlib
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass

import foreign
import llm
import parts
import report
from rows import Figures, NotHere, Results, Stage, figures_of

ROOT = pathlib.Path(__file__).resolve().parents[1]
KINDS = ("whole", "streamed")
TOKENS = llm.FASTCHAT_TOKENS
DRAIN = 120.0  # a slow peer has answers under way when the time is over


@dataclass(frozen=True)
class Party:
    """Who forwards the chat, and beside whom of ours it stands."""

    name: str
    before: str  # what is behind it
    ours: str


UPSTREAM, WORKER = "an OpenAI-style server", "a FastChat worker"
PARTIES = (
    Party("nginx", UPSTREAM, "headrace"),
    Party("headrace", UPSTREAM, "headrace"),
    Party("litellm", UPSTREAM, "headrace"),
    Party("headrace fastchat", WORKER, "headrace fastchat"),
    Party("fastchat", WORKER, "headrace fastchat"),
)


def models(stage: Stage) -> llm.LlmServer:
    """Both an OpenAI-style server and a FastChat worker, and costs nobody's figure anything."""
    words = ("--tokens", str(TOKENS), "--model", llm.MODEL)
    return stage.part("peers' model", lambda: llm.LlmServer(stage, *words))  # type: ignore[no-any-return]


def nginx(stage: Stage) -> foreign.Server:
    address = models(stage).address
    server = parts.Nginx(stage.folder / "peer-nginx", {"tcp": address, "unix": address}, buffering="off")
    return foreign.Server(server.addresses["tcp"], "", lambda: server.pids, server.close)


def headrace(stage: Stage, kind: str) -> foreign.Server:
    server = parts.Headrace(stage.build, stage.folder / f"peer-headrace-{kind}", engines=())
    with contextlib.ExitStack() as undo:
        undo.callback(server.close)
        url = f"http://{models(stage).address}" + ("/v1" if kind == "openai" else "")
        llm.add_upstream(server, "peer", kind, url, llm.MODEL)
        undo.pop_all()
    return foreign.Server(server.address, server.auth, lambda: [server.pid], server.close)


def party(stage: Stage, name: str) -> foreign.Server:
    """Started when it is first asked for."""
    makers = {
        "nginx": lambda: nginx(stage),
        "headrace": lambda: headrace(stage, "openai"),
        "headrace fastchat": lambda: headrace(stage, "fastchat"),
        "litellm": lambda: foreign.litellm(stage.folder / "litellm", models(stage).address, llm.MODEL),
        "fastchat": lambda: foreign.fastchat(stage.folder / "fastchat", models(stage).address, llm.MODEL),
    }
    return stage.part(f"party {name}", makers[name])  # type: ignore[no-any-return]


def measure(stage: Stage, name: str, kind: str, connections: int) -> Figures:
    server = party(stage, name)
    stream = kind == "streamed"
    body = llm.chat_body(stream)
    server.check(body, "word9" if stream else '"content"')
    pids = server.pids()
    before = parts.cpu_seconds(pids)
    result = parts.load(
        stage.build,
        server.address,
        connections,
        seconds=stage.seconds,
        path="/v1/chat/completions",
        body=body,
        headers=("Content-Type: application/json", *([server.auth] if server.auth else [])),
        count="word" if stream else "",
        drain=DRAIN,
    )
    figures = figures_of(result, parts.cpu_seconds(pids) - before)
    if stream:
        # Each token is one word, however many of them an event brings.
        if result["events"] != result["good"] * TOKENS:
            raise RuntimeError(f"a stream of {name} lacks tokens: {result}")
        figures["first_token_ms"] = result["first_event_p50_us"] / 1e3
    return figures


def run(
    stage: Stage, only: list[str], rounds: int, connections: int, show: report.Progress
) -> tuple[Results, list[str]]:
    """The figures by "NAME KIND", and what could not be measured, with its reason."""
    results, missing = Results(), dict[str, str]()
    chosen = [one for one in PARTIES if not only or one.name.split()[0] not in foreign.NAMES or one.name in only]
    plan = [(number, kind, one) for number in range(rounds) for kind in KINDS for one in chosen]
    for at, (number, kind, one) in enumerate(plan):
        if one.name in missing:
            continue
        name = f"{one.name} {kind}"
        show.now(f"[{at + 1}/{len(plan)}] round {number + 1} {name}")
        try:
            figures = measure(stage, one.name, kind, connections)
        except NotHere as why:
            missing[one.name] = str(why)
            show.line(f"round {number + 1}  {name:32}  not measured: {why}")
            continue
        results.add(name, figures)
        show.line(f"round {number + 1}  " + report.one_line(name, figures))
    show.clear()
    return results, [f"{name}: {why}" for name, why in missing.items()]


def times(results: Results, name: str, ours: str) -> float | None:
    """CPU over ours, within each round, then the median."""
    theirs, own = results.rounds.get(name), results.rounds.get(ours)
    if not theirs or not own:
        return None
    return statistics.median(a["cpu_us"] / b["cpu_us"] for a, b in zip(theirs, own, strict=False))


def table(results: Results, kind: str) -> str:
    lines = [
        "| | before | CPU µs | CPU / ours | rate /s | p50 ms | p99 ms | first token ms |",
        "| --- | --- |" + " ---: |" * 6,
    ]
    for one in PARTIES:
        name = f"{one.name} {kind}"
        if name not in results.rounds:
            lines.append(f"| {one.name} | {one.before} | not measured |" + " |" * 5)
            continue
        figures = results.median(name)
        ratio = times(results, name, f"{one.ours} {kind}")
        cells = [figures["cpu_us"], ratio, figures["rate"], figures["p50_ms"], figures["p99_ms"]]
        shown = [report.number(cell) if cell is not None else "" for cell in cells]
        first = figures.get("first_token_ms")
        shown.append(report.number(first) if first is not None else "")
        lines.append(f"| {one.name} | {one.before} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def document(how: report.Run, connections: int, results: Results, missing: list[str]) -> str:
    versions = [foreign.version(name) for name in foreign.NAMES]
    text = (
        "# Peers\n\n"
        f"Written by `{how.command}` at commit {how.commit}, {time.strftime('%Y-%m-%d')}, on {how.machine}; medians of\n"
        f"{how.rounds} rounds, every figure {how.seconds:g} s with {connections} connections, all parties in turn. "
        f"{report.state(how)}\n\n"
        "Every party forwards the same chat to the same server, which has its answer ready; a FastChat worker is that server\n"
        "speaking FastChat's protocol. Each is one serving process (FastChat: controller and API server, two), and all but nginx\n"
        "ask for a key. CPU is that of these processes for each finished request; rates and latencies are of all together, callers\n"
        "and model included, on the cores of this machine. `CPU / ours` is taken within each round, beside our figure before the\n"
        "same kind of server. LiteLLM has one worker and no database, and logs errors alone; FastChat is as it starts by itself.\n\n"
        f"{'; '.join(version for version in versions if version)}.\n"
    )
    for kind in KINDS:
        words = "A whole answer" if kind == "whole" else f"{TOKENS} tokens streamed"
        text += f"\n## {words}\n\n{table(results, kind)}\n"
    if missing:
        text += "\n## Not measured\n\n" + "\n".join(f"- {line}" for line in missing) + "\n"
    return text


def arguments_of(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev peers", description=__doc__)
    parser.add_argument("--build", default="build/release", help="folder of the release build (default %(default)s)")
    parser.add_argument("--only", default="", metavar="NAMES", help=f"of {', '.join(foreign.NAMES)} (default: all)")
    parser.add_argument("--connections", type=int, default=8, help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=5, help="of one figure (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    parser.add_argument("--no-write", action="store_true", help="leave bench/PEERS.md as it is")
    arguments = parser.parse_args(words)
    arguments.only = [word.strip() for word in arguments.only.split(",") if word.strip()]
    unknown = set(arguments.only) - set(foreign.NAMES)
    if unknown:
        parser.error(f"no peer {', '.join(sorted(unknown))}")
    return arguments


def main(words: list[str]) -> int:
    arguments = arguments_of(words)
    build = (ROOT / arguments.build).resolve()
    command = " ".join(["./dev peers", *words])
    how = report.Run.begin(ROOT, command, arguments.rounds, arguments.seconds)
    # SIGTERM unwinds as Ctrl-C does, so that no server outlives the run.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="peers-", dir=build))
    show = report.Progress(sys.stdout)
    try:
        with Stage(build, folder, arguments.seconds) as stage:
            results, missing = run(stage, arguments.only, arguments.rounds, arguments.connections, show)
    except KeyboardInterrupt:
        show.clear()
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = document(how, arguments.connections, results, missing)
    print("\n" + text[text.index("\n## ") :].strip())
    if not (arguments.only or arguments.no_write):
        (ROOT / "bench/PEERS.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
