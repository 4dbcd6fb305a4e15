"""What a measurement is made of: processes, how they are started, and what they have used. Standard library."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "e2e"))

from server import free_port  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def resident_bytes(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def children(pid: int) -> list[int]:
    found = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in path.read_text().split()]
    return found


def wait_until(what: str, holds: Any, within: float = 30.0, step: float = 0.02) -> None:
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {within:g} s")
        time.sleep(step)


def end(process: subprocess.Popen[bytes], within: float = 60.0) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# --- the load generator --------------------------------------------------------------------------


def load(
    build: pathlib.Path,
    address: str,
    connections: int,
    *,
    seconds: float = 1.0,
    path: str = "/",
    method: str = "POST",
    body: str = "",
    headers: tuple[str, ...] = (),
    requests: int = 0,
    rate: float = 0.0,
    count: str = "",
    fill: pathlib.Path | None = None,
    drain: float = 0.0,
) -> dict[str, Any]:
    """bench_load on `address`, which is 127.0.0.1:PORT or unix:PATH; `count` is a text of the answers that is counted
    as "events"; each {fill} of body and headers becomes a line of the file `fill`, drawn for every request; `drain`:
    seconds that answers under way at the end may still take. A row of errors is no measurement."""
    command = [str(build / "bench_load"), "--address", address, "-c", str(connections)]
    command += ["--path", path, "--method", method, "--body", body, "--count", count]
    command += ["--seconds", f"{seconds:g}", "-n", str(requests), "--rate", f"{rate:g}", "--drain", f"{drain:g}"]
    for header in headers:
        command += ["--header", header]
    if fill is not None:
        command += ["--fill", str(fill)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"bench_load {address}{path}: {done.stderr.strip()}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    if result["bad"] or result["broken"] or not result["good"]:
        raise RuntimeError(f"{address}{path}: not all answers were good: {result}")
    return result


# --- nginx ---------------------------------------------------------------------------------------

NGINX = """
{user}
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
  {servers}
}}
"""
RETURN_200 = 'default_type application/json; return 200 \'{"ok":true,"text":"the quick brown fox"}\';'
PROXY_PASS = (
    'proxy_pass http://{name}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering {buffering};'
)


class Nginx:
    """One nginx worker that does the same on a TCP port and on a Unix socket: answers, or forwards to `backend`,
    which has an address for each way."""

    def __init__(self, folder: pathlib.Path, backend: dict[str, str] | None = None, buffering: str = "on") -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self.addresses = {"tcp": f"127.0.0.1:{self.port}", "unix": f"unix:{folder}/door"}
        servers = ""
        for way in ("tcp", "unix"):
            action = RETURN_200
            if backend is not None:
                servers += (
                    f"upstream {way} {{ server {backend[way]}; keepalive 512; keepalive_requests 100000000; }}\n  "
                )
                action = PROXY_PASS.format(name=way, buffering=buffering)
            servers += f"server {{ listen {self.addresses[way]}; location / {{ {action} }} }}\n  "
        config = folder / "nginx.conf"
        # As root, nginx would drop to a user who cannot enter the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(NGINX.format(user=user, folder=folder, servers=servers))
        self.process = subprocess.Popen(["nginx", "-c", str(config), "-p", str(folder)], stderr=subprocess.DEVNULL)
        wait_until("nginx", self._answers)
        self.pids = children(self.process.pid)

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError("nginx has ended: " + (pathlib.Path(self.process.args[4]) / "error.log").read_text())
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            try:
                connection.request("GET", "/")
                return connection.getresponse().status == 200
            except OSError:
                return False

    def close(self) -> None:
        end(self.process)


# --- headrace ------------------------------------------------------------------------------------


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Headrace:
    """One `headrace serve` on a data folder of its own."""

    def __init__(
        self,
        build: pathlib.Path,
        folder: pathlib.Path,
        *,
        way: str = "tcp",
        engines: tuple[str, ...] = ("echo", "echo_stream"),
        settings: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        self.build, self.folder, self.way = build, folder, way
        self.control_port = free_port()
        if way == "unix":
            self.address = f"unix:{folder}/door"
        else:
            self.address = f"127.0.0.1:{free_port()}"
        self.key_file = folder / "key"
        self.command = [str(build / "headrace"), "serve", "--data", str(folder / "data")]
        self.command += ["--client", self.address, "--control", f"127.0.0.1:{self.control_port}"]
        self.command += ["--admin-key-file", str(self.key_file)]
        for engine in engines:
            self.command += ["--engine", str(ROOT / "examples/engines/echo" / engine)]
        for setting in settings:
            self.command += ["--set", setting]
        self.engines = engines
        self.environment = {**os.environ, **(environment or {})}
        self._hosts: dict[str, list[int]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.start_seconds = self.start()

    def start(self) -> float:
        """Gives the seconds to the first 200 of /readyz."""
        begin = time.monotonic()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=self.environment)
        wait_until("headrace", self._is_ready, within=300, step=0.001)
        took = time.monotonic() - begin
        self.key = self.key_file.read_text().strip()
        self.pid = self.process.pid
        self._hosts.clear()
        for engine in self.engines:
            wait_until(f"a slot of {engine}", lambda name=engine: self.slots(name) > 0)
        return took

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError("headrace has ended: " + (self.folder / "log").read_text()[-2000:])
        with contextlib.closing(self.connect()) as connection:
            try:
                connection.request("GET", "/readyz")
                return connection.getresponse().status == 200 and self.key_file.exists()
            except OSError:
                return False

    def connect(self) -> http.client.HTTPConnection:
        """To the client door."""
        if self.way == "unix":
            return UnixConnection(self.address.removeprefix("unix:"))
        return http.client.HTTPConnection(*self.address.split(":"), timeout=60)

    @property
    def auth(self) -> str:
        return f"Authorization: Bearer {self.key}"

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, control: bool = False
    ) -> Any:
        """One request of the native API; its answer's JSON. An error is raised."""
        if control:
            connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=300)
        else:
            connection = self.connect()
        with contextlib.closing(connection):
            fields = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **(headers or {})}
            connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None, fields)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
            return json.loads(text) if text else None

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self.call(method, path, body, control=True)

    def queue(self, name: str) -> dict[str, Any]:
        for queue in self.control("GET", "/queues")["queues"]:
            if queue["capability"].split("@")[0] == name:
                return dict(queue)
        return {}

    def slots(self, name: str) -> int:
        return int(self.queue(name).get("slots", 0))

    def hosts(self, name: str) -> list[int]:
        """The processes of an engine on this machine."""
        if name not in self._hosts:
            workers = self.control("GET", "/workers")["workers"]
            offering = [w["pid"] for w in workers if any(v.split("@")[0] == name for v in w["versions"])]
            self._hosts[name] = [pid for pid in offering if pid in children(self.pid)]
        return self._hosts[name]

    def worker_key_file(self) -> pathlib.Path:
        path = self.folder / "worker.key"
        if not path.exists():
            made = self.control("POST", "/keys", {"name": "bench", "role": "worker", "tenant": "default"})
            path.write_text(made["key"] + "\n")
        return path

    def drain(self, name: str) -> None:
        """Waits until nothing is queued or running, so that the next row is not measured beside it."""

        def idle() -> bool:
            queue = self.queue(name)
            return queue["queued"] == 0 and queue["running"] == 0

        wait_until("the queue to become empty", idle, within=300, step=0.1)

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        version = self.queue(name)["capability"]
        self.control("POST", f"/queues/{version}/pause")
        try:
            yield
        finally:
            self.control("POST", f"/queues/{version}/purge")
            self.control("POST", f"/queues/{version}/resume")
            self.drain(name)

    def close(self) -> None:
        end(self.process)


