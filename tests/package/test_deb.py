"""The .deb in a clean Debian 12: installs, serves, upgrades in place, goes without a trace."""

from __future__ import annotations

import pathlib
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest
from chroot import ENVIRONMENT, Chroot, clean_debian
from server import ECHO, ROOT, Server

HEADRACE = "/usr/bin/headrace"


@pytest.fixture(scope="module")
def debian(deb: pathlib.Path) -> Iterator[Chroot]:
    with clean_debian() as chroot:
        shutil.copy(deb, chroot.root / "tmp" / "headrace.deb")
        chroot.run("apt-get", "update", "-q")
        chroot.run("apt-get", "install", "-q", "-y", "--no-install-recommends", "/tmp/headrace.deb")
        yield chroot


class Installed(Server):
    """`headrace serve` in the chroot, as the unit file starts it."""

    def __init__(self, chroot: Chroot, folder: pathlib.Path) -> None:
        super().__init__(folder, engines=())
        self.chroot = chroot
        self.key_file = chroot.root / "var/lib/headrace/admin.key"

    def start(self, ready: bool = True) -> Installed:
        self.log = open(self.folder / "server.log", "ab")
        command = ["setpriv", "--reuid=headrace", "--regid=headrace", "--clear-groups", HEADRACE]
        command += ["serve", "--config", "/etc/headrace/headrace.toml"]
        command += ["--client", f"127.0.0.1:{self.client_port}", "--control", f"127.0.0.1:{self.control_port}"]
        self.process = subprocess.Popen(
            self.chroot.command(*command), stdout=self.log, stderr=self.log, env=ENVIRONMENT
        )
        if ready:
            self.wait_ready()
        return self


def test_what_was_installed(debian: Chroot) -> None:
    root = debian.root
    version = debian.run(HEADRACE, "version")
    assert debian.run("dpkg-query", "-W", "-f=${Version}", "headrace") in version
    for path in (
        "usr/lib/systemd/system/headrace.service",
        "usr/lib/sysusers.d/headrace.conf",
        "usr/share/man/man1/headrace-serve.1.gz",
        "usr/share/man/man5/headrace.toml.5.gz",
        "usr/share/bash-completion/completions/headrace",
        "usr/share/doc/headrace/copyright",
    ):
        assert (root / path).is_file(), path
    for path in ("grafana/headrace.json", "prometheus/alerts.yml"):
        # Readable for Grafana and Prometheus, which run as users of their own.
        packed = root / "usr/share/headrace" / path
        assert packed.read_bytes() == (ROOT / "deploy" / path).read_bytes(), path
        assert packed.stat().st_mode & 0o004, path
    home = (root / "var/lib/headrace").stat()
    assert home.st_mode & 0o777 == 0o700
    assert debian.run("stat", "-c", "%U", "/var/lib/headrace").strip() == "headrace"
    debian.run(HEADRACE, "config", "check", "--config", "/etc/headrace/headrace.toml")
    assert debian.run("dpkg", "--verify", "headrace") == ""


def test_it_serves_engines_of_both_kinds(debian: Chroot, tmp_path: pathlib.Path) -> None:
    engines = debian.root / "etc/headrace/engines"
    for name in ("echo", "py_echo"):
        shutil.copytree(ECHO / name, engines / name, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    server = Installed(debian, tmp_path).start()
    try:
        server.wait_engines("echo", "py_echo")
        for name in ("echo", "py_echo"):
            assert server.client.run(name, {"text": "installed"})["output"] == {"text": "installed"}
        kept = server.client.submit("echo", {"text": "kept"})
        assert server.client.wait(kept["id"])["state"] == "succeeded"
        assert server.stop() == 0
        # Installing again over it keeps the data and the operator's settings.
        settings = debian.root / "etc/headrace/headrace.toml"
        settings.write_text(settings.read_text() + "\n[limits]\nconnections = 999\n")
        debian.run(
            "apt-get",
            "install",
            "-q",
            "-y",
            "--reinstall",
            "-o",
            "Dpkg::Options::=--force-confold",
            "/tmp/headrace.deb",
        )
        assert "connections = 999" in settings.read_text()
        server.start()
        assert server.client.job(kept["id"])["output"] == {"text": "kept"}
    finally:
        if server.process is not None and server.process.poll() is None:
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(20)


def test_purge_leaves_nothing(debian: Chroot) -> None:
    shutil.rmtree(debian.root / "etc/headrace/engines")
    (debian.root / "etc/headrace/engines").mkdir()
    debian.run("apt-get", "purge", "-q", "-y", "headrace")
    for path in (
        "usr/bin/headrace",
        "usr/lib/headrace",
        "usr/share/headrace",
        "etc/headrace/headrace.toml",
        "var/lib/headrace",
    ):
        assert not (debian.root / path).exists(), path
