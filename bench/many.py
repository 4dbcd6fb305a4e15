"""Rows of how many keys and models, and of memory over a million chats: each on servers of its own that end with it."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import llm
import parts
from rows import Budget, Figures, Row, Stage, figures_of
from scale import MILLION, may_open, settled

KEYS = 10_000
MODELS = 1_000
SLICES = 6  # of one measurement, in pairs of one and many
# What is kept swings by megabytes, so that the line is drawn through many plateaus, over two millions.
PLATEAUS = 20
PLATEAU_CHATS = 100_000
WARM_CHATS = 600_000  # then SQLite's cache of pages is full, too: 38 bytes a chat in 16 MiB
KEPT_CHATS = 150_000  # more than what the server keeps of ended jobs
# So high that nobody meets them; a key without any would not be counted.
LIMITS = {"requests_per_minute": 10**9, "tokens_per_minute": 10**12, "concurrency": 10**6}


# --- one against many ------------------------------------------------------------------------------


class Site:
    """A server with so many keys of callers and so many models, each model with an upstream of its own."""

    def __init__(self, stage: Stage, keys: int, models: int) -> None:
        self.stage = stage
        self.server = parts.Headrace(stage.build, stage.fresh_folder("many"), engines=())
        with contextlib.ExitStack() as undo:
            undo.callback(self.server.close)
            begin = time.monotonic()
            self.keys = [self.make_key(number) for number in range(keys)]
            self.keys_seconds = time.monotonic() - begin
            begin = time.monotonic()
            self.models = [self.add_model(number) for number in range(models)]
            self.wait_models()
            self.models_seconds = time.monotonic() - begin
            undo.pop_all()

    def make_key(self, number: int) -> str:
        spec = {"name": f"caller-{number}", "role": "caller", "tenant": "default", "limits": LIMITS}
        return str(self.server.control("POST", "/keys", spec)["key"])

    def add_model(self, number: int) -> str:
        name = f"model-{number:04d}"
        url = f"http://{llm.backend(self.stage).address}/v1"
        models = [{"id": name, "remote": llm.MODEL}]
        spec = {"name": name, "base_url": url, "models": models, "allow_private": True, "tenant": "system"}
        self.server.control("POST", "/upstreams", spec)
        return name

    def ready_models(self) -> int:
        return sum(queue["slots"] > 0 for queue in self.server.control("GET", "/queues")["queues"])

    def wait_models(self) -> None:
        parts.wait_until("the models", lambda: self.ready_models() >= len(self.models), within=120)

    def restart(self) -> tuple[float, float]:
        """Seconds to /readyz, and until every model may be called."""
        parts.end(self.server.process)
        begin = time.monotonic()
        ready = self.server.start()
        self.wait_models()
        return ready, time.monotonic() - begin

    def drive(self, vary: str, seconds: float) -> Figures:
        """Whole chats, each with a key or a model drawn at random."""
        words = self.keys if vary == "key" else self.models
        file = self.server.folder / f"{vary}s"
        if not file.exists():
            file.write_text("\n".join(words) + "\n")
        key = "{fill}" if vary == "key" else self.keys[0]
        model = "{fill}" if vary == "model" else self.models[0]
        result, used = self.chats(key, model, seconds=seconds, fill=file)
        return figures_of(result, used)

    def chats(self, key: str, model: str, **how: Any) -> tuple[dict[str, Any], float]:
        """What `parts.load` says of whole chats, sent in the way `how` tells it, and the server's CPU seconds."""
        before = parts.cpu_seconds([self.server.pid])
        result = parts.load(
            self.stage.build,
            self.server.address,
            llm.CONNECTIONS,
            path="/v1/chat/completions",
            body=llm.chat_body(False, model),
            headers=("Content-Type: application/json", f"Authorization: Bearer {key}"),
            **how,
        )
        return result, parts.cpu_seconds([self.server.pid]) - before

    def close(self) -> None:
        self.server.close()


def alternating(pairs: int) -> Iterator[tuple[int, int]]:
    """Which of two goes first: in turn, so that neither always has the quieter moment."""
    for number in range(pairs):
        yield (0, 1) if number % 2 == 0 else (1, 0)


def compared(one: Sequence[Figures], many: Sequence[Figures]) -> Figures:
    """The many's figures, and their CPU over that of the one, pair by pair."""
    found = {name: statistics.median(figures[name] for figures in many) for name in many[0]}
    found["one_cpu_us"] = statistics.median(figures["cpu_us"] for figures in one)
    found["cpu_ratio"] = statistics.median(b["cpu_us"] / a["cpu_us"] for a, b in zip(one, many, strict=True))
    return found


