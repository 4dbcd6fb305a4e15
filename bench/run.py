"""Ours, the peer and the physical limit, interleaved in one run.

Rows: interactive echo (native dialect, native engine on a Unix-socket link) and durable accept (202 after
fsync), beside nginx `return 200`, nginx `proxy_pass` and a raw SQLite group-commit writer. Prints CPU per
request of the serving processes, rate, p50 and p99, then the ratios, and writes bench/RESULTS.md.

Run through `./dev bench`. Standard library, nginx and wrk.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
PORT = 18300
ECHO_BODY = '{"capability":"echo","input":{"text":"the quick brown fox jumps over the lazy dog"}}'


def cpu_seconds(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def children(pid: int) -> list[int]:
    found = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in path.read_text().split()]
    return found


@dataclass
class Sample:
    rate: float
    cpu_us: float
    host_us: float
    p50_ms: float
    p99_ms: float


@dataclass
class Row:
    name: str
    connections: int
    samples: list[Sample] = field(default_factory=list)

    def median(self, what: str) -> float:
        return statistics.median(getattr(sample, what) for sample in self.samples)


def wrk(url: str, connections: int, seconds: float, body: str, headers: list[str]) -> dict[str, int]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(ROOT / "bench/lua/post.lua")]
    out = subprocess.run([*command, url, "--", body, *headers], capture_output=True, text=True, check=True).stdout
    result: dict[str, int] = json.loads(out.strip().splitlines()[-1])
    if result["bad"] or not result["good"]:
        raise RuntimeError(f"{url}: {result['bad']} answers were errors of {result['requests']}")
    return result


def measure(
    url: str, connections: int, seconds: float, body: str, headers: list[str], servers: list[int], hosts: list[int]
) -> Sample:
    before, host_before = cpu_seconds(servers), cpu_seconds(hosts)
    result = wrk(url, connections, seconds, body, headers)
    cpu, host = cpu_seconds(servers) - before, cpu_seconds(hosts) - host_before
    done = result["good"]
    return Sample(
        done / (result["us"] / 1e6), cpu / done * 1e6, host / done * 1e6, result["p50_us"] / 1e3, result["p99_us"] / 1e3
    )


NGINX = """
worker_processes 1;
daemon off;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  keepalive_requests 100000000;
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 512; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      {action}
    }}
  }}
}}
"""
RETURN_200 = 'default_type application/json; return 200 \'{"ok":true,"text":"the quick brown fox"}\';'
PROXY_PASS = 'proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";'


@contextlib.contextmanager
def nginx(folder: pathlib.Path, port: int, action: str) -> Iterator[list[int]]:
    folder.mkdir(parents=True)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, backend=PORT, action=action))
    process = subprocess.Popen(["nginx", "-c", str(config), "-p", str(folder)], stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/")
        yield children(process.pid)
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer")


@contextlib.contextmanager
def headrace(build: pathlib.Path, folder: pathlib.Path, port: int) -> Iterator[tuple[int, list[int], str]]:
    folder.mkdir(parents=True)
    key_file = folder / "key"
    command = [
        str(build / "headrace"),
        "serve",
        "--data",
        str(folder / "data"),
        "--client",
        f"127.0.0.1:{port}",
        "--control",
        f"127.0.0.1:{port + 1}",
        "--admin-key-file",
        str(key_file),
        "--engine",
        str(ROOT / "examples/engines/echo/echo"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz")
        time.sleep(1)
        yield process.pid, children(process.pid), key_file.read_text().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def raw_writer(build: pathlib.Path, folder: pathlib.Path, seconds: float, writers: int) -> float:
    """Rows per second of a plain SQLite group-commit writer of the same rows: the limit of the disk."""
    out = subprocess.run(
        [
            str(build / "store_bench"),
            "--raw",
            "--seconds",
            str(seconds),
            "--writers",
            str(writers),
            "--dir",
            str(folder),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return float(json.loads(out.strip().splitlines()[-1])["rows_per_second"])


def run(arguments: argparse.Namespace) -> tuple[dict[str, Row], dict[int, list[float]]]:
    build = pathlib.Path(arguments.build).resolve()
    folder = build / "bench-run"
    shutil.rmtree(folder, ignore_errors=True)
    rows: dict[str, Row] = {}
    raw: dict[int, list[float]] = {}
    with contextlib.ExitStack() as stack:
        limit = stack.enter_context(nginx(folder / "return", PORT, RETURN_200))
        proxy = stack.enter_context(nginx(folder / "proxy", PORT + 1, PROXY_PASS))
        serve, hosts, key = stack.enter_context(headrace(build, folder / "headrace", PORT + 10))
        auth = f"Authorization: Bearer {key}"
        ours = f"http://127.0.0.1:{PORT + 10}/api/v1/jobs"
        plan = []
        for connections in (1, 16, 64, 256):
            plan.append((f"nginx return 200, {connections}", f"http://127.0.0.1:{PORT}/", connections, [], limit, []))
            plan.append(
                (f"nginx proxy_pass, {connections}", f"http://127.0.0.1:{PORT + 1}/", connections, [], proxy, [])
            )
            plan.append(
                (f"interactive echo, {connections}", ours, connections, [auth, "Prefer: wait=10"], [serve], hosts)
            )
        for connections in (16, 64, 256):
            plan.append((f"durable accept, {connections}", ours, connections, [auth], [serve], hosts))
        for number in range(arguments.rounds):
            for name, url, connections, headers, servers, engine_hosts in plan:
                sample = measure(url, connections, arguments.seconds, ECHO_BODY, headers, servers, engine_hosts)
                rows.setdefault(name, Row(name, connections)).samples.append(sample)
                print(
                    f"round {number + 1}  {name:24} {sample.rate:9.0f}/s {sample.cpu_us:7.1f} us CPU"
                    f"  p50 {sample.p50_ms:.2f} ms  p99 {sample.p99_ms:.2f} ms",
                    flush=True,
                )
                if name.startswith("durable"):
                    drain(ours, key)
            for writers in (16, 64, 256):
                raw.setdefault(writers, []).append(raw_writer(build, folder / "raw", arguments.seconds, writers))
    return rows, raw


def drain(url: str, key: str) -> None:
    """Waits until the queue is empty, so that the next row is not measured beside running jobs."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        request = urllib.request.Request(url + "?state=queued&limit=1", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request) as answer:
            if not json.loads(answer.read())["jobs"]:
                return
        time.sleep(0.2)
    raise RuntimeError("the queue did not drain")


