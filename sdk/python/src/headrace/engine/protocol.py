"""The frames of the worker link, field by field as `src/link/frame.proto` has them.

Over a Unix socket a frame is preceded by its length, four bytes, little-endian; over WebSocket it
is one binary message. The comments that give each frame its meaning stand in the .proto file.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.engine import codec
from headrace.engine.codec import ProtocolError, message

PROTOCOL = 1
MAX_FRAME = 1 << 20
MAX_CHUNK = 64 << 10
MAX_INLINE = 256 << 10
"""Values above this size travel as part 0 of a job's chunks."""

_LENGTH = struct.Struct("<I")


@message
@dataclass(slots=True)
class JobRef:
    job: bytes = codec.blob(1)
    epoch: int = codec.uint(2)
    counter: int = codec.uint(3)

    def __hash__(self) -> int:
        return hash((self.job, self.epoch, self.counter))


NO_JOB = JobRef()


@message
@dataclass(slots=True)
class Offer:
    capability: str = codec.text(1)
    version: str = codec.text(2)
    interface: str = codec.text(3)
    title: str = codec.text(4)
    description: str = codec.text(5)
    max_batch: int = codec.uint(6)
    max_wait_ms: int = codec.uint(7)
    slots: int = codec.uint(8)
    stall_timeout_ms: int = codec.uint(9)
    cancel_grace_ms: int = codec.uint(10)
    memory_limit: int = codec.uint(11)


@message
@dataclass(slots=True)
class Start:
    offer: Offer | None = codec.nested(1, Offer)
    directory: str = codec.text(2)
    entry: str = codec.text(3)
    cancel_grace_ms: int = codec.uint(4)
    worker_name: str = codec.text(5)
    settings: str = codec.text(6)


@message
@dataclass(slots=True)
class Hello:
    protocol: int = codec.uint(1)
    name: str = codec.text(2)
    host: str = codec.text(3)
    pid: int = codec.uint(4)
    kit: str = codec.text(5)
    offers: Sequence[Offer] = codec.repeated(6, Offer)
    slots: int = codec.uint(7)
    batch_limit: int = codec.uint(8)
    held: Sequence[JobRef] = codec.repeated(9, JobRef)
    resume: bytes = codec.blob(10)


@message
@dataclass(slots=True)
class Welcome:
    protocol: int = codec.uint(1)
    worker: bytes = codec.blob(2)
    epoch: int = codec.uint(3)
    heartbeat_ms: int = codec.uint(4)
    lease_ms: int = codec.uint(5)
    window: int = codec.uint(6)
    dropped: Sequence[JobRef] = codec.repeated(7, JobRef)
    error: str = codec.text(8)


@message
@dataclass(slots=True)
class Credit:
    offers: Sequence[int] = codec.uints(1)
    slots: int = codec.uint(2)


@message
@dataclass(slots=True)
class LeasedJob:
    ref: JobRef = codec.nested(1, JobRef)
    attempt: int = codec.uint(2)
    values: bytes = codec.blob(3)
    values_size: int = codec.uint(4)
    parts: int = codec.uint(5)
    timeout_ms: int = codec.uint(6)
    traceparent: str = codec.text(7)
    tenant: str = codec.text(8)
    stream: bool = codec.boolean(9)
    stream_outputs: bool = codec.boolean(10)


@message
@dataclass(slots=True)
class Batch:
    offer: int = codec.uint(1)
    jobs: Sequence[LeasedJob] = codec.repeated(2, LeasedJob)


@message
@dataclass(slots=True)
class Lease:
    batches: Sequence[Batch] = codec.repeated(1, Batch)


@message
@dataclass(slots=True)
class Chunk:
    part: int = codec.uint(1)
    data: bytes = codec.blob(2)
    last: bool = codec.boolean(3)


@message
@dataclass(slots=True)
class Step:
    seq: int = codec.uint(1)
    values: bytes = codec.blob(2)
    last: bool = codec.boolean(3)


@message
@dataclass(slots=True)
class Input:
    ref: JobRef = codec.nested(1, JobRef)
    chunk: Chunk | None = codec.nested(2, Chunk)
    step: Step | None = codec.nested(3, Step)


@message
@dataclass(slots=True)
class Output:
    ref: JobRef = codec.nested(1, JobRef)
    chunk: Chunk | None = codec.nested(2, Chunk)
    step: Step | None = codec.nested(3, Step)


@message
@dataclass(slots=True)
class Progress:
    ref: JobRef = codec.nested(1, JobRef)
    fraction: float = codec.double(2)
    message: str = codec.text(3)
    values: bytes = codec.blob(4)


@message
@dataclass(slots=True)
class Meter:
    name: str = codec.text(1)
    value: float = codec.double(2)


