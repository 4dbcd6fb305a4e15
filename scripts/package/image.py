"""A container image without a daemon: image.py OUT reads OUT/tree and writes OUT/headrace-VERSION-image.tar
(docker load -i, podman load -i). One layer: the programs, the shared libraries that they load, Python for
engines, certificates; no shell, no package manager. Two runs over the same input give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile

UID = 10001
PREFIX = pathlib.PurePosixPath("usr/lib/headrace")
PYTHON = pathlib.Path("/usr/bin/python3.11")
PYTHON_LIBRARY = pathlib.Path("/usr/lib/python3.11")
SKIPPED = {"__pycache__", "test", "tests", "idlelib", "lib2to3", "tkinter", "turtledemo", "dist-packages"}
CONFIG = {
    "User": f"{UID}:{UID}",
    "Env": ["PATH=/usr/bin", "LANG=C.UTF-8", "HOME=/data", "HEADRACE_SERVER_DATA=/data"],
    "Entrypoint": ["/usr/bin/headrace"],
    # A container's network is its own: what is published is the operator's choice.
    "Cmd": ["serve", "--client", "0.0.0.0:8600", "--control", "0.0.0.0:8601", "--insecure", "--engine", "/engines"],
    "ExposedPorts": {"8600/tcp": {}, "8601/tcp": {}},
    "Volumes": {"/data": {}},
    "WorkingDir": "/data",
    "StopSignal": "SIGTERM",
    "Labels": {"org.opencontainers.image.title": "headrace", "org.opencontainers.image.licenses": "Apache-2.0"},
}


def libraries_of(paths: list[pathlib.Path]) -> set[pathlib.Path]:
    """What the loader would load for these files, and the loader itself."""
    found: set[pathlib.Path] = set()
    for path in paths:
        text = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False).stdout
        if "not found" in text:
            sys.exit(f"{path}: {text}")
        found |= {pathlib.Path(each) for each in re.findall(r"(/\S+) \(0x", text)}
    return found


class Layer:
    def __init__(self) -> None:
        self._entries: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def folder(self, name: str, mode: int = 0o755, owner: int = 0) -> None:
        if name in ("", ".") or name in self._entries:
            return
        self.folder(str(pathlib.PurePosixPath(name).parent))
        info = self._info(name, mode)
        info.type, info.uid, info.gid = tarfile.DIRTYPE, owner, owner
        self._entries[name] = (info, b"")

    def file(self, name: str, data: bytes, mode: int = 0o644) -> None:
        self.folder(str(pathlib.PurePosixPath(name).parent))
        info = self._info(name, mode)
        info.size = len(data)
        self._entries[name] = (info, data)

    def link(self, name: str, target: str) -> None:
        self.folder(str(pathlib.PurePosixPath(name).parent))
        info = self._info(name, 0o777)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self._entries[name] = (info, b"")

    def copy(self, source: pathlib.Path, name: str) -> None:
        executable = bool(source.stat().st_mode & 0o100)
        self.file(name, source.read_bytes(), 0o755 if executable else 0o644)

    def tree(self, source: pathlib.Path, name: pathlib.PurePosixPath) -> None:
        for path in sorted(source.rglob("*")):
            relative = path.relative_to(source)
            if path.is_file() and not SKIPPED & set(relative.parts):
                self.copy(path, str(name / relative))

    @staticmethod
    def _info(name: str, mode: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.mode, info.mtime = mode, 0
        return info

    def bytes(self) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for _, (info, data) in sorted(self._entries.items()):
                tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
        return out.getvalue()


def build_layer(tree: pathlib.Path) -> bytes:
    layer = Layer()
    layer.tree(tree, PREFIX)
    layer.link("usr/bin/headrace", f"/{PREFIX}/bin/headrace")
    layer.copy(PYTHON, str(PYTHON).lstrip("/"))
    layer.link("usr/bin/python3", PYTHON.name)
    layer.tree(PYTHON_LIBRARY, pathlib.PurePosixPath(str(PYTHON_LIBRARY).lstrip("/")))
    programs = [*tree.glob("bin/headrace*"), *tree.glob("bin/engines/*.so"), PYTHON]
    for library in sorted(libraries_of([*programs, *PYTHON_LIBRARY.glob("lib-dynload/*.so")])):
        layer.copy(library.resolve(), str(library).lstrip("/"))
    layer.copy(pathlib.Path("/etc/ssl/certs/ca-certificates.crt"), "etc/ssl/certs/ca-certificates.crt")
    layer.file("etc/passwd", f"headrace:x:{UID}:{UID}::/data:/sbin/nologin\n".encode())
    layer.file("etc/group", f"headrace:x:{UID}:\n".encode())
    layer.file("etc/nsswitch.conf", b"hosts: files dns\n")
    layer.folder("tmp", 0o1777)
    layer.folder("engines")
    layer.folder("data", 0o700, UID)
    return layer.bytes()


def main() -> None:
    out = pathlib.Path(sys.argv[1])
    version = (out / "version").read_text().strip()
    layer = build_layer(out / "tree")
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": CONFIG,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created_by": "scripts/package/image.py"}],
        },
        sort_keys=True,
    ).encode()
    name = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{name}.json", "RepoTags": [f"headrace:{version}"], "Layers": [f"{digest}/layer.tar"]}]
    whole = Layer()
    whole.file(f"{name}.json", config)
    whole.file(f"{digest}/layer.tar", layer)
    whole.file("manifest.json", json.dumps(manifest).encode())
    target = out / f"headrace-{version}-image.tar"
    target.write_bytes(whole.bytes())
    print(f"{target}: headrace:{version}, {len(layer) >> 20} MiB, sha256:{name}")


if __name__ == "__main__":
    main()
