from __future__ import annotations

import random

import pytest

from headrace._retry import RetryPolicy, read_retry_after
from headrace.streaming import Message, SseReader

TEXT = (
    "id: 1\r\nevent: a\r\ndata: x\r\ndata: y\r\n\r\n"
    ":comment\nid\ndata\n\nevent:b\rdata:  z\r\rdata: w"
)
EXPECTED = [Message("1", "a", "x\ny"), Message("", "message", ""), Message("", "b", " z")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pieces_of_any_size(size: int) -> None:
    reader = SseReader()
    found = [
        message
        for start in range(0, len(TEXT), size)
        for message in reader.feed(TEXT[start : start + size])
    ]
    assert found == EXPECTED


def test_pauses_grow_and_end() -> None:
    policy = RetryPolicy(attempts=6, first=1.0, most=5.0, source=random.Random(1))
    pauses = [policy.pause(attempt) for attempt in range(1, 7)]
    assert pauses[5] is None
    for pause, limit in zip(pauses[:5], (1, 2, 4, 5, 5), strict=True):
        assert pause is not None
        assert limit / 2 <= pause <= limit
    hinted = policy.pause(1, 10.0)
    assert hinted is not None
    assert 10.0 <= hinted <= 11.1


def test_retry_after() -> None:
    assert read_retry_after("3") == 3.0
    assert read_retry_after("1e9") == 300.0
    assert read_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") is None
    assert read_retry_after(None) is None
