"""`headrace-engine`: write, check and try an engine; run engines for a server elsewhere."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from headrace._version import VERSION
from headrace.engine import scaffold
from headrace.engine.check import mismatches
from headrace.engine.entry import Entry, EntryError, load_entry
from headrace.engine.local import read_inputs, run_once, shown_outputs
from headrace.engine.project import Project, ProjectError, hand_over

_INSIDE = "HEADRACE_ENGINE_INTERPRETER"
"""Set for a run of this command inside of the engine's own interpreter."""


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(given)
    try:
        status: int = options.command(options, given)
    except (ProjectError, EntryError, ValueError) as error:
        print(f"headrace-engine: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"headrace-engine: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="headrace-engine", description=__doc__)
    parser.add_argument("--version", action="version", version=f"headrace-engine {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    new = commands.add_parser("new", help="write the files of a new engine")
    new.add_argument("name", help="the capability's name, as `shout`")
    new.add_argument("--kind", choices=["python", "native"], default="python")
    new.add_argument("--dir", type=Path, help="the folder to write (default: the name)")
    new.set_defaults(command=_new)

    check = commands.add_parser("check", help="hold an engine against its interface")
    check.add_argument("directory", type=Path, metavar="DIR")
    check.add_argument("--install", action="store_true", help="make the engine's environment first")
    check.add_argument("--run", metavar="SAMPLE", help="then run a job with this file of inputs")
    check.set_defaults(command=_check)

    run = commands.add_parser("run", help="run one job without a server")
    run.add_argument("directory", type=Path, metavar="DIR")
    run.add_argument(
        "--input", default="", metavar="JSON", help="inputs as JSON, or a file of it (sample.json)"
    )
    run.add_argument("--save", type=Path, metavar="FOLDER", help="write media outputs there")
    run.add_argument("--watch", action="store_true", help="run again whenever a file changes")
    run.set_defaults(command=_run)

    remote = commands.add_parser("remote", help="run Python engines here for a server elsewhere")
    remote.add_argument(
        "--connect",
        required=True,
        metavar="URL",
        help="the server's control door, as wss://host:8601",
    )
    remote.add_argument(
        "--token-file", required=True, type=Path, metavar="FILE", help="a key of role worker"
    )
    remote.add_argument(
        "--engine",
        required=True,
        action="append",
        type=Path,
        metavar="DIR",
        help="folder searched for engine.toml; repeat for more",
    )
    remote.add_argument("--name", default="", help="what the server calls this agent (host name)")
    remote.add_argument("--ca-file", default="", metavar="FILE", help="authorities to trust, PEM")
    remote.add_argument(
        "--proxy",
        metavar="URL",
        help="HTTP proxy (default: HTTPS_PROXY, HTTP_PROXY; 'none' for none)",
    )
    remote.add_argument(
        "--install", action="store_true", help="make the engines' environments first"
    )
    remote.add_argument(
        "--insecure", action="store_true", help="connect beyond loopback without TLS"
    )
    remote.add_argument("--log", choices=["debug", "info", "warning", "error"], default="info")
    remote.set_defaults(command=_remote)
    return parser


def _remote(options: argparse.Namespace, _: list[str]) -> int:
    try:
        from headrace.remote.command import run
    except ImportError as error:
        if error.name != "websockets":
            raise
        raise ProjectError("this needs the extra: pip install 'headrace[remote]'") from error
    return run(options)


def _new(options: argparse.Namespace, _: list[str]) -> int:
    directory: Path = options.dir or Path(options.name)
    for path in scaffold.write(options.name, options.kind, directory):
        print(path)
    return 0


def _check(options: argparse.Namespace, given: list[str]) -> int:
    project = Project.load(options.directory)
    if project.kind == "native":
        return _check_native(project)
    if project.kind == "command":
        return _check_command(project)
    if options.install and not os.environ.get(_INSIDE):
        started = time.perf_counter()
        project.install()
        print(f"{project.name}: environment ready in {time.perf_counter() - started:.0f} s")
    status = _inside(project, [argument for argument in given if argument != "--install"])
    if status is not None:
        return status
    entry = _entry(project)
    found = mismatches(project, entry)
    for sentence in found:
        print(f"{project.name}: {sentence}")
    if not found and options.run:
        return _run_job(project, entry, options.run, None)
    if not found:
        print(f"{project.name}: ok")
    return 1 if found else 0


def _check_native(project: Project) -> int:
    library = str(project.settings["native"].get("library", ""))
    path = project.directory / library
    if not path.exists():
        print(f"{project.name}: {path} is not built (or it lies beside the headrace program)")
        return 0
    import ctypes

    try:
        ctypes.CDLL(str(path)).hr_engine_entry  # noqa: B018
    except (OSError, AttributeError) as error:
        print(f"{project.name}: {error}")
        return 1
    print(f"{project.name}: ok")
    return 0


def _check_command(project: Project) -> int:
    argv = project.settings["command"].get("argv", [])
    name = str(argv[0]) if argv else ""
    found = (project.directory / name).is_file() if "/" in name else bool(shutil.which(name))
    print(f"{project.name}: {'ok' if found else f'there is no program {name!r}'}")
    return 0 if found else 1


def _run(options: argparse.Namespace, given: list[str]) -> int:
    project = Project.load(options.directory)
    if project.kind != "python":
        raise ProjectError(f"a {project.kind} engine runs under `headrace serve --engine DIR`")
    if options.watch:
        return _watch(project, [argument for argument in given if argument != "--watch"])
    status = _inside(project, given)
    if status is not None:
        return status
    return _run_job(project, _entry(project), options.input, options.save)


def _entry(project: Project) -> Entry:
    os.environ.update(
        {name: str(value) for name, value in project.settings.get("environment", {}).items()}
    )
    try:
        return load_entry(project.directory, project.entry)
    except EntryError:
        raise
    except Exception as error:
        traceback.print_exc()
        raise EntryError(f"{project.entry} cannot be imported: {error}") from error


def _run_job(project: Project, entry: Entry, source: str, save: Path | None) -> int:
    sample, directory = _sample(source, project.directory)
    inputs = read_inputs(sample, project.interface, directory)
    # The engine finds its files as under the server, in its own folder.
    save = save.resolve() if save else None
    os.chdir(project.directory)
    try:
        outcome = run_once(project, entry, inputs)
    except Exception:
        traceback.print_exc()
        return 1
    if outcome.outputs is None:
        error = outcome.error
        print(f"failed: {error.code}: {error.message}" if error else "failed", file=sys.stderr)
        return 1
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
    print(json.dumps(shown_outputs(outcome.outputs, save), ensure_ascii=False, indent=2))
    print(f"ran in {outcome.engine_us / 1e6:.3f} s", file=sys.stderr)
    return 0


def _sample(source: str, engine: Path) -> tuple[dict[str, Any], Path]:
    """The inputs, and the folder that paths in them start from."""
    if source.lstrip().startswith("{"):
        text, directory = source, Path.cwd()
    else:
        path = Path(source) if source else engine / "sample.json"
        if not source and not path.exists():
            return {}, Path.cwd()
        try:
            text, directory = path.read_text("utf-8"), path.resolve().parent
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from error
    sample = json.loads(text)
    if not isinstance(sample, dict):
        raise ValueError("the inputs are no JSON object")
    return sample, directory


def _inside(project: Project, given: list[str]) -> int | None:
    """Runs the command in the engine's interpreter; None when this already is the one."""
    interpreter = project.interpreter
    if os.environ.get(_INSIDE):
        return None
    if not interpreter.exists():
        raise ProjectError(
            f"{interpreter} is not there: run `headrace-engine check --install {project.directory}`"
        )
    if os.path.samefile(interpreter.parent, Path(sys.executable).parent):
        return None
    environment = project.environment() | hand_over(project) | {_INSIDE: str(interpreter)}
    command = [str(interpreter), "-m", "headrace.cli", *given]
    sys.stdout.flush()  # what was said so far comes before what the child says
    return subprocess.run(command, env=environment, check=False).returncode


def _watch(project: Project, given: list[str]) -> int:
    """Runs the job in a process of its own, again after each change of a file in the folder."""
    while True:
        seen = _state(project.directory)
        command = [sys.executable, "-m", "headrace.cli", *given]
        process = subprocess.Popen(command, env=project.environment())
        try:
            while _state(project.directory) == seen:
                time.sleep(0.3)
        finally:
            process.terminate()
            process.wait()
        print("--- changed, running again", file=sys.stderr)


def _state(directory: Path) -> dict[str, float]:
    state = {}
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in files:
            path = os.path.join(folder, name)
            try:
                state[path] = os.stat(path).st_mtime
            except OSError:
                state[path] = 0.0
    return state


if __name__ == "__main__":
    sys.exit(main())
