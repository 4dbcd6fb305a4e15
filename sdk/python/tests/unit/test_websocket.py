from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest
from websocket_server import Connection, Server

from headrace._connections import AsyncWebSocket, WebSocket
from headrace._websocket import (
    Address,
    ClosedError,
    HandshakeRefusedError,
    WebSocketError,
)


def echo(connection: Connection) -> None:
    connection.accept()
    while True:
        kind, payload = connection.receive()
        connection.send(kind, payload)
        if kind == 8:
            return


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_000])
def test_messages_of_every_size(size: int) -> None:
    with Server(echo) as server, WebSocket(server.url) as socket:
        socket.send("ü" * size)
        assert socket.receive(20) == "ü" * size
        socket.send(b"\xff" * size)
        assert socket.receive(20) == b"\xff" * size


def test_pieces_pings_and_the_end() -> None:
    def script(connection: Connection) -> None:
        connection.accept()
        connection.send(1, b"h", last=False)
        connection.send(9, b"are you there")
        connection.send(0, "öhe".encode())
        assert connection.receive() == (10, b"are you there")
        connection.send(8, b"\x03\xf0not you")
        assert connection.receive()[0] == 8

    with Server(script) as server, WebSocket(server.url) as socket:
        assert socket.receive(20) == "höhe"
        with pytest.raises(ClosedError) as caught:
            socket.receive(20)
        assert (caught.value.code, caught.value.reason) == (1008, "not you")
        with pytest.raises(ClosedError):
            socket.send("late")


def test_the_request() -> None:
    seen: list[Connection] = []

    def script(connection: Connection) -> None:
        seen.append(connection)
        echo(connection)

    with Server(script) as server:
        url = f"{server.url}/a/b?c=d"
        WebSocket(url, {"Authorization": "Bearer k"}).close()
    assert seen[0].request == "GET /a/b?c=d HTTP/1.1"
    assert seen[0].headers["host"] == f"localhost:{server.port}"
    assert seen[0].headers["authorization"] == "Bearer k"
    with pytest.raises(WebSocketError):
        Address.of("ftp://x")
    assert Address.of("wss://[::1]/").authority == "[::1]"


def test_a_refusal_keeps_status_and_body() -> None:
    def script(connection: Connection) -> None:
        connection.raw(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nno")
        connection.raw(b"pe")

    with Server(script) as server, pytest.raises(HandshakeRefusedError) as caught:
        WebSocket(server.url)
    assert (caught.value.status, caught.value.body) == (401, b"nope")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x81aaaab", 1002),  # masked by a server
        (b"\xc1\x00", 1002),  # a reserved bit
        (b"\x80\x00", 1002),  # goes on with nothing
        (b"\x09\x00", 1002),  # a ping in pieces
        (b"\x81\x01\xff", 1007),  # not UTF-8
        (b"\x82\x7f" + b"\x7f" + bytes(7), 1009),  # far too big
    ],
)
def test_a_server_that_breaks_the_rules(frame: bytes, code: int) -> None:
    def script(connection: Connection) -> None:
        connection.accept()
        connection.raw(frame)
        connection.receive()

    with Server(script) as server, WebSocket(server.url) as socket:
        with pytest.raises(ClosedError) as caught:
            socket.receive(20)
        assert caught.value.code == code


def test_a_broken_connection_and_a_wrong_answer() -> None:
    def hangs_up(connection: Connection) -> None:
        connection.accept()

    def lies(connection: Connection) -> None:
        connection.raw(b"HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: x\r\n\r\n")

    with Server(hangs_up, lies) as server:
        socket = WebSocket(server.url)
        with pytest.raises(ClosedError) as caught:
            socket.receive(20)
        assert caught.value.code == 1006
        socket.close()
        with pytest.raises(WebSocketError):
            WebSocket(server.url)
    with pytest.raises(WebSocketError):
        WebSocket(server.url, timeout=1)


def test_receive_in_time() -> None:
    with Server(echo) as server, WebSocket(server.url) as socket:
        with pytest.raises(TimeoutError):
            socket.receive(0.01)
        socket.send("x")
        assert socket.receive(20) == "x"


def test_async() -> None:
    async def talk(url: str) -> None:
        async with await AsyncWebSocket.connect(url) as socket:
            await socket.send("text")
            assert await socket.receive() == "text"
            await socket.send(b"bytes")
            assert await socket.receive() == b"bytes"

    with Server(echo) as server:
        asyncio.run(talk(server.url))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    crt, key = folder / "crt.pem", folder / "key.pem"
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
        f"-keyout {key} -out {crt}".split(),
        check=True,
        capture_output=True,
    )
    return crt, key


def test_tls(certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    ca_file = str(certificate[0])
    with Server(echo, context=context) as server, WebSocket(server.url, ca_file=ca_file) as socket:
        socket.send(b"x" * 500_000)
        assert len(socket.receive(20)) == 500_000

    async def talk(url: str) -> None:
        async with await AsyncWebSocket.connect(url, ca_file=ca_file) as socket:
            await socket.send("over TLS")
            assert await socket.receive() == "over TLS"

    with Server(echo, context=context) as server:
        asyncio.run(talk(server.url))


def test_an_unknown_certificate_is_refused(certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = Server(echo, context=context)
    with pytest.raises(WebSocketError, match="CERTIFICATE_VERIFY_FAILED"):
        WebSocket(server.url)
    with pytest.raises(OSError, match=r"(?i)tls|ssl|alert"):
        server.__exit__()
