from __future__ import annotations

import json
import struct
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from headrace.engine import Audio, File, Image, Tensor
from headrace.engine.interface import Field, Interface
from headrace.engine.values import decode_values, encode_values


def field(name: str, kind: str, many: bool = False) -> dict[str, Field]:
    return {name: Field(name, kind, many)}


@pytest.mark.parametrize(
    ("kind", "value", "back"),
    [
        ("text", "höhe", "höhe"),
        ("enum", "a", "a"),
        ("integer", -(2**63), -(2**63)),
        ("integer", 0, 0),
        ("float", 3, 3.0),
        ("boolean", False, False),
        ("json", [1, {"a": None}], [1, {"a": None}]),
        ("json", "text", "text"),
        ("time", datetime(2026, 1, 2, 3, 4, 5, 678000, timezone.utc), ...),
        ("text", None, None),
    ],
)
def test_plain_values(kind: str, value: Any, back: Any) -> None:
    fields = field("x", kind)
    found = decode_values(encode_values({"x": value}, fields), fields)["x"]
    assert found == (value if back is ... else back)
    assert type(found) is type(value if back is ... else back)


def test_lists() -> None:
    fields = field("x", "text", many=True)
    assert decode_values(encode_values({"x": ["a", "b"]}, fields), fields) == {"x": ["a", "b"]}
    assert decode_values(encode_values({"x": ()}, fields), fields) == {"x": []}


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("text", 1, "output 'x': str is expected, not int"),
        ("integer", 1.5, "output 'x': int is expected, not float"),
        ("integer", True, "output 'x': int is expected, not bool"),
        ("float", float("nan"), "output 'x': the number is not finite"),
        ("json", float("inf"), "output 'x'"),
        ("json", {1, 2}, "output 'x': set has no JSON form"),
        ("tensor", [1], "output 'x': Tensor is expected, not list"),
        ("audio", "path.wav", "output 'x': media is expected, not str"),
        ("time", "now", "output 'x': datetime is expected, not str"),
    ],
)
def test_what_does_not_fit(kind: str, value: Any, said: str) -> None:
    with pytest.raises(TypeError) as caught:
        encode_values({"x": value}, field("x", kind))
    assert str(caught.value).startswith(said)
    with pytest.raises(TypeError, match="no output 'y'"):
        encode_values({"y": 1}, field("x", kind))
    with pytest.raises(TypeError, match="a list is expected"):
        encode_values({"x": "ab"}, field("x", "text", many=True))


def test_media_of_bytes_and_of_a_file(tmp_path: Path) -> None:
    image = Image(b"\x89PNG\r\n\x1a\nrest")
    assert (image.content_type, image.size, image.bytes[:4]) == ("image/png", 12, b"\x89PNG")
    with image.open() as stream:
        assert stream.read() == image.bytes
    path = image.path
    assert path.read_bytes() == image.bytes
    image.discard()
    assert not path.exists()

    wave = tmp_path / "a.wav"
    wave.write_bytes(b"RIFF....WAVEdata")
    audio = Audio(wave)
    assert (audio.content_type, audio.name, audio.path) == ("audio/wav", "a.wav", wave)
    audio.discard()
    assert wave.exists(), "only what is temporary is removed"
    assert File(b"?").content_type == "application/octet-stream"
    assert "image/png" in repr(Image(b"", "image/png"))


def test_media_keeps_its_attributes() -> None:
    sound = Audio(b"x", "audio/wav", name="a.wav", attributes={"sample_rate": "16000"})
    found = decode_values(encode_values({"s": sound}, field("s", "audio")))["s"]
    assert type(found) is Audio
    assert (found.bytes, found.name, found.attributes) == (b"x", "a.wav", {"sample_rate": "16000"})


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("bool", [True, False]),
        ("int8", [-128, 127]),
        ("uint64", [0, 2**64 - 1]),
        ("fp16", [0.5, -2.0]),
        ("bf16", [1.0, -3.0]),
        ("fp32", [[1.0, 2.0], [3.0, 4.0]]),
        ("fp64", [[[0.1], [0.2]]]),
        ("bytes", [b"hi", b""]),
        ("fp32", 1.5),
        ("fp32", []),
    ],
)
def test_tensors(dtype: str, values: Any) -> None:
    tensor = Tensor.from_list(values, dtype)
    assert tensor.tolist() == values
    fields = field("x", "tensor")
    assert decode_values(encode_values({"x": tensor}, fields), fields)["x"] == tensor


def test_tensor_shapes_and_bytes() -> None:
    assert Tensor.from_list([[1, 2, 3]], "int32").shape == (1, 3)
    assert Tensor.from_list([1.0], "fp32").data == struct.pack("<f", 1.0)
    assert Tensor("fp32", (2, 0), b"").tolist() == [[], []]
    assert Tensor.from_list([1.00390625], "bf16").data == b"\x80\x3f", "ties go to even"
    with pytest.raises(ValueError, match="different lengths"):
        Tensor.from_list([[1, 2], [3]])


def test_numpy_both_ways() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(6, dtype="float32").reshape(2, 3)
    tensor = Tensor.from_numpy(array.T)
    assert tensor.shape == (3, 2)
    assert (tensor.numpy() == array.T).all()
    fields = field("x", "tensor")
    assert decode_values(encode_values({"x": array}, fields), fields)["x"].shape == (2, 3)
    scores = encode_values({"x": {"score": numpy.float32(0.5)}}, field("x", "json"))
    assert decode_values(scores) == {"x": {"score": 0.5}}
    assert Tensor.from_list([1.5], "bf16").numpy().tolist() == [1.5]


def test_interfaces() -> None:
    text = json.dumps(
        {
            "mode": "stream",
            "inputs": {
                "one": {"kind": "image"},
                "some": {"kind": "image", "count": "1..4"},
                "any": {"kind": "text", "count": "0..n"},
                "maybe": {"kind": "text", "count": "0..1"},
                "three": {"kind": "text", "count": 3},
            },
            "parameters": {
                "rate": {"kind": "integer", "default": 5},
                "tags": {"kind": "string", "list": True, "required": True},
            },
            "outputs": {"text": {"kind": "text", "stream": "append"}},
            "progress": {"outputs": {"preview": {"kind": "image"}}},
            "errors": {"bad_page": {}},
        }
    )
    interface = Interface.parse(text)
    many = {name for name, entry in interface.inputs.items() if entry.many}
    required = {name for name, entry in interface.inputs.items() if entry.required}
    assert many == {"some", "any", "three", "tags"}
    assert required == {"one", "some", "three", "tags"}
    assert interface.inputs["rate"].default == 5
    assert interface.outputs["text"].stream == "append"
    assert list(interface.progress_outputs) == ["preview"]
    assert interface.session
    assert "bad_page" in interface.errors
