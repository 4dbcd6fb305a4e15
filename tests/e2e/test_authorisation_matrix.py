"""Who may do what, tried whole: every route of both doors x every role and bad key x tenant x whose object.

The routes come from the server itself (its table at log level debug), the expected answers from the rules as
docs/protocols/native.md has them, written once more below. A route that this test cannot address fails it, and so
does a right that it does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from server import ROOT, Server
from wire import API, Client
from worker import TEXT_TO_TEXT, TestWorker, offer

PEOPLE = {"admin", "operator", "developer", "viewer", "caller"}
SUBMITTERS = PEOPLE - {"viewer"}
READERS = PEOPLE - {"caller"}
ROLES = [*sorted(PEOPLE), "worker"]
HOUSE = "default"  # its admin is the system's
TENANTS = ["acme", "globex", HOUSE]

RIGHTS = {
    "submit_job": SUBMITTERS,
    "read_job": PEOPLE,
    "cancel_job": SUBMITTERS,
    "remove_output": SUBMITTERS,
    "read_file": PEOPLE,
    "write_file": SUBMITTERS,
    "read_catalog": PEOPLE,
    "open_session": SUBMITTERS,
    "use_console": PEOPLE,
    "connect_worker": {"worker"},
    "manage_keys": {"admin"},
    "manage_tenants": {"admin"},
    "manage_apps": {"admin"},
    "manage_users": {"admin"},
    "read_audit": {"admin"},
    "read_config": {"admin"},
    "reload": {"admin"},
    "read_workers": READERS,
    "read_queues": READERS,
    "read_dead_letters": READERS,
    "read_usage": READERS,
    "read_metrics": READERS,
    "read_status": READERS,
    "manage_workers": {"admin", "operator"},
    "read_upstreams": READERS,
    "manage_upstreams": {"admin", "operator"},
    "manage_queues": {"admin", "operator"},
    "read_requests": {"admin", "operator"},
    "replay": {"admin", "operator", "developer"},
}
SYSTEM_RIGHTS = {"read_config", "reload", "manage_tenants"}  # the system admin's alone

# Routes whose handler has a say of its own once the gate let the request through.
OWN_ANSWER = {
    ("GET", f"{API}/session"): 401,  # a key is no session
    ("DELETE", f"{API}/session"): 401,
    ("POST", f"{API}/session"): 400,  # the body of these requests is empty
    ("PUT", f"{API}/files/{{id}}/content"): 404,  # content goes to a signed address, not to a key
    ("GET", "/metrics"): 200,  # from loopback, where this test is
}
OPENAI = "/v1"
# An id of several segments; the things of this test have one.
OWN_ANSWER |= {("GET", f"{OPENAI}/models/{{id}}/{more}"): 404 for more in ("{id2}", "{id2}/{id3}")}
# FastChat's wire: whatever its API refuses is 400 with a number, and its controller hides behind its token.
FASTCHAT_API = {f"{API}/chat/completions", f"{API}/token_check", f"{OPENAI}/engines/{{model}}/embeddings"}
FASTCHAT_REFUSED, FASTCHAT_NOT_ALLOWED = 400, 40103
CONTROLLER = "/fastchat/"
DESTROYS = {("DELETE", "/jobs/{id}"), ("DELETE", "/files/{id}"), ("DELETE", "/keys/{id}")}
DESTROYS |= {("DELETE", "/apps/{name}"), ("DELETE", "/users/{name}"), ("DELETE", "/upstreams/{name}")}
DESTROYS |= {("POST", "/workers/{id}/drain"), ("POST", "/workers/{id}/remove")}
SOCKETS = ("/link", "/session")  # ends of paths that a WebSocket is opened on
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


EMBED = {
    "profile": "embed",
    "inputs": {"text": {"kind": "text", "count": "1..9"}},
    "outputs": {"embeddings": {"kind": "tensor", "dtype": "fp32", "shape": [-1, -1]}},
}


class Route(NamedTuple):
    method: str
    path: str
    route_class: str
    right: str

    @property
    def inner(self) -> str:
        return self.path.removeprefix(API).removeprefix(OPENAI)

    @property
    def family(self) -> str | None:
        """What its parameter names; None without one."""
        if "{" not in self.path:
            return None
        family = self.inner.split("/")[1]
        return f"openai {family}" if self.path.startswith(f"{OPENAI}/") else family


@dataclass(frozen=True)
class Who:
    role: str  # or "none", "unknown", "garbage"
    tenant: str
    key: str | None

    @property
    def system(self) -> bool:
        return self.role == "admin" and self.tenant == HOUSE


class Thing(NamedTuple):
    owner: str  # a tenant, or "system" for what came with --engine
    maker: str  # role of the key that made it
    name: str


class Cell(NamedTuple):
    door: str
    route: Route
    who: Who
    thing: Thing | None
    expected: int | None  # None: let through, whatever the handler then says
    query: str = ""


class Stage:
    """The server with one of everything of every tenant, and fresh ones for what destroys them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.workers: list[TestWorker] = []
        self.named: list[str] = []
        self.keys = {(role, tenant): server.new_key(role, tenant) for role in ROLES for tenant in TENANTS}
        self.made: dict[str, list[Thing]] = {"jobs": [], "files": [], "keys": [], "workers": []}
        for tenant in TENANTS:
            for maker in ("caller", "developer"):
                for family in ("jobs", "files"):
                    self.made[family].append(self.make(family, tenant, maker))
            self.made["keys"].append(self.make("keys", tenant))
        for family in ("tenants", "apps", "users", "upstreams"):
            self.made[family] = [self.make(family, tenant) for tenant in TENANTS]
        for owner in ("acme", "globex", "system"):
            self.made["workers"].append(self.make("workers", owner))
        self.made["queues"] = self.made["capabilities"] = [
            Thing("acme", "", "of-acme"),
            Thing("globex", "", "of-globex"),
            Thing("system", "", "echo_stream"),
        ]
        for thing in self.made["queues"][:2]:
            self.dial(thing.owner, thing.name)
        self.made["dead-letters"] = self.made["jobs"]
        self.made["openai files"] = [
            self.make("openai files", tenant, maker) for tenant in TENANTS for maker in ("caller", "developer")
        ]
        self.made["fastchat"] = [Thing("system", "", "no-token")]
        self.made["openai engines"] = [Thing("system", "", "nothing")]
        self.made["openai batches"] = [
            self.make("openai batches", tenant, maker) for tenant in TENANTS for maker in ("caller", "developer")
        ]
        self.made["openai responses"] = [Thing("nobody", "", "nothing")]  # nothing here answers as a chat
        self.made["openai models"] = [Thing("acme", "", "embed-acme"), Thing("globex", "", "embed-globex")]
        for thing in self.made["openai models"]:
            self.dial(thing.owner, thing.name, EMBED)

    def client(self, role: str, tenant: str) -> Client:
        return self.server.client.with_key(self.keys[role, tenant])

    def dial(self, tenant: str, capability: str, interface: dict[str, Any] | None = None) -> str:
        """Id of a new worker."""
        key = self.keys["worker", tenant]
        if interface is None:
            interface = TEXT_TO_TEXT if tenant == "acme" else {**TEXT_TO_TEXT, "mode": "stream"}
        name = f"matrix-{len(self.workers)}"
        self.workers.append(
            TestWorker("127.0.0.1", self.server.control_port, key, [offer(capability, interface)], name=name)
        )
        return next(id_ for id_, entry in self.worker_ids().items() if entry["name"] == name)

    def worker_ids(self) -> dict[str, dict[str, Any]]:
        return {entry["id"]: entry for entry in self.server.control.get("/workers").json()["workers"]}

    def make(self, family: str, owner: str, maker: str = "") -> Thing:
        if family in ("jobs", "dead-letters"):
            client = self.client(maker, owner)
            job = client.submit("echo", {"text": "x"})
            client.wait(job["id"])
            return Thing(owner, maker, job["id"])
        if family == "files":
            reply = self.client(maker, owner).post("/files", b"x", {"Content-Type": "text/plain"})
            return Thing(owner, maker, reply.json()["id"])
        if family == "openai batches":
            file = self.make("openai files", owner, maker).name
            order = {"input_file_id": file, "endpoint": f"{OPENAI}/embeddings", "completion_window": "24h"}
            reply = self.client(maker, owner).request("POST", f"{OPENAI}/batches", json.dumps(order).encode())
            return Thing(owner, maker, reply.json()["id"])
        if family == "openai files":
            form = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
            body = form % (b"purpose", b"", b"batch") + form % (b"file", b'; filename="x"', b"x") + b"--b--\r\n"
            headers = {"Content-Type": "multipart/form-data; boundary=b"}
            reply = self.client(maker, owner).request("POST", f"{OPENAI}/files", body, headers)
            return Thing(owner, maker, reply.json()["id"])
        if family == "keys":
            return Thing(owner, maker, self.server.new_key("viewer", owner).split("_")[1])
        if family == "tenants":
            reply = self.server.control.post("/tenants", {"name": owner})
            assert reply.status == 201, reply.body
            return Thing(owner, maker, owner)
        if family in ("apps", "users", "upstreams"):
            name = f"matrix-{len(self.named)}"
            self.named.append(name)
            body: dict[str, Any] = {"name": name, "tenant": owner}
            if family == "upstreams":
                body |= {"base_url": "http://127.0.0.1:1/", "models": [], "probe_every": 0}
            reply = self.server.control.post(f"/{family}", body)
            assert reply.status == 201, reply.body
            return Thing(owner, maker, name)
        assert family == "workers", f"no test knows how to make {family}"
        if owner != "system":
            return Thing(owner, maker, self.dial(owner, f"of-{owner}"))
        for id_, entry in self.worker_ids().items():
            if entry["name"].startswith("echo") and entry["state"] != "draining":
                return Thing(owner, maker, id_)
        raise AssertionError("no host of our own is left")

    def everybody(self) -> list[Who]:
        bad = {"none": None, "unknown": "hr_aaaaaaaaaaaa_" + "A" * 43, "garbage": "x"}
        known = [Who(role, tenant, key) for (role, tenant), key in self.keys.items()]
        return known + [Who(role, "", key) for role, key in bad.items()]


