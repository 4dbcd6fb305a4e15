"""A clean Debian 12 in a folder, made by debootstrap from the mirror that this machine uses."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

CACHE = pathlib.Path(os.environ.get("HEADRACE_CACHE", pathlib.Path.home() / ".cache" / "headrace"))
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


def mirror() -> str:
    """The first address that apt takes bookworm from."""
    sources = [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*"))]
    for source in sources:
        text = source.read_text() if source.is_file() else ""
        found = re.search(r"^URIs:\s*(\S+/debian/?)\s*$|^deb\s+(?:\[[^]]*\]\s*)?(\S+/debian/?)\s", text, re.MULTILINE)
        if found:
            return found[1] or found[2]
    raise RuntimeError("no Debian mirror stands in /etc/apt")


def base() -> pathlib.Path:
    """Made once and kept."""
    folder = CACHE / "bookworm-minbase"
    if not (folder / ".complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", str(folder), mirror()], check=True)
        (folder / ".complete").touch()
    return folder


class Chroot:
    def __init__(self, root: pathlib.Path) -> None:
        self.root = root

    def command(self, *argv: str) -> list[str]:
        return ["chroot", str(self.root), *argv]

    def run(self, *argv: str) -> str:
        done = subprocess.run(self.command(*argv), capture_output=True, text=True, env=ENVIRONMENT, check=False)
        assert done.returncode == 0, (argv, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout


@contextlib.contextmanager
def clean_debian() -> Iterator[Chroot]:
    with tempfile.TemporaryDirectory(prefix="headrace-chroot-") as folder:
        root = pathlib.Path(folder) / "root"
        subprocess.run(["cp", "-a", str(base()), str(root)], check=True)
        for file in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{file}", root / "etc" / file)
        for file in pathlib.Path("/etc/apt/apt.conf.d").glob("*"):
            shutil.copy(file, root / "etc/apt/apt.conf.d" / file.name)
        authorities = root / "etc/ssl/certs/ca-certificates.crt"
        authorities.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", authorities)
        mounts = [("proc", ["-t", "proc", "proc"]), ("dev", ["--rbind", "/dev"])]
        for name, how in mounts:
            subprocess.run(["mount", *how, str(root / name)], check=True)
        try:
            yield Chroot(root)
        finally:
            for name, _ in mounts:
                subprocess.run(["umount", "-l", str(root / name)], check=True)
