"""Finds the engine that an entry `module:Name` names, and looks at its signature once."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headrace.engine.base import Engine, Job
from headrace.engine.session import Session

_EMPTY = inspect.Parameter.empty


class EntryError(Exception):
    """The entry cannot be used as an engine; the message says why."""


def load_entry(directory: Path, entry: str) -> Entry:
    """Imports the module from the engine's folder, or from anywhere, and wraps what is named."""
    module_name, _, name = entry.partition(":")
    if not module_name or not name:
        raise EntryError(f"the entry '{entry}' is not of the form module:Name")
    folder = str(directory)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = importlib.import_module(module_name)
    target = getattr(module, name, None)
    if target is None:
        raise EntryError(f"{module_name} has no {name}")
    return Entry(target)


class Entry:
    """An engine class's instance, or a function, and how to call it."""

    def __init__(self, target: Any) -> None:
        self.instance: Engine | None = None
        if inspect.isclass(target):
            instance: Any = target()
            run = getattr(instance, "run_batch", None) or getattr(instance, "run", None)
            if not callable(run):
                raise EntryError(f"{target.__name__} has neither run nor run_batch")
            self.instance = instance
            self.call: Callable[..., Any] = run
            self.batches = hasattr(instance, "run_batch")
        elif callable(target):
            self.call = target
            self.batches = False
        else:
            raise EntryError(f"{target!r} is neither a class nor a function")
        self.streams = inspect.isgeneratorfunction(self.call)
        self.streams_async = inspect.isasyncgenfunction(self.call)
        self.is_async = self.streams_async or inspect.iscoroutinefunction(self.call)
        self._inspect()

    def _inspect(self) -> None:
        try:
            hints = typing.get_type_hints(self.call)
        except Exception:  # a name that only a type checker knows
            hints = {}
        self.names: list[str] = []
        self.hints: dict[str, Any] = {}
        self.needs: list[str] = []
        """Arguments without a Python default."""
        self.takes_all = False
        self.job_argument = ""
        self.session_argument = ""
        self._arrays: list[str] = []
        if self.batches:
            return
        for parameter in inspect.signature(self.call).parameters.values():
            hint = hints.get(parameter.name, parameter.annotation)
            if parameter.kind is parameter.VAR_KEYWORD:
                self.takes_all = True
            elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
                raise EntryError(f"argument '{parameter.name}' cannot be given by name")
            elif _is(hint, Job, "Job"):
                self.job_argument = parameter.name
            elif _is(hint, Session, "Session"):
                self.session_argument = parameter.name
            else:
                self.names.append(parameter.name)
                self.hints[parameter.name] = None if hint is _EMPTY else hint
                if parameter.default is _EMPTY:
                    self.needs.append(parameter.name)
                if _is_array(hint):
                    self._arrays.append(parameter.name)

    def arguments(self, job: Job, session: Session | None) -> dict[str, Any]:
        """The keyword arguments of one call; what the caller left out is None or the default."""
        inputs = job.inputs
        if self.takes_all:
            arguments = dict(inputs)
        else:
            arguments = {name: inputs[name] for name in self.names if name in inputs}
        for name in self.needs:
            if name not in arguments:
                arguments[name] = None
        for name in self._arrays:
            if arguments.get(name) is not None:
                arguments[name] = arguments[name].numpy()
        if self.job_argument:
            arguments[self.job_argument] = job
        if self.session_argument:
            arguments[self.session_argument] = session
        return arguments


def _is(hint: Any, cls: type, name: str) -> bool:
    if isinstance(hint, str):
        return hint.rpartition(".")[2] == name
    return isinstance(hint, type) and issubclass(hint, cls)


def _is_array(hint: Any) -> bool:
    if isinstance(hint, str):
        return hint.rpartition(".")[2] == "ndarray"
    hint = typing.get_origin(hint) or hint
    return getattr(hint, "__name__", "") == "ndarray"


def peek_slots(directory: Path, entry: str, slots: int) -> int:
    """How many jobs one process will run at a time, by the look of the source.

    The hello frame states it before the module is imported, which may take a model's while. What
    cannot be seen counts as one.
    """
    module_name, _, name = entry.partition(":")
    path = directory.joinpath(*module_name.split(".")).with_suffix(".py")
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return 1
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name == name:
            return max(slots, 1)
        if isinstance(node, ast.ClassDef) and node.name == name:
            for member in node.body:
                if isinstance(member, ast.AsyncFunctionDef) and member.name in ("run", "run_batch"):
                    return max(slots, 1)
    return 1
