"""headrace-engine, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
EXAMPLES = Path(__file__).parents[4] / "examples"


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> tuple[int, str, str]:
    """Status, output and errors of the command."""
    folder = str(Path(sys.executable).parent)
    path = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-m", "headrace.cli", *arguments],
        cwd=cwd,
        env=os.environ | path | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def write(directory: Path, toml: str, source: str) -> str:
    head = 'capability = "test"\nversion = "1.0.0"\n'
    directory.joinpath("engine.toml").write_text(head + textwrap.dedent(toml))
    directory.joinpath("engine.py").write_text(textwrap.dedent(source))
    return str(directory)


def test_new_check_run(tmp_path: Path) -> None:
    status, out, _ = run("new", "shout-it", cwd=tmp_path)
    assert status == 0
    assert out.split() == [
        f"shout-it/{name}" for name in ("engine.toml", "sample.json", "engine.py")
    ]
    assert run("check", "shout-it", cwd=tmp_path)[:2] == (0, "shout-it@0.1.0: ok\n")
    status, out, errors = run("check", "shout-it", "--run", "shout-it/sample.json", cwd=tmp_path)
    assert (status, json.loads(out)) == (0, {"text": "HELLO! HELLO!"})
    assert "progress  50% turn 2 of 2" in errors
    status, out, _ = run("run", "shout-it", "--input", '{"text":"x"}', cwd=tmp_path)
    assert json.loads(out) == {"text": "X!"}
    status, _, errors = run("new", "shout-it", cwd=tmp_path)
    assert (status, "is there already" in errors) == (1, True)
    assert run("new", "Shout")[0] == 1


def test_new_native_compiles(tmp_path: Path) -> None:
    assert run("new", "loud", "--kind", "native", "--dir", str(tmp_path / "x"))[0] == 0
    folder = tmp_path / "x"
    assert "is not built" in run("check", str(folder))[1]
    include = Path(__file__).parents[4] / "include"
    subprocess.run(
        f"cc -Wall -Wextra -Werror -shared -fPIC -I {include} -o {folder}/libloud.so "
        f"{folder}/loud.c".split(),
        check=True,
    )
    assert run("check", str(folder))[:2] == (0, "loud@0.1.0: ok\n")


MISMATCHES = [
    ("[inputs.a]\nkind='text'", "def run(): ...", "no argument for the input 'a'"),
    ("[inputs.a]\nkind='text'", "def run(a, b): ...", "argument 'b' is no input"),
    ("[inputs.a]\nkind='text'", "def run(a: int): ...", "kind text (str), but run's argument is"),
    ("[inputs.a]\nkind='image'", "def run(a: str): ...", "kind image (Image)"),
    ("[inputs.a]\nkind='text'\ncount='0..n'", "def run(a: str): ...", "'a' is a list"),
    ("slots = 2", "async def run(): ...", "does not say async = true"),
    ("max_batch = 4", "def run(): ...", "has no run_batch"),
    ("", "class run:\n    def run_batch(self, jobs): ...", "but max_batch is 1"),
    ("mode = 'stream'", "def run(): ...", "no argument that is annotated Session"),
    (
        "",
        "from headrace.engine import Session\ndef run(s: Session): ...",
        "mode is not stream",
    ),
    ("[outputs.a]\nkind='text'", "def run(): yield 1", "no output says stream"),
]


@pytest.mark.parametrize(("toml", "source", "said"), MISMATCHES)
def test_each_mismatch_is_named(tmp_path: Path, toml: str, source: str, said: str) -> None:
    top, bracket, rest = toml.partition("[")
    toml = f'{top}\n[python]\nentry = "engine:run"\n{bracket}{rest}'
    status, out, errors = run("check", write(tmp_path, toml, source))
    assert status == 1, errors
    assert said in out
    assert out.startswith("test@1.0.0: ")
    assert len(out.splitlines()) == 1, out


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    entry = '[python]\nentry = "engine:run"\n'
    for toml, source, said in (
        (entry, "import nowhere_at_all", "nowhere_at_all"),
        (entry, "def other(): ...", "engine has no run"),
        (entry, "run = 5", "neither a class nor a function"),
        (entry, "class run: ...", "neither run nor run_batch"),
        ("nonsense = 1\n" + entry, "", "unknown: nonsense"),
        ("", "", "one of [python], [native] and [command] is needed"),
        ("[python", "", "engine.toml"),
    ):
        status, _, errors = run("check", write(tmp_path, toml, source))
        assert status == 1
        assert said in errors
    assert run("check", str(tmp_path / "none"))[0] == 1


def test_run_of_a_session_and_media(tmp_path: Path) -> None:
    toml = """
        mode = "stream"
        [python]
        entry = "engine:run"
        [inputs.sound]
        kind = "audio"
        [parameters.add]
        kind = "integer"
        default = 1
        [outputs.size]
        kind = "integer"
        [outputs.back]
        kind = "audio"
    """
    source = """
        from headrace.engine import Audio, Session
        def run(session: Session, add: int):
            heard = b""
            for step in session:
                heard += step["sound"].bytes
                yield {"size": len(heard) + add}
            return {"back": Audio(heard, "audio/wav")}
    """
    directory = write(tmp_path, toml, source)
    tmp_path.joinpath("in.wav").write_bytes(bytes(40_000))
    status, out, errors = run(
        "run", directory, "--input", '{"sound":"in.wav"}', "--save", "saved", cwd=tmp_path
    )
    assert status == 0, errors
    back = {"content_type": "audio/wav", "size": 40_000, "file": str(tmp_path / "saved/back.wav")}
    assert json.loads(out) == {"back": back}
    assert tmp_path.joinpath("saved/back.wav").stat().st_size == 40_000
    assert [line for line in errors.splitlines() if line.startswith("output")] == [
        'output {"size": 16385}',
        'output {"size": 32769}',
        'output {"size": 40001}',
    ]
    status, _, errors = run("run", directory, "--input", '{"noise":1}')
    assert (status, "no input 'noise'" in errors) == (1, True)


def test_run_that_fails(tmp_path: Path) -> None:
    toml = '[python]\nentry = "engine:run"\n[inputs.a]\nkind = "text"\n[outputs.b]\nkind="text"\n'
    directory = write(tmp_path, toml, "def run(a): return {'b': int(a)}")
    for value, said in (("x", "failed: engine_failed: ValueError"), ("1", "output 'b': str is")):
        status, _, errors = run("run", directory, "--input", json.dumps({"a": value}))
        assert status == 1
        assert said in errors
    assert "input 'a' is missing" in run("run", directory)[2]


def test_install_makes_the_environment(tmp_path: Path) -> None:
    toml = '[python]\nentry = "engine:run"\nvenv = "env"\nrequirements = "needs.txt"\n'
    directory = write(tmp_path, toml, "def run(): ...")
    assert "check --install" in run("check", directory)[2]
    # Empty lists, so that nothing has to come over the network.
    tmp_path.joinpath("needs.txt").write_text("")
    tmp_path.joinpath("requirements-nodeps.txt").write_text("")
    status, out, errors = run("check", directory, "--install")
    assert status == 0, errors
    assert "environment ready" in out
    assert (tmp_path / "env" / "bin" / "python").exists()
    assert out.endswith("test@1.0.0: ok\n")


def test_watch_runs_again_after_a_change(tmp_path: Path) -> None:
    toml = '[python]\nentry = "engine:run"\n[outputs.n]\nkind = "integer"\n'
    directory = write(tmp_path, toml, "def run(): return 1")
    process = subprocess.Popen(
        [sys.executable, "-m", "headrace.cli", "run", directory, "--watch"],
        env=os.environ | {"PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert '"n": 1' in "".join(process.stdout.readline() for _ in range(3))
        tmp_path.joinpath("engine.py").write_text("def run(): return 22\n")
        assert '"n": 22' in "".join(process.stdout.readline() for _ in range(3))
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("name", ["py_echo", "py_echo_stream", "py_echo_slow", "py_echo_tensor"])
def test_the_echo_examples(name: str) -> None:
    directory = EXAMPLES / "engines" / "echo" / name
    status, out, errors = run("check", str(directory))
    assert (status, out) == (0, f"{name}@1.0.0: ok\n"), errors
    sample = {"text": " one  two "}
    if name == "py_echo_slow":
        sample["duration_ms"] = 20  # type: ignore[assignment]
    if name == "py_echo_tensor":
        sample = {"x": {"data": [1.0, 2.0]}}  # type: ignore[dict-item]
    status, out, errors = run("run", str(directory), "--input", json.dumps(sample))
    assert status == 0, errors
    if name == "py_echo_tensor":
        assert json.loads(out)["y"]["data"] == [1.0, 2.0]
    else:
        assert json.loads(out) == {"text": " one  two "}