def table(rows: dict[str, Row], raw: dict[int, list[float]]) -> str:
    lines = [
        "| row | rate /s | CPU µs per request | engine host µs | p50 ms | p99 ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows.values():
        lines.append(
            f"| {row.name} | {row.median('rate'):.0f} | {row.median('cpu_us'):.1f} | {row.median('host_us'):.1f}"
            f" | {row.median('p50_ms'):.2f} | {row.median('p99_ms'):.2f} |"
        )
    for writers, samples in raw.items():
        lines.append(f"| raw SQLite group commit, {writers} writers | {statistics.median(samples):.0f} | | | | |")
    lines += ["", "| ratio | measured | budget |", "| --- | ---: | ---: |"]
    for connections in (64, 256):
        ratio = rows[f"interactive echo, {connections}"].median("cpu_us") / rows[
            f"nginx proxy_pass, {connections}"
        ].median("cpu_us")
        lines.append(
            f"| interactive echo CPU / nginx proxy_pass CPU, {connections} connections | {ratio:.2f} | ≤ 0.80 |"
        )
    p50 = rows["interactive echo, 1"].median("p50_ms") / rows["nginx proxy_pass, 1"].median("p50_ms")
    lines.append(f"| interactive echo p50 / nginx proxy_pass p50, 1 connection | {p50:.2f} | ≤ 1.20 |")
    limit = rows["nginx return 200, 256"].median("rate")
    disk = statistics.median(raw[256])
    share = rows["durable accept, 256"].median("rate") / (1 / (1 / limit + 1 / disk))
    lines.append(f"| durable accept / (return 200 then raw writer), 256 callers | {share:.2f} | ≥ 0.60 |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-write", action="store_true", help="do not write bench/RESULTS.md")
    arguments = parser.parse_args()
    rows, raw = run(arguments)
    text = table(rows, raw)
    print("\n" + text)
    if not arguments.no_write:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
        ).stdout.strip()
        cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
        head = (
            f"# Results\n\nWritten by `./dev bench --seconds {arguments.seconds:g} --rounds {arguments.rounds}` at commit "
            f"{commit}, {time.strftime('%Y-%m-%d')}, on {os.cpu_count()} cores of {cpu}; medians of the rounds, all rows\n"
            "interleaved. CPU is that of the serving processes alone (nginx worker; `headrace serve`); the engine host's\n"
            "share stands in its own column. Rates on a shared machine swing; the ratios are what to compare.\n"
            "A durable row's CPU includes running the accepted jobs during the measurement.\n\n"
        )
        (ROOT / "bench/RESULTS.md").write_text(head + text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
