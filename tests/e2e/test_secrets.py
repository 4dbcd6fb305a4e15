"""Dozens of secrets, each known to this test, sent through the server in every place that takes one or may be handed one;
then everything that the server says and keeps is searched for them: logs, metrics, traces, errors, lists, databases.
"""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import pathlib
import random
import sqlite3
import string
import threading
from collections.abc import Iterator

import pytest
from fake_upstream import Connection, FakeUpstream, Request
from server import Server
from wire import API, Client

COUNT = 65


def canary() -> str:
    return "canary" + "".join(random.choices(string.ascii_letters + string.digits, k=24))


class Collector:
    """Takes OTLP/HTTP and keeps the bodies as they came."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.bodies.append(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()


class Planter:
    """Sends secrets and remembers where each one went, and every answer that must not repeat it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.planted: dict[str, str] = {}
        self.answers: list[tuple[str, bytes]] = []

    def plant(self, where: str) -> str:
        secret = canary()
        self.planted[secret] = where
        return secret

    def known(self, where: str, secret: str) -> str:
        self.planted[secret] = where
        return secret

    def send(self, client: Client, method: str, path: str, body: object = None, headers: dict | None = None) -> bytes:
        try:
            reply = client.request(method, path, body, headers)
        except (OSError, ValueError):
            return b""
        told = b"".join(f"{name}: {value}\n".encode() for name, value in reply.headers.items())
        self.answers.append((f"{method} {path[:40]}", told + reply.body))
        return reply.body


def plant_upstreams(planter: Planter) -> None:
    """Keys of servers that are dialled: set, changed, sent, echoed in errors, refused."""
    control, client = planter.server.control, planter.server.client

    def echoes(_: FakeUpstream, to: Connection, request: Request) -> None:
        """Says back whatever it was sent, as some servers do with a wrong key."""
        said = json.dumps({"error": {"message": f"no good: {request.headers}"}}).encode()
        to.whole(status.pop(0) if status else 400, said)

    status: list[int] = []
    fake = FakeUpstream(echoes)
    key = planter.plant("the key of an upstream")
    fields = {"X-Api-Key": planter.plant("a header field of an upstream")}
    body = {"name": "canary", "base_url": fake.url, "models": ["canary"], "probe_every": 0, "key": key}
    planter.send(control, "POST", f"{API}/upstreams", {**body, "headers": fields})
    planter.send(control, "POST", f"{API}/upstreams", {**body, "headers": fields})  # a conflict
    ask = {"model": "canary", "messages": [{"role": "user", "content": "hi"}]}
    for code in (400, 401, 429, 500, 302):
        for stream in (False, True):
            status[:] = [code]
            planter.send(client, "POST", "/v1/chat/completions", {**ask, "stream": stream})
        status[:] = [code]
        native = {"capability": "canary", "input": {"messages": ask["messages"]}}
        planter.send(client, "POST", f"{API}/jobs", native, {"Prefer": "wait=10"})
        planter.send(control, "POST", f"{API}/upstreams/canary/test")
        planter.send(control, "PATCH", f"{API}/upstreams/canary", {"enabled": False})
        planter.send(control, "PATCH", f"{API}/upstreams/canary", {"enabled": True, "weight": code})
    planter.send(control, "PATCH", f"{API}/upstreams/canary", {"key": planter.plant("a new key of an upstream")})
    for bad in ({"key": [planter.plant("a key in a list")]}, {"secret": planter.plant("a key by another name")}):
        planter.send(control, "PATCH", f"{API}/upstreams/canary", bad)
    url = f"http://user:{planter.plant('password in a base_url')}@127.0.0.1:1/v1"
    planter.send(control, "PATCH", f"{API}/upstreams/canary", {"base_url": url})
    broken = {**body, "name": "NOT A NAME", "key": planter.plant("the key of a refused upstream")}
    planter.send(control, "POST", f"{API}/upstreams", broken)
    planter.send(control, "GET", f"{API}/upstreams")
    planter.send(control, "GET", f"{API}/upstreams/canary")
    # Secrets that a caller sends with a call of a model are the caller's own, too.
    secret = planter.plant("a header of a model's call")
    planter.send(client, "POST", "/v1/chat/completions", ask, {"X-Api-Key": secret})
    secret = planter.plant("a wrong key at /v1")
    planter.send(client.with_key(secret), "POST", "/v1/chat/completions", ask)
    planter.send(client.with_key(secret), "POST", "/api/v1/chat/completions", ask)
    token = (planter.server.folder / "data" / "fastchat.token").read_text().strip()
    planter.known("FastChat's token", token)
    nobody = control.with_key(None)
    planter.send(nobody, "POST", f"/fastchat/{token}/list_models")
    planter.send(nobody, "POST", f"/fastchat/{token}/worker_generate_stream", {"model": "x", "prompt": "x"})
    planter.send(nobody, "POST", f"/fastchat/{planter.plant('a wrong token of FastChat')}/list_models")
    fake.close()


