"""What an engine's folder says to the agent: its offer, its process, its limits."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headrace.engine.project import Project, ProjectError
from headrace.engine.protocol import Offer, Start

_INTERFACE = ("mode", "profile", "inputs", "parameters", "outputs", "progress", "errors", "meters")
_INHERITED = frozenset(
    name
    for line in (
        "PATH HOME USER LANG LC_ALL LC_CTYPE TZ TMPDIR LD_LIBRARY_PATH CUDA_VISIBLE_DEVICES",
        "NVIDIA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES OMP_NUM_THREADS HF_HOME XDG_CACHE_HOME",
        "SSL_CERT_FILE HTTP_PROXY HTTPS_PROXY NO_PROXY",
    )
    for name in line.split()
)
"""What an engine may take over from the agent; its token and settings it does not see."""
_UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


@dataclass(frozen=True)
class Limits:
    stall_timeout_ms: int = 0
    cancel_grace_ms: int = 5_000
    start_timeout_ms: int = 60_000
    memory_bytes: int = 0

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Limits:
        def milliseconds(key: str, default: int) -> int:
            return round(float(table[key]) * 1000) if key in table else default

        return cls(
            stall_timeout_ms=milliseconds("stall_timeout_s", 0),
            cancel_grace_ms=milliseconds("cancel_grace_s", 5_000),
            start_timeout_ms=milliseconds("start_timeout_s", 60_000),
            memory_bytes=_bytes(table.get("memory", 0)),
        )


def _bytes(text: Any) -> int:
    found = re.fullmatch(r"\s*(\d+)\s*([A-Za-z]*)\s*", str(text))
    if not found or found[2] not in _UNITS:
        raise ProjectError(f"limits.memory: {text!r} is no size, as 512 MiB")
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True)
class RemoteEngine:
    """One Python engine as the agent runs it."""

    project: Project
    limits: Limits

    @classmethod
    def load(cls, directory: Path) -> RemoteEngine:
        project = Project.load(directory)
        if project.kind != "python":
            raise ProjectError(
                f"{directory} holds a {project.kind} engine: `headrace worker` runs it, not this"
            )
        if not project.interpreter.exists():
            raise ProjectError(
                f"{project.interpreter} is not there: use --install, "
                f"or run `headrace-engine check --install {directory}`"
            )
        return cls(project, Limits.of(project.settings.get("limits", {})))

    @property
    def name(self) -> str:
        return self.project.name

    @property
    def processes(self) -> int:
        """One for each slot, unless the engine batches or is async, which shares one process."""
        shared = self.project.max_batch > 1 or bool(self.project.python.get("async", False))
        return 1 if shared else max(self.project.slots, 1)

    @property
    def interface(self) -> str:
        tables = {
            key: self.project.settings[key] for key in _INTERFACE if key in self.project.settings
        }
        return json.dumps(tables, default=str, ensure_ascii=False)

    def offer(self) -> Offer:
        settings = self.project.settings
        return Offer(
            capability=settings["capability"],
            version=settings["version"],
            interface=self.interface,
            title=str(settings.get("title", "")),
            description=str(settings.get("description", "")),
            max_batch=self.project.max_batch,
            max_wait_ms=int(settings.get("max_wait_ms", 0)),
            slots=1 if self.processes > 1 else self.project.slots,
            stall_timeout_ms=self.limits.stall_timeout_ms,
            cancel_grace_ms=self.limits.cancel_grace_ms,
            memory_limit=self.limits.memory_bytes,
        )

    def start(self, worker_name: str) -> Start:
        own = self.project.own_settings
        return Start(
            offer=self.offer(),
            directory=str(self.project.directory),
            entry=self.project.entry,
            cancel_grace_ms=self.limits.cancel_grace_ms,
            worker_name=worker_name,
            settings=json.dumps(own, ensure_ascii=False) if own else "",
        )

    def command(self) -> list[str]:
        return [str(self.project.interpreter), "-m", "headrace.engine.serve"]

    @cached_property
    def environment(self) -> dict[str, str]:
        """Read once: it may make a folder that holds the kit alone."""
        whole = self.project.environment()
        own = {str(name) for name in self.project.settings.get("environment", {})}
        kept = {name: value for name, value in whole.items() if name in own or name in _INHERITED}
        return kept | {
            "PATH": kept.get("PATH", os.defpath),
            "PYTHONPATH": whole["PYTHONPATH"],
            "PYTHONUNBUFFERED": "1",
            "HEADRACE_ENGINE_DIR": str(self.project.directory),
        }


def find_engines(roots: list[Path]) -> list[RemoteEngine]:
    """Every engine.toml in these folders at any depth; one that cannot run fails them all."""
    found: list[RemoteEngine] = []
    for root in roots:
        folders = sorted(
            path.parent for path in root.rglob("engine.toml") if not _is_hidden(path, root)
        )
        if not folders:
            raise ProjectError(f"{root}: there is no engine.toml in it")
        found += [RemoteEngine.load(folder) for folder in folders]
    return found


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.relative_to(root).parts)
