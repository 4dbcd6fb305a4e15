"""contracts §4: sessions over WebSocket."""

from __future__ import annotations

import threading
import time

import pytest
from headrace.engine.io import Audio
from websocket import BINARY, CONTINUATION, TEXT, Closed, Refused, WebSocket
from worker import offer

TALK = {
    "mode": "stream",
    "inputs": {"text": {"kind": "text", "required": False}},
    "parameters": {"volume": {"kind": "integer", "default": 5, "min": 0, "max": 10}},
    "outputs": {"text": {"kind": "text", "stream": "append", "conditional": True}},
}
SOUND = {
    "mode": "stream",
    "inputs": {"audio": {"kind": "audio"}},
    "outputs": {
        "audio": {"kind": "audio", "stream": "append", "conditional": True},
        "note": {"kind": "text", "conditional": True},
    },
}
OPENING = {"input": {}, "seq": 0}


def connect(client, name: str, key: str | None = "own") -> WebSocket:
    key = client.key if key == "own" else key
    return WebSocket(client.host, client.port, f"/api/v1/capabilities/{name}/session", key)


def test_text_session(workers, client, name) -> None:
    worker = workers.start(offer(name, TALK))
    with connect(client, name) as session:
        session.send({"input": {"volume": 7}, "seq": 0})
        job = session.receive()["job"]
        leased = worker.next_job()
        assert leased.job.stream and leased.inputs()["volume"] == 7
        session.send({"input": {"text": "hello"}, "seq": 1})
        step, last = leased.next_step()
        assert step == {"text": "hello"} and not last
        leased.output({"text": "HELLO"}, 1)
        assert session.receive() == {"output": {"text": "HELLO"}, "last": False}
        session.send({"input": {"text": "bye"}, "seq": 2, "last": True})
        step, last = leased.next_step()
        assert step == {"text": "bye"} and last
        leased.output({"text": "BYE"}, 2, last=True)
        leased.done({})
        assert session.receive() == {"output": {"text": "BYE"}, "last": True}
        messages, code = session.until_closed()
        assert messages == [] and code == 1000
    assert client.job(job["id"])["state"] == "succeeded"


def test_parameters_have_their_defaults(workers, client, name) -> None:
    worker = workers.start(offer(name, TALK))
    with connect(client, name) as session:
        session.send(OPENING)
        session.receive()
        leased = worker.next_job()
        assert leased.inputs()["volume"] == 5
        session.send({"last": True})
        _, last = leased.next_step()
        assert last
        leased.done({"text": "all at once"})
        assert session.receive() == {"output": {"text": "all at once"}, "last": True}
        assert session.until_closed() == ([], 1000)


def test_binary_frames_both_ways(workers, client, name) -> None:
    worker = workers.start(offer(name, SOUND))
    with connect(client, name) as session:
        session.send(OPENING)
        session.receive()
        leased = worker.next_job()
        sound = bytes(range(256)) * 10
        session.send(sound)
        step, _ = leased.next_step()
        assert step["audio"].bytes == sound
        leased.output({"audio": Audio(b"\x01\x02", "audio/wav")}, 1)
        assert session.receive() == b"\x01\x02"
        leased.output({"audio": Audio(b"\x03", "audio/wav"), "note": "n"}, 2)
        assert session.receive() == b"\x03"
        assert session.receive() == {"output": {"note": "n"}, "last": False}
        session.send({"last": True})
        leased.next_step()
        leased.done({})
        assert session.receive() == {"output": {}, "last": True}
        assert session.until_closed() == ([], 1000)


def test_the_job_is_named_while_it_waits(workers, client, name) -> None:
    worker = workers.start(offer(name, TALK))
    with connect(client, name) as first, connect(client, name) as second:
        first.send(OPENING)
        first.receive()
        leased = worker.next_job()
        second.send(OPENING)
        waiting = second.receive()["job"]["id"]
        assert client.job(waiting)["state"] == "queued"
        second.send({"input": {"text": "early"}, "seq": 1})
        leased.done({})
        late = worker.next_job()
        assert late.next_step()[0] == {"text": "early"}
        late.done({})


