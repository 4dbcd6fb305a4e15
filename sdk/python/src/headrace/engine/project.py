"""An engine's folder: what its `engine.toml` says, its interpreter, its environment."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.engine.interface import Interface

TOP_KEYS = frozenset(
    key
    for line in (
        "capability version title description slots max_batch max_wait_ms limits environment",
        "settings gpu native python command mode profile inputs parameters outputs progress errors",
        "meters",
    )
    for key in line.split()
)
PYTHON_KEYS = frozenset(("entry", "interpreter", "venv", "requirements", "async"))
NO_DEPENDENCIES = "requirements-nodeps.txt"
"""Beside the requirements file: packages that are installed without what they ask for."""


_HANDED_OVER = "HEADRACE_ENGINE_SETTINGS"


class ProjectError(Exception):
    """The folder holds no usable engine; the message says why."""


@dataclass(frozen=True)
class Project:
    directory: Path
    settings: Mapping[str, Any]
    interface: Interface

    @classmethod
    def load(cls, directory: Path) -> Project:
        path = directory / "engine.toml"
        try:
            settings = _handed_over() or _parse(path.read_text("utf-8"))
        except OSError as error:
            raise ProjectError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise ProjectError(f"{path}: {error}") from error
        for key in ("capability", "version"):
            if not isinstance(settings.get(key), str):
                raise ProjectError(f"{path}: {key} is missing")
        if sum(kind in settings for kind in ("python", "native", "command")) != 1:
            raise ProjectError(f"{path}: one of [python], [native] and [command] is needed")
        unknown = [key for key in settings if key not in TOP_KEYS]
        unknown += [f"python.{key}" for key in settings.get("python", {}) if key not in PYTHON_KEYS]
        if unknown:
            raise ProjectError(f"{path}: unknown: {', '.join(unknown)}")
        return cls(directory.resolve(), settings, Interface.of(settings))

    @property
    def name(self) -> str:
        return f"{self.settings['capability']}@{self.settings['version']}"

    @property
    def python(self) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self.settings.get("python", {})
        return table

    @property
    def kind(self) -> str:
        """python, native or command."""
        return next(kind for kind in ("python", "native", "command") if kind in self.settings)

    @property
    def entry(self) -> str:
        return str(self.python.get("entry", ""))

    @property
    def slots(self) -> int:
        return int(self.settings.get("slots", 1))

    @property
    def max_batch(self) -> int:
        return int(self.settings.get("max_batch", 1))

    @property
    def interpreter(self) -> Path:
        """The Python that runs the engine, as the server would choose it."""
        if interpreter := self.python.get("interpreter"):
            return Path(shutil.which(str(interpreter)) or str(interpreter))
        python = self.venv / "bin" / "python"
        if "venv" in self.python or python.exists():
            return python
        return Path(shutil.which("python3") or "python3")

    @property
    def venv(self) -> Path:
        return self.directory / str(self.python.get("venv", ".venv"))

    @property
    def own_settings(self) -> Mapping[str, Any]:
        """The table that only the engine itself reads."""
        table: Mapping[str, Any] = self.settings.get("settings", {})
        return table

    def environment(self) -> dict[str, str]:
        """The environment of the engine's process."""
        paths = [_kit_root(), *filter(None, [os.environ.get("PYTHONPATH")])]
        added = {name: str(value) for name, value in self.settings.get("environment", {}).items()}
        return os.environ | added | {"PYTHONPATH": os.pathsep.join(paths)}

    def install(self) -> None:
        """Makes the engine's virtual environment and installs what its requirements name."""
        python = self.venv / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(self.venv)], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        requirements = self.python.get("requirements")
        if requirements:
            subprocess.run([*pip, "-r", str(self.directory / requirements)], check=True)
        bare = self.directory / NO_DEPENDENCIES
        if bare.exists():
            subprocess.run([*pip, "--no-deps", "-r", str(bare)], check=True)


def _kit_root() -> str:
    """A folder for PYTHONPATH that holds this package and no other."""
    package = Path(__file__).resolve().parents[1]
    if package.parent.name not in ("site-packages", "dist-packages"):
        return str(package.parent)
    folder = tempfile.mkdtemp(prefix="headrace-kit-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder, package.name).symlink_to(package)
    return folder


def hand_over(project: Project) -> dict[str, str]:
    """For the environment of this tool in the engine's own interpreter, which may be a Python that
    cannot read TOML."""
    return {_HANDED_OVER: json.dumps(project.settings, default=str)}


def _handed_over() -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(os.environ.pop(_HANDED_OVER, "{}"))
    return settings


def _parse(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        try:
            import tomli as tomllib
        except ImportError as error:
            raise ProjectError("Python 3.10 needs tomli to read engine.toml") from error
    settings: dict[str, Any] = tomllib.loads(text)
    return settings
