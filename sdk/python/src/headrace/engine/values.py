"""The typed values of `src/catalog/values.proto`, and their Python form.

text and enum: str; integer, number, boolean, null: as in Python; time: datetime; json: whatever
`json.loads` gives; tensor: Tensor; media: Image, Audio, Video or File; several values: list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from headrace.engine import codec
from headrace.engine.codec import message
from headrace.engine.interface import MEDIA, Field
from headrace.engine.io import DTYPES, MEDIA_KINDS, File, Media, Tensor, is_numpy

_DTYPE_NAMES = {number: name for name, (number, _, _) in DTYPES.items()}
_NO_FIELDS: Mapping[str, Field] = {}


@message
@dataclass(slots=True)
class TensorValue:
    dtype: int = codec.uint(1)
    shape: Sequence[int] = codec.ints(2)
    data: bytes = codec.blob(3)


@message
@dataclass(slots=True)
class Attribute:
    name: str = codec.text(1)
    value: str = codec.text(2)


@message
@dataclass(slots=True)
class MediaValue:
    content_type: str = codec.text(1)
    name: str = codec.text(2)
    size: int = codec.uint(3)
    inline: bytes | None = codec.optional(codec.blob(4))
    file_id: str | None = codec.optional(codec.text(5))
    url: str | None = codec.optional(codec.text(6))
    blob: bytes | None = codec.optional(codec.blob(7))
    part: int | None = codec.optional(codec.uint(8))
    attributes: Sequence[Attribute] = codec.repeated(9, Attribute)


@message
@dataclass(slots=True)
class ItemValue:
    """A Value inside of a List: anything but another List."""

    text: str | None = codec.optional(codec.text(1))
    integer: int | None = codec.optional(codec.zigzag(2))
    number: float | None = codec.optional(codec.double(3))
    boolean: bool | None = codec.optional(codec.boolean(4))
    null: bool | None = codec.optional(codec.boolean(5))
    time_ms: int | None = codec.optional(codec.zigzag(6))
    json: str | None = codec.optional(codec.text(7))
    tensor: TensorValue | None = codec.nested(8, TensorValue)
    media: MediaValue | None = codec.nested(9, MediaValue)


@message
@dataclass(slots=True)
class ListValue:
    items: Sequence[ItemValue] = codec.repeated(1, ItemValue)


@message
@dataclass(slots=True)
class Value(ItemValue):
    list: ListValue | None = codec.nested(10, ListValue)


@message
@dataclass(slots=True)
class FieldValue:
    name: str = codec.text(1)
    value: Value = codec.nested(2, Value)


@message
@dataclass(slots=True)
class Values:
    fields: Sequence[FieldValue] = codec.repeated(1, FieldValue)


# --- from the link to Python ---------------------------------------------------------------------


def decode_values(
    data: bytes,
    fields: Mapping[str, Field] = _NO_FIELDS,
    parts: Mapping[int, bytes | Path] | None = None,
) -> dict[str, Any]:
    """Values as a dict by name. `parts` are the media that came as chunks, by their numbers: in
    memory, or in a file that the media owns from now on."""
    reader = _Reader(parts or {})
    found = {}
    for field in codec.decode(Values, data).fields:
        spec = fields.get(field.name)
        found[field.name] = reader.value(field.value, spec.kind if spec else "")
    return found


class _Reader:
    def __init__(self, parts: Mapping[int, bytes | Path]) -> None:
        self._parts = parts
        self._seen = 0

    def value(self, value: ItemValue, kind: str) -> Any:
        if value.text is not None:
            return value.text
        if value.integer is not None:
            return value.integer
        if value.number is not None:
            return value.number
        if value.boolean is not None:
            return value.boolean
        if value.tensor is not None:
            tensor = value.tensor
            dtype = _DTYPE_NAMES.get(tensor.dtype)
            if dtype is None:
                raise codec.ProtocolError(f"tensor type {tensor.dtype}")
            return Tensor(dtype, tuple(tensor.shape), tensor.data)
        if value.json is not None:
            return json.loads(value.json)
        if value.media is not None:
            return self._media(value.media, kind)
        if value.time_ms is not None:
            return datetime.fromtimestamp(value.time_ms / 1000, timezone.utc)
        if isinstance(value, Value) and value.list is not None:
            return [self.value(item, kind) for item in value.list.items]
        return None

    def _media(self, value: MediaValue, kind: str) -> Media:
        cls = MEDIA_KINDS.get(kind) or MEDIA_KINDS.get(value.content_type.partition("/")[0], File)
        attributes = {attribute.name: attribute.value for attribute in value.attributes}
        if value.inline is not None:
            return cls(value.inline, value.content_type, name=value.name, attributes=attributes)
        if value.part is None and value.blob is None:
            raise codec.ProtocolError("media whose content did not come along")
        self._seen += 1
        part = self._parts.get(value.part or self._seen)
        if part is None:
            raise codec.ProtocolError(f"part {value.part or self._seen} did not come along")
        media = cls(part, value.content_type, name=value.name, attributes=attributes)
        media.temporary = isinstance(part, Path)
        return media


# --- from Python to the link ---------------------------------------------------------------------


def encode_values(
    outputs: Mapping[str, Any],
    fields: Mapping[str, Field] | None = None,
    parts: list[Media] | None = None,
) -> bytes:
    """The bytes of a Values. Media is appended to `parts`, to be sent as chunks, or goes inline.

    Without `fields` the Python types decide. Raises TypeError for what a field cannot hold, naming
    the field.
    """
    found = []
    for name, content in outputs.items():
        spec = fields.get(name) if fields is not None else None
        if fields is not None and spec is None:
            raise TypeError(f"the interface has no output '{name}'")
        kind = spec.kind if spec else ""
        try:
            found.append(FieldValue(name, _value(content, kind, bool(spec and spec.many), parts)))
        except (TypeError, ValueError) as error:
            raise TypeError(f"output '{name}': {error}") from error
    return codec.encode(Values(found))


def _value(content: Any, kind: str, many: bool, parts: list[Media] | None) -> Value:
    if content is None:
        return Value(null=True)
    if many or (not kind and _is_list_of_values(content)):
        if isinstance(content, (str, bytes, Mapping, Media, Tensor)) or not isinstance(
            content, Iterable
        ):
            raise TypeError(f"a list is expected, not {type(content).__name__}")
        return Value(list=ListValue([_value(item, kind, False, parts) for item in content]))
    convert = _BY_KIND.get(kind)
    if convert is not None:
        return convert(content)
    if kind in MEDIA or isinstance(content, (Media, bytes)):
        return Value(media=_media_value(content, parts))
    return _by_type(content)


def _is_list_of_values(content: Any) -> bool:
    """Without an interface: a list of media or texts is a list of values, any other is JSON."""
    return (
        isinstance(content, (list, tuple))
        and bool(content)
        and all(isinstance(item, (Media, Tensor)) for item in content)
    )


def _by_type(content: Any) -> Value:
    if isinstance(content, str):
        return Value(text=content)
    if isinstance(content, bool):
        return Value(boolean=content)
    if isinstance(content, int):
        return Value(integer=content)
    if isinstance(content, float):
        return Value(number=content)
    if isinstance(content, Tensor) or is_numpy(content):
        return _tensor(content)
    if isinstance(content, datetime):
        return _time(content)
    return _json(content)


def _text(content: Any) -> Value:
    if not isinstance(content, str):
        raise TypeError(f"str is expected, not {type(content).__name__}")
    return Value(text=content)


def _integer(content: Any) -> Value:
    if isinstance(content, bool) or not hasattr(content, "__index__"):
        raise TypeError(f"int is expected, not {type(content).__name__}")
    return Value(integer=content.__index__())


def _number(content: Any) -> Value:
    number = float(content)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError("the number is not finite")
    return Value(number=number)


def _boolean(content: Any) -> Value:
    return Value(boolean=bool(content))


def _time(content: Any) -> Value:
    if not isinstance(content, datetime):
        raise TypeError(f"datetime is expected, not {type(content).__name__}")
    if content.tzinfo is None:
        content = content.replace(tzinfo=timezone.utc)
    return Value(time_ms=round(content.timestamp() * 1000))


def _json(content: Any) -> Value:
    return Value(json=json.dumps(content, ensure_ascii=False, allow_nan=False, default=_plain))


def _plain(content: Any) -> Any:
    """NumPy numbers and arrays, as JSON has them."""
    if hasattr(content, "tolist"):
        return content.tolist()
    raise TypeError(f"{type(content).__name__} has no JSON form")


def _tensor(content: Any) -> Value:
    if is_numpy(content):
        content = Tensor.from_numpy(content)
    elif not isinstance(content, Tensor):
        raise TypeError(f"Tensor is expected, not {type(content).__name__}")
    return Value(tensor=TensorValue(DTYPES[content.dtype][0], content.shape, content.data))


_BY_KIND: dict[str, Callable[[Any], Value]] = {
    "text": _text,
    "string": _text,
    "enum": _text,
    "integer": _integer,
    "float": _number,
    "boolean": _boolean,
    "time": _time,
    "json": _json,
    "tensor": _tensor,
}


def _media_value(content: Any, parts: list[Media] | None) -> MediaValue:
    if isinstance(content, (bytes, bytearray, memoryview)):
        content = File(content)
    elif not isinstance(content, Media):
        raise TypeError(f"media is expected, not {type(content).__name__}")
    value = MediaValue(content.content_type, content.name, content.size)
    value.attributes = [Attribute(name, str(text)) for name, text in content.attributes.items()]
    if parts is None:
        value.inline = content.bytes
    else:
        parts.append(content)
        value.part = len(parts)
    return value
