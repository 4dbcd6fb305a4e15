"""GET /jobs: order, cursor, filters, bounds."""

from __future__ import annotations

import pytest
from wire import Client, problem


def test_list_is_newest_first_with_a_cursor(server) -> None:
    client = server.as_role("caller")
    ids = [client.submit("echo", {"text": str(i)})["id"] for i in range(5)]
    for job_id in ids:
        client.wait(job_id)
    page = client.get("/jobs?limit=2").json()
    assert page.keys() == {"jobs", "next_cursor"}
    assert [job["id"] for job in page["jobs"]] == [ids[4], ids[3]]
    seen = [job["id"] for job in page["jobs"]]
    while page["next_cursor"] is not None:
        page = client.get(f"/jobs?limit=2&cursor={page['next_cursor']}").json()
        seen += [job["id"] for job in page["jobs"]]
    assert seen == ids[::-1]
    exact = client.get("/jobs?limit=5").json()
    assert len(exact["jobs"]) == 5 and exact["next_cursor"] is None


def test_list_filters(server) -> None:
    client = server.as_role("caller")
    done = client.submit("echo", {"text": "x"})
    stopped = client.submit("echo_slow", {"text": "x", "duration_ms": 60_000})
    client.post(f"/jobs/{stopped['id']}/cancel")
    client.wait(done["id"]), client.wait(stopped["id"])

    def ids(query: str) -> list[str]:
        reply = client.get(f"/jobs?{query}")
        assert reply.status == 200, reply.body
        return [job["id"] for job in reply.json()["jobs"]]

    assert ids("state=succeeded") == [done["id"]]
    assert ids("state=cancelled") == [stopped["id"]]
    assert ids("state=running") == []
    assert ids("capability=echo") == [done["id"]]
    assert ids("capability=echo_slow@1.0.0") == [stopped["id"]]
    assert ids("capability=echo&state=cancelled") == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=99999999999999",
        "state=done",
        "state=",
        "cursor=x",
        "cursor=%00",
        "capability=%20",
        "capability=echo@x",
        "stat=queued",
        "limit=1&limit=2",
    ],
)
def test_list_refuses_what_it_does_not_know(client: Client, query: str) -> None:
    body = problem(client.get(f"/jobs?{query}"), 400, "invalid_argument")
    assert body["errors"]


def test_limit_names_its_bound(client: Client) -> None:
    body = problem(client.get("/jobs?limit=201"), 400)
    assert body["errors"][0]["limit"] == "200"
    assert client.get("/jobs?limit=200").status == 200
