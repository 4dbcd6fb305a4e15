"""Holds an engine against its interface, before a server does."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from headrace.engine.entry import Entry
from headrace.engine.interface import MEDIA, Field, Interface
from headrace.engine.io import MEDIA_KINDS, Media, Tensor
from headrace.engine.project import Project

_PLAIN: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "string": (str,),
    "enum": (str,),
    "integer": (int,),
    "float": (float,),
    "boolean": (bool,),
    "tensor": (Tensor,),
}
_LISTS = (list, tuple, Sequence, Iterable, Any, object)


def mismatches(project: Project, entry: Entry) -> list[str]:
    """What does not fit between the engine's code and its engine.toml, a sentence each."""
    found = list(_kind(project, entry))
    if not entry.batches:
        found += _arguments(project.interface, entry)
    return found


def _kind(project: Project, entry: Entry) -> Iterator[str]:
    declared_async = bool(project.python.get("async", False))
    if entry.is_async and not declared_async and project.slots > 1:
        yield "the engine is async, but [python] does not say async = true"
    if declared_async and not entry.is_async:
        yield "[python] says async = true, but the engine is not async"
    if project.max_batch > 1 and not entry.batches:
        yield f"max_batch is {project.max_batch}, but the engine has no run_batch"
    if entry.batches and project.max_batch == 1:
        yield "the engine has a run_batch, but max_batch is 1"
    interface = project.interface
    if entry.batches and interface.session:
        yield "sessions (mode stream) cannot run in batches"
    elif interface.session and not entry.session_argument:
        yield "mode is stream, but run has no argument that is annotated Session"
    if entry.session_argument and not interface.session:
        yield "run takes a Session, but mode is not stream"
    streamed = any(output.stream for output in interface.outputs.values())
    if (entry.streams or entry.streams_async) and not streamed and not interface.session:
        yield "run yields, but no output says stream = append or replace"


def _arguments(interface: Interface, entry: Entry) -> Iterator[str]:
    for name, field in interface.inputs.items():
        in_steps = interface.session and name not in entry.names
        if name not in entry.names and not entry.takes_all and not in_steps:
            yield f"run has no argument for the input '{name}'"
        elif name in entry.names:
            yield from _hint(field, entry.hints.get(name))
    for name in entry.names:
        if name not in interface.inputs:
            yield f"run's argument '{name}' is no input or parameter of the interface"


def _hint(field: Field, hint: Any) -> Iterator[str]:
    if hint is None or hint is Any or isinstance(hint, str) or not field.kind:
        return
    options = _options(hint)
    if field.many:
        if not any(_base(option) in _LISTS for option in options):
            yield f"'{field.name}' is a list, but run's argument is annotated {_name(hint)}"
        return
    expected = _expected(field.kind)
    if expected and not any(_fits(option, expected) for option in options):
        yield (
            f"'{field.name}' is of kind {field.kind} ({expected[0].__name__}), but run's argument "
            f"is annotated {_name(hint)}"
        )


def _expected(kind: str) -> tuple[type, ...]:
    if kind in MEDIA:
        return (MEDIA_KINDS[kind], Media)
    return _PLAIN.get(kind, ())


def _options(hint: Any) -> list[Any]:
    """The members of a union but None, or the hint itself."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [option for option in typing.get_args(hint) if option is not type(None)]
    return [hint]


def _base(hint: Any) -> Any:
    return typing.get_origin(hint) or hint


def _open(hint: Any) -> bool:
    return hint in (Any, object)


def _fits(hint: Any, expected: tuple[type, ...]) -> bool:
    base = _base(hint)
    if base is typing.Literal:
        return str in expected
    if getattr(base, "__name__", "") == "ndarray":
        return Tensor in expected
    return _open(hint) or not isinstance(base, type) or any(base is one for one in expected)


def _name(hint: Any) -> str:
    return getattr(hint, "__name__", None) or str(hint)
