from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import headrace
import headrace.engine

SOURCE = Path(__file__).parents[2] / "src" / "headrace"


def test_every_exported_name_is_there() -> None:
    for name in headrace.__all__:
        assert getattr(headrace, name) is not None
    for name in headrace.engine.__all__:
        assert getattr(headrace.engine, name) is not None
    assert dir(headrace) == sorted(dir(headrace))
    assert headrace.__all__ == sorted(headrace.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        headrace.nothing  # noqa: B018


def test_every_public_class_of_the_modules_is_exported() -> None:
    from headrace import errors, models, sessions, streaming

    for module in (errors, models, sessions, streaming):
        for name, value in vars(module).items():
            ours = isinstance(value, type) and value.__module__ == module.__name__
            if ours and not name.startswith("_") and name not in ("SseReader", "Message"):
                assert name in headrace.__all__, name


def test_the_kit_needs_the_standard_library_alone() -> None:
    """Without site-packages the kit, the worker loop and the tool can be imported."""
    code = (
        "import headrace, headrace.engine, headrace.engine.serve, headrace.engine.worker, sys;"
        "import headrace.cli;"
        "assert 'httpx' not in sys.modules;"
        "foreign = [m for m in sys.modules if 'site-packages' in (getattr(sys.modules[m], "
        "'__file__', '') or '')];"
        "assert not foreign, foreign"
    )
    subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r});{code}",
        ],
        check=True,
    )


def test_the_kit_imports_nothing_of_the_client() -> None:
    neutral = ("_environment", "_version", "_websocket", "_connections", "engine")
    for path in sorted(SOURCE.joinpath("engine").glob("*.py")):
        for line in path.read_text().splitlines():
            if line.lstrip().startswith(("from headrace", "import headrace")):
                module = line.split()[1].split(".")
                assert len(module) > 1, f"{path.name}: {line}"
                assert module[1] in neutral, f"{path.name}: {line}"


def test_no_serializer_that_runs_code() -> None:
    for path in SOURCE.rglob("*.py"):
        words = path.read_text().split()
        assert not {"pickle", "marshal", "shelve"} & set(words), path


def test_modules_stay_small() -> None:
    for path in SOURCE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 400, path
