"""contracts §1: who may do what on which door; a key of another tenant on every route."""

from __future__ import annotations

import pytest
from websocket import Refused, WebSocket
from wire import API, problem

ROLES = ["admin", "operator", "developer", "viewer", "caller", "worker"]
METHODS = ("get", "post", "put", "delete")
CLIENT_ROUTES = ("/jobs", "/files", "/capabilities")
KEYLESS = {"/healthz", "/readyz"}


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer hr_x_y",
        "Basic aHI6eA==",
        "hr_nothing",
        "Bearer hr_aaaaaaaaaaaa_" + "A" * 43,
        "Bearer " + "x" * 5000,
    ],
)
def test_no_key_or_a_bad_one(server, authorization) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for door in (server.client, server.control):
        path = "/jobs" if door is server.client else "/keys"
        reply = door.with_key(None).get(path, headers)
        problem(reply, 401, "unauthenticated")
        assert (reply.header("www-authenticate") or "").startswith("Bearer")


def test_the_admin_key_is_good_on_both_doors(server) -> None:
    assert server.client.get("/jobs").status == 200 and server.control.get("/keys").status == 200


def test_doors_serve_their_own_classes(server) -> None:
    for path in ("/keys", "/workers", "/queues", "/dead-letters", "/usage", "/config", "/link"):
        assert server.client.get(path).status == 404, path
    for path in ("/jobs", "/files/x", "/capabilities"):
        assert server.control.get(path).status == 404, path


def test_health_needs_no_key(server) -> None:
    for door in (server.client, server.control):
        for path in KEYLESS:
            assert door.with_key(None).request("GET", path).status == 200


def test_metrics_on_control_from_loopback(server) -> None:
    reply = server.control.with_key(None).request("GET", "/metrics")
    assert reply.status == 200 and b"# TYPE" in reply.body
    assert server.client.with_key(None).request("GET", "/metrics").status == 404


MATRIX = {
    ("POST", "/jobs"): {"admin", "operator", "developer", "caller"},
    ("GET", "/jobs"): {"admin", "operator", "developer", "viewer", "caller"},
    ("POST", "/files"): {"admin", "operator", "developer", "caller"},
    ("GET", "/capabilities"): {"admin", "operator", "developer", "viewer", "caller"},
    ("GET", "/keys"): {"admin"},
    ("GET", "/workers"): {"admin", "operator", "developer", "viewer"},
    ("GET", "/queues"): {"admin", "operator", "developer", "viewer"},
    ("POST", "/queues/nobody@1.0.0/pause"): {"admin", "operator"},
    ("GET", "/dead-letters"): {"admin", "operator", "developer", "viewer"},
    ("GET", "/usage"): {"admin", "operator", "developer", "viewer"},
    ("GET", "/config"): set(),
    ("POST", "/reload"): set(),
}


@pytest.mark.parametrize("role", ROLES)
def test_rights_of_roles(server, role) -> None:
    key = server.new_key(role, "acme")
    for (method, path), allowed in MATRIX.items():
        door = server.client if path.startswith(CLIENT_ROUTES) else server.control
        reply = door.with_key(key).request(
            method, API + path, b"{}" if method == "POST" else None, {"Content-Type": "application/json"}
        )
        if role in allowed:
            assert reply.status != 403, (role, method, path)
        else:
            problem(reply, 403, "permission_denied")


def test_only_worker_keys_open_the_link(server) -> None:
    for role in ROLES:
        key = server.new_key(role, "acme")
        if role == "worker":
            WebSocket("127.0.0.1", server.control_port, f"{API}/link", key).socket.close()
            continue
        with pytest.raises(Refused) as refused:
            WebSocket("127.0.0.1", server.control_port, f"{API}/link", key)
        assert refused.value.status == 403


def test_callers_see_their_own(server) -> None:
    one, two = server.as_role("caller", "acme"), server.as_role("caller", "acme")
    viewer, foreign = server.as_role("viewer", "acme"), server.as_role("viewer", "globex")
    job = one.submit("echo", {"text": "mine"})
    file = one.post("/files", b"mine", {"Content-Type": "text/plain"}).json()
    one.wait(job["id"])
    for path in (f"/jobs/{job['id']}", f"/files/{file['id']}", f"/files/{file['id']}/content"):
        assert one.get(path).status == 200 and viewer.get(path).status == 200
        problem(two.get(path), 404, "not_found")
        problem(foreign.get(path), 404, "not_found")
    ids = [job["id"] for job in viewer.get("/jobs").json()["jobs"]]
    assert job["id"] in ids
    assert job["id"] not in [seen["id"] for seen in two.get("/jobs").json()["jobs"]]
    assert job["id"] not in [seen["id"] for seen in foreign.get("/jobs").json()["jobs"]]


