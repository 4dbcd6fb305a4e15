"""deploy/proxy: the samples for nginx and Apache, as they stand, in front of a real server."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from server import ECHO, ROOT, Server, free_port
from websockets.sync.client import connect

CLIENT, CONTROL = "ai.example.org", "control.ai.example.org"
MODULES = "mpm_event authn_core authz_core authz_host ssl socache_shmcb proxy proxy_http headers"


def certificate(folder: pathlib.Path) -> None:
    names = f"subjectAltName=DNS:{CLIENT},DNS:{CONTROL}"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={CLIENT}"]
    command += ["-addext", names, "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)


class Proxy:
    """One of the two, with the sample's addresses exchanged for ours and nothing else."""

    def __init__(self, kind: str, folder: pathlib.Path, server: Server) -> None:
        self.port = free_port()
        certificate(folder)
        sample = (ROOT / "deploy" / "proxy" / f"{kind}.conf").read_text()
        sample = sample.replace(":8600", f":{server.client_port}").replace(":8601", f":{server.control_port}")
        sample = re.sub(r"/etc/(nginx|apache2)/tls", str(folder), sample).replace("443", str(self.port))
        (folder / "site.conf").write_text(sample)
        self.command = getattr(self, f"_{kind}")(folder)
        self.log = open(folder / "proxy.log", "wb")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        self.tls = ssl.create_default_context(cafile=str(folder / "cert.pem"))
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.get(CLIENT, "/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None and time.monotonic() < deadline, (folder / "proxy.log").read_text()
            time.sleep(0.05)

    def _nginx(self, folder: pathlib.Path) -> list[str]:
        temporary = "\n".join(
            f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log stderr warn;\nevents {{}}\n"
            f"http {{ access_log off; {temporary} include {folder}/site.conf; }}\n"
        )
        return ["/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]

    def _apache(self, folder: pathlib.Path) -> list[str]:
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES.split()
        )
        (folder / "apache2.conf").write_text(
            f"ServerRoot {folder}\nPidFile {folder}/pid\nDefaultRuntimeDir {folder}\nMutex file:{folder}\n"
            f"ErrorLog /dev/stderr\nServerName localhost\nUser www-data\nGroup www-data\n{modules}\n"
            f"Listen 127.0.0.1:{self.port}\nInclude {folder}/site.conf\n"
        )
        return ["/usr/sbin/apache2", "-f", str(folder / "apache2.conf"), "-DFOREGROUND"]

    def client(self) -> httpx.Client:
        return httpx.Client(verify=self.tls, timeout=30)

    def request(self, method: str, host: str, path: str, **more: Any) -> httpx.Response:
        with self.client() as client:
            headers = {"Host": host, **more.pop("headers", {})}
            url = f"https://127.0.0.1:{self.port}{path}"
            return client.request(method, url, headers=headers, extensions={"sni_hostname": host}, **more)

    def get(self, host: str, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", host, path, **more)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = tuple(
        f"{door}.{setting}"
        for door, name in (("client", CLIENT), ("control", CONTROL))
        for setting in ("trusted_proxies=127.0.0.1/32", f"allowed_hosts={name}")
    )
    running = Server(tmp_path_factory.mktemp("server"), (ECHO,), settings).start()
    running.wait_engines("echo", "echo_stream", "echo_slow")
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["nginx", "apache"])
def proxy(request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    program = {"nginx": "/usr/sbin/nginx", "apache": "/usr/sbin/apache2"}[request.param]
    assert shutil.which(program), f"{program} is not installed"
    running = Proxy(request.param, tmp_path_factory.mktemp(request.param), server)
    yield running
    running.stop()


def bearer(server: Server) -> dict[str, str]:
    assert server.client.key
    return {"Authorization": f"Bearer {server.client.key}"}


def test_a_job_and_where_it_is(proxy: Proxy, server: Server) -> None:
    reply = proxy.request(
        "POST", CLIENT, "/api/v1/jobs", json={"capability": "echo", "input": {"text": "behind"}}, headers=bearer(server)
    )
    assert reply.status_code == 202, reply.text
    location = reply.headers["Location"]
    path = location.partition(f"{CLIENT}")[2] or location
    path = "/" + path.lstrip("/").partition("api/")[1] + path.partition("api/")[2]
    job = proxy.get(CLIENT, path, params={"wait": 25}, headers=bearer(server)).json()
    assert (job["state"], job["output"]) == ("succeeded", {"text": "behind"})


def test_events_come_as_they_happen(proxy: Proxy, server: Server) -> None:
    body = {"capability": "echo_slow", "input": {"text": "slow", "duration_ms": 10_000}}
    headers = {"Host": CLIENT, "Accept": "text/event-stream", **bearer(server)}
    with (
        proxy.client() as client,
        client.stream(
            "POST",
            f"https://127.0.0.1:{proxy.port}/api/v1/jobs",
            json=body,
            headers=headers,
            extensions={"sni_hostname": CLIENT},
        ) as reply,
    ):
        assert reply.status_code == 200
        events = (line.partition(" ")[2] for line in reply.iter_lines() if line.startswith("event:"))
        assert "progress" in events, "none came"
        queues = {queue["capability"]: queue for queue in server.control.get("/queues").json()["queues"]}
        assert queues["echo_slow@1.0.0"]["running"] == 1, "the proxy held the events back"
        assert list(events)[-1] == "done"


def test_a_large_upload_and_its_download(proxy: Proxy, server: Server) -> None:
    data = bytes(range(256)) * 20_000
    headers = {"Content-Type": "application/octet-stream", **bearer(server)}
    stored = proxy.request("POST", CLIENT, "/api/v1/files", content=data, headers=headers)
    assert stored.status_code == 201, stored.text
    content = proxy.get(CLIENT, f"/api/v1/files/{stored.json()['id']}/content", headers=bearer(server))
    assert content.content == data


def test_a_websocket_to_the_control_door(proxy: Proxy, server: Server) -> None:
    key = server.new_key("worker")
    with connect(
        f"wss://{CONTROL}/api/v1/link",
        sock=socket.create_connection(("127.0.0.1", proxy.port)),
        ssl=proxy.tls,
        proxy=None,
        additional_headers={"Authorization": f"Bearer {key}"},
    ) as link:
        link.send("text is against the rules")
        with pytest.raises(Exception, match="1008"):
            link.recv(timeout=60)


def test_who_is_there_is_who_called(proxy: Proxy, server: Server) -> None:
    """The address that the audit names comes from the proxy, and from nobody else."""
    made = proxy.request(
        "POST",
        CONTROL,
        "/api/v1/keys",
        json={"name": f"by-{time.monotonic_ns()}", "role": "viewer"},
        headers={"X-Forwarded-For": "203.0.113.9", **bearer(server)},
    )
    assert made.status_code == 201, made.text
    assert proxy.get(CLIENT, "/api/v1/workers", headers=bearer(server)).status_code == 404
    assert proxy.get(CONTROL, "/api/v1/workers", headers=bearer(server)).status_code == 200
    assert json.loads(proxy.get(CLIENT, "/api/v1/jobs").text)["code"] == "unauthenticated"
