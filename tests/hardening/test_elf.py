"""What the linker and the compiler were told to harden holds in the files that are handed out.

HEADRACE_BIN names the program (default build/dev/headrace), beside which the others lie; HEADRACE_RELEASE=1
also asks for what only a release is built with.
"""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
from elf import (
    DF_1_NOW,
    DF_1_PIE,
    DF_BIND_NOW,
    DF_TEXTREL,
    ENDBR64,
    EXECUTE,
    FLAGS,
    FLAGS_1,
    GNU_RELRO,
    GNU_STACK,
    INTERP,
    LOAD,
    TEXTREL,
    WRITE,
    Elf,
)

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(os.environ.get("HEADRACE_BIN", ROOT / "build" / "dev" / "headrace")).parent
RELEASE = os.environ.get("HEADRACE_RELEASE") == "1"
PROGRAMS = ["headrace", "headrace-host"]
ENGINES = sorted(path.name for path in (FOLDER / "engines").glob("*.so"))
# Small engines have no array on the stack and copy nothing, so these have nothing to guard in them.
LARGE = [*PROGRAMS, *(name for name in ENGINES if name == "libheadrace_llama.so")]

release_only = pytest.mark.skipif(not RELEASE, reason="a development build does not have it")


def read(name: str) -> Elf:
    return Elf.read(FOLDER / name if name in PROGRAMS else FOLDER / "engines" / name)


def test_there_is_something_to_read() -> None:
    assert ENGINES and all((FOLDER / name).exists() for name in PROGRAMS)


def test_the_reader_sees_what_is_missing(tmp_path: pathlib.Path) -> None:
    soft = tmp_path / "soft"
    flags = ["-no-pie", "-fno-stack-protector", "-Wl,-z,norelro,-z,lazy,-z,execstack,-rpath,/lib"]
    subprocess.run(["cc", "-x", "c", "-", "-o", soft, *flags], input=b"int main(void) { return 0; }", check=True)
    elf = Elf.read(soft)
    assert elf.kind == 2 and not elf.flag(FLAGS_1, DF_1_PIE) and elf.segment(GNU_RELRO) is None
    assert not elf.flag(FLAGS, DF_BIND_NOW) and not elf.flag(FLAGS_1, DF_1_NOW)
    assert elf.segment(GNU_STACK).flags & EXECUTE and elf.search_paths() == ["/lib"]
    assert "__stack_chk_fail" not in elf.undefined


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_may_lie_anywhere(name: str) -> None:
    elf = read(name)
    assert elf.kind == 3 and elf.segment(INTERP) is not None and elf.flag(FLAGS_1, DF_1_PIE)


@pytest.mark.parametrize("name", PROGRAMS + ENGINES)
def test_what_is_resolved_is_resolved_at_the_start_and_then_read_only(name: str) -> None:
    elf = read(name)
    assert elf.segment(GNU_RELRO) is not None
    assert elf.flag(FLAGS, DF_BIND_NOW) or elf.flag(FLAGS_1, DF_1_NOW)


@pytest.mark.parametrize("name", PROGRAMS + ENGINES)
def test_nothing_is_both_writable_and_executable(name: str) -> None:
    elf = read(name)
    stack = elf.segment(GNU_STACK)
    assert stack is not None and not stack.flags & EXECUTE
    assert not [part for part in elf.segments if part.kind == LOAD and part.flags & WRITE and part.flags & EXECUTE]
    assert TEXTREL not in elf.dynamic and not elf.flag(FLAGS, DF_TEXTREL)


@pytest.mark.parametrize("name", PROGRAMS + ENGINES)
def test_libraries_are_found_where_the_system_has_them(name: str) -> None:
    allowed = ["$ORIGIN/llama/lib"] if name == "libheadrace_llama.so" else []
    assert [path for path in read(name).search_paths() if path not in allowed] == []


@pytest.mark.parametrize("name", LARGE)
def test_stacks_are_guarded(name: str) -> None:
    assert "__stack_chk_fail" in read(name).undefined


@release_only
@pytest.mark.parametrize("name", LARGE)
def test_copies_are_checked(name: str) -> None:
    checked = {symbol for symbol in read(name).undefined if symbol.endswith("_chk")}
    assert checked, "no call was made through its checking form (_FORTIFY_SOURCE)"


@release_only
@pytest.mark.parametrize("name", PROGRAMS)
def test_indirect_jumps_land_on_marks(name: str) -> None:
    # The note in the file says so only when every object of the system's libraries has it too, so we
    # look at the code: each function that may be called through a pointer begins with the mark.
    assert read(name).data.count(ENDBR64) > 500


@release_only
@pytest.mark.parametrize("name", ENGINES)
def test_entries_of_engines_begin_with_the_mark(name: str) -> None:
    elf = read(name)
    at = elf.offset_of(elf.defined["hr_engine_entry"])
    assert elf.data[at : at + 4] == ENDBR64
