"""Runs one job on an engine in this process, without a server."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from headrace.engine import stdio
from headrace.engine.base import EngineError, EngineInfo, Job
from headrace.engine.entry import Entry
from headrace.engine.interface import MEDIA, Field, Interface
from headrace.engine.io import MEDIA_KINDS, Media, Tensor, suffix_of
from headrace.engine.project import Project
from headrace.engine.runner import Outcome, Runner
from headrace.engine.session import Session
from headrace.engine.values import encode_values

STEP_BYTES = 16 << 10
"""A session's media is cut into steps of this size."""


class Terminal:
    """Shows a job's signs of life on a stream of text."""

    def __init__(self, interface: Interface, stream: TextIO) -> None:
        self._interface = interface
        self._stream = stream

    def progress(self, job: Job, fraction: float, message: str, outputs: Mapping[str, Any]) -> None:
        encode_values(outputs, self._interface.progress_outputs)
        share = f"{fraction:4.0%}" if fraction >= 0 else "   ?"
        shown = f" {json.dumps(shown_outputs(outputs))}" if outputs else ""
        print(f"progress {share} {message}{shown}", file=self._stream)

    def log(self, job: Job, stream: str, line: str) -> None:
        print(f"{stream}: {line}", file=self._stream)

    def emit(self, job: Job, outputs: Mapping[str, Any]) -> None:
        encode_values(outputs, self._interface.outputs)
        print(f"output {json.dumps(shown_outputs(outputs), ensure_ascii=False)}", file=self._stream)

    async def emit_async(self, job: Job, outputs: Mapping[str, Any]) -> None:
        self.emit(job, outputs)


def run_once(project: Project, entry: Entry, inputs: Mapping[str, Any]) -> Outcome:
    """Sets the engine up, runs one job and checks what came out. Shows progress on stderr."""
    real = sys.__stderr__ or sys.stderr
    terminal = Terminal(project.interface, real)
    stdio.install()
    try:
        started = time.perf_counter()
        if entry.instance is not None:
            entry.instance.info = EngineInfo(
                project.settings["capability"],
                project.settings["version"],
                project.settings,
                project.slots,
                project.max_batch,
                project.own_settings,
            )
            entry.instance.setup()
        print(f"loaded in {time.perf_counter() - started:.2f} s", file=real)
        return _run(project, entry, terminal, inputs)
    finally:
        if entry.instance is not None:
            entry.instance.teardown()
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def _run(project: Project, entry: Entry, terminal: Terminal, inputs: Mapping[str, Any]) -> Outcome:
    interface = project.interface
    job = Job(terminal, dict(inputs), id="local", tenant="local", wants_stream=True)
    session = None
    if interface.session:
        session = _session(job, interface)
    if entry.is_async:
        import asyncio

        from headrace.engine.coroutines import AsyncRunner

        runner = AsyncRunner(entry, interface, terminal)
        (outcome,) = asyncio.run(runner.run_async([job], session))
    else:
        (outcome,) = Runner(entry, interface, terminal).run([job], session)
    stdio.flush_lines(job)
    if outcome.outputs is not None:
        try:
            encode_values(outcome.outputs, interface.outputs, [])
        except TypeError as error:
            return Outcome(None, EngineError("engine_failed", str(error)))
    return outcome


def _session(job: Job, interface: Interface) -> Session:
    """The inputs as steps: media in pieces, the rest in one step; parameters stay with the job."""
    session = Session(job)
    inputs = dict(job.inputs)
    rest: dict[str, Any] = {}
    for name, value in job.inputs.items():
        if isinstance(value, Media):
            del inputs[name]
            content = value.bytes
            for start in range(0, len(content), STEP_BYTES):
                piece = type(value)(content[start : start + STEP_BYTES], value.content_type)
                session.feed(lambda step={name: piece}: step)  # type: ignore[misc]
        elif interface.inputs[name].kind in ("text", "tensor"):
            rest[name] = inputs.pop(name)
    if rest:
        session.feed(lambda: rest)
    session.end()
    job.inputs = inputs
    return session


def read_inputs(sample: Mapping[str, Any], interface: Interface, directory: Path) -> dict[str, Any]:
    """The JSON form of inputs as the engine gets them. Media: a file's path, or a data URL."""
    found: dict[str, Any] = {}
    for name, value in sample.items():
        field = interface.inputs.get(name)
        if field is None:
            raise ValueError(f"the interface has no input '{name}'")
        if field.many and isinstance(value, list):
            found[name] = [_input(item, field, directory) for item in value]
        else:
            found[name] = _input(value, field, directory)
    for name, field in interface.inputs.items():
        if name in found:
            continue
        if field.default is not None:
            found[name] = field.default
        elif field.required and not interface.session:
            raise ValueError(f"the input '{name}' is missing")
    return found


def _input(value: Any, field: Field, directory: Path) -> Any:
    if field.kind in MEDIA:
        cls = MEDIA_KINDS[field.kind]
        if not isinstance(value, str):
            raise ValueError(f"'{field.name}' wants a path or a data URL")
        if value.startswith("data:"):
            head, _, data = value.partition(",")
            raw = base64.b64decode(data) if head.endswith(";base64") else data.encode()
            return cls(raw, head[5:].partition(";")[0])
        path = directory / value
        if not path.is_file():
            raise ValueError(f"'{field.name}': there is no file {path}")
        return cls(path)
    if field.kind == "tensor":
        tensor = Tensor.from_list(value["data"], value.get("dtype", "fp32"))
        shape = tuple(value.get("shape", tensor.shape))
        return Tensor(tensor.dtype, shape, tensor.data)
    return value


def shown_outputs(outputs: Mapping[str, Any], save: Path | None = None) -> dict[str, Any]:
    """Outputs as JSON; media as type and size, written into the folder `save` when there is one."""
    return {name: _shown(name, value, save) for name, value in outputs.items()}


def _shown(name: str, value: Any, save: Path | None) -> Any:
    if isinstance(value, Media):
        shown: dict[str, Any] = {"content_type": value.content_type, "size": value.size}
        if save is not None:
            path = save / f"{name}{suffix_of(value.content_type) or '.bin'}"
            path.write_bytes(value.bytes)
            shown["file"] = str(path)
        return shown
    if isinstance(value, Tensor):
        return {"shape": list(value.shape), "dtype": value.dtype, "data": value.tolist()}
    if isinstance(value, list):
        return [_shown(f"{name}-{index}", item, save) for index, item in enumerate(value)]
    return value.tolist() if hasattr(value, "tolist") else value
