"""The codec against bytes that other programs made of the same messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.engine import codec
from headrace.engine import protocol as link
from headrace.engine.values import (
    Attribute,
    FieldValue,
    ItemValue,
    ListValue,
    MediaValue,
    TensorValue,
    Value,
    Values,
)

OURS = Path(__file__).parents[1] / "golden"
THEIRS = Path(__file__).parents[4] / "tests" / "golden" / "link"
REF = link.JobRef(b"0123456789abcdef", 7, 300)
EMPTY = b"\n\0"

EXPECTED: dict[str, Any] = {
    "hello": link.Hello(
        1,
        "ocr-1",
        "box.example",
        4321,
        "python 0.1.0",
        [
            link.Offer(
                "ocr",
                "1.0.0",
                '{"mode":"once"}',
                "Read text",
                "Reads printed text: äöü",
                8,
                20,
                2,
                60_000,
                5_000,
                5_000_000_000,
            ),
            link.Offer("echo", "1.0.0-rc.1+5"),
        ],
        2,
        8,
        [REF],
        b"\0\1\xff",
    ),
    "welcome": link.Welcome(
        1,
        b"fedcba9876543210",
        2**64 - 1,
        2000,
        10_000,
        1 << 20,
        [link.JobRef(b"0123456789abcdef", 6, 1)],
    ),
    "welcome_refused": link.Welcome(1, error="another interface of ocr@1.0.0"),
    "credit": link.Credit([0, 1, 300], 4),
    "credit_empty": link.Credit(),
    "lease": link.Lease(
        [
            link.Batch(
                0,
                [
                    link.LeasedJob(
                        REF,
                        1,
                        b"\n\r\n\4text\22\5\n\3abc",
                        timeout_ms=30_000,
                        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                        tenant="default",
                    )
                ],
            ),
            link.Batch(
                1,
                [
                    link.LeasedJob(
                        link.JobRef(b"0123456789abcdee", 7, 301),
                        2,
                        values_size=300_000,
                        parts=2,
                        stream=True,
                        stream_outputs=True,
                    ),
                    link.LeasedJob(link.JobRef(b"0123456789abcded", 7, 302), 5),
                ],
            ),
        ]
    ),
    "input_chunk": link.Input(REF, chunk=link.Chunk(2, b"\0\xffabc", True)),
    "input_chunk_empty": link.Input(REF, chunk=link.Chunk()),
    "input_step": link.Input(REF, step=link.Step(1, EMPTY, True)),
    "progress": link.Progress(REF, 0.25, "a quarter", EMPTY),
    "progress_unknown": link.Progress(REF, -1.0),
    "output_chunk": link.Output(REF, chunk=link.Chunk(0, b"values")),
    "output_step": link.Output(REF, step=link.Step(128, EMPTY)),
    "result": link.Result(
        [
            link.JobResult(
                REF,
                EMPTY,
                meters=[link.Meter("audio_seconds", 1.5), link.Meter("calls", 1.0)],
                engine_us=1_234_567,
            ),
            link.JobResult(link.JobRef(b"0123456789abcdee", 7, 301), values_size=300_000),
        ]
    ),
    "failure": link.Failure(
        [
            link.JobFailure(
                REF, "engine_failed", "ValueError: no", True, [link.Meter("calls", 1.0)], 17
            )
        ]
    ),
    "cancel": link.Cancel([REF, link.JobRef(epoch=7)], "deadline"),
    "ping": link.Ping(2**64 - 1),
    "ping_reply": link.Ping(1, True),
    "drain": link.Drain("shutdown"),
    "window": link.Window(REF, 65_536),
    "log": link.Log(REF, "stderr", "Grüße", 1_767_225_600_123),
    "log_before_1970": link.Log(at_ms=-1),
    "refused": link.Refused(REF, "fenced out"),
    "kill": link.Kill("no sign of life"),
    "start": link.Start(
        link.Offer("echo", "1.0.0", "{}", slots=1),
        "/opt/engines/echo",
        "engine:Echo",
        5000,
        "echo-1",
        '{"model":"m.gguf"}',
    ),
    "values_empty": Values(),
    "values_plain": Values(
        [
            FieldValue("text", Value(text="höhe")),
            FieldValue("empty", Value(text="")),
            FieldValue("big", Value(integer=2**63 - 1)),
            FieldValue("small", Value(integer=-(2**63))),
            FieldValue("zero", Value(integer=0)),
            FieldValue("number", Value(number=-0.5)),
            FieldValue("nought", Value(number=0.0)),
            FieldValue("yes", Value(boolean=True)),
            FieldValue("no", Value(boolean=False)),
            FieldValue("nothing", Value(null=True)),
            FieldValue("when", Value(time_ms=1_767_225_600_123)),
            FieldValue("json", Value(json='{"a": [1, null]}')),
        ]
    ),
    "values_tensor": Values(
        [
            FieldValue("x", Value(tensor=TensorValue(12, [2, 300], b"\0\0\x80?"))),
            FieldValue("scalar", Value(tensor=TensorValue(1, (), b"\1"))),
            FieldValue("words", Value(tensor=TensorValue(14, [2], b"\2\0\0\0hi\0\0\0\0"))),
        ]
    ),
    "values_media": Values(
        [
            FieldValue(
                "images",
                Value(
                    list=ListValue(
                        [
                            Value(media=MediaValue("image/png", "a.png", 3, inline=b"abc")),
                            Value(media=MediaValue(file_id="0190d6f0-0000-7000-8000-000000000001")),
                            Value(media=MediaValue(url="https://example.org/a.png")),
                            Value(
                                media=MediaValue(size=5, blob=b"01234567890123456789012345678901")
                            ),
                            Value(media=MediaValue("image/png", part=1)),
                        ]
                    )
                ),
            ),
            FieldValue(
                "audio",
                Value(
                    media=MediaValue(
                        "audio/wav",
                        size=300_000,
                        part=2,
                        attributes=[Attribute("sample_rate", "16000"), Attribute("channels", "1")],
                    )
                ),
            ),
        ]
    ),
    "values_lists": Values(
        [
            FieldValue("texts", Value(list=ListValue([Value(text="a"), Value(text="")]))),
            FieldValue("none", Value(list=ListValue())),
        ]
    ),
}


def same(left: Any, right: Any) -> bool:
    """Equal, where an empty list and an empty tuple are, and a list's items are as plain values."""
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, ItemValue) or hasattr(left, "__dataclass_fields__"):
        names = set(left.__dataclass_fields__) & set(right.__dataclass_fields__)
        return all(same(getattr(left, name), getattr(right, name)) for name in names)
    return bool(left == right)


