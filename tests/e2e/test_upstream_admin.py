"""Servers that are dialled: how they are kept, changed, and whose they are."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fake_upstream import Connection, FakeUpstream, Request, good
from server import BINARY, Server
from upstream_site import HI, KEY, Setup, error_of, refuse
from wire import Client


def test_upstreams_survive_a_restart(start_server: Callable[..., Server]) -> None:
    dialling = start_server()
    up = Setup(dialling)
    try:
        fake = up.add(key=KEY, weight=2.5)
        assert up.chat()["state"] == "succeeded"
        dialling.kill()
        dialling.start()
        assert up.chat()["output"]["text"] == "Hello there"
        assert fake.requests[-1].headers["authorization"] == f"Bearer {KEY}"
        assert up.view(fake)["weight"] == 2.5
    finally:
        up.close()
    assert dialling.control.get("/upstreams").json()["upstreams"] == []


def test_changing_and_removing(up: Setup, dialling: Server) -> None:
    fake = up.add()
    assert up.chat()["state"] == "succeeded"
    other = FakeUpstream(good)
    up.fakes.append(other)
    shown = up.change(fake, base_url=other.url, models=[{"id": up.model, "remote": "new-name"}])
    assert shown["base_url"] == other.url
    assert up.chat()["state"] == "succeeded"
    assert other.requests[0].json()["model"] == "new-name"
    up.change(fake, enabled=False)
    assert error_of(up.chat())["code"] == "unavailable"
    assert dialling.control.delete(f"/upstreams/{fake.name}").status == 204
    assert dialling.control.get(f"/upstreams/{fake.name}").status == 404
    reply = dialling.client.post("/jobs", {"capability": up.capability, "input": {"messages": HI}})
    assert reply.status == 404


def test_stars_leave_a_header_field_as_it_is(up: Setup, dialling: Server) -> None:
    fake = up.add(headers={"X-Team": "secret-one", "X-Old": "secret-two"})
    shown = up.view(fake)
    assert shown["headers"] == {"X-Team": "***", "X-Old": "***"}

    def sent() -> dict[str, str]:
        assert up.chat()["state"] == "succeeded"
        return {name: value for name, value in fake.requests[-1].headers.items() if name.startswith("x-")}

    assert sent() == {"x-team": "secret-one", "x-old": "secret-two"}
    # What is told can be sent back; a field that is left out goes, one that is new has a value.
    up.change(fake, headers=shown["headers"])
    assert sent() == {"x-team": "secret-one", "x-old": "secret-two"}
    up.change(fake, headers={"x-team": "***", "X-New": "three"})
    assert sent() == {"x-team": "secret-one", "x-new": "three"}
    for headers, path in (
        ({"X-Unknown": "***"}, "headers"),
        ({"Host": "b"}, "headers.Host"),
        ({"a": "b\r\nc: d"}, "headers.a"),
        ({"no name": "b"}, "headers"),
    ):
        answer = dialling.control.request("PATCH", f"/api/v1/upstreams/{fake.name}", {"headers": headers})
        assert answer.status == 400 and [each["path"] for each in answer.json()["errors"]] == [path], answer.body
    assert sent() == {"x-team": "secret-one", "x-new": "three"}


def test_the_command_line_sets_how_a_server_is_called(up: Setup, dialling: Server) -> None:
    fake = up.add()
    fields = dialling.folder / "fields.txt"
    fields.write_text("X-Team: from a file\n\nX-Two:b\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        control = f"http://127.0.0.1:{dialling.control_port}"
        command = [BINARY, "upstreams", "set", fake.name, "--control", control, "--key-file", dialling.key_file]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)

    done = run("--timeout", "connect=2.5", "--timeout", "total=90", "--failures", "7", "--header-file", str(fields))
    assert done.returncode == 0, done.stderr
    view = up.view(fake)
    assert view["timeouts"] == {"connect": 2.5, "first_byte": 300, "between": 60, "total": 90} and view["failures"] == 7
    assert view["headers"] == {"X-Team": "***", "X-Two": "***"}
    assert up.chat()["state"] == "succeeded"
    headers = fake.requests[-1].headers
    assert (headers["x-team"], headers["x-two"]) == ("from a file", "b")
    assert run("--option", "a=b=c", "--option", "d=").returncode == 0
    assert up.view(fake)["options"] == {"a": "b=c", "d": ""}
    for wrong in (["--timeout", "2"], ["--timeout", "total=x"], ["--option", "=x"], ["--header-file", "/nowhere"]):
        refused = run(*wrong)
        assert refused.returncode != 0 and wrong[0] in refused.stderr, refused.stderr
    assert "timeouts.conn" in run("--timeout", "conn=1").stderr


def test_what_a_server_did_is_told(up: Setup, dialling: Server) -> None:
    fake = up.add()
    assert up.chat()["state"] == "succeeded"
    health = up.view(fake)["health"]
    assert health["prompt_tokens"] + health["completion_tokens"] > 0 and health["last_ok_at"]
    assert "last_error" not in health and "heard_at" not in health
    broken = up.add(refuse(500, {"error": {"message": "out of memory"}}), priority=0, weight=1_000)
    up.change(fake, priority=1)
    # The broken one is asked first, and the other one answers.
    assert up.chat()["state"] == "succeeded"
    told = up.view(broken)["health"]
    assert "500" in told["last_error"] or "out of memory" in told["last_error"], told
    assert told["last_error_at"] and told["failures"] == 1
    assert told["prompt_tokens"] == told["completion_tokens"] == 0
    assert up.view(fake)["health"]["completion_tokens"] > health["completion_tokens"]


def test_a_removed_upstream_ends_its_calls_first(up: Setup, dialling: Server) -> None:
    go = threading.Event()

    def slow(fake: FakeUpstream, to: Connection, request: Request) -> None:
        go.wait(60)
        good(fake, to, request)

    fake = up.add(slow)
    jobs: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: jobs.append(up.chat()))
    thread.start()
    deadline = time.monotonic() + 30
    while not fake.requests:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert dialling.control.delete(f"/upstreams/{fake.name}").status == 204
    go.set()
    thread.join()
    assert jobs[0]["state"] == "succeeded"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": "UP", "base_url": "http://a/", "models": []},
        {"name": "x", "base_url": "file:///etc/passwd", "models": []},
        {"name": "x", "base_url": "http://u:p@a/", "models": []},
        {"name": "x", "base_url": "http://a/", "models": [""]},
        {"name": "x", "base_url": "http://a/", "models": [{"id": "m", "profile": "nope"}]},
        {"name": "x", "base_url": "http://a/", "models": [{"id": "m", "profile": "image"}]},
        {"name": "x", "base_url": "http://a/", "models": [], "headers": {"Host": "b"}},
        {"name": "x", "base_url": "http://a/", "models": [], "headers": {"a": "b\r\nc: d"}},
        {"name": "x", "base_url": "http://a/", "models": [], "weight": 0},
        {"name": "x", "base_url": "http://a/", "models": [], "unknown": 1},
        {"name": "x", "base_url": "http://a/", "models": [], "timeouts": {"connect": -1}},
        {"name": "x", "base_url": "http://a/", "models": [], "key": 5},
    ],
)
def test_wrong_specs_are_refused(dialling: Server, body: dict[str, Any]) -> None:
    reply = dialling.control.post("/upstreams", body)
    assert reply.status == 400, (reply.status, reply.body)
    assert dialling.control.get("/upstreams/x").status == 404


def test_a_model_that_is_somebody_elses(up: Setup, dialling: Server) -> None:
    fake = up.add()
    taken = dialling.control.post(
        "/upstreams", {"name": "y", "base_url": fake.url, "models": [{"id": up.model, "profile": "embed"}]}
    )
    assert taken.status == 409, taken.body
    same = dialling.control.post("/upstreams", {"name": fake.name, "base_url": fake.url, "models": []})
    assert same.status == 409


PRIVATE = [
    "http://127.0.0.1:9/",
    "http://10.0.0.1/",
    "http://169.254.169.254/latest",
    "http://[::1]:9/",
    "http://localhost:9/",
    "http://192.168.1.1/",
    "http://[::ffff:127.0.0.1]/",
    "http://0.0.0.0:9/",
]


def test_a_tenant_cannot_reach_private_networks(dialling: Server) -> None:
    admin = Client("127.0.0.1", dialling.control_port, dialling.new_key("admin", "acme"))
    refused = admin.post("/upstreams", {"name": "x", "base_url": PRIVATE[0], "models": ["a"], "allow_private": True})
    assert refused.status == 403, refused.body
    for number, url in enumerate(PRIVATE):
        name = f"private-{number}"
        reply = admin.post(
            "/upstreams", {"name": name, "base_url": url, "models": [f"model-{number}"], "probe_every": 0}
        )
        assert reply.status == 201 and reply.json()["allow_private"] is False
        told = admin.post(f"/upstreams/{name}/test").json()
        assert not told["ok"] and "not allowed" in told["message"], (url, told)
    caller = dialling.as_role("caller", "acme")
    error = error_of(caller.run("model-0", {"messages": HI}))
    assert error["code"] == "unavailable"
    for number in range(len(PRIVATE)):
        assert admin.delete(f"/upstreams/private-{number}").status == 204


def test_a_tenants_models_are_its_own(up: Setup, dialling: Server) -> None:
    fake = up.add()
    other = Client("127.0.0.1", dialling.control_port, dialling.new_key("admin", "acme"))
    assert other.get("/upstreams").json()["upstreams"] == []
    assert other.get(f"/upstreams/{fake.name}").status == 404
    assert other.get(f"/upstreams/{fake.name}?tenant=default").status == 403
    caller = dialling.as_role("caller", "acme")
    assert caller.post("/jobs", {"capability": up.capability, "input": {"messages": HI}}).status == 404


def test_metrics(up: Setup, dialling: Server) -> None:
    fake = up.add(refuse(500, {}))
    up.add(good, priority=1)
    up.chat()
    text = dialling.control.request("GET", "/metrics").body.decode()
    label = f'upstream="default/{fake.name}"'
    assert f'headrace_upstream_calls_total{{{label},outcome="server"}} 1' in text.replace(
        'outcome="server",' + label, label + ',outcome="server"'
    )
    assert f"headrace_upstream_retries_total{{{label}}} 1" in text
    assert f"headrace_upstream_state{{{label}}} 1" in text
    other = f'upstream="default/{up.names[1]}"'
    assert f"headrace_upstream_first_byte_seconds_count{{{other}}} 1" in text


def test_many_models(dialling: Server) -> None:
    """A thousand models on one server are taken, and the last is called by its own name."""
    fake = FakeUpstream(good)
    models = [f"many/m{i}" for i in range(1000)]
    reply = dialling.control.post("/upstreams", {"name": "many", "base_url": fake.url, "models": models})
    assert reply.status == 201, reply.body
    try:
        job = dialling.client.run("many-m999", {"messages": HI})
        assert job["state"] == "succeeded"
        assert fake.requests[-1].json()["model"] == "many/m999"
    finally:
        assert dialling.control.delete("/upstreams/many").status == 204
        fake.close()
