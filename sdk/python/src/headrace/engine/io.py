"""What inputs and outputs are in Python: media in memory or in a file, and tensors."""

from __future__ import annotations

import io
import mimetypes
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

__all__ = ["Audio", "File", "Image", "Media", "Tensor", "Text", "Video"]

Text = str


class Media:
    """An image, a sound, a video or another file, as bytes in memory or as a file.

    `Audio(wav_bytes, "audio/wav")` and `Audio("speech.wav")` both make one. The content type is
    found from the file's name or the first bytes when it is not given.
    """

    kind: ClassVar[str] = "other"

    def __init__(
        self,
        source: bytes | bytearray | memoryview | str | os.PathLike[str],
        content_type: str = "",
        *,
        name: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        self._data: bytes | None = None
        self._path: Path | None = None
        if isinstance(source, (bytes, bytearray, memoryview)):
            self._data = bytes(source)
        else:
            self._path = Path(source)
            name = name or self._path.name
        self.name = name
        self.attributes: Mapping[str, str] = attributes or {}
        self._content_type = content_type
        self.temporary = False
        """The file is removed with the job that the media belongs to."""

    @property
    def content_type(self) -> str:
        if not self._content_type:
            with self.open() as stream:
                head = stream.read(16)
            self._content_type = sniff(head, self.name)
        return self._content_type

    @property
    def bytes(self) -> bytes:
        """The whole content in memory."""
        if self._data is not None:
            return self._data
        return self.path.read_bytes()

    @property
    def path(self) -> Path:
        """A file that holds the content; an input's is removed after its job."""
        if self._path is None:
            suffix = Path(self.name).suffix or suffix_of(self._content_type)
            folder = _spool_directory() if _spool_directory else None
            handle, name = tempfile.mkstemp(suffix=suffix, prefix="media-", dir=folder)
            with os.fdopen(handle, "wb") as stream:
                stream.write(self._data or b"")
            self._path = Path(name)
            self.temporary = True
        return self._path

    @property
    def size(self) -> int:
        return len(self._data) if self._data is not None else self.path.stat().st_size

    def open(self) -> BinaryIO:
        """A stream of the content, from its start."""
        if self._data is not None:
            return io.BytesIO(self._data)
        return self.path.open("rb")

    def discard(self) -> None:
        """Removes the file, if it is temporary."""
        if self.temporary and self._path is not None:
            self._path.unlink(missing_ok=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._content_type or 'unknown type'}, {self.size} bytes)"


class Image(Media):
    kind = "image"


class Audio(Media):
    kind = "audio"


class Video(Media):
    kind = "video"


class File(Media):
    """Media of no kind of its own (kind `other`)."""


MEDIA_KINDS: dict[str, type[Media]] = {
    "image": Image,
    "audio": Audio,
    "video": Video,
    "other": File,
}

_spool_directory: Callable[[], str] | None = None


def set_spool_directory(directory: Callable[[], str] | None) -> None:
    """Where media that must be a file goes; None = the system's place."""
    global _spool_directory
    _spool_directory = directory


_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"%PDF-", "application/pdf"),
)


def sniff(head: bytes, name: str = "") -> str:
    """The content type of a file by its first bytes, else by its name."""
    for offset, signature, content_type in _SIGNATURES:
        if head.startswith(signature, offset):
            return content_type
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def suffix_of(content_type: str) -> str:
    """What a file of this type is called, with the dot; empty when it is not known."""
    known = {"audio/wav": ".wav", "audio/flac": ".flac", "audio/ogg": ".ogg"}
    return known.get(content_type) or mimetypes.guess_extension(content_type) or ""


# dtype -> number on the link, bytes of one element, struct letter
DTYPES: dict[str, tuple[int, int, str]] = {
    "bool": (1, 1, "?"),
    "int8": (2, 1, "b"),
    "int16": (3, 2, "h"),
    "int32": (4, 4, "i"),
    "int64": (5, 8, "q"),
    "uint8": (6, 1, "B"),
    "uint16": (7, 2, "H"),
    "uint32": (8, 4, "I"),
    "uint64": (9, 8, "Q"),
    "fp16": (10, 2, "e"),
    "bf16": (11, 2, "H"),
    "fp32": (12, 4, "f"),
    "fp64": (13, 8, "d"),
    "bytes": (14, 0, ""),
}
_NUMPY = {"bool": "?", "fp16": "<f2", "fp32": "<f4", "fp64": "<f8"} | {
    f"{sign}int{bits}": f"<{sign or 'i'}{bits // 8}"
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}


