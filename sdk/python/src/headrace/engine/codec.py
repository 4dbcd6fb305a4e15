"""A small protobuf codec: enough of proto3 for the worker link, and nothing else.

Machine-learning environments fight over protobuf versions, so the kit brings its own. A message is
a dataclass whose fields carry their number and kind; `message()` reads them once and builds two
flat tables, which `encode` and `decode` then walk. Unknown fields are skipped, as proto3 demands.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["ProtocolError", "decode", "encode", "message", "take_varint", "varint"]

T = TypeVar("T")

_DOUBLE = struct.Struct("<d")
_SHORT = [bytes((number,)) for number in range(128)]


class ProtocolError(Exception):
    """The other side sent bytes that are no valid frame."""


# --- what a field may be -------------------------------------------------------------------------


def _field(number: int, kind: str, default: Any, inner: Any = None) -> Any:
    return dataclasses.field(default=default, metadata={"proto": (number, kind, inner)})


def uint(number: int) -> Any:
    return _field(number, "uint", 0)


def sint64(number: int) -> Any:
    """proto3 `int64`: two's complement, not zigzag."""
    return _field(number, "int", 0)


def zigzag(number: int) -> Any:
    """proto3 `sint64`."""
    return _field(number, "zigzag", 0)


def boolean(number: int) -> Any:
    return _field(number, "bool", False)


def double(number: int) -> Any:
    return _field(number, "double", 0.0)


def text(number: int) -> Any:
    return _field(number, "text", "")


def blob(number: int) -> Any:
    return _field(number, "blob", b"")


def nested(number: int, cls: type) -> Any:
    return _field(number, "nested", None, cls)


def repeated(number: int, cls: type) -> Any:
    return _field(number, "repeated", (), cls)


def uints(number: int) -> Any:
    """Packed numbers."""
    return _field(number, "uints", ())


def ints(number: int) -> Any:
    """Packed `int64` numbers."""
    return _field(number, "ints", ())


def optional(field: Any) -> Any:
    """A member of a oneof, or a proto3 `optional`: None when absent, written even when zero."""
    return dataclasses.field(default=None, metadata=field.metadata)


# --- encoding ------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    if value < 128:
        if value < 0:
            raise ValueError("a negative number in an unsigned field")
        return _SHORT[value]
    out = bytearray()
    while value > 127:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _put_uint(out: list[bytes], key: bytes, value: int) -> None:
    out.append(key + varint(value))


def _put_int(out: list[bytes], key: bytes, value: int) -> None:
    out.append(key + varint(value & 0xFFFFFFFFFFFFFFFF))


def _put_zigzag(out: list[bytes], key: bytes, value: int) -> None:
    out.append(key + varint((value << 1 ^ value >> 63) & 0xFFFFFFFFFFFFFFFF))


def _put_double(out: list[bytes], key: bytes, value: float) -> None:
    out.append(key + _DOUBLE.pack(value))


def _put_text(out: list[bytes], key: bytes, value: str) -> None:
    _put_blob(out, key, value.encode("utf-8"))


def _put_blob(out: list[bytes], key: bytes, value: bytes) -> None:
    out.append(key + varint(len(value)))
    out.append(value)


def _put_nested(out: list[bytes], key: bytes, value: Any) -> None:
    _put_blob(out, key, encode(value))


def _put_repeated(out: list[bytes], key: bytes, value: Any) -> None:
    for item in value:
        _put_blob(out, key, encode(item))


def _put_uints(out: list[bytes], key: bytes, value: Any) -> None:
    if value:
        _put_blob(out, key, b"".join([varint(number) for number in value]))


def _put_ints(out: list[bytes], key: bytes, value: Any) -> None:
    _put_uints(out, key, [number & 0xFFFFFFFFFFFFFFFF for number in value])