def sees(who: Who, thing: Thing, family: str) -> bool:
    if family in ("keys", "workers", "tenants") and who.system:
        return True
    if family in ("workers", "queues", "capabilities", "openai models", "openai engines"):
        return thing.owner in (who.tenant, "system")
    if thing.owner != who.tenant:
        return False
    return family in ("keys", "apps", "users", "upstreams") or who.role != "caller" or thing.maker == "caller"


def manages(who: Who, thing: Thing, family: str) -> bool:
    if family in ("workers", "tenants") and who.system:
        return True
    return thing.owner == who.tenant or (thing.owner == "system" and who.tenant == HOUSE)


def expected(door: str, served: set[str], route: Route, who: Who, thing: Thing | None) -> int | None:
    if door not in served:
        return 404
    if (route.method, route.path) == ("GET", "/metrics"):
        return 200
    if route.path.startswith(CONTROLLER):
        return 404
    if route.right == "open":
        return OWN_ANSWER.get((route.method, route.path))
    if door == "control" and route.route_class == "client":
        return 404  # without a console session they are not there
    if who.role not in ROLES:
        return 401
    if who.role not in RIGHTS[route.right] or (route.right in SYSTEM_RIGHTS and not who.system):
        return FASTCHAT_REFUSED if route.path in FASTCHAT_API else 403
    if thing is not None and route.family is not None:
        if not sees(who, thing, route.family):
            return 404
        if route.right.startswith("manage_") and route.family != "keys" and not manages(who, thing, route.family):
            return 403
    return OWN_ANSWER.get((route.method, route.path))