@dataclass(frozen=True)
class Tensor:
    """Numbers in row-major order, little-endian, without padding."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @property
    def count(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count

    @classmethod
    def from_list(cls, values: Any, dtype: str = "fp32") -> Tensor:
        """From a number, or lists of numbers nested to any depth."""
        shape: list[int] = []
        level = values
        while isinstance(level, (list, tuple)):
            shape.append(len(level))
            if not level:
                break
            level = level[0]
        flat: list[Any] = [values]
        for size in shape:
            if any(not isinstance(item, (list, tuple)) or len(item) != size for item in flat):
                raise ValueError("the lists of a tensor have different lengths")
            flat = [inner for item in flat for inner in item]
        if dtype == "bytes":
            data = b"".join(
                struct.pack("<I", len(raw)) + raw
                for raw in (v.encode() if isinstance(v, str) else bytes(v) for v in flat)
            )
        elif dtype == "bf16":
            singles = struct.unpack(f"<{len(flat)}I", struct.pack(f"<{len(flat)}f", *flat))
            # Round to nearest, ties to even, as the hardware does.
            rounded = [(bits + 0x7FFF + (bits >> 16 & 1)) >> 16 & 0xFFFF for bits in singles]
            data = struct.pack(f"<{len(flat)}H", *rounded)
        else:
            data = struct.pack(f"<{len(flat)}{DTYPES[dtype][2]}", *flat)
        return cls(dtype, tuple(shape), data)

    def tolist(self) -> Any:
        """Lists nested as the shape says; a bare number for a scalar."""
        flat: list[Any]
        if self.dtype == "bytes":
            flat, pos = [], 0
            while pos < len(self.data):
                (size,) = struct.unpack_from("<I", self.data, pos)
                flat.append(self.data[pos + 4 : pos + 4 + size])
                pos += 4 + size
        else:
            flat = list(struct.unpack(f"<{self.count}{DTYPES[self.dtype][2]}", self.data))
        if self.dtype == "bf16":
            widened = struct.pack(f"<{len(flat)}I", *(bits << 16 for bits in flat))
            flat = list(struct.unpack(f"<{len(flat)}f", widened))
        for size in reversed(self.shape[1:]):
            if not size:
                return _empty(self.shape)
            flat = [flat[start : start + size] for start in range(0, len(flat), size)]
        return flat if self.shape else flat[0]

    @classmethod
    def from_numpy(cls, array: Any) -> Tensor:
        """From a NumPy array."""
        kind, width = array.dtype.kind, array.dtype.itemsize
        prefix = {"f": "fp", "i": "int", "u": "uint"}.get(kind, "")
        dtype = "bool" if kind == "b" else f"{prefix}{width * 8}"
        if dtype not in _NUMPY:
            raise ValueError(f"no tensor holds {array.dtype}")
        return cls(dtype, tuple(array.shape), array.astype(_NUMPY[dtype], order="C").tobytes())

    def numpy(self) -> Any:
        """A read-only NumPy array over the same memory; bf16 is widened to fp32."""
        import numpy

        if self.dtype == "bf16":
            bits = numpy.frombuffer(self.data, "<u2").astype("<u4") << 16
            return bits.view("<f4").reshape(self.shape)
        if self.dtype == "bytes":
            raise ValueError("a tensor of bytes has no NumPy form; use tolist()")
        return numpy.frombuffer(self.data, _NUMPY[self.dtype]).reshape(self.shape)


def _empty(shape: tuple[int, ...]) -> Any:
    return [_empty(shape[1:]) for _ in range(shape[0])] if shape else []


def is_numpy(value: object) -> bool:
    """Is it a NumPy array, without importing NumPy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)
