"""Holds the sources against the house rules that a program can check.

- every `#include "room/..."` against src/layers.toml, and the rooms for circles;
- at most six files see Beast, all of the http room;
- file sizes (headers 150 lines, sources 400; 500 is the wall);
- words that must not stand in the repository.

Run: python3 tests/layers/check.py [--self-test]
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FREE = {"base", "telemetry"}
BEAST_FILES = 6
WALL = 500
SECRETS_IN_SOURCE = re.compile(r"-----BEGIN (RSA |EC )?PRIVATE KEY-----")
BANNED = [
    (re.compile(r"\bimport pickle\b|\bpickle\.loads?\b"), "pickle runs code on load"),
    (re.compile(r"(^|[^A-Za-z0-9_.])/(work|root)/"), "a path of somebody's machine"),
    (re.compile(r"index-url|extra-index|GOPROXY"), "a package registry's address"),
    (SECRETS_IN_SOURCE, "a private key"),
]


def room_of(path: str, rooms: list[str]) -> str | None:
    """The longest room name that is a prefix of the path."""
    best = None
    for room in rooms:
        if path.startswith(room + "/") and (best is None or len(room) > len(best)):
            best = room
    return best


def layer_errors(src: pathlib.Path, layers: dict[str, list[str]]) -> list[str]:
    errors: list[str] = []
    rooms = list(layers)
    arrows: dict[str, set[str]] = {room: set() for room in rooms}
    for file in sorted(src.rglob("*")):
        if file.suffix not in {".hpp", ".cpp", ".h", ".c"}:
            continue
        relative = file.relative_to(src).as_posix()
        room = room_of(relative, rooms)
        if room is None:
            errors.append(f"src/{relative}: stands in no room of layers.toml")
            continue
        in_test = "/tests/" in relative
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match or match[1].startswith("headrace/"):
                continue
            target = room_of(match[1], rooms)
            if target is None:
                errors.append(f'src/{relative}:{number}: "{match[1]}" is no room path')
                continue
            allowed = layers[room]
            if target == room or target in FREE or "*" in allowed or target in allowed:
                if target != room and not in_test:
                    arrows[room].add(target)
                continue
            # A test may use what it needs to drive its room, but never the program's wiring.
            if in_test and target != "main":
                continue
            errors.append(f"src/{relative}:{number}: {room} may not include {target}")
    errors += circle_errors(arrows)
    return errors


def circle_errors(arrows: dict[str, set[str]]) -> list[str]:
    done: set[str] = set()
    path: list[str] = []
    errors: list[str] = []

    def visit(room: str) -> None:
        if room in path:
            errors.append("circle: " + " -> ".join([*path[path.index(room) :], room]))
            return
        if room in done:
            return
        path.append(room)
        for target in sorted(arrows.get(room, ())):
            visit(target)
        path.pop()
        done.add(room)

    for room in arrows:
        visit(room)
    return errors


def beast_errors(src: pathlib.Path) -> list[str]:
    """A source sees Beast when it includes it, itself or through headers of ours; only http's may."""
    files = {f.relative_to(src).as_posix(): f.read_text() for f in src.rglob("*") if f.suffix in {".hpp", ".cpp", ".h"}}
    includes = {name: re.findall(r'#\s*include\s+"([^"]+)"', text) for name, text in files.items()}
    seeing = {name for name, text in files.items() if "<boost/beast" in text}
    errors = [f"src/{name}: only the http room may see Beast" for name in seeing if not name.startswith("http/")]
    while True:
        more = {name for name, targets in includes.items() if name not in seeing and seeing.intersection(targets)}
        if not more:
            break
        seeing |= more
    sources = sorted(name for name in seeing if name.endswith(".cpp") and "/tests/" not in name)
    if len(sources) > BEAST_FILES:
        errors.append(f"{len(sources)} files see Beast, at most {BEAST_FILES} may: {', '.join(sources)}")
    return errors


def tracked(*patterns: str) -> list[pathlib.Path]:
    out = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in out.split("\0") if name and (ROOT / name).is_file()]


def size_errors() -> list[str]:
    errors = []
    for file in tracked("*.cpp", "*.hpp", "*.h", "*.py"):
        lines = len(file.read_text().splitlines())
        if lines > WALL:
            errors.append(f"{file.relative_to(ROOT)}: {lines} lines, the wall is {WALL}: what is its second subject?")
    return errors


def word_errors() -> list[str]:
    errors = []
    own = pathlib.Path(__file__).resolve()
    for file in tracked():
        if file == own:
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, why in BANNED:
                if pattern.search(line):
                    errors.append(f"{file.relative_to(ROOT)}:{number}: {why}")
    return errors


def self_test() -> None:
    """The check must be able to fail: plant one error of each kind and see it found."""
    with tempfile.TemporaryDirectory() as folder:
        src = pathlib.Path(folder)
        (src / "low").mkdir()
        (src / "high").mkdir()
        (src / "low/a.hpp").write_text('#include "high/b.hpp"\n')
        (src / "high/b.hpp").write_text('#include "low/a.hpp"\n#include <boost/beast/core.hpp>\n')
        errors = layer_errors(src, {"low": [], "high": ["low"]})
        assert any("low may not include high" in e for e in errors), errors
        errors = layer_errors(src, {"low": ["high"], "high": ["low"]})
        assert any(e.startswith("circle") for e in errors), errors
        assert any("only the http room" in e for e in beast_errors(src))


def main() -> int:
    self_test()
    if "--self-test" in sys.argv:
        return 0
    layers = tomllib.loads((ROOT / "src/layers.toml").read_text())
    errors = layer_errors(ROOT / "src", layers) + beast_errors(ROOT / "src")
    errors += size_errors() + word_errors()
    for error in errors:
        print(error)
    print(f"{len(layers)} rooms, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