def plant_all(server: Server) -> Planter:
    planter = Planter(server)
    send = planter.send
    client, control, nobody = server.client, server.control, server.client.with_key(None)
    job = {"capability": "echo", "input": {"text": "x"}}

    # Real keys and their parts: what is asked, looked for and revoked afterwards.
    for role in ("caller", "viewer", "developer", "operator", "admin", "worker"):
        key = server.new_key(role, "acme")
        planter.known(f"the secret of a {role} key", key.split("_", 2)[2])
        send(client.with_key(key), "POST", f"{API}/jobs", job)
        send(control.with_key(key), "GET", f"{API}/keys")
        turned = control.post(f"/keys/{key.split('_')[1]}/rotate", {"overlap_s": 60}).json()["key"]
        planter.known(f"the rotated secret of a {role} key", turned.split("_", 2)[2])
        send(client.with_key(turned), "GET", f"{API}/jobs")
    planter.known("the admin key", server.key_file.read_text().strip().split("_", 2)[2])

    # Wrong ones, in every header and form that may hold one.
    for scheme in ("Bearer", "Basic", "Token", "bearer", "Digest", "ApiKey", ""):
        secret = planter.plant(f"Authorization: {scheme}")
        for door in (nobody, control.with_key(None)):
            send(door, "GET", f"{API}/jobs", None, {"Authorization": f"{scheme} {secret}".strip()})
    for name in ("X-Api-Key", "Api-Key", "Cookie", "Proxy-Authorization", "X-CSRF-Token", "X-Auth-Token"):
        secret = planter.plant(f"header {name}")
        value = f"headrace_session={secret}" if name == "Cookie" else secret
        send(control.with_key(None), "GET", f"{API}/status", None, {name: value})
        send(client, "POST", f"{API}/jobs", job, {name: value})
    almost = planter.plant("a key of the right shape").ljust(43, "A")[:43]
    planter.known("a key of the right shape, whole", almost)
    send(client.with_key(f"hr_{'a' * 12}_{almost}"), "GET", f"{API}/jobs")

    # Tokens in queries, and where a caller put one into a path or a body by mistake.
    for path in ("/files/0/content?token=", "/jobs?key=", "/jobs?api_key=", "/keys?secret="):
        send(control, "GET", API + path + planter.plant(f"query {path}"))
    send(client, "POST", f"{API}/session", {"token": planter.plant("sign-in token")})
    send(control, "POST", f"{API}/session", {"token": planter.plant("sign-in token, control")})
    send(control, "POST", f"{API}/session", {"key": planter.plant("sign-in key")})
    send(client, "POST", f"{API}/jobs", {**job, "api_key": planter.plant("unknown field of a job")})
    send(
        client,
        "POST",
        f"{API}/jobs",
        {"capability": "echo", "input": {"text": "x", "password": planter.plant("input")}},
    )
    send(client, "POST", f"{API}/jobs", '{"capability":"echo","input":{"text":"' + planter.plant("broken JSON"))
    send(control, "POST", f"{API}/keys", {"name": "x", "role": planter.plant("role of a key")})
    send(control, "POST", f"{API}/keys", {"name": "x", "role": "caller", "secret": planter.plant("field of a key")})
    url = f"http://user:{planter.plant('password in a url')}@127.0.0.1:1/x"
    send(client, "POST", f"{API}/jobs", {"capability": "echo", "input": {"text": {"url": url}}})
    link = control.post("/session/links")
    if link.status == 201:
        planter.known("sign-in link", link.json()["token"])
        signed_in = control.with_key(None).request("POST", f"{API}/session", {"token": link.json()["token"]})
        cookie = (signed_in.header("set-cookie") or "").split(";")[0].partition("=")[2]
        planter.known("session cookie", cookie)
        send(control.with_key(None), "GET", f"{API}/session", None, {"Cookie": f"headrace_session={cookie}"})
    plant_upstreams(planter)
    # The input of a job is the caller's own, and nobody else's: no log, metric or trace has it.
    for where in ("prompt of an interactive job", "prompt of a durable job"):
        secret = planter.plant(where)
        prefer = {"Prefer": "wait=10"} if "interactive" in where else {}
        client.request("POST", f"{API}/jobs", {"capability": "echo", "input": {"text": secret}}, prefer)
    while len(planter.planted) < COUNT:
        send(client, "GET", f"{API}/nothing/{len(planter.planted)}", None, {"X-Secret": planter.plant("any header")})
    return planter


