"""Hostile input: a worker that lies over a real link. It is refused or cut, and others go on."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import time

import pytest
from headrace.engine import protocol
from headrace.engine.values import encode_values
from websocket import BINARY, TEXT, Closed, WebSocket
from worker import LINK, TEXT_TO_TEXT, TestWorker, offer


@pytest.fixture(autouse=True)
def unharmed(server):
    yield
    server.healthy()


def raw_link(server, tenant: str = "default") -> WebSocket:
    return WebSocket("127.0.0.1", server.control_port, LINK, server.new_key("worker", tenant))


def hello(*offers: object, **more: object) -> bytes:
    fields = {
        "protocol": protocol.PROTOCOL,
        "name": "liar",
        "host": "h",
        "pid": 1,
        "kit": "x",
        "slots": 1,
        "batch_limit": 64,
        "offers": list(offers),
        **more,
    }
    return protocol.encode_frame(protocol.Hello(**fields))


def refused(server, *frames: bytes | str) -> None:
    """Sends the frames; the link must end, with an error of a welcome at most."""
    with raw_link(server) as link:
        for frame in frames:
            try:
                link.send_frame(
                    TEXT if isinstance(frame, str) else BINARY, frame.encode() if isinstance(frame, str) else frame
                )
            except OSError:
                return
        messages, _ = link.until_closed()
        welcomes = [protocol.decode_frame(message) for message in messages if isinstance(message, bytes)]
        errors = [welcome.error for welcome in welcomes if isinstance(welcome, protocol.Welcome)]
        assert len(frames) > 1 or not errors or errors[0], "a refused hello says why"


FIRST_FRAMES = {
    "wrong protocol": lambda: hello(protocol=99),
    "text": lambda: "hello",
    "noise": lambda: os.urandom(500),
    "no hello": lambda: protocol.encode_frame(protocol.Credit(offers=[0], slots=1)),
    "a server's frame": lambda: protocol.encode_frame(protocol.Welcome(protocol=1)),
    "huge name": lambda: hello(name="x" * 10_000),
    "too many offers": lambda: hello(*[offer(f"x{i}", TEXT_TO_TEXT) for i in range(65)]),
    "interface is not JSON": lambda: hello(protocol.Offer(capability="x", version="1.0.0", interface="{")),
    "interface contradicts itself": lambda: hello(offer("x", {"inputs": {"a": {"kind": "nothing"}}})),
    "bad capability name": lambda: hello(offer("No Name", TEXT_TO_TEXT)),
    "bad version": lambda: hello(offer("x", TEXT_TO_TEXT, "one")),
    "huge interface": lambda: hello(protocol.Offer(capability="x", version="1.0.0", interface=" " * 600_000)),
    "field longer than its frame": lambda: b"\x0a\xff\xff\xff\xff\x0f",
}


@pytest.mark.parametrize("case", FIRST_FRAMES)
def test_first_frames(server, case) -> None:
    refused(server, FIRST_FRAMES[case]())


def test_two_hellos(server, name) -> None:
    refused(server, hello(offer(name, TEXT_TO_TEXT)), hello(offer(name, TEXT_TO_TEXT)))


def test_a_huge_frame(server, name) -> None:
    refused(server, hello(offer(name, TEXT_TO_TEXT)), b"\x00" * (2 << 20))


def test_another_interface_for_the_same_version(workers, server, client, name) -> None:
    workers.start(offer(name, TEXT_TO_TEXT))
    other = {"inputs": {"number": {"kind": "text"}}, "outputs": {}}
    refused(server, hello(offer(name, other)))
    assert "text" in json.dumps(client.get(f"/capabilities/{name}").json()["interface"])


def test_a_capability_of_the_system_is_not_taken_over(server, client) -> None:
    refused(server, hello(offer("echo", TEXT_TO_TEXT, "9.0.0")))
    assert client.run("echo", {"text": "x"})["capability"] == "echo@1.0.0"


def leased_pair(workers, client, name):
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    job = client.submit(name, {"text": "x"})
    return worker, worker.next_job(), job


def test_unknown_fences_are_refused_without_harm(workers, client, name) -> None:
    worker, leased, job = leased_pair(workers, client, name)
    for ref in (
        dataclasses.replace(leased.ref, counter=leased.ref.counter + 1000),
        dataclasses.replace(leased.ref, counter=max(0, leased.ref.counter - 1)),
        dataclasses.replace(leased.ref, epoch=leased.ref.epoch + 1),
        dataclasses.replace(leased.ref, job=os.urandom(16)),
    ):
        worker.send(protocol.Result(results=[protocol.JobResult(ref=ref, values=encode_values({"text": "forged"}))]))
        worker.send(protocol.Progress(ref=ref, fraction=0.5))
        worker.send(protocol.Failure(failures=[protocol.JobFailure(ref=ref, code="engine_failed")]))
        while worker.refused.get(timeout=30).ref != ref:
            pass
    assert client.job(job["id"])["state"] == "running"
    leased.done({"text": "true"})
    assert client.wait(job["id"])["output"] == {"text": "true"}


def test_another_workers_job(workers, client, name) -> None:
    _, leased, job = leased_pair(workers, client, name)
    other = workers.start(offer(f"{name}-b", TEXT_TO_TEXT), tenant="acme")
    other.send(protocol.Result(results=[protocol.JobResult(ref=leased.ref, values=encode_values({"text": "stolen"}))]))
    other.send(protocol.Failure(failures=[protocol.JobFailure(ref=leased.ref, code="engine_failed")]))
    other.send(protocol.Output(ref=leased.ref, chunk=protocol.Chunk(part=1, data=b"x", last=True)))
    other.refused.get(timeout=30)
    assert client.job(job["id"])["state"] == "running"
    leased.done({"text": "mine"})
    assert client.wait(job["id"])["output"] == {"text": "mine"}


def test_a_result_twice(workers, client, name) -> None:
    worker, leased, job = leased_pair(workers, client, name)
    leased.done({"text": "first"})
    worker.send(protocol.Result(results=[protocol.JobResult(ref=leased.ref, values=encode_values({"text": "second"}))]))
    assert worker.refused.get(timeout=30).ref == leased.ref
    assert client.wait(job["id"])["output"] == {"text": "first"}


BAD_RESULTS = {
    "not Values": lambda ref: protocol.JobResult(ref=ref, values=b"\xff\xff\xff"),
    "unknown output": lambda ref: protocol.JobResult(ref=ref, values=encode_values({"other": "x"})),
    "missing output": lambda ref: protocol.JobResult(ref=ref, values=encode_values({})),
    "wrong type": lambda ref: protocol.JobResult(ref=ref, values=encode_values({"text": 5})),
    "null": lambda ref: protocol.JobResult(ref=ref, values=encode_values({"text": None})),
    "announced size that never came": lambda ref: protocol.JobResult(ref=ref, values_size=1 << 40),
    "media from nowhere": lambda ref: protocol.JobResult(ref=ref, values=encode_values({"text": b"media"}, parts=[])),
}


@pytest.mark.parametrize("case", BAD_RESULTS)
def test_results_that_break_the_interface(workers, client, name, case) -> None:
    """Costs the attempt or the link, never the server; the job does not succeed with it."""
    worker, leased, job = leased_pair(workers, client, name)
    worker.send(protocol.Result(results=[BAD_RESULTS[case](leased.ref)]))
    deadline = time.monotonic() + 60
    while (seen := client.job(job["id"]))["state"] == "running" and seen["attempt"] == 1:
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    assert seen["state"] != "succeeded"
    client.post(f"/jobs/{job['id']}/cancel")


def test_chunks_nobody_asked_for(workers, client, name) -> None:
    worker, leased, job = leased_pair(workers, client, name)
    try:
        worker.send(protocol.Output(ref=leased.ref, chunk=protocol.Chunk(part=4097, data=b"x", last=True)))
        worker.send(protocol.Output(ref=leased.ref, chunk=protocol.Chunk(part=1, data=b"x" * (65 << 10))))
    except OSError:
        pass
    time.sleep(0.3)
    client.post(f"/jobs/{job['id']}/cancel")


def test_a_flood_without_windows(workers, client, name) -> None:
    """Output bytes beyond the window end the link or the attempt; memory stays."""
    worker, leased, job = leased_pair(workers, client, name)
    chunk = protocol.Output(ref=leased.ref, chunk=protocol.Chunk(part=1, data=b"x" * 65_536))
    began = time.monotonic()
    try:
        worker.socket.socket.settimeout(3)
        for _ in range(2000):
            worker.send(chunk)
            if worker.closed is not None or time.monotonic() - began > 5:
                break
    except OSError:
        pass
    assert client.get("/jobs?limit=1").status == 200
    client.post(f"/jobs/{job['id']}/cancel")


def test_credits_from_nowhere(workers, client, name) -> None:
    worker = workers.start(offer(name, TEXT_TO_TEXT))
    try:
        worker.send(protocol.Credit(offers=[5], slots=1))
        worker.send(protocol.Credit(offers=[0], slots=4_000_000_000))
        worker.send(protocol.Credit(offers=[], slots=1))
    except OSError:
        pass
    time.sleep(0.2)


def test_a_worker_that_dies_costs_one_attempt(workers, client, name) -> None:
    worker, _, job = leased_pair(workers, client, name)
    second = workers.start(offer(name, TEXT_TO_TEXT), name="second")
    worker.socket.socket.shutdown(2)
    leased = second.next_job(within=40)
    assert leased.job.attempt == 2
    leased.done({"text": "saved"})
    assert client.wait(job["id"])["output"] == {"text": "saved"}


def test_resume_with_a_foreign_worker_id(workers, server, name) -> None:
    victim = workers.start(offer(name, TEXT_TO_TEXT))
    with raw_link(server, "acme") as link:
        link.send(hello(offer(f"{name}-x", TEXT_TO_TEXT), resume=victim.welcome.worker))
        try:
            welcome = protocol.decode_frame(link.receive())
            assert welcome.error or welcome.worker != victim.welcome.worker
        except Closed:
            pass
    assert victim.closed is None


def test_silence_after_the_upgrade(server) -> None:
    links = [raw_link(server) for _ in range(20)]
    server.healthy()
    for link in links:
        link.socket.close()


def test_hang_up_at_each_stage(server, client, name) -> None:
    for stage in range(4):
        link = raw_link(server)
        if stage >= 1:
            link.send(hello(offer(f"{name}-{stage}", TEXT_TO_TEXT)))
        if stage >= 2:
            link.receive()
        if stage >= 3:
            link.send(protocol.encode_frame(protocol.Credit(offers=[0], slots=1)))
        link.socket.close()


def test_workers_do_not_wait_for_each_other(server, workers, client, name) -> None:
    """One that reads nothing holds up nobody, as long as it is there."""
    stuck = workers.start(offer(f"{name}-stuck", TEXT_TO_TEXT, slots=64), slots=64, name=f"{name}-stuck")
    stuck._stop.set()
    for _ in range(64):
        client.submit(f"{name}-stuck", {"text": "x" * 60_000})
    done = threading.Event()
    threading.Thread(target=lambda: (client.run("echo", {"text": "x"}), done.set())).start()
    assert done.wait(30)
    known = server.control.get("/workers").json()["workers"]
    states = {worker["name"]: worker["state"] for worker in known}
    assert states.get(f"{name}-stuck") == "busy", "it was given up, by its lease of 15 s, before echo was done"


__all__ = ["TestWorker"]
