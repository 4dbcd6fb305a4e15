"""The request log over HTTP: GET /api/v1/requests, and the command line that asks a server for it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from fake_upstream import FakeUpstream
from openai_sdk import sdk
from server import BINARY, Server
from wire import Client

WITHIN_S = 60
LOG = ("request_log.enabled=true", "request_log.bodies=true", r"request_log.redact=[0-9]{4}")


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    running = FakeUpstream()
    yield running
    running.close()


def add_model(server: Server, fake: FakeUpstream, name: str = "gpu-1", model: str = "org/m", **more: Any) -> None:
    body = {"name": name, "base_url": fake.url, "models": [{"id": model}], "probe_every": 0, **more}
    assert server.control.post("/upstreams", body).status == 201


def ask(server: Server, key: str | None = None, model: str = "org/m", text: str = "call me at 5550") -> None:
    messages: Any = [{"role": "user", "content": text}]
    assert sdk(server, key).chat.completions.create(model=model, messages=messages).choices


def control_url(server: Server) -> str:
    return f"http://127.0.0.1:{server.control_port}"


def new_key(server: Server, role: str, **more: Any) -> tuple[str, str]:
    answer = server.control.post("/keys", {"name": f"{role}-key", "role": role, **more})
    assert answer.status == 201, answer.body
    return answer.json()["id"], answer.json()["key"]


def search(client: Client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/requests{query}")
    assert answer.status == 200, answer.body
    return answer.json()["requests"]


def until_logged(server: Server, count: int) -> list[dict[str, Any]]:
    """Lines are written by a thread of their own, a moment after the answer."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        found = search(server.control, "?limit=200")
        if len(found) >= count:
            assert len(found) == count
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_what_is_refused_has_a_line(start_server: Callable[..., Server], fake: FakeUpstream) -> None:
    """By what was wrong: a name, a body, a limit, the key's models. Nobody whose key is not proven has one."""
    server = start_server(settings=LOG)
    add_model(server, fake)
    limited_id, limited = new_key(server, "caller", limits={"requests_per_day": 1})
    other_id, other = new_key(server, "caller", capabilities=["other"])
    ids: dict[str, str] = {}

    def refused(name: str, key: str | None, model: str = "org/m", **more: Any) -> None:
        wanted = {"messages": [{"role": "user", "content": "x"}], **more}
        with pytest.raises(openai.APIStatusError) as told:
            sdk(server, key).chat.completions.create(model=model, **wanted)
        ids[name] = told.value.response.headers["x-request-id"]

    ask(server, limited)
    until_logged(server, 1)
    refused("limit", limited)
    refused("models", other)
    refused("name", None, model="nobody 5550")
    refused("body", None, extra_body={"stream": "perhaps"})
    with pytest.raises(openai.NotFoundError):
        sdk(server).embeddings.create(model="nobody", input="x")
    wrong = server.client.with_key("hr_wrong").request("POST", "/v1/chat/completions", {"model": "org/m"})
    assert wrong.status == 401
    plain = {"model": "nobody", "messages": "hi"}
    assert server.client.request("POST", "/api/v1/chat/completions", plain).status == 400
    lines = until_logged(server, 7)
    of_fastchat, embeds, body, name, models, limit, called = lines
    assert called["outcome"] == "succeeded" and len(called["trace"]) == 32
    common = {"tenant": "default", "model": "org/m", "operation": "chat", "outcome": "refused"}
    assert limit.items() >= {**common, "key": limited_id, "status": 429, "code": "rate_limit_exceeded"}.items()
    assert limit["capability"] == called["capability"]
    assert models.items() >= {**common, "key": other_id, "status": 403, "code": "model_not_allowed"}.items()
    assert (name["status"], name["code"], name["message"].count("[redacted]")) == (404, "model_not_found", 1)
    assert "capability" not in name and "job" not in name
    assert (body["status"], body["code"]) == (400, "invalid_value")
    assert (embeds["operation"], embeds["model"], embeds["status"]) == ("embed", "nobody", 404)
    assert (of_fastchat["status"], of_fastchat["code"], of_fastchat["model"]) == (400, "40301", "nobody")
    for each, line in {"limit": limit, "models": models, "name": name, "body": body}.items():
        assert ids[each] == f"req_{line['trace']}"
        assert search(server.control, f"?text={ids[each]}") == [line]
    assert search(server.control, "?outcome=refused&limit=2") == [of_fastchat, embeds]
    assert search(server.control, "?status=429") == [limit]


