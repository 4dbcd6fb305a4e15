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
    many: bool = False
    """A list: a count above one, or a list parameter."""
    required: bool = True
    stream: str = ""
    """How a streamed output grows: append, replace, or empty."""
    default: Any = None


@dataclass(frozen=True)
class Interface:
    inputs: Mapping[str, Field]
    """Inputs and parameters, which share one space of names."""
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
        progress = source.get("progress", {})
        return cls(
            inputs=_fields(source, "inputs") | _fields(source, "parameters"),
            outputs=_fields(source, "outputs"),
            progress_outputs=_fields(progress, "outputs"),
            errors=frozenset(source.get("errors", {})),
            session=source.get("mode") == "stream",
        )


def _fields(source: Mapping[str, Any], section: str) -> dict[str, Field]:
    required = section == "inputs"
    fields = {}
    for name, entry in source.get(section, {}).items():
        least, many = _count(entry.get("count", 1))
        fields[name] = Field(
            name=name,
            kind=entry.get("kind", ""),
            many=many or bool(entry.get("list", False)),
            required=bool(entry.get("required", required and least > 0)),
            stream=entry.get("stream", ""),
            default=entry.get("default"),
        )
    return fields


def _count(count: Any) -> tuple[int, bool]:
    """Of 3, "3", "1..4" or "0..n": the least, and whether it may be more than one."""
    low, _, high = str(count).partition("..")
    least = int(low) if low.isdigit() else 1
    return least, high == "n" or int(high if high.isdigit() else least) > 1