def against_one(vary: str, keys: int, models: int) -> Callable[[Stage], Figures]:
    def measure(stage: Stage) -> Figures:
        may_open(4 * MODELS)
        with contextlib.ExitStack() as stack:
            sites = [stack.enter_context(contextlib.closing(Site(stage, *how))) for how in ((1, 1), (keys, models))]
            many = sites[1]
            ready, all_ready = many.restart()
            found: tuple[list[Figures], list[Figures]] = ([], [])
            for site in sites:
                site.drive(vary, max(stage.seconds, 2))  # connections are made, tables are full
            for order in alternating(SLICES):
                for which in order:
                    found[which].append(sites[which].drive(vary, stage.seconds / 2))
            figures = compared(*found)
            figures["made_in_s"] = many.keys_seconds if vary == "key" else many.models_seconds
            figures["restart_s"] = ready
            if vary == "model":
                figures["all_models_again_s"] = all_ready
            figures["resident_mb"] = parts.resident_bytes(many.server.pid) / 1e6
            figures["one_resident_mb"] = parts.resident_bytes(sites[0].server.pid) / 1e6
            return figures

    return measure


# --- memory over a million -------------------------------------------------------------------------


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line that fits best."""
    mean_x = statistics.fmean(x for x, _ in points)
    mean_y = statistics.fmean(y for _, y in points)
    over = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return over / sum((x - mean_x) ** 2 for x, _ in points)


def million_chats(stage: Stage) -> Figures:
    """Resident bytes at plateaus with nothing under way; the growth is that of a million chats."""
    with contextlib.closing(Site(stage, 1, 1)) as site:
        chats(site, WARM_CHATS)
        points = [(0.0, float(settled(site.server.pid)))]
        done, begin, cpu = 0, 0.0, 0.0
        for _ in range(PLATEAUS):
            took, used, more = chats(site, PLATEAU_CHATS)
            done, begin, cpu = done + more, begin + took, cpu + used
            points.append((float(done), float(settled(site.server.pid))))
        sizes = [size for _, size in points]
        return {
            "rate": done / begin,
            "cpu_us": cpu / done * 1e6,
            "chats": done,
            "growth_over_a_million_bytes": slope(points) * MILLION,
            "last_less_first_bytes": sizes[-1] - sizes[0],
            "most_less_least_bytes": max(sizes) - min(sizes),
            "resident_mb": sizes[-1] / 1e6,
        }


def kept_of_chats(stage: Stage) -> Figures:
    """What a server that has forwarded chats holds above one that has not, with nothing under way."""
    with contextlib.closing(Site(stage, 1, 1)) as site:
        idle = settled(site.server.pid)
        chats(site, KEPT_CHATS)
        held = settled(site.server.pid)
        return {"idle_mb": idle / 1e6, "resident_mb": held / 1e6, "above_idle_mb": (held - idle) / 1e6}


def chats(site: Site, count: int) -> tuple[float, float, int]:
    """Seconds, CPU seconds and answers."""
    result, used = site.chats(site.keys[0], site.models[0], requests=count)
    return result["seconds"], used, result["good"]


def rows() -> list[Row]:
    return [
        Row("10 000 keys", against_one("key", KEYS, 1), once=True, heavy=True),
        Row("1 000 upstream models", against_one("model", 1, MODELS), once=True, heavy=True),
        Row("memory kept of chats", kept_of_chats, once=True),
        Row("memory over 1 000 000 requests", million_chats, once=True, heavy=True),
    ]


def budgets() -> list[Budget]:
    def ratio(name: str, row: str) -> Budget:
        return Budget(name, (row,), lambda found: found["cpu_ratio"], 1.1, page="many")

    return [
        ratio("a chat with one of 10 000 keys, CPU / with the only key", "10 000 keys"),
        ratio("a chat with one of 1 000 upstream models, CPU / with the only model", "1 000 upstream models"),
        Budget(
            "resident above an idle server after 150 000 forwarded chats",
            ("memory kept of chats",),
            lambda found: found["above_idle_mb"],
            64,
            unit="MB",
            page="memory",
        ),
        Budget(
            "resident growth over 1 000 000 forwarded chats",
            ("memory over 1 000 000 requests",),
            lambda found: found["growth_over_a_million_bytes"] / 1e6,
            1,
            unit="MB",
            page="memory",
        ),
    ]