def test_where_the_log_is_off_it_says_how_it_is_turned_on(start_server: Callable[..., Server]) -> None:
    server = start_server()
    answer = server.control.get("/requests")
    assert (answer.status, answer.json()["code"]) == (409, "conflict")
    assert "request_log.enabled" in answer.json()["detail"]
    assert server.client.get("/requests").status == 404, "the route is the control door's"


def test_filters_and_pages(start_server: Callable[..., Server], fake: FakeUpstream) -> None:
    server = start_server(settings=LOG)
    add_model(server, fake)
    assert server.control.post("/apps", {"name": "shop"}).status == 201
    assert server.control.post("/users", {"name": "ann"}).status == 201
    key_id, key = new_key(server, "caller", app="shop", user="ann")
    ask(server, text="about invoices")
    until_logged(server, 1)
    ask(server, key)
    fake.behave = lambda _, to, __: to.whole(400, b'{"error":{"message":"no such thing"}}')
    with pytest.raises(Exception, match="400"):
        ask(server, key)
    lines = until_logged(server, 3)
    refused, of_app, first = lines
    assert (of_app["key"], of_app["key_name"], of_app["app"], of_app["user"]) == (key_id, "caller-key", "shop", "ann")
    assert "app" not in first and first["upstream"] == "gpu-1"
    assert first["answer"] and "about invoices" in first["request"]
    assert "[redacted]" in of_app["request"] and "5550" not in json.dumps(lines)
    secret = key.split("_", 2)[2]  # which may hold more of them
    assert secret not in json.dumps(lines) and server.client.key not in json.dumps(lines)
    for query, expected in {
        "app=shop": [refused, of_app],
        "user=ann": [refused, of_app],
        f"key={key_id}": [refused, of_app],
        "model=org/m": lines,
        "model=other": [],
        "upstream=gpu-1": lines,
        "upstream=gpu-2": [],
        "status=400": [refused],
        "outcome=succeeded": lines,
        "outcome=failed": [],
        "text=INVOICE": [first],
        f"text={of_app['job']}": [of_app],
        f"to={first['at']}": [],
        f"from={of_app['at']}&to={refused['at']}": [of_app],
        "tenant=default": lines,
        "tenant=acme": [],
        "limit=2": [refused, of_app],
    }.items():
        assert search(server.control, f"?{query}") == expected, query

    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = server.control.get(f"/requests?limit=1&cursor={cursor}" if cursor else "/requests?limit=1").json()
        seen += answer["requests"]
        cursor = answer["next_cursor"]
        assert len(seen) <= 3
    assert seen == lines
    for query, path in {
        "limit=0": "query.limit",
        "limit=201": "query.limit",
        "status=x": "query.status",
        "outcome=dead": "query.outcome",
        "from=yesterday": "query.from",
        "to=x": "query.to",
        "cursor=x": "query.cursor",
        "cursor=../../etc.0.1": "query.cursor",
        "what=x": "query",
    }.items():
        answer = server.control.get(f"/requests?{query}")
        assert answer.status == 400 and answer.json()["errors"][0]["path"] == path, (query, answer.body)


def test_a_tenant_sees_its_own_and_who_runs_the_server_sees_all(
    start_server: Callable[..., Server], fake: FakeUpstream
) -> None:
    server = start_server(settings=LOG)
    add_model(server, fake, tenant="system")
    add_model(server, fake, "gpu-2", "org/other", tenant="system")
    callers = {tenant: new_key(server, "caller", tenant=tenant)[1] for tenant in ("acme", "globex")}
    for tenant, key in callers.items():
        ask(server, key, text=f"from {tenant}")
    ask(server, callers["acme"], model="org/other", text="from acme")
    assert sorted(line["tenant"] for line in until_logged(server, 3)) == ["acme", "acme", "globex"]
    for role in ("admin", "operator"):
        for tenant, count in (("acme", 2), ("globex", 1)):
            client = server.control.with_key(new_key(server, role, tenant=tenant)[1])
            assert [line["tenant"] for line in search(client)] == [tenant] * count
            assert search(client, f"?tenant={tenant}") == search(client)
            other = "globex" if tenant == "acme" else "acme"
            assert client.get(f"/requests?tenant={other}").status == 403
            assert search(client, f"?text=from+{other}") == []
    # A key that may use some models sees what went to those.
    only = server.control.with_key(new_key(server, "operator", tenant="acme", capabilities=["org/other"])[1])
    assert [line["model"] for line in search(only)] == ["org/other"]
    for role in ("developer", "viewer", "caller"):
        assert server.control.with_key(new_key(server, role, tenant="acme")[1]).get("/requests").status == 403
    assert {line["tenant"] for line in search(server.control)} == {"acme", "globex"}
    assert [line["tenant"] for line in search(server.control, "?tenant=globex")] == ["globex"]


