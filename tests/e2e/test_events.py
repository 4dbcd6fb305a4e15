"""contracts §3: events of a job as they come."""

from __future__ import annotations

import threading

import pytest
from wire import problem
from worker import TEXT_TO_TEXT, offer

STREAM = {"Accept": "text/event-stream"}
STREAMED = {
    "inputs": {"text": {"kind": "text"}},
    "outputs": {"text": {"kind": "text", "stream": "append"}, "whole": {"kind": "text", "stream": "replace"}},
    "progress": {"outputs": {"preview": {"kind": "text"}}},
}


def rising(events: list) -> bool:
    ids = [event.id for event in events]
    return None not in ids and all(a < b for a, b in zip(ids, ids[1:], strict=False))


def test_interactive_stream(client) -> None:
    body = {"capability": "echo_stream", "input": {"text": "one two three"}}
    with client.stream("POST", "/jobs", body, STREAM) as (head, stream):
        assert head.status == 200 and head.header("content-type").startswith("text/event-stream")
        events = list(stream)
    assert rising(events)
    names = [event.event for event in events]
    assert names[0] == "state" and names[-1] == "done" and names.count("done") == 1
    assert events[0].data == {"state": "queued", "attempt": 0}
    assert {"state": "running", "attempt": 1} in [event.data for event in events]
    outputs = [event.data for event in events if event.event == "output"]
    assert all(data.keys() == {"output", "last"} for data in outputs)
    text = "".join(data["output"].get("text", "") for data in outputs)
    assert text.split() == ["one", "two", "three"]
    assert len([data for data in outputs if data["output"]]) >= 3, "one output per word"
    done = events[-1].data
    assert done["state"] == "succeeded" and done["output"]["text"].split() == ["one", "two", "three"]


def test_every_kind_of_event(workers, client, name) -> None:
    worker = workers.start(offer(name, STREAMED))
    body = {"capability": name, "input": {"text": "x"}}
    with client.stream("POST", "/jobs", body, STREAM) as (_, stream):
        leased = worker.next_job()
        assert leased.job.stream_outputs
        leased.progress(0.5, "half", preview="p")
        leased.log("a line", "stderr")
        leased.output({"text": "new"}, 1)
        leased.output({"whole": "all of it"}, 2, last=True)
        leased.done({"text": "new", "whole": "all of it"})
        events = list(stream)
    assert rising(events)
    by_name = {}
    for event in events:
        by_name.setdefault(event.event, []).append(event.data)
    assert by_name["progress"] == [{"fraction": 0.5, "message": "half", "preview": "p"}]
    (line,) = by_name["log"]
    assert line.keys() == {"stream", "line", "at"} and (line["stream"], line["line"]) == ("stderr", "a line")
    assert by_name["output"][0] == {"output": {"text": "new"}, "last": False}
    assert by_name["output"][1] == {"output": {"whole": "all of it"}, "last": True}
    assert by_name["done"][0]["output"] == {"text": "new", "whole": "all of it"}


def test_stream_of_a_failing_job(workers, client, name) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    with client.stream("POST", "/jobs", {"capability": name, "input": {"text": "x"}}, STREAM) as (_, stream):
        worker.next_job().fail("engine_failed", "no")
        events = list(stream)
    assert events[-1].event == "done" and events[-1].data["error"]["code"] == "engine_failed"


def test_hang_up_cancels(workers, client, name) -> None:
    worker = workers.start(offer(name, STREAMED))
    with client.stream("POST", "/jobs", {"capability": name, "input": {"text": "x"}}, STREAM) as (_, stream):
        leased = worker.next_job()
        assert next(stream).event == "state"
    assert leased.cancelled.wait(12), "sooner than a comment, one every 15 s, meets the dead socket"
    leased.fail("cancelled")


def test_errors_come_as_problems(client) -> None:
    reply = client.post("/jobs", {"capability": "nobody", "input": {}}, STREAM)
    problem(reply, 404, "not_found")
    problem(client.post("/jobs", {"capability": "echo", "input": {}}, STREAM), 400)


def test_events_of_a_durable_job_and_resume(workers, client, name) -> None:
    worker = workers.start(offer(name, STREAMED))
    job = client.submit(name, {"text": "x"})
    leased = worker.next_job()
    leased.progress(0.1)
    leased.progress(0.2)
    path = f"/jobs/{job['id']}/events"
    seen = []
    with client.stream("GET", path) as (head, stream):
        assert head.status == 200
        for event in stream:
            seen.append(event)
            if event.event == "progress" and event.data["fraction"] == 0.2:
                break
    leased.progress(0.3)
    leased.done({"text": "", "whole": ""})
    with client.stream("GET", path, headers={"Last-Event-ID": str(seen[-1].id)}) as (_, stream):
        rest = list(stream)
    assert rising(seen + rest), "nothing twice, nothing out of order"
    assert [event.data["fraction"] for event in rest if event.event == "progress"] == [0.3]
    assert rest[-1].event == "done" and rest[-1].data["id"] == job["id"]


def test_events_of_an_ended_job(client) -> None:
    job = client.submit("echo", {"text": "x"})
    client.wait(job["id"])
    with client.stream("GET", f"/jobs/{job['id']}/events") as (_, stream):
        events = list(stream)
    assert events[-1].event == "done" and events[-1].data["output"] == {"text": "x"}
    after = {"Last-Event-ID": str(events[-1].id)}
    with client.stream("GET", f"/jobs/{job['id']}/events", headers=after) as (_, stream):
        assert [event.event for event in stream] in (["done"], [])


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "99999999999999999999999"])
def test_last_event_id_must_be_one(client, value) -> None:
    job = client.submit("echo", {"text": "x"})
    problem(client.get(f"/jobs/{job['id']}/events", {"Last-Event-ID": value}), 400, "invalid_argument")


def test_two_readers(workers, client, name) -> None:
    worker = workers.start(offer(name, STREAMED))
    job = client.submit(name, {"text": "x"})
    leased = worker.next_job()
    results: list[list] = [[], []]

    def read(into: list) -> None:
        with client.stream("GET", f"/jobs/{job['id']}/events") as (_, stream):
            into.extend(stream)

    threads = [threading.Thread(target=read, args=(into,)) for into in results]
    for thread in threads:
        thread.start()
    leased.progress(0.9)
    leased.done({"text": "", "whole": ""})
    for thread in threads:
        thread.join(20)
    assert all(events[-1].event == "done" for events in results)


def test_keyed_stream_is_durable(client, name) -> None:
    body = {"capability": "echo_stream", "input": {"text": "a b"}, "idempotency_key": name}
    with client.stream("POST", "/jobs", body, STREAM) as (_, stream):
        first = list(stream)
    with client.stream("POST", "/jobs", body, STREAM) as (head, stream):
        twin = list(stream)
    assert head.header("idempotent-replay") == "true"
    assert twin[-1].data["id"] == first[-1].data["id"] and twin[-1].data["output"] == first[-1].data["output"]