def routes_of(server: Server) -> dict[Route, set[str]]:
    """Every route and the doors that serve it."""
    pattern = r"route door=(\w+) mount=\w+ method=(\w+) path=(\S+) class=(\w+) right=(\w+)"
    found: dict[Route, set[str]] = {}
    for door, *rest in re.findall(pattern, server.log_text()):
        found.setdefault(Route(*rest), set()).add(door)
    return found


def cells(stage: Stage, routes: dict[Route, set[str]]) -> Iterator[Cell]:
    everybody = stage.everybody()
    described = stage.server.client.get("/openapi.json").json()["paths"]
    for route, served in routes.items():
        assert route.right == "open" or route.right in RIGHTS, f"a right that no test knows: {route}"
        family = route.family
        things: list[Thing | None] = [None]
        if family is not None and not route.path.startswith("/console/"):
            assert family in stage.made, f"a route whose parameter no test knows: {route}"
            things = list(stage.made[family])
        operation = described.get(route.path, {}).get(route.method.lower(), {})
        names_tenant = any(parameter["name"] == "tenant" for parameter in operation.get("parameters", []))
        for who in everybody:
            for door in ("client", "control"):
                for thing in things:
                    yield Cell(door, route, who, thing, expected(door, served, route, who, thing))
            # Naming another tenant is the system admin's, whatever else the role may.
            if names_tenant and who.role in ROLES and not who.system:
                other = "globex" if who.tenant == "acme" else "acme"
                yield Cell("control", route, who, things[0], 403, f"?tenant={other}")