def test_every_file_is_expected() -> None:
    assert {path.stem for path in OURS.glob("*.txt")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_read_and_written_as_protoc_does(name: str) -> None:
    golden = OURS.joinpath(f"{name}.bin").read_bytes()
    expected = EXPECTED[name]
    if name.startswith("values"):
        assert same(codec.decode(Values, golden), expected)
        assert codec.encode(expected) == golden
    else:
        decoded = link.decode_frame(golden)
        assert type(decoded) is type(expected)
        assert same(decoded, expected)
        assert link.encode_frame(expected) == golden


@pytest.mark.parametrize("path", sorted(THEIRS.glob("*.hex")), ids=lambda path: path.stem)
def test_read_and_written_as_the_server_does(path: Path) -> None:
    golden = bytes.fromhex(path.read_text())
    body = link.decode_frame(golden)
    assert body is not None
    if path.stem == "numbered":  # the rest of it is for links that can be resumed
        assert golden.startswith(link.encode_frame(body))
    else:
        assert link.encode_frame(body) == golden


def test_unknown_fields_and_kinds_are_skipped() -> None:
    ping = codec.encode(link.Ping(5, True))
    unknown = (
        b"\xf8\x01\x96\x01" + b"\xfa\x01\x03abc" + b"\xf9\x01" + bytes(8) + b"\xfd\x01" + bytes(4)
    )
    assert codec.decode(link.Ping, unknown + ping + unknown) == link.Ping(5, True)
    assert link.decode_frame(b"\xba\x01\x00") is None


@pytest.mark.parametrize(
    "broken",
    [
        b"\x5a\x05\x08\x01",  # shorter than it says
        b"\x5a\x02\x08\xff",  # a number that does not end
        b"\x5a\x0b\x08" + b"\xff" * 10,  # a number that is too long
        b"\x5a\x02\x0b\x0c",  # a group
        b"\x08\x01",  # no message
        b"\x62\x03\x0a\x01\xff",  # not UTF-8
        b"\x5a\x03\x12\x05\x01",  # a field longer than its message
    ],
)
def test_broken_bytes_are_refused(broken: bytes) -> None:
    with pytest.raises(codec.ProtocolError):
        link.decode_frame(broken)


def test_truncation_never_escapes_as_another_error() -> None:
    for path in OURS.glob("*.bin"):
        golden = path.read_bytes()
        for end in range(len(golden)):
            for start in (0, end // 2):
                try:
                    link.decode_frame(golden[start:end])
                    codec.decode(Values, golden[start:end])
                except codec.ProtocolError:
                    pass
