"""Short of memory the server opens no new streams, however they are asked for; whole answers go on."""

from __future__ import annotations

import concurrent.futures
import time
from typing import Any

from fake_upstream import FakeUpstream, good
from server import Server
from upstream_site import HI
from wire import Reply

# Four inputs of this size fill nine tenths of what the server may hold, and no fifth.
LIMIT = 400 * 1024
ONE = int(LIMIT * 0.92 / 4)


def gauge(server: Server, action: str) -> float:
    text = server.control.request("GET", "/metrics").body.decode()
    start = f'headrace_overload_action_on{{action="{action}"}}'
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(start))


def ways(server: Server, stream: bool) -> dict[str, Reply]:
    """Every dialect that asks for a stream in the body."""
    calls: dict[str, dict[str, Any]] = {
        "/v1/chat/completions": {"messages": HI},
        "/v1/completions": {"prompt": "hi"},
        "/v1/responses": {"input": "hi", "store": False},
        "/api/v1/chat/completions": {"messages": HI},
    }
    return {
        path: server.client.request("POST", path, {"model": "m", "stream": stream, **body})
        for path, body in calls.items()
    }


def test_streams_that_a_body_asks_for(start_server: Any) -> None:
    server = start_server(settings=(f"overload.queue_bytes={LIMIT}", "jobs.keep_ended_s=1"))
    server.wait_engines("echo_slow")

    def either(fake: FakeUpstream, to: Any, request: Any) -> None:
        if request.path.endswith("/completions") and "prompt" in request.json():
            to.whole(200, b'{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[]}')
        else:
            good(fake, to, request)

    fake = FakeUpstream(either)
    body = {"name": "up", "base_url": fake.url, "models": ["m"], "probe_every": 0}
    assert server.control.post("/upstreams", body).status == 201
    assert all(reply.status == 200 for reply in ways(server, stream=False).values())
    job = {"capability": "echo_slow", "input": {"text": "x" * ONE, "duration_ms": 600_000}}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        # They wait for their end, so that they are in memory alone; the server's stop ends them.
        held = [pool.submit(server.client.post, "/jobs", job, {"Prefer": "wait=60"}) for _ in range(4)]
        deadline = time.monotonic() + 60
        while gauge(server, "shed_streams") != 1:
            assert time.monotonic() < deadline, server.log_text()[-3000:]
            time.sleep(0.05)
        assert gauge(server, "stop_accepting_jobs") == 0
        before = len(fake.requests)
        for path, reply in ways(server, stream=True).items():
            own = path.startswith("/api")
            assert reply.status == (400 if own else 503), (path, reply.status, reply.body)
            assert reply.header("retry-after") == "5", (path, reply.headers)
            assert b"short of memory" in reply.body
            code = reply.json()["code"] if own else reply.json()["error"]["code"]
            assert code == (50005 if own else "overloaded"), reply.body
        assert len(fake.requests) == before, "nothing was called for them"
        for path, reply in ways(server, stream=False).items():
            assert reply.status == 200, (path, reply.status, reply.body)
        for each in server.client.get("/jobs?state=running").json()["jobs"]:
            server.client.post(f"/jobs/{each['id']}/cancel")
        server.kill()
        for each in held:
            each.exception()
    fake.close()