def try_cell(stage: Stage, cell: Cell) -> tuple[int, bytes]:
    route, thing = cell.route, cell.thing
    if cell.expected is None and (route.method, route.inner) in DESTROYS and thing is not None:
        assert route.family is not None
        thing = stage.make(route.family, thing.owner, thing.maker)
    target = re.sub(r"\{\w+\}", thing.name if thing else "nothing", route.path) + cell.query
    client = (stage.server.client if cell.door == "client" else stage.server.control).with_key(cell.who.key)
    headers = dict(UPGRADE) if route.method == "GET" and route.path.endswith(SOCKETS) else {}
    if route.path == f"{API}/session":
        headers = {}
    body = b"{}" if route.method in ("POST", "PUT", "PATCH") else None
    if body:
        headers["Content-Type"] = "application/json"
    connection, response = client.open(route.method, target, body, headers)
    try:
        refused = response.status in (401, 403, 404)
        refused |= route.path in FASTCHAT_API
        return response.status, response.read() if refused else b""  # the others may be endless streams
    finally:
        connection.close()


@pytest.fixture
def stage(start_server) -> Iterator[Stage]:
    server = start_server(
        engines=(ROOT / "examples" / "engines" / "echo",), settings=("log.level=debug", "retention.sweep_s=3600")
    )
    server.wait_engines("echo", "echo_stream")
    made = Stage(server)
    yield made
    for worker in made.workers:
        worker.close()


def test_every_route_role_tenant_and_object(stage, capsys) -> None:
    routes = routes_of(stage.server)
    assert len(routes) > 40 and all(served <= {"client", "control"} for served in routes.values())
    every = list(cells(stage, routes))
    # First all that must be refused, which changes nothing; then what is let through: reads before changes.
    order = {None: 1}
    every.sort(
        key=lambda cell: (order.get(cell.expected, 0), cell.route.method != "GET", cell.route.family == "workers")
    )
    wrong = []
    for cell in every:
        status, body = try_cell(stage, cell)
        right = status == cell.expected
        if cell.expected is None:
            right = status not in (401, 403, 404, 405) and status < 500
            right |= cell.route.path.startswith("/console") and status == 404  # only what the page holds is there
        if not right:
            thing = cell.thing and f"{cell.thing.maker}@{cell.thing.owner}"
            wrong.append(
                f"{cell.door} {cell.route.method} {cell.route.path}{cell.query} by {cell.who.role}@{cell.who.tenant} "
                f"on {thing}: {status}, not {cell.expected or 'let through'} {body[:120]!r}"
            )
        elif cell.route.path in FASTCHAT_API and cell.door == "client":
            answer = json.loads(body)
            assert ("detail" in answer) == (status == 401)
            assert (answer.get("code") == FASTCHAT_NOT_ALLOWED) == (cell.expected == FASTCHAT_REFUSED)
        elif status in (401, 403) and cell.route.path.startswith(API):
            assert json.loads(body)["status"] == status
        elif status in (401, 403, 404) and cell.route.path.startswith(OPENAI) and cell.door == "client":
            assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
    with capsys.disabled():
        print(f"\n{len(routes)} routes, {len(every)} cells of the authorisation matrix, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong[:40])
    stage.server.healthy()
