"""Upstreams by https: a CA made here signs what a real TLS server shows; what is not as it should be is refused."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fake_upstream import Connection, FakeUpstream, good
from server import Server
from upstream_site import KEY, Setup, error_of, events_of, stream_of

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


class Ca:
    """A certificate authority of one test, and what it signs."""

    def __init__(self, folder: pathlib.Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.key, self.file = folder / f"{name}.key", folder / f"{name}.pem"
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                 "-subj", f"/CN={name}", "-keyout", str(self.key), "-out", str(self.file))  # fmt: skip

    def run(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, cwd=self.folder, check=False)
        assert done.returncode == 0, done.stderr

    @property
    def pem(self) -> str:
        return self.file.read_text()

    def sign(self, name: str, names: str, days: str = "30") -> ssl.SSLContext:
        """A server's side of TLS with a certificate for `names`, such as "IP:127.0.0.1"."""
        key, request, certificate = (self.folder / f"{self.name}-{name}.{end}" for end in ("key", "csr", "crt"))
        extensions = self.folder / f"{self.name}-{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=upstream",
                 "-keyout", str(key), "-out", str(request))  # fmt: skip
        self.run("x509", "-req", "-in", str(request), "-CA", str(self.file), "-CAkey", str(self.key),
                 "-CAcreateserial", "-days", days, "-extfile", str(extensions), "-out", str(certificate))  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