@pytest.fixture(scope="module")
def things(server) -> dict[str, str]:
    """One of everything, of the tenant acme, by the name of the path parameter."""
    owner = server.as_role("developer", "acme")
    job = owner.submit("echo", {"text": "secret of acme"})
    owner.wait(job["id"])
    running = owner.submit("echo_slow", {"text": "secret of acme", "duration_ms": 600_000})
    owner.wait(running["id"], {"running"})
    file = owner.post("/files", b"secret of acme", {"Content-Type": "text/plain"}).json()
    key_id = server.new_key("caller", "acme").split("_")[1]
    from worker import TEXT_TO_TEXT, TestWorker, offer

    worker = TestWorker(
        "127.0.0.1", server.control_port, server.new_key("worker", "acme"), [offer("acme-own", TEXT_TO_TEXT)]
    )
    worker_id = next(
        entry["id"]
        for entry in server.control.get("/workers").json()["workers"]
        if "acme-own@1.0.0" in entry["versions"]
    )
    yield {
        "/jobs/{id}": job["id"],
        "running": running["id"],
        "/files/{id}": file["id"],
        "/keys/{id}": key_id,
        "/workers/{id}": worker_id,
        "{name}": "acme-own@1.0.0",
        "{job}": job["id"],
    }
    owner.post(f"/jobs/{running['id']}/cancel")
    worker.close()


def test_another_tenants_key_on_every_route(server, things) -> None:
    """Every route with a parameter, from the server's own description, with what acme owns in it."""
    paths = server.client.get("/openapi.json").json()["paths"]
    tried = 0
    for role in ("admin", "developer", "viewer", "caller"):
        key = server.new_key(role, "globex")
        for path, operations in paths.items():
            if "{" not in path:
                continue
            target = path
            for mark, value in things.items():
                if mark.startswith("/") and mark in target:
                    target = target.replace(mark, mark.split("{")[0] + value)
            target = target.replace("{name}", things["{name}"]).replace("{job}", things["{job}"])
            assert "{" not in target, f"a route whose parameter no test knows: {path}"
            door = server.client if path.removeprefix(API).startswith(CLIENT_ROUTES) else server.control
            for method in METHODS:
                if method not in operations:
                    continue
                reply = door.with_key(key).request(
                    method.upper(), target, b"{}" if method == "post" else None, {"Content-Type": "application/json"}
                )
                assert reply.status in (403, 404), (role, method, target, reply.status, reply.body)
                assert b"secret" not in reply.body
                tried += 1
    assert tried > 60
    # A running job is no easier to reach than an ended one.
    foreign = server.as_role("admin", "globex")
    problem(foreign.post(f"/jobs/{things['running']}/cancel"), 404)
    problem(foreign.post("/jobs", {"capability": "acme-own", "input": {"text": "x"}}), 404)
    # And everything is still there.
    owner = server.as_role("viewer", "acme")
    assert owner.job(things["running"])["state"] == "running"
    assert owner.get(f"/files/{things['/files/{id}']}").status == 200
    assert server.control.get(f"/keys/{things['/keys/{id}']}").json().get("revoked_at") is None


def test_every_route_wants_a_key(server) -> None:
    paths = server.client.get("/openapi.json").json()["paths"]
    for path, operations in paths.items():
        door = server.client if path.removeprefix(API).startswith(CLIENT_ROUTES) else server.control
        for method in METHODS:
            if method in operations and "security" in operations[method]:
                target = path.replace("{id}", "x").replace("{name}", "x").replace("{job}", "x")
                reply = door.with_key(None).request(method.upper(), target)
                assert reply.status == 401, (method, path, reply.status)


def test_capabilities_of_a_tenant_are_its_own(workers, server, name) -> None:
    from worker import TEXT_TO_TEXT, offer

    workers.start(offer(name, TEXT_TO_TEXT), tenant="acme")
    acme, globex = server.as_role("caller", "acme"), server.as_role("caller", "globex")
    assert acme.get(f"/capabilities/{name}").status == 200
    problem(globex.get(f"/capabilities/{name}"), 404)
    problem(globex.post("/jobs", {"capability": name, "input": {"text": "x"}}), 404)
    assert name not in [entry["name"] for entry in globex.get("/capabilities").json()["capabilities"]]
