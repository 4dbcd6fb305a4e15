"""Rows of /v1: chats forwarded to an OpenAI-style server and to a FastChat worker, beside nginx that forwards the same."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable

import parts
from rows import Budget, Figures, Row, Stage, figures_of

CONNECTIONS = 64
TOKENS = 200
FASTCHAT_TOKENS = 32
PACE_MS = 10
PACED_SECONDS = 8.0  # a paced stream takes two of them
MODEL = "fake"
TOKEN = '"content":"'  # stands once in every event that brings a token


def chat_body(stream: bool, model: str = MODEL) -> str:
    messages = [{"role": "user", "content": "Say what the quick brown fox does, in one sentence."}]
    return json.dumps(
        {"model": model, "messages": messages, "temperature": 0.2, "stream": stream}, separators=(",", ":")
    )


class LlmServer:
    """One `llm_server`."""

    def __init__(self, stage: Stage, *words: str) -> None:
        command = [str(stage.build / "llm_server"), *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.address = f"127.0.0.1:{int(self.process.stdout.readline().split()[1])}"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def backend(stage: Stage, pace_ms: int = 0) -> LlmServer:
    words = ("--tokens", str(TOKENS), "--pace-ms", str(pace_ms), "--model", MODEL)
    return stage.part(f"llm server {pace_ms}", lambda: LlmServer(stage, *words))  # type: ignore[no-any-return]


def nginx(stage: Stage, pace_ms: int) -> parts.Nginx:
    address = backend(stage, pace_ms).address

    def make() -> parts.Nginx:
        # As one sets it before a server that streams: a token leaves when it comes.
        return parts.Nginx(stage.folder / f"nginx-llm-{pace_ms}", {"tcp": address, "unix": address}, buffering="off")

    return stage.part(f"nginx llm {pace_ms}", make)  # type: ignore[no-any-return]


def headrace(stage: Stage, pace_ms: int) -> parts.Headrace:
    def make() -> parts.Headrace:
        server = parts.Headrace(stage.build, stage.folder / f"headrace-llm-{pace_ms}", engines=())
        with contextlib.ExitStack() as undo:
            undo.callback(server.close)
            add_upstream(server, "bench", "openai", f"http://{backend(stage, pace_ms).address}/v1", MODEL)
            undo.pop_all()
        return server

    return stage.part(f"headrace llm {pace_ms}", make)  # type: ignore[no-any-return]


def add_upstream(server: parts.Headrace, name: str, kind: str, url: str, model: str) -> None:
    spec = {"name": name, "kind": kind, "base_url": url, "models": [{"id": model}], "allow_private": True}
    server.control("POST", "/upstreams", {**spec, "tenant": "system"})
    parts.wait_until(f"the model {model}", lambda: server.slots(slug(model)) > 0)


def slug(model: str) -> str:
    return model.lower().replace("/", "-")


def fastchat(stage: Stage) -> parts.Headrace:
    """A server of its own, with one worker that speaks FastChat's protocol."""

    def make() -> parts.Headrace:
        words = ("--tokens", str(FASTCHAT_TOKENS), "--model", "fast")
        worker = stage.part("fastchat worker", lambda: LlmServer(stage, *words))
        server = parts.Headrace(stage.build, stage.folder / "headrace-fastchat", engines=())
        with contextlib.ExitStack() as undo:
            undo.callback(server.close)
            add_upstream(server, "fast", "fastchat", f"http://{worker.address}", "fast")
            undo.pop_all()
        return server

    return stage.part("headrace fastchat", make)  # type: ignore[no-any-return]


def drive(
    stage: Stage,
    address: str,
    pids: list[int],
    headers: tuple[str, ...],
    tokens: int,
    pace_ms: int = 0,
    rate: float = 0.0,
    model: str = MODEL,
) -> Figures:
    """`tokens` of each streamed answer; 0: whole answers."""
    before = parts.cpu_seconds(pids)
    result = parts.load(
        stage.build,
        address,
        CONNECTIONS,
        seconds=max(stage.seconds, PACED_SECONDS) if pace_ms else stage.seconds,
        path="/v1/chat/completions",
        body=chat_body(tokens > 0, model),
        headers=("Content-Type: application/json", *headers),
        count=TOKEN,
        rate=rate,
    )
    figures = figures_of(result, parts.cpu_seconds(pids) - before)
    if tokens:
        # Cumulative chunks that came together become one delta; events that are passed on stay as they are.
        least = result["good"] * (1 if model == "fast" else tokens)
        if not least <= result["events"] <= result["good"] * tokens:
            raise RuntimeError(f"a stream lacks tokens: {result}")
        figures["cpu_us_per_token"] = figures["cpu_us"] / tokens
        figures["first_token_ms"] = result["first_event_p50_us"] / 1e3
        figures["first_token_p99_ms"] = result["first_event_p99_us"] / 1e3
    return figures


def peer(tokens: int, pace_ms: int = 0, rate: float = 0.0) -> Callable[[Stage], Figures]:
    def measure(stage: Stage) -> Figures:
        server = nginx(stage, pace_ms)
        return drive(stage, server.addresses["tcp"], server.pids, (), tokens, pace_ms, rate)

    return measure


def ours(tokens: int, pace_ms: int = 0, rate: float = 0.0) -> Callable[[Stage], Figures]:
    def measure(stage: Stage) -> Figures:
        server = headrace(stage, pace_ms)
        return drive(stage, server.address, [server.pid], (server.auth,), tokens, pace_ms, rate)

    return measure


def through_fastchat(stage: Stage) -> Figures:
    server = fastchat(stage)
    return drive(stage, server.address, [server.pid], (server.auth,), FASTCHAT_TOKENS, model="fast")


# Streams that begin in a second while PACE_MS apart tokens come: about half of what one core carries.
HALF_LOAD = 12.0


def rows() -> list[Row]:
    def pair(name: str, *how: float) -> list[Row]:
        return [
            Row(f"nginx {name}", peer(*how)),  # type: ignore[arg-type]
            Row(name, ours(*how), beside=(f"nginx {name}",)),  # type: ignore[arg-type]
        ]

    return [
        *pair("chat whole", 0),
        *pair("chat streamed", TOKENS),
        *pair("chat paced", TOKENS, PACE_MS),
        *pair("chat half load", TOKENS, PACE_MS, HALF_LOAD),
        Row("chat fastchat", through_fastchat),
    ]


def budgets() -> list[Budget]:
    def ratio(name: str, row: str, figure: str) -> Budget:
        return Budget(
            name, (row, f"nginx {row}"), lambda found, beside: found[figure] / beside[figure], 1.0, page="chat"
        )

    return [
        ratio("chat forwarded, CPU / nginx proxy_pass CPU", "chat whole", "cpu_us"),
        ratio("streamed token, flat out, CPU / nginx CPU", "chat streamed", "cpu_us_per_token"),
        ratio("streamed token, one every 10 ms, CPU / nginx CPU", "chat paced", "cpu_us_per_token"),
        Budget(
            "time to first token above nginx's, p99, half load",
            ("chat half load", "nginx chat half load"),
            lambda found, beside: found["first_token_p99_ms"] - beside["first_token_p99_ms"],
            1.0,
            unit="ms",
            page="chat",
        ),
        Budget(
            "FastChat worker behind /v1, 32 tokens streamed, CPU",
            ("chat fastchat",),
            lambda found: found["cpu_us"],
            250,
            unit="µs",
            page="chat",
        ),
    ]