def test_an_engine_error(workers, client, name) -> None:
    worker = workers.start(offer(name, TALK))
    for code, close in (("engine_failed", 1011), ("invalid_argument", 1008)):
        with connect(client, name) as session:
            session.send(OPENING)
            session.receive()
            worker.next_job().fail(code, "why")
            messages, closed = session.until_closed()
            assert messages[0]["error"]["code"] == code and messages[0]["error"]["message"] == "why"
            assert closed == close


def test_hang_up_cancels(workers, client, name) -> None:
    worker = workers.start(offer(name, TALK))
    for polite in (True, False):
        session = connect(client, name)
        session.send(OPENING)
        session.receive()
        leased = worker.next_job()
        if polite:
            session.close()
        session.socket.close()
        assert leased.cancelled.wait(20)
        leased.fail("cancelled")


def test_cancel_from_outside(workers, client, name) -> None:
    worker = workers.start(offer(name, TALK))
    with connect(client, name) as session:
        session.send(OPENING)
        job = session.receive()["job"]["id"]
        leased = worker.next_job()
        assert client.post(f"/jobs/{job}/cancel").status == 202
        assert leased.cancelled.wait(20)
        leased.fail("cancelled")
        messages, code = session.until_closed()
        assert messages[-1]["error"]["code"] == "cancelled" and code == 1008