def fill(server: Server, times: int) -> dict[str, Any]:
    """A file of so many times 4 MB, of one line."""
    line = {"at": "2026-01-01T00:00:00.000Z", "job": "j", "tenant": "default", "key": "k", "request": "x" * 4000}
    text = (json.dumps(line, separators=(",", ":")) + "\n").encode()
    with (server.folder / "data" / "requests" / "requests-2026-01-01.jsonl").open("wb") as out:
        for _ in range(times):
            out.write(text * 1000)
    return line


def test_searches_wait_for_each_other_and_not_in_any_number(start_server: Callable[..., Server]) -> None:
    server = start_server(settings=LOG)
    fill(server, 10)
    deadline = time.monotonic() + WITHIN_S
    refused: list[Any] = []
    with ThreadPoolExecutor(24) as pool:
        while not refused:
            assert time.monotonic() < deadline, "nobody was refused"
            answers = list(pool.map(lambda _: server.control.get("/requests?text=nowhere"), range(24)))
            assert {answer.status for answer in answers} <= {200, 503}
            assert any(answer.status == 200 for answer in answers)
            refused = [answer for answer in answers if answer.status == 503]
    assert all(int(answer.header("Retry-After") or 0) >= 1 for answer in refused)
    assert "request log" in refused[0].json()["detail"]
    assert search(server.control, "?text=nowhere") == [], "those that waited made room"


def test_a_long_log_is_read_in_bounded_steps_and_nobody_waits_for_it(start_server: Callable[..., Server]) -> None:
    server = start_server(settings=(*LOG, "server.io_loops=0"))
    line = fill(server, 40)
    answered: list[tuple[float, float]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            begun = time.monotonic()
            assert server.control.request("GET", "/healthz").status == 200
            answered.append((begun, time.monotonic()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    searches: list[tuple[float, float]] = []
    cursor = ""
    try:
        while True:
            begun = time.monotonic()
            answer = server.control.get(f"/requests?text=nowhere{cursor}").json()
            searches.append((begun, time.monotonic()))
            assert answer["requests"] == [] and answer["searched_to"] == line["at"]
            if answer["next_cursor"] is None:
                break
            cursor = f"&cursor={answer['next_cursor']}"
    finally:
        done.set()
        watcher.join()
    assert len(searches) >= 3, "160 MB are more than one search reads"
    # The server has one loop: were it to search there, hardly a request would be answered during a search.
    during = [1 for a, b in answered for begun, ended in searches if begun < a and b < ended]
    assert len(during) > 5 * len(searches), (len(during), searches)


def test_the_command_line_asks_the_server_that_is_named(
    start_server: Callable[..., Server], fake: FakeUpstream
) -> None:
    server = start_server(settings=LOG)
    add_model(server, fake)
    for n in range(3):
        ask(server, text=f"question {n}")
        until_logged(server, n + 1)

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BINARY, "requests", *arguments],
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            cwd=server.folder,
            env={**os.environ, "HEADRACE_KEY": server.client.key, **environment},
        )

    control = control_url(server)
    asked = run("--control", control, "-o", "json")
    assert asked.returncode == 0, asked.stderr
    lines = json.loads(asked.stdout)["requests"]
    assert ["question 0" in lines[0]["request"], "question 2" in lines[2]["request"]] == [True, True], "oldest first"
    by_name = run("--limit", "2", "--text", "question", HEADRACE_CONTROL_URL=control)
    assert by_name.returncode == 0 and by_name.stdout.count("Hello there") == 2
    # A folder that is named is read, whatever the environment says.
    read = run("--data", str(server.folder / "data"), "-o", "json", HEADRACE_CONTROL_URL="http://127.0.0.1:1")
    assert read.returncode == 0, read.stderr
    assert [line["job"] for line in json.loads(read.stdout)["requests"]] == [line["job"] for line in lines]
    off = start_server()
    said = run("--control", control_url(off), HEADRACE_KEY=off.client.key)
    assert said.returncode != 0 and "request_log.enabled" in said.stderr
