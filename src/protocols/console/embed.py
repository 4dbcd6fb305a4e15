"""Makes the sources that carry the built page inside the program: assets.S and assets_table.cpp.

Run by the build: python3 embed.py DIST OUT
"""

from __future__ import annotations

import gzip
import hashlib
import pathlib
import sys

GAIN = 0.9  # packed files larger than this share of the plain one are left out


def quoted(path: pathlib.Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def main(dist: pathlib.Path, out: pathlib.Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    files = sorted(file for file in dist.rglob("*") if file.is_file())
    assembly = ['    .section .rodata.console, "a", %progbits']
    declared: list[str] = []
    rows: list[str] = []

    def include(symbol: str, file: pathlib.Path) -> str:
        for name in (symbol, f"{symbol}_end"):
            assembly.append(f"    .globl {name}\n    .hidden {name}")
        assembly.append(f"{symbol}:\n    .incbin {quoted(file)}\n{symbol}_end:\n    .byte 0")
        declared.append(f"extern const char {symbol}[];\nextern const char {symbol}_end[];")
        return f"{{{symbol}, static_cast<std::size_t>({symbol}_end - {symbol})}}"

    for number, file in enumerate(files):
        name = file.relative_to(dist).as_posix()
        content = file.read_bytes()
        packed = gzip.compress(content, 9, mtime=0)
        plain = include(f"headrace_console_{number}", file.resolve())
        small = "{}"
        if len(packed) < GAIN * len(content):
            beside = out / f"{number}.gz"
            beside.write_bytes(packed)
            small = include(f"headrace_console_{number}_gz", beside.resolve())
        digest = hashlib.sha256(content).hexdigest()[:32]
        rows.append(f'        {{"{name}", {plain}, {small}, "{digest}"}},')

    assembly.append('    .section .note.GNU-stack, "", %progbits')
    (out / "assets.S").write_text("\n".join(assembly) + "\n")
    (out / "assets_table.cpp").write_text(
        '#include "protocols/console/assets.hpp"\n\n#include <array>\n#include <cstddef>\n\nextern "C" {\n'
        + "\n".join(declared)
        + "\n}\n\nnamespace headrace::protocols::console {\n\nstd::span<const Asset> embedded_assets() {\n"
        + f"    static const std::array<Asset, {len(rows)}> kAssets{{{{\n"
        + "\n".join(rows)
        + "\n    }};\n    return kAssets;\n}\n\n}  // namespace headrace::protocols::console\n"
    )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
