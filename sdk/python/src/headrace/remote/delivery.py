"""Lets a link outlive its connection: numbers, acknowledgements, what must go again. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Any

from headrace.engine import codec
from headrace.engine.codec import message
from headrace.engine.protocol import BODIES, frame_fields

DELIVERY = 18
_KEY = codec.varint(DELIVERY << 3 | 2)
_UNNUMBERED = {1, 2, 11}
"""Hello, welcome and ping."""


@message
@dataclass(slots=True)
class Delivery:
    seq: int = codec.uint(1)
    ack: int = codec.uint(2)


def stamped(frame: bytes, delivery: Delivery) -> bytes:
    """The frame with a delivery behind it: fields that are appended belong to the message."""
    content = codec.encode(delivery)
    return frame + _KEY + codec.varint(len(content)) + content


def kind_of(frame: bytes) -> int:
    """The number of a frame's body, 0 for one that only acknowledges."""
    number = frame[0] >> 3 if frame and frame[0] < 128 else DELIVERY
    return 0 if number == DELIVERY else number


def is_numbered(frame: bytes) -> bool:
    return kind_of(frame) not in _UNNUMBERED and bool(frame)


def split(frame: bytes) -> tuple[Any, Delivery]:
    """The decoded body (None: none, or of a kind that this kit does not know) and the delivery."""
    body: Any = None
    delivery = Delivery()
    for number, content in frame_fields(frame):
        if number == DELIVERY:
            delivery = codec.decode(Delivery, content)
        elif cls := BODIES.get(number):
            body = codec.decode(cls, content)
    return body, delivery


class Received(Enum):
    FRESH = 1
    AGAIN = 2
    GAP = 3


class Replay:
    """One side of a resumable link; outlives its connections."""

    def __init__(self, most_bytes: int = 8 << 20) -> None:
        self._most_bytes = most_bytes
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_bytes = 0
        self._next = 1
        self._owed = 0
        self.received = 0
        self.overflowed = False
        """More was kept than there is room for: the link cannot be resumed."""

    def stamp(self, frame: bytes) -> bytes:
        """The frame as it is to be sent; kept until it is acknowledged."""
        self._owed = 0
        if not is_numbered(frame):
            return stamped(frame, Delivery(ack=self.received))
        out = stamped(frame, Delivery(self._next, self.received))
        self._kept.append((self._next, out))
        self._kept_bytes += len(out)
        self._next += 1
        while self._kept_bytes > self._most_bytes:
            self._kept_bytes -= len(self._kept.popleft()[1])
            self.overflowed = True
        return out

    def acknowledgement(self) -> bytes:
        self._owed = 0
        return stamped(b"", Delivery(ack=self.received))

    @property
    def owes_acknowledgement(self) -> bool:
        return self._owed >= 128 << 10

    def receive(self, delivery: Delivery, size: int) -> Received:
        self.acknowledged(delivery.ack)
        if delivery.seq == 0:
            return Received.FRESH
        self._owed += size + 1024  # many small frames are worth an acknowledgement, too
        if delivery.seq <= self.received:
            return Received.AGAIN
        if delivery.seq != self.received + 1:
            return Received.GAP
        self.received = delivery.seq
        return Received.FRESH

    def acknowledged(self, ack: int) -> None:
        while self._kept and self._kept[0][0] <= ack:
            self._kept_bytes -= len(self._kept.popleft()[1])
        if not self._kept:
            self.overflowed = False

    @property
    def is_settled(self) -> bool:
        return not self._kept

    def unacknowledged(self) -> list[bytes]:
        return [frame for _, frame in self._kept]
