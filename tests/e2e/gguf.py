"""Writes small GGUF files: only what a LoRA adapter for a test needs."""

from __future__ import annotations

import pathlib
import struct

_STRING, _FLOAT32 = 8, 6
_F32 = 0
_ALIGN = 32


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGN)


def write_lora(path: pathlib.Path, tensor: str, inputs: int, outputs: int, weight: float) -> None:
    """A rank-1 adapter for one tensor: every output gains `weight` times the sum of the inputs."""
    keys = {"general.type": "adapter", "general.architecture": "llama", "adapter.type": "lora"}
    tensors = {
        f"{tensor}.lora_a": ((inputs, 1), struct.pack(f"<{inputs}f", *[1.0] * inputs)),
        f"{tensor}.lora_b": ((1, outputs), struct.pack(f"<{outputs}f", *[weight] * outputs)),
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys) + 1)
    for key, value in keys.items():
        head += _text(key) + struct.pack("<I", _STRING) + _text(value)
    head += _text("adapter.lora.alpha") + struct.pack("<If", _FLOAT32, 1.0)
    body = b""
    for name, (shape, data) in tensors.items():
        head += _text(name) + struct.pack("<I2QIQ", 2, *shape, _F32, len(body))
        body = _pad(body + data)
    path.write_bytes(_pad(head) + body)