@message
@dataclass(slots=True)
class JobResult:
    ref: JobRef = codec.nested(1, JobRef)
    values: bytes = codec.blob(2)
    values_size: int = codec.uint(3)
    meters: Sequence[Meter] = codec.repeated(4, Meter)
    engine_us: int = codec.uint(5)


@message
@dataclass(slots=True)
class Result:
    results: Sequence[JobResult] = codec.repeated(1, JobResult)


@message
@dataclass(slots=True)
class JobFailure:
    ref: JobRef = codec.nested(1, JobRef)
    code: str = codec.text(2)
    message: str = codec.text(3)
    retryable: bool = codec.boolean(4)
    meters: Sequence[Meter] = codec.repeated(5, Meter)
    engine_us: int = codec.uint(6)


@message
@dataclass(slots=True)
class Failure:
    failures: Sequence[JobFailure] = codec.repeated(1, JobFailure)


@message
@dataclass(slots=True)
class Cancel:
    refs: Sequence[JobRef] = codec.repeated(1, JobRef)
    reason: str = codec.text(2)


@message
@dataclass(slots=True)
class Ping:
    nonce: int = codec.uint(1)
    reply: bool = codec.boolean(2)


@message
@dataclass(slots=True)
class Drain:
    reason: str = codec.text(1)


@message
@dataclass(slots=True)
class Window:
    ref: JobRef = codec.nested(1, JobRef)
    bytes: int = codec.uint(2)


@message
@dataclass(slots=True)
class Log:
    ref: JobRef = codec.nested(1, JobRef)
    stream: str = codec.text(2)
    line: str = codec.text(3)
    at_ms: int = codec.sint64(4)


@message
@dataclass(slots=True)
class Refused:
    ref: JobRef = codec.nested(1, JobRef)
    reason: str = codec.text(2)


@message
@dataclass(slots=True)
class Kill:
    reason: str = codec.text(1)


BODIES: dict[int, type[Any]] = {
    1: Hello,
    2: Welcome,
    3: Credit,
    4: Lease,
    5: Input,
    6: Progress,
    7: Output,
    8: Result,
    9: Failure,
    10: Cancel,
    11: Ping,
    12: Drain,
    13: Window,
    14: Log,
    15: Refused,
    16: Kill,
    17: Start,
}
_KEYS = {cls: codec.varint(number << 3 | 2) for number, cls in BODIES.items()}


def encode_frame(body: Any) -> bytes:
    """One serialized Frame, without its length."""
    content = codec.encode(body)
    return _KEYS[type(body)] + codec.varint(len(content)) + content


def pack_frame(body: Any) -> bytes:
    """One serialized Frame behind its length, as it stands on a Unix socket."""
    frame = encode_frame(body)
    if len(frame) > MAX_FRAME:
        raise ProtocolError(f"a {type(body).__name__} frame of {len(frame)} bytes")
    return _LENGTH.pack(len(frame)) + frame


def frame_fields(frame: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each message that a Frame holds."""
    pos = 0
    try:
        while pos < len(frame):
            tag, pos = codec.take_varint(frame, pos)
            size, pos = codec.take_varint(frame, pos)
            if tag & 7 != 2 or pos + size > len(frame):
                raise ProtocolError("a frame that is no frame")
            yield tag >> 3, frame[pos : pos + size]
            pos += size
    except IndexError as error:
        raise ProtocolError("a frame that ends too early") from error


def decode_frame(frame: bytes) -> Any:
    """The body of a Frame; None for one of a kind this kit does not know."""
    body: Any = None
    for number, content in frame_fields(frame):
        if cls := BODIES.get(number):
            body = codec.decode(cls, content)
    return body


def read_frames(sock: socket.socket) -> Iterator[Any]:
    """The bodies that arrive on a stream socket, until the other side closes it."""
    # One buffer for good: recv() would make one of its own each time, at four system calls.
    buffer, filled = bytearray(256 << 10), 0
    while True:
        view = memoryview(buffer)
        received = sock.recv_into(view[filled:])
        if not received:
            return
        filled += received
        pos, wanted = 0, 4
        while filled - pos >= 4:
            (size,) = _LENGTH.unpack_from(buffer, pos)
            if size > MAX_FRAME:
                raise ProtocolError(f"a frame of {size} bytes")
            wanted = 4 + size
            if filled - pos < wanted:
                break
            body = decode_frame(bytes(view[pos + 4 : pos + wanted]))
            pos += wanted
            if body is not None:
                yield body
        if pos:
            buffer[: filled - pos] = buffer[pos:filled]
            filled -= pos
        if wanted > len(buffer):
            view.release()
            buffer.extend(bytes(wanted - len(buffer)))
