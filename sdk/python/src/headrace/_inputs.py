"""Turns Python values into the JSON form of a job's input. Big media is left as an Upload, which
the client sends as a file first."""

from __future__ import annotations

import base64
import io
import mimetypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, cast

from headrace.models import File, MediaOutput
from headrace.types import Media

INLINE = 256 << 10
"""Media up to this size travels inside of the request."""
PIECE = 256 << 10

_TENSOR_TYPES = {"float16": "fp16", "float32": "fp32", "float64": "fp64", "bool_": "bool"}


@dataclass
class Upload:
    """Media on its way: either its bytes, or a stream that is read once, from `start`."""

    stream: BinaryIO
    size: int
    content_type: str
    name: str = ""
    owned: bool = False
    """The stream is ours to close."""
    start: int = 0

    def rewind(self) -> None:
        self.stream.seek(self.start)

    def close(self) -> None:
        if self.owned:
            self.stream.close()


def open_media(source: Any, content_type: str = "") -> Upload:
    """An upload of a path, bytes, an open binary file or Media."""
    if isinstance(source, Media):
        return open_media(source.source, source.content_type or content_type)
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        return Upload(io.BytesIO(data), len(data), content_type or _sniff(data[:16], ""))
    if isinstance(source, (str, os.PathLike)):
        stream: BinaryIO = Path(source).open("rb")  # noqa: SIM115
        name, owned = Path(source).name, True
    else:
        stream, owned = cast(BinaryIO, source), False
        name = os.path.basename(str(getattr(source, "name", "")))
    start = stream.tell()
    head = stream.read(16)
    size = stream.seek(0, os.SEEK_END) - start
    stream.seek(start)
    return Upload(stream, size, content_type or _sniff(head, name), name, owned, start)


def encode(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON form, with an Upload in place of media that is too big to go inline."""
    return {name: _encode(value) for name, value in inputs.items()}


def uploads(value: Any) -> list[Upload]:
    """The uploads within an encoded input."""
    if isinstance(value, Upload):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return [upload for item in value for upload in uploads(item)]
    return []


def replace(value: Any, files: Mapping[int, str]) -> Any:
    """The encoded input with each upload replaced by its file's id, by the upload's `id()`."""
    if isinstance(value, Upload):
        return {"file_id": files[id(value)]}
    if isinstance(value, Mapping):
        return {name: replace(item, files) for name, item in value.items()}
    if isinstance(value, list):
        return [replace(item, files) for item in value]
    return value


def data_url(upload: Upload) -> str:
    with_type = upload.content_type or "application/octet-stream"
    encoded = base64.b64encode(upload.stream.read()).decode("ascii")
    upload.close()
    return f"data:{with_type};base64,{encoded}"


def _encode(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (File, MediaOutput)):
        return {"file_id": value.id if isinstance(value, File) else value.file_id}
    if isinstance(value, datetime):
        return _time(value)
    is_stream = hasattr(value, "read") and hasattr(value, "seek")
    if isinstance(value, (bytes, bytearray, memoryview, os.PathLike, Media)) or is_stream:
        upload = open_media(value)
        return upload if upload.size > INLINE else data_url(upload)
    if isinstance(value, Mapping):
        return {str(name): _encode(item) for name, item in value.items()}
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return _tensor(value)
    if isinstance(value, Sequence):
        return [_encode(item) for item in value]
    raise TypeError(f"{type(value).__name__} is nothing that a job can be given")


def _tensor(value: Any) -> Any:
    """A NumPy array, or a NumPy number, which is a plain one on the wire."""
    if not getattr(value, "shape", ()):
        return value.tolist()
    dtype = str(value.dtype)
    return {
        "shape": list(value.shape),
        "dtype": _TENSOR_TYPES.get(dtype, dtype),
        "data": value.ravel().tolist(),
    }


def _time(value: datetime) -> str:
    if value.tzinfo is None:
        value = value.astimezone()
    text = value.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _sniff(head: bytes, name: str) -> str:
    from headrace.engine.io import sniff

    found = sniff(head, name)
    guessed = mimetypes.guess_type(name)[0] if name else None
    return guessed or found