FAULTS_AT_FIRST = {
    "binary first": lambda s: s.send(b"sound"),
    "not JSON": lambda s: s.send_frame(TEXT, b"nonsense"),
    "not an object": lambda s: s.send([]),
    "no input": lambda s: s.send({"seq": 0}),
    "wrong seq": lambda s: s.send({"input": {}, "seq": 1}),
    "unknown field": lambda s: s.send({"input": {}, "seq": 0, "more": 1}),
    "unknown input": lambda s: s.send({"input": {"nope": 1}, "seq": 0}),
    "wrong type": lambda s: s.send({"input": {"volume": "loud"}, "seq": 0}),
    "out of bounds": lambda s: s.send({"input": {"volume": 11}, "seq": 0}),
    "duplicate keys": lambda s: s.send_frame(TEXT, b'{"input":{},"input":{},"seq":0}'),
    "lone surrogate": lambda s: s.send_frame(TEXT, b'{"input":{"text":"\\ud800"},"seq":0}'),
    "too deep": lambda s: s.send_frame(TEXT, b'{"input":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "number out of range": lambda s: s.send_frame(TEXT, b'{"input":{"volume":1e999},"seq":0}'),
    "empty": lambda s: s.send_frame(TEXT, b""),
}


@pytest.mark.parametrize("fault", FAULTS_AT_FIRST)
def test_faults_in_the_first_frame(workers, server, client, name, fault) -> None:
    workers.start(offer(name, TALK))
    with connect(client, name) as session:
        FAULTS_AT_FIRST[fault](session)
        messages, code = session.until_closed()
    assert code == 1008, (fault, messages)
    assert messages[-1]["error"]["code"] == "invalid_argument"


FAULTS_LATER = {
    "not JSON": (lambda s: s.send_frame(TEXT, b"{"), 1008),
    "unknown input": (lambda s: s.send({"input": {"nope": 1}, "seq": 1}), 1008),
    "seq goes back": (
        lambda s: (s.send({"input": {"text": "a"}, "seq": 5}), s.send({"input": {"text": "b"}, "seq": 5})),
        1008,
    ),
    "binary without media": (lambda s: s.send(b"x"), 1008),
    "after the last": (lambda s: (s.send({"last": True}), s.send({"input": {"text": "x"}, "seq": 9})), 1008),
    "no input and not last": (lambda s: s.send({"seq": 1}), 1008),
    "last of a wrong type": (lambda s: s.send({"last": "yes"}), 1008),
    "unmasked": (lambda s: s.send_frame(TEXT, b"{}", mask=False), 1002),
    "reserved bits": (lambda s: s.send_frame(TEXT, b"{}", reserved=4), 1002),
    "reserved opcode": (lambda s: s.send_frame(3, b"{}"), 1002),
    "continuation of nothing": (lambda s: s.send_frame(CONTINUATION, b"{}"), 1002),
    "cut control frame": (lambda s: s.send_frame(9, b"x" * 5, fin=False), 1002),
    "long control frame": (lambda s: s.send_frame(9, b"x" * 126), 1002),
    "bad UTF-8": (lambda s: s.send_frame(TEXT, b"\xff\xfe"), 1007),
    "too large": (lambda s: s.send_frame(BINARY, b"", claim=1 << 40), 1009),
    "close code of one byte": (lambda s: s.send_frame(8, b"\x03"), 1002),
    "text inside of a message": (lambda s: (s.send_frame(TEXT, b"{", fin=False), s.send_frame(TEXT, b"}")), 1002),
}


@pytest.mark.parametrize("fault", FAULTS_LATER)
def test_faults_later(workers, client, name, fault) -> None:
    worker = workers.start(offer(name, TALK))
    with connect(client, name) as session:
        session.send(OPENING)
        session.receive()
        leased = worker.next_job()
        act, expected = FAULTS_LATER[fault]
        act(session)
        _, code = session.until_closed()
    assert code == expected or (expected != 1008 and code in (None, expected)), (fault, code)
    assert leased.cancelled.wait(20), "a session at fault frees its slot"
    leased.fail("cancelled")


def test_upgrades_that_are_refused(server, client) -> None:
    for reference, status in (("nobody", 404), ("echo", 400)):
        with pytest.raises(Refused) as refused:
            connect(client, reference)
        assert refused.value.status == status
    with pytest.raises(Refused) as refused:
        connect(client, "echo", key=None)
    assert refused.value.status == 401
    viewer = server.as_role("viewer")
    with pytest.raises(Refused) as refused:
        connect(viewer, "echo")
    assert refused.value.status == 403


def test_a_session_capability_takes_no_jobs(workers, client, name) -> None:
    workers.start(offer(name, TALK))
    reply = client.post("/jobs", {"capability": name, "input": {}})
    assert reply.status == 400 and reply.json()["errors"][0]["path"] == "capability"
    assert client.get(f"/capabilities/{name}/session").status == 400


def test_windows_hold_a_fast_client_back(workers, client, name) -> None:
    """The engine takes nothing: the client can push its window and what TCP holds, not more."""
    worker = workers.start(offer(name, SOUND))
    worker._take_steps = False
    with connect(client, name) as session:
        session.send(OPENING)
        session.receive()
        leased = worker.next_job()
        hold = threading.Event()
        send = worker.send
        worker.send = lambda body: None if type(body).__name__ == "Window" and not hold.is_set() else send(body)
        session.socket.settimeout(1.5)
        pushed = 0
        with pytest.raises(TimeoutError):
            for _ in range(2000):
                session.send(b"x" * 60_000)
                pushed += 60_000
        assert 200_000 < pushed < 60_000_000
        time.sleep(0.1)
        taken = sum(len(leased.steps.get_nowait()[0]["audio"].bytes) for _ in range(leased.steps.qsize()))
        assert taken <= 600_000, "no more than the window reaches a worker that takes nothing"


def test_many_sessions(workers, client, name) -> None:
    worker = workers.start(offer(name, TALK, slots=8), slots=8)
    sessions = [connect(client, name) for _ in range(8)]
    for number, session in enumerate(sessions):
        session.send({"input": {"text": str(number)}, "seq": 0})
        session.receive()
    for _ in sessions:
        leased = worker.next_job()
        leased.output({"text": leased.inputs()["text"] + "!"}, 1, last=True)
        leased.done({})
    for number, session in enumerate(sessions):
        assert session.receive() == {"output": {"text": f"{number}!"}, "last": True}
        with pytest.raises(Closed):
            session.receive()
