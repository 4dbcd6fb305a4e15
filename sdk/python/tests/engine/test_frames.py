"""Frames on a stream socket, in pieces of any size."""

from __future__ import annotations

import random
import socket
import struct
import threading

import pytest

from headrace.engine.codec import ProtocolError
from headrace.engine.protocol import MAX_FRAME, Log, Ping, pack_frame, read_frames


def test_frames_arrive_whole_however_they_are_cut() -> None:
    chance = random.Random(7)
    bodies = [Log(line="x" * size) for size in (0, 1, 100_000, 300_000, MAX_FRAME - 100, 5)]
    bodies += [Ping(number) for number in range(2000)]
    chance.shuffle(bodies)
    sent = b"".join(pack_frame(body) for body in bodies)
    ours, theirs = socket.socketpair()

    def send() -> None:
        pos = 0
        with ours:
            while pos < len(sent):
                size = chance.choice((1, 3, 5, 700, 70_000, 400_000))
                ours.sendall(sent[pos : pos + size])
                pos += size

    thread = threading.Thread(target=send)
    thread.start()
    with theirs:
        found = list(read_frames(theirs))
    thread.join()
    assert found == bodies


def test_a_frame_that_is_too_long_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(struct.pack("<I", MAX_FRAME + 1))
        with pytest.raises(ProtocolError):
            next(read_frames(theirs))
