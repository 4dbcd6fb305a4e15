"""The pure parts of the remote agent: numbering, leases, credit, restart pauses, addresses."""

from __future__ import annotations

import pytest

pytest.importorskip("websockets")

from headrace.engine.protocol import (
    Batch,
    Credit,
    JobRef,
    JobResult,
    Lease,
    LeasedJob,
    Ping,
    Result,
    decode_frame,
    encode_frame,
)
from headrace.remote.agent import RestartPolicy
from headrace.remote.delivery import Delivery, Received, Replay, split, stamped
from headrace.remote.engine import Limits
from headrace.remote.leases import CreditLedger, HeldLeases
from headrace.remote.settings import Settings, check_url

JOB = JobRef(b"j" * 16, 1, 1)
RESULT = encode_frame(Result([JobResult(JOB)]))


def lease(*refs: JobRef, offer: int = 0) -> Lease:
    return Lease([Batch(offer, [LeasedJob(ref) for ref in refs])])


def test_a_stamp_does_not_change_the_body() -> None:
    replay = Replay()
    first, second = replay.stamp(RESULT), replay.stamp(RESULT)
    assert decode_frame(first) == decode_frame(RESULT)
    assert split(first)[1] == Delivery(1, 0)
    assert split(second)[1] == Delivery(2, 0)
    assert split(replay.acknowledgement()) == (None, Delivery(0, 0))


def test_pings_are_not_numbered_and_not_kept() -> None:
    replay = Replay()
    assert split(replay.stamp(encode_frame(Ping(7)))) == (Ping(7), Delivery(0, 0))
    assert replay.is_settled


def test_what_is_not_acknowledged_goes_again() -> None:
    replay = Replay()
    frames = [replay.stamp(RESULT) for _ in range(3)]
    replay.acknowledged(1)
    assert replay.unacknowledged() == frames[1:]
    replay.receive(Delivery(0, 3), 10)
    assert replay.is_settled


def test_twice_and_gaps_are_noticed() -> None:
    replay = Replay()
    assert replay.receive(Delivery(1, 0), 10) is Received.FRESH
    assert replay.receive(Delivery(1, 0), 10) is Received.AGAIN
    assert replay.receive(Delivery(3, 0), 10) is Received.GAP
    assert replay.received == 1


def test_too_much_unacknowledged_cannot_be_resumed() -> None:
    replay = Replay(most_bytes=100)
    for _ in range(10):
        replay.stamp(RESULT)
    assert replay.overflowed
    replay.acknowledged(10)
    assert not replay.overflowed


def test_an_acknowledgement_is_owed_after_many_bytes() -> None:
    replay = Replay()
    for number in range(1, 130):
        replay.receive(Delivery(number, 0), 10)
    assert replay.owes_acknowledgement
    replay.stamp(RESULT)
    assert not replay.owes_acknowledgement


def test_a_sent_result_is_held_until_it_is_settled() -> None:
    held = HeldLeases()
    held.from_server(lease(JOB))
    assert held.all() == [JOB]
    held.from_host(Result([JobResult(JOB)]))
    assert not held.running
    assert held.all() == [JOB]
    held.settled()
    assert held.all() == []


def test_credit_that_was_used_is_not_given_again() -> None:
    ledger = CreditLedger()
    ledger.give(Credit([0], 2))
    ledger.give(Credit([1], 1))
    ledger.take(lease(JOB, offer=0))
    ledger.take(lease(JOB, offer=1))
    assert ledger.credits() == [Credit((0,), 1)]


def test_restarts_wait_longer_and_longer() -> None:
    policy = RestartPolicy()
    assert [policy.next(0.1, ready=False) for _ in range(4)] == [0.0, 0.1, 0.2, 0.4]
    assert policy.next(60, ready=True) == 0.0
    working = RestartPolicy()
    assert [working.next(1, ready=True) for _ in range(4)] == [0.0, 0.1, 0.2, 0.2]


def test_limits_have_units() -> None:
    limits = Limits.of({"memory": "512 MiB", "cancel_grace_s": 0.5})
    assert limits.memory_bytes == 512 << 20
    assert limits.cancel_grace_ms == 500
    with pytest.raises(Exception, match=r"limits\.memory"):
        Limits.of({"memory": "much"})


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://box:8601", "wss://box:8601/api/v1/link"),
        ("ws://127.0.0.1:8601/", "ws://127.0.0.1:8601/api/v1/link"),
        ("wss://box/prefix/link", "wss://box/prefix/link"),
    ],
)
def test_addresses(url: str, link: str) -> None:
    check_url(url, insecure=False)
    assert Settings(url, "token", "box").link_url == link


@pytest.mark.parametrize("url", ["box:8601", "ftp://box", "wss://me:secret@box", "ws://box:8601"])
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="--connect"):
        check_url(url, insecure=False)


def test_the_token_is_not_printed() -> None:
    assert "hunter2" not in repr(Settings("ws://127.0.0.1", "hunter2", "box"))
    assert stamped(b"", Delivery(0, 1))