_Put = Callable[[list[bytes], bytes, Any], None]
# kind -> wire type, encoder
_KINDS: dict[str, tuple[int, _Put]] = {
    "uint": (0, _put_uint),
    "int": (0, _put_int),
    "zigzag": (0, _put_zigzag),
    "bool": (0, _put_uint),
    "double": (1, _put_double),
    "text": (2, _put_text),
    "blob": (2, _put_blob),
    "nested": (2, _put_nested),
    "repeated": (2, _put_repeated),
    "uints": (2, _put_uints),
    "ints": (2, _put_ints),
}
_WRITERS: dict[type, list[tuple[str, bytes, Any, _Put]]] = {}
_READERS: dict[type, dict[int, tuple[str, str, Any]]] = {}


def encode(value: Any) -> bytes:
    """The bytes of one message, fields in order of their numbers, defaults left out."""
    out: list[bytes] = []
    for name, key, default, put in _WRITERS[type(value)]:
        content = getattr(value, name)
        if content != default:
            put(out, key, content)
    return b"".join(out)


# --- decoding ------------------------------------------------------------------------------------


def take_varint(data: bytes, pos: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, pos
    raise ProtocolError("a number of more than ten bytes")


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _numbers(data: bytes, pos: int, end: int, kind: str) -> list[int]:
    numbers = []
    while pos < end:
        number, pos = take_varint(data, pos)
        numbers.append(_signed(number) if kind == "ints" else number)
    return numbers


def decode(cls: type[T], data: bytes) -> T:
    """Raises ProtocolError for bytes that are no such message."""
    try:
        return _decode(cls, data, 0, len(data), 0)
    except (IndexError, struct.error) as error:
        raise ProtocolError("a message that ends too early") from error
    except UnicodeDecodeError as error:
        raise ProtocolError("a string that is not UTF-8") from error


def _decode(cls: type[T], data: bytes, pos: int, end: int, depth: int) -> T:
    if depth > 64:
        raise ProtocolError("messages nested too deep")
    fields = _READERS[cls]
    found: dict[str, Any] = {}
    while pos < end:
        tag = data[pos]
        pos += 1
        if tag > 127:
            tag, pos = take_varint(data, pos - 1)
        name, kind, inner = fields.get(tag, ("", "skip", None))
        wire = tag & 7
        if wire == 2:
            size = data[pos]
            pos += 1
            if size > 127:
                size, pos = take_varint(data, pos - 1)
            start, pos = pos, pos + size
            if pos > end:
                raise ProtocolError("a field that is longer than its message")
            if kind == "blob":
                found[name] = data[start:pos]
            elif kind == "text":
                found[name] = data[start:pos].decode("utf-8")
            elif kind == "nested":
                found[name] = _decode(inner, data, start, pos, depth + 1)
            elif kind == "repeated":
                found.setdefault(name, []).append(_decode(inner, data, start, pos, depth + 1))
            elif kind != "skip":
                found.setdefault(name, []).extend(_numbers(data, start, pos, kind))
        elif wire == 0:
            number = data[pos]
            pos += 1
            if number > 127:
                number, pos = take_varint(data, pos - 1)
            if kind == "uint":
                found[name] = number
            elif kind == "bool":
                found[name] = number != 0
            elif kind == "int":
                found[name] = _signed(number)
            elif kind == "zigzag":
                found[name] = number >> 1 ^ -(number & 1)
            elif kind != "skip":
                found.setdefault(name, []).append(_signed(number) if kind == "ints" else number)
        elif wire == 1:
            if kind == "double":
                found[name] = _DOUBLE.unpack_from(data, pos)[0]
            pos += 8
        elif wire == 5:
            pos += 4
        else:
            raise ProtocolError(f"wire type {wire}")
    if pos != end:
        raise ProtocolError("a message that ends too early")
    return cls(**found)


# --- registration --------------------------------------------------------------------------------


def message(cls: type[T]) -> type[T]:
    """Teaches the codec the fields of a dataclass."""
    writers, readers = [], {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        number, kind, inner = field.metadata["proto"]
        wire, put = _KINDS[kind]
        tag = number << 3 | wire
        writers.append((number, (field.name, varint(tag), field.default, put)))
        readers[tag] = (field.name, kind, inner)
        if kind in ("uints", "ints"):
            readers[number << 3] = readers[tag]
    _WRITERS[cls] = [writer for _, writer in sorted(writers, key=lambda entry: entry[0])]
    _READERS[cls] = readers
    return cls
