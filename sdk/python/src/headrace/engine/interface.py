"""The part of a capability's interface that the kit needs: names, kinds, counts, streaming."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MEDIA = ("image", "audio", "video", "other")


@dataclass(frozen=True)
class Field:
    """One input segment, parameter or output."""

    name: str
    kind: str
    """A segment's kind or a parameter's type: text, image, …, tensor, integer, …, json."""
    many: bool = False
    required: bool = True
    stream: str = ""
    """How a streamed output grows: append, replace, or empty."""


@dataclass(frozen=True)
class Interface:
    inputs: Mapping[str, Field]
    outputs: Mapping[str, Field]
    progress_outputs: Mapping[str, Field]
    errors: frozenset[str] = frozenset()
    session: bool = False

    @classmethod
    def parse(cls, text: str) -> Interface:
        """From the canonical JSON text of an offer."""
        return cls.of(json.loads(text) if text else {})

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> Interface:
        """From the parsed JSON, or the same tables of an `engine.toml`."""
        inputs = _fields(source.get("inputs")) | _fields(source.get("parameters"))
        outputs = _fields(source.get("outputs"))
        progress = _fields(source.get("progress_outputs"))
        errors = source.get("errors") or ()
        codes = (entry.get("code", "") if isinstance(entry, Mapping) else entry for entry in errors)
        return cls(
            inputs, outputs, progress or outputs, frozenset(codes), source.get("mode") == "stream"
        )


def _fields(section: Any) -> dict[str, Field]:
    if isinstance(section, Mapping):
        entries = [(name, entry) for name, entry in section.items()]
    else:
        entries = [(entry["name"], entry) for entry in section or ()]
    fields = {}
    for name, entry in entries:
        kind = entry.get("kind") or entry.get("type") or "text"
        many = kind == "list"
        if many:
            item = entry.get("items") or {}
            kind = item.get("kind") or item.get("type") or "json" if item else "json"
        maximum = entry.get("max_count", entry.get("count", 1))
        many = many or (isinstance(maximum, int) and maximum > 1)
        required = bool(entry.get("required", True)) and "default" not in entry
        fields[name] = Field(name, kind, many, required, entry.get("stream") or "")
    return fields
