"""Writes docs/operate/limits.md from the code: every figure on the page is read from the constant or the setting
that holds it, so the page cannot fall behind. `limits.py` writes, `limits.py --check` says what differs.
"""

from __future__ import annotations

import ast
import functools
import operator
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "operate" / "limits.md"
HEAD = """# Limits

What a stranger, a caller, a worker or an engine can ask of a server is bounded. Bounds with a setting are
in [configuration](configuration.md); the others are fixed. Whoever passes one gets the answer in the last
column, and nobody else notices. Written by `scripts/limits.py` from the code.

| what | bound | setting | beyond it |
| --- | --- | --- | --- |
"""
HTTP, NATIVE, ACCESS, JOBS, LINK = "src/http", "src/protocols/native", "src/access", "src/jobs", "src/link"

# (what, bound, beyond it). In a bound, {kind:file:name} is a number of the code and {kind:section.key} the default
# of a setting; the settings that a row names stand in its third column. Kinds: bytes, s (seconds), ms, n (count).
ROWS = [
    ("request line and header fields", "{bytes:limits.head_bytes}", "431"),
    ("header fields of a request", f"{{n:{HTTP}/request_parser.cpp:kMaxFields}}", "431"),
    ("time for a request's head", "{s:limits.head_s}", "408, closed"),
    ("JSON body", "{bytes:limits.body_bytes}", "413, by its Content-Length before it is read"),
    ("speed of a body", "{bytes:limits.body_rate}/s after 10 s", "408, closed"),
    ("extensions and trailers of a chunked body", f"{{bytes:{HTTP}/chunk_decoder.cpp:kMaxExtras}}", "400"),
    ("time in which a reader takes something", "{s:limits.write_s}", "closed"),
    ("kept-alive connection without a request", "{s:limits.idle_s}", "closed"),
    ("connections of a door", "{n:limits.connections}", "503"),
    ("JSON nesting", "{n:src/base/json.hpp:max_depth}", "400 `max_depth`"),
    ("faults named in one answer", f"{{n:{NATIVE}/body.cpp:kMaxViolations}}", "the rest is left out"),
    ("`limit` of a list", f"{{n:{NATIVE}/job_routes.cpp:kMaxLimit}}", "400 `max`"),
    ("`Prefer: wait`, `?wait`", f"{{s:{NATIVE}/job_request.cpp:kMaxWait}}", "400"),
    (
        "idempotency key",
        f"{{n:{NATIVE}/job_request.cpp:kMaxIdempotencyKey}} characters, {{s:jobs.idempotency_keep_s}}",
        "400; forgotten",
    ),
    ("priorities", f"{{n:{JOBS}/lane.hpp:kPriorities}}, from 0", "400"),
    (
        "`timeout`, `ttl`, `deadline`",
        f"above 0, at most {{s:{NATIVE}/job_request.cpp:kMaxSeconds}}",
        "400",
    ),
    (
        "data URL in place",
        "{bytes:src/catalog/json_codec.hpp:kInlineMediaBytes} decoded",
        "goes to the blob store; refused past the body or the segment's `max_bytes`",
    ),
    (
        "value of a durable job in its row",
        f"{{bytes:{JOBS}/job.hpp:kInlineBytes}}",
        "goes to a blob, fsynced before the 202",
    ),
    ("file, and what a `url` gives", "{bytes:limits.file_bytes}", "413, 400"),
    (
        "time to fetch a `url`",
        f"{{ms:{HTTP}/guarded_fetch.hpp:total_time}}, {{n:{HTTP}/guarded_fetch.hpp:max_redirects}} redirects",
        "400",
    ),
    ("uploaded file", "kept {s:retention.files_s}", "404"),
    ("result of a job, and the job", "kept {s:retention.results_s} and {s:retention.jobs_s}", "404"),
    (
        "sign-ins that fail",
        f"{{n:{ACCESS}/failure_limit.hpp:kFailures}} in {{s:{ACCESS}/failure_limit.hpp:kWindow}} from one address",
        "429 with Retry-After",
    ),
    (
        "sessions of browsers",
        f"{{n:{ACCESS}/sessions.hpp:sessions}}; {{s:{ACCESS}/sessions.hpp:idle}} unused, "
        f"{{s:{ACCESS}/sessions.hpp:life}} in all",
        "the one unused longest ends",
    ),
    (
        "sign-in links",
        f"{{n:{ACCESS}/sessions.hpp:links}}, {{s:{ACCESS}/sessions.hpp:link_life}}, one use",
        "the oldest stops working",
    ),
    (
        "readers of `/status/events`",
        f"{{n:{JOBS}/activity.hpp:kReaders}}; {{n:{JOBS}/activity.hpp:kChanges}} changes behind",
        "429; the newest changes are lost",
    ),
    (
        "tenants and queues with samples of their own",
        f"{{n:{JOBS}/samples.hpp:kTenants}} tenants, {{n:{JOBS}/samples.hpp:kFlows}} of tenant and version",
        "counted for the whole server until an idle one gives way",
    ),
    (
        "samples",
        f"{{n:{JOBS}/samples.hpp:kSteps}} steps of {{s:{JOBS}/samples.hpp:kStep}}",
        "the oldest go",
    ),
    ("capabilities and address blocks of a key", f"{{n:{ACCESS}/keys.cpp:kMaxItems}} each", "400 `max_items`"),
    ("models with limits in a tenant's record", f"{{n:{ACCESS}/directory.hpp:kMaxModels}}", "400 `max_items`"),
    (
        "records added up for one summary of usage",
        f"{{n:{NATIVE}/admin_records.cpp:kSummaryRecords}}, {{n:{NATIVE}/usage_summary.hpp:kMaxRows}} rows",
        "`complete` is false",
    ),
    (
        "one search of the request log",
        "{bytes:src/main/request_search.hpp:kMostSearched} or {ms:src/main/request_search.hpp:kLongestSearch} read, "
        "{bytes:src/main/request_search.hpp:kMostFound} found",
        "`next_cursor` goes on from there",
    ),
    (
        "searches of the request log at once",
        "{n:src/main/request_searches.hpp:kMostAtOnce}",
        "503 with Retry-After",
    ),
    (
        "lines of refused calls in the request log",
        "{n:src/main/refusal_quota.hpp:kPerMinute} of a key in a minute",
        "left out and counted",
    ),
    (
        "inputs and results of jobs in memory",
        "{bytes:overload.queue_bytes}; from 85 % on the server gives way ([access](access.md))",
        "503 with Retry-After, then not ready",
    ),
    (
        "memory and open files of the server (`overload.memory_bytes`, `overload.descriptors`)",
        "four fifths of the machine's memory, the process's limit of files; the same",
        "503 with Retry-After, then not ready",
    ),
    ("queued jobs of a capability", "{n:jobs.queued_per_capability}", "429 with Retry-After"),
    ("attempts of a job", "{n:jobs.max_attempts}", "failed, reason `dead`"),
    (
        "events kept for resuming",
        "{n:jobs.events_per_job} or {bytes:jobs.event_bytes_per_job} a job",
        "the oldest go",
    ),
    (
        "events a reader may be behind",
        f"{{n:{JOBS}/waiting.hpp:kMaxEvents}} or {{bytes:{JOBS}/waiting.hpp:kMaxBytes}}",
        "cut off; resume with the last id",
    ),
    ("message of a WebSocket", f"{{bytes:{HTTP}/websocket.hpp:max_message_bytes}}", "closed with 1009"),
    ("silence of a WebSocket", f"ping every {{ms:{HTTP}/websocket.hpp:ping_every}}, twice that", "closed"),
    ("first frame of a session", f"{{s:{NATIVE}/session.cpp:kOpeningTime}}", "closed"),
    ("bytes under way in a session, each way", "{bytes:jobs.session_window}", "the sender waits"),
    (
        "frame of the worker link",
        f"{{bytes:{LINK}/protocol.hpp:kMaxFrame}}, chunks {{bytes:{LINK}/protocol.hpp:kMaxChunk}}",
        "closed",
    ),
    ("jobs in one frame", f"{{n:{LINK}/protocol.hpp:kMaxJobsPerFrame}}", "closed"),
    ("leases that a resumed worker names", f"{{n:{LINK}/protocol.hpp:kMaxHeld}}", "closed"),
    ("media values of one job, and of one output", f"{{n:{LINK}/protocol.hpp:kMaxParts}}, 256", "closed"),
    ("silence of a worker", "{s:jobs.lease_s}", "its jobs run elsewhere"),
    (
        "time between a FastChat worker's registration and its first answer",
        "{ms:src/upstreams/upstreams.cpp:kStarting}",
        "calls that waited for it get 503",
    ),
    (
        "open files of an engine",
        "{n:src/engines/sandbox.cpp:kFiles}, up to {n:src/engines/sandbox.cpp:kMostFiles}",
        "its own calls fail",
    ),
    (
        "free space of the disk",
        "{bytes:retention.low_disk_bytes} and {n:retention.low_disk_percent} %",
        "503 for new jobs and files",
    ),
    (
        "spans that wait for a collector",
        "{n:src/main/tracer.hpp:kMostSpans}",
        "dropped and counted",
    ),
]