def forms_of(secret: str) -> list[bytes]:
    """As it is, and as it might be encoded on its way."""
    return [
        secret.encode(),
        base64.b64encode(secret.encode())[:-4],
        secret.encode().hex().encode(),
        secret[::-1].encode(),
    ]


def found_in(planter: Planter, places: dict[str, bytes], but: tuple[str, ...] = ()) -> list[str]:
    hits = []
    for secret, where in planter.planted.items():
        if where.startswith(but):
            continue
        for place, content in places.items():
            if any(form in content for form in forms_of(secret)):
                hits.append(f"{where} in {place}")
    return hits


def test_no_secret_gets_out(start_server, collector) -> None:
    settings = ("log.level=debug", f"traces.endpoint={collector.url}", "retention.sweep_s=1")
    server = start_server(settings=(*settings, "request_log.enabled=true", "request_log.bodies=true"))
    server.wait_engines("echo")
    planter = plant_all(server)
    assert len(planter.planted) >= COUNT
    errors = {f"answer {i} to {place}": body for i, (place, body) in enumerate(planter.answers)}
    control = server.control
    said = {
        "metrics": control.request("GET", "/metrics").body,
        "keys": control.get("/keys").body,
        "status": control.get("/status").body,
        "config": control.get("/config").body,
        "usage": control.get("/usage").body,
        "workers": control.get("/workers").body,
        "upstreams": control.get("/upstreams").body,
        "audit": control.get("/audit").body,
        "openapi": server.client.get("/openapi.json").body,
    }
    assert server.stop() == 0
    said["log"] = server.log_text().encode()
    said["traces"] = b"\n".join(collector.bodies)
    said["request log"] = b"".join(path.read_bytes() for path in (server.folder / "data" / "requests").iterdir())
    assert said["request log"].count(b'"model":"canary"') >= 10, said["request log"]
    assert b'"messages' in said["request log"].replace(b"\\", b""), "with what was asked"
    assert collector.bodies and b"headrace" in said["traces"] and b"route door=" in said["log"]
    assert not found_in(planter, said)
    # An answer to the one who sent it may repeat what was no secret to it (a path); none does for these.
    assert not found_in(planter, errors)
    # At rest: keys as digests alone. A job's input is data and lies in the job log.
    data = pathlib.Path(server.folder / "data")
    at_rest = {str(file): file.read_bytes() for file in data.rglob("*") if file.is_file()}
    assert any(name.endswith("catalog.db") for name in at_rest)
    token = f"{data / 'fastchat.token'}"
    assert found_in(planter, {token: at_rest.pop(token)}) == [f"FastChat's token in {token}"]
    assert not found_in(planter, at_rest, but=("prompt of", "the admin key"))


def test_the_search_would_find_one(start_server) -> None:
    """The planted fault: a secret that a caller made a name of is shown, and the search says so."""
    server = start_server()
    planter = Planter(server)
    name = planter.plant("the name of a key")
    assert server.control.post("/keys", {"name": name, "role": "caller"}).status == 201
    keys = {"keys": server.control.get("/keys").body}
    assert found_in(planter, keys) == ["the name of a key in keys"]
    server.stop()
    with sqlite3.connect(server.folder / "data" / "catalog.db") as database:
        rows = b"".join(row[0] for row in database.execute("SELECT body FROM keys"))
    assert found_in(planter, {"rows": rows}) == ["the name of a key in rows"]