class TlsUpstream(FakeUpstream):
    """The same server behind TLS."""

    def __init__(self, context: ssl.SSLContext, behave: Any = good) -> None:
        self.context = context
        self.handshakes = 0
        super().__init__(behave)
        self.url = self.url.replace("http:", "https:")

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._greet, args=(sock,), daemon=True).start()

    def _greet(self, sock: socket.socket) -> None:
        sock.settimeout(60)
        with contextlib.suppress(OSError):
            wrapped = self.context.wrap_socket(sock, server_side=True)
            self.handshakes += 1
            connection = Connection(wrapped)
            self.connections.append(connection)
            self._serve(connection)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Ca:
    return Ca(tmp_path_factory.mktemp("ca"), "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Ca:
    return Ca(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture
def tls(ca: Ca, request: pytest.FixtureRequest) -> Iterator[TlsUpstream]:
    made = TlsUpstream(ca.sign(request.node.name.split("[")[0], "IP:127.0.0.1,DNS:localhost"))
    yield made
    made.close()


def test_calls_and_streams(up: Setup, tls: TlsUpstream, ca: Ca, dialling: Server) -> None:
    up.add(fake=tls, ca=ca.pem, key=KEY)
    assert up.chat()["output"]["text"] == "Hello there"
    _, response = stream_of(dialling, up.model)
    assert response.status == 200 and events_of(response.read())[-1] == "[DONE]"
    assert tls.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert tls.handshakes == 1, "the connection is kept"
    test = dialling.control.post(f"/upstreams/{tls.name}/test").json()
    assert test["ok"] is True, test
    shown = up.view(tls)
    assert shown["ca"] == ca.pem and "server_name" not in shown


def test_a_large_body_and_answer(up: Setup, ca: Ca) -> None:
    def echo(_: FakeUpstream, to: Connection, request: Any) -> None:
        text = request.json()["messages"][0]["content"]
        good_answer = f'{{"choices":[{{"message":{{"content":"{text}"}},"finish_reason":"stop"}}]}}'
        to.whole(200, good_answer.encode())

    fake = TlsUpstream(ca.sign("large", "IP:127.0.0.1"), echo)
    up.add(fake=fake, ca=ca.pem)
    text = "abc" * 400_000
    job = up.server.client.run(up.capability, {"messages": [{"role": "user", "content": text}]})
    assert job["state"] == "succeeded" and job["output"]["text"] == text


def refused(up: Setup, fake: TlsUpstream, field: str, dialling: Server) -> str:
    """The call fails, nothing was sent, and the operator is told which field mends it."""
    error = error_of(up.chat())
    assert error["code"] == "unavailable" and "certificate" in error["message"], error
    assert "127.0.0.1" not in error["message"], "a caller learns nothing of where the server is"
    test = dialling.control.post(f"/upstreams/{fake.name}/test").json()
    assert test["ok"] is False and f"({field}: " in test["message"], test
    assert up.view(fake)["health"]["reason"].startswith(f"{field}: ")
    assert not fake.requests and not fake.probes, "not a byte of a request went there"
    return test["message"]


def test_nobody_we_trust_has_signed_it(up: Setup, tls: TlsUpstream, dialling: Server) -> None:
    up.add(fake=tls, key=KEY, failures=1)
    refused(up, tls, "ca", dialling)


def test_another_ca_than_the_one_named(up: Setup, tls: TlsUpstream, stranger: Ca, dialling: Server) -> None:
    up.add(fake=tls, ca=stranger.pem, key=KEY, failures=1)
    refused(up, tls, "ca", dialling)


def test_it_has_expired(up: Setup, ca: Ca, dialling: Server) -> None:
    fake = TlsUpstream(ca.sign("expired", "IP:127.0.0.1", days="-1"))
    up.add(fake=fake, ca=ca.pem, failures=1)
    assert "expired" in refused(up, fake, "ca", dialling)


def test_it_is_for_another_name(up: Setup, ca: Ca, dialling: Server) -> None:
    fake = TlsUpstream(ca.sign("other", "DNS:models.example,IP:10.9.8.7"))
    up.add(fake=fake, ca=ca.pem, failures=1)
    assert "127.0.0.1" in refused(up, fake, "server_name", dialling)
    # Whoever knows that it is the right one all the same, says so; that is another chance for its circuit.
    up.change(fake, server_name="models.example")
    assert up.chat()["output"]["text"] == "Hello there"
    up.change(fake, server_name="others.example")
    error_of(up.chat())
    assert up.view(fake)["health"]["reason"].startswith("server_name: ")


def test_a_ca_of_several(up: Setup, tls: TlsUpstream, ca: Ca, stranger: Ca) -> None:
    up.add(fake=tls, ca=stranger.pem + ca.pem)
    assert up.chat()["state"] == "succeeded"


def test_a_certificate_that_signed_itself(up: Setup, stranger: Ca, dialling: Server) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(stranger.file, stranger.key)
    fake = TlsUpstream(context)
    up.add(fake=fake, failures=1)
    refused(up, fake, "ca", dialling)


def test_a_server_without_tls(up: Setup, dialling: Server) -> None:
    plain = FakeUpstream(good)
    plain.url = plain.url.replace("http:", "https:")
    up.add(fake=plain, key=KEY, timeouts={"connect": 1})
    # It reads our hello as the beginning of a request, and waits for its end.
    assert error_of(up.chat())["code"] == "deadline_exceeded"
    assert not plain.requests


def test_another_server_takes_over(up: Setup, tls: TlsUpstream) -> None:
    up.add(fake=tls)
    up.add(good, priority=1)
    assert up.chat()["state"] == "succeeded"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"ca": "no certificate"}, "ca"),
        ({"ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "ca"),
        ({"ca": ["x"]}, "ca"),
        ({"server_name": "a\nb"}, "server_name"),
        ({"base_url": "http://127.0.0.1:1/v1", "server_name": "x"}, "server_name"),
    ],
)
def test_settings_that_cannot_be_used(dialling: Server, more: dict[str, Any], field: str) -> None:
    body = {"name": "refused", "base_url": "https://127.0.0.1:1/v1", "models": ["nobodys"], **more}
    reply = dialling.control.post("/upstreams", body)
    assert reply.status == 400, reply.body
    assert field in [error["path"] for error in reply.json()["errors"]], reply.body


def test_the_command_and_a_restart(start_server: Any, ca: Ca, tmp_path: pathlib.Path) -> None:
    server = start_server()
    fake = TlsUpstream(ca.sign("command", "DNS:models.example"))

    def cli(*arguments: str) -> str:
        command = [str(server.binary), "upstreams", *arguments, "--key-file", str(server.key_file)]
        command += ["--control", f"http://127.0.0.1:{server.control_port}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr if done.returncode == 0 else f"failed: {done.stderr}"

    arguments = ("--url", fake.url, "--model", "m", "--upstream-ca-file", str(ca.file), "--probe-every", "0")
    assert "failed" not in cli("add", "up", *arguments)
    assert "server_name: " in cli("test", "up")
    assert "failed" not in cli("set", "up", "--server-name", "models.example")
    assert "it answers" in cli("test", "up")
    assert "failed" in cli("set", "up", "--upstream-ca-file", str(tmp_path / "nothing"))
    assert server.stop() == 0
    server.start()
    job = server.client.run("m", {"messages": [{"role": "user", "content": "hi"}]})
    assert job["output"]["text"] == "Hello there", job
    fake.close()