_OPERATORS = {ast.Mult: operator.mul, ast.LShift: operator.lshift, ast.Add: operator.add, ast.Sub: operator.sub}


def number(text: str) -> float:
    """A constant expression of C++: digits with quotes, suffixes, *, <<, KiB and the like of a setting."""
    text = re.sub(r"(?<=\d)'(?=\d)", "", text.strip())
    text = re.sub(r"\b(\d+)(?:ULL|UL|LL|U|s|ms)\b", r"\1", text)
    for unit, factor in (("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)):
        text = re.sub(rf"(\d)\s*{unit}", rf"\1*{factor}", text)

    def value(node: ast.AST) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return node.value
        if isinstance(node, ast.BinOp):
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        raise ValueError(text)

    return value(ast.parse(text, mode="eval").body)


@functools.cache
def source(file: str) -> str:
    return (ROOT / file).read_text()


def constant(file: str, name: str) -> float:
    found = re.search(rf"\b{name}\s*(?:=|\{{)\s*([^;}}]+)[;}}]", source(file))
    if not found:
        raise SystemExit(f"{file}: there is no {name}")
    return number(found[1].split("//")[0])


def setting(name: str) -> float:
    section, key = name.split(".")
    pattern = rf'\(\s*"{section}",\s*"{key}",\s*Type::\w+,\s*"([^"]*)"'
    found = re.search(pattern, source("src/config/declared.cpp"))
    if not found:
        raise SystemExit(f"src/config/declared.cpp: there is no setting {name}")
    return number(found[1])


def shown(kind: str, value: float) -> str:
    if kind == "bytes":
        for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
            if value >= factor and value % factor == 0:
                return f"{value // factor:.0f} {unit}"
        return f"{value:.0f} bytes"
    if kind == "ms":
        kind, value = "s", value / 1000
    if kind == "s":
        for unit, factor in (("days", 86_400), ("h", 3_600), ("min", 60)):
            if value >= 2 * factor and value % factor == 0:
                return f"{value / factor:.0f} {unit}"
        return f"{value:g} s"
    return f"{value:,.0f}".replace(",", " ")


def row(what: str, bound: str, beyond: str) -> str:
    settings: list[str] = []

    def fill(found: re.Match[str]) -> str:
        kind, *where = found[1].split(":")
        if len(where) == 1:
            settings.append(f"`{where[0]}`")
            return shown(kind, setting(where[0]))
        return shown(kind, constant(*where))

    text = re.sub(r"\{([^}]+)\}", fill, bound)
    return f"| {what} | {text} | {', '.join(settings) or 'fixed'} | {beyond} |\n"


def main() -> int:
    page = HEAD + "".join(row(*each) for each in ROWS)
    if "--check" not in sys.argv:
        PAGE.write_text(page)
        return 0
    if PAGE.read_text() == page:
        return 0
    print("docs/operate/limits.md is not what the code says: run python3 scripts/limits.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