# --- simulated workers ---------------------------------------------------------------------------


class SimWorkers:
    """One process of `sim_workers`, dialled in at `server`."""

    def __init__(
        self,
        server: Headrace,
        *,
        capability: str,
        workers: int = 1,
        slots: int = 1,
        engine_us: int = 0,
        stream: bool = False,
        tell: bool = False,
    ) -> None:
        command = [str(server.build / "sim_workers"), "--key-file", str(server.worker_key_file())]
        command += ["--url", f"ws://127.0.0.1:{server.control_port}/api/v1/link", "--capability", capability]
        command += ["--workers", str(workers), "--slots", str(slots), "--engine-us", str(engine_us)]
        command += ["--stream"] * stream + ["--tell"] * tell
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.told("ready")
        wait_until("the workers' slots", lambda: server.slots(capability) == workers * slots)
        self._gone = lambda: server.slots(capability) == 0

    def told(self, what: str) -> int:
        """The next thing it says, which must be `what`; when that was, in ns of the monotonic clock."""
        assert self.process.stdout is not None
        words = self.process.stdout.readline().decode().split()
        if not words or words[0] != what:
            raise RuntimeError(f"sim_workers said {' '.join(words) or 'nothing'} in place of {what}")
        return int(words[1]) if len(words) > 1 else 0

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        wait_until("the server to miss the workers", self._gone)
