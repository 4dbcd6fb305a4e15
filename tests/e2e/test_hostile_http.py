"""Hostile input: heads and bodies. A clear error or a clean close, and others unharmed."""

from __future__ import annotations

import contextlib
import time

import pytest
from wire import API, RawSocket, problem

GOOD = '{"capability":"echo","input":{"text":"x"}}'


@pytest.fixture(autouse=True)
def unharmed(server):
    yield
    server.healthy()


BODIES = {
    "empty": (b"", "json"),
    "not JSON": (b"nonsense", "json"),
    "not an object": (b"[1]", "type:object"),
    "a number": (b"5", "type:object"),
    "null": (b"null", "type:object"),
    "a string": (b'"x"', "type:object"),
    "cut short": (b'{"capability":', "json"),
    "two values": (GOOD.encode() + b"{}", "json"),
    "comment": (b"/* */" + GOOD.encode(), "json"),
    "trailing comma": (b'{"capability":"echo",}', "json"),
    "single quotes": (b"{'capability':'echo'}", "json"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), "json"),
    "not UTF-8": (b'{"capability":"\xff","input":{}}', "json"),
    "overlong UTF-8": (b'{"capability":"\xc0\xaf","input":{}}', "json"),
    "UTF-8 surrogate": (b'{"capability":"\xed\xa0\x80","input":{}}', "json"),
    "raw control character": (b'{"capability":"a\x01","input":{}}', "json"),
    "NUL": (b'{"capability":"a\x00","input":{}}', "json"),
    "duplicate keys": (b'{"capability":"echo","capability":"echo","input":{"text":"x"}}', "duplicate_key"),
    "duplicate keys below": (b'{"capability":"echo","input":{"text":"x","text":"y"}}', "duplicate_key"),
    "duplicate keys escaped": (b'{"capability":"echo","input":{"text":"x","t\\u0065xt":"y"}}', "duplicate_key"),
    "10 000 deep": (b'{"capability":"echo","input":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001, "max_depth"),
    "10 000 lists deep": (b'{"input":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "max_depth"),
    "65 deep": (b'{"a":' * 65 + b"1" + b"}" * 65, "max_depth"),
    "never closed": (b"[" * 100_000, "max_depth"),
    "lone surrogate": (b'{"capability":"echo","input":{"text":"\\ud800"}}', "surrogate"),
    "lone low surrogate": (b'{"capability":"echo","input":{"text":"\\udc00x"}}', "surrogate"),
    "reversed surrogates": (b'{"capability":"echo","input":{"text":"\\udc00\\ud800"}}', "surrogate"),
    "1e999": (b'{"capability":"echo","input":{"text":"x"},"priority":1e999}', "number_range"),
    "-1e999": (b'{"capability":"echo","input":{"text":"x"},"timeout":-1e999}', "number_range"),
    "NaN": (b'{"capability":"echo","input":{"text":"x"},"timeout":NaN}', "json"),
    "hex": (b'{"capability":"echo","input":{"text":"x"},"priority":0x5}', "json"),
    "leading zero": (b'{"capability":"echo","input":{"text":"x"},"priority":05}', "json"),
}


@pytest.mark.parametrize("case", BODIES)
def test_bodies(client, case) -> None:
    body, rule = BODIES[case]
    answer = problem(client.post("/jobs", body, {"Content-Type": "application/json"}), 400, "invalid_argument")
    assert answer["errors"][0]["rule"] == rule, answer
    assert b"nonsense" not in str(answer).encode(), "never the content"


@pytest.mark.parametrize("number", ["1e400", "123456789012345678901234567890", "0.1e-400", "-0", "1E5", "1e-5"])
def test_numbers_at_the_edge(client, number) -> None:
    reply = client.post("/jobs", f'{{"capability":"echo","input":{{"text":"x"}},"priority":{number}}}')
    assert reply.status in (202, 400)
    if reply.status == 400:
        problem(reply, 400)


def test_unknown_names_do_not_come_back(client) -> None:
    reply = client.post("/jobs", {"capability": "echo", "input": {"text": "x"}, "<script>secret": 1})
    assert b"secret" not in reply.body and problem(reply, 400)["errors"][0]["rule"] == "unknown_field"


def test_text_of_every_plane_comes_back(client) -> None:
    text = '\u0000\u0001\u007f\u2028\ufffe\U0001f600\U0010ffff"\\/\b\f\n\r\t'
    assert client.run("echo", {"text": text})["output"] == {"text": text}


def head(client, more: str = "", method: str = "POST", path: str = f"{API}/jobs", version: str = "HTTP/1.1") -> bytes:
    return (
        f"{method} {path} {version}\r\nHost: localhost\r\nAuthorization: Bearer {client.key}\r\n"
        f"Content-Type: application/json\r\n{more}"
    ).encode()


def status_of(client, data: bytes, timeout: float = 20) -> int:
    with RawSocket(client.host, client.port, timeout) as raw:
        with contextlib.suppress(ConnectionError):
            raw.send(data)
        return raw.status()


def test_a_megabyte_of_headers(client) -> None:
    assert status_of(client, head(client, "X-Big: " + "x" * 1_000_000 + "\r\n\r\n")) in (431, 0)
    many = "".join(f"X-{i}: y\r\n" for i in range(100_000))
    assert status_of(client, head(client, many + "\r\n")) in (431, 0)
    long = head(client, "\r\n", "GET", API + "/" + "x" * 1_000_000)
    assert status_of(client, long) in (414, 431, 0)


def test_a_head_just_above_its_limit_is_431(client) -> None:
    reply = client.get("/jobs", {"X-Big": "x" * 66_000})
    problem(reply, 431)


def test_a_gigabyte_of_body_is_refused_at_its_head(client) -> None:
    # Answered though not one byte of the body ever comes.
    assert status_of(client, head(client, f"Content-Length: {10**9}\r\n\r\n")) == 413


def test_a_body_that_grows_too_large(client) -> None:
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    with RawSocket(client.host, client.port) as raw:
        raw.send(head(client, "Transfer-Encoding: chunked\r\n\r\n"))
        try:
            for _ in range(40):
                raw.send(piece)
        except OSError:
            pass
        assert raw.status() in (413, 0)


def test_413_is_a_problem(client) -> None:
    body = b'{"capability":"echo","input":{"text":"' + b"x" * (33 << 20) + b'"}}'
    with RawSocket(client.host, client.port) as raw:
        raw.send(head(client, f"Content-Length: {len(body)}\r\n\r\n"))
        answer = raw.read_until_closed()
    assert b" 413 " in answer and b"application/problem+json" in answer and b'"too_large"' in answer


@pytest.mark.parametrize(
    "more",
    [
        "Content-Length: x\r\n\r\n",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
        "X Y: z\r\n\r\n",
        ": z\r\n\r\n",
        "no colon\r\n\r\n",
        "X: a\x00b\r\n\r\n",
        " folded: x\r\n\r\n",
        "Content-Length: 99999999999999999999999\r\n\r\n",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length : 5\r\n\r\nhello",
    ],
)
def test_broken_heads(client, more) -> None:
    assert status_of(client, head(client, more)) in (400, 413, 411, 501, 0)


@pytest.mark.parametrize(
    "line",
    [
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/jobs/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
        b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_broken_request_lines(client, line) -> None:
    status = status_of(client, line, timeout=40)
    assert status in (0, 400, 401, 404, 405, 421, 501, 505), (line, status)


def test_foreign_hosts_on_loopback(client) -> None:
    """DNS rebinding: a page elsewhere must not reach a loopback door by a name of its own."""
    data = f"GET {API}/jobs HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {client.key}\r\n\r\n".encode()
    assert status_of(client, data) in (400, 403, 421)


STAGES = {
    "at once": lambda c: b"",
    "in the request line": lambda c: b"POST /api",
    "in the head": lambda c: head(c),
    "after the head": lambda c: head(c, "Content-Length: 100\r\n\r\n"),
    "in the body": lambda c: head(c, "Content-Length: 100\r\n\r\n{"),
    "in a chunk": lambda c: head(c, "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"),
    "after a durable submit": lambda c: head(c, f"Content-Length: {len(GOOD)}\r\n\r\n{GOOD}"),
    "while it waits": lambda c: head(c, f"Prefer: wait=60\r\nContent-Length: {len(SLOW)}\r\n\r\n{SLOW}"),
    "while it streams": lambda c: head(c, f"Accept: text/event-stream\r\nContent-Length: {len(SLOW)}\r\n\r\n{SLOW}"),
    "in a long poll": lambda c: head(c, "\r\n", "GET", f"{API}/jobs/01890a5d-ac96-774b-bcce-b302099a8057?wait=60"),
    "before the answer of a list": lambda c: head(c, "\r\n", "GET", f"{API}/jobs"),
}
SLOW = '{"capability":"echo_slow","input":{"text":"x","duration_ms":60000}}'


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("polite", [True, False])
def test_hang_up_at_each_stage(server, client, stage, polite) -> None:
    for _ in range(5):
        raw = RawSocket(client.host, client.port)
        raw.send(STAGES[stage](client))
        time.sleep(0.03)
        raw.socket.close() if polite else raw.reset()
    if "while" in stage:
        deadline = time.monotonic() + 12  # sooner than a comment, one every 15 s, meets the dead socket
        while server_runs(server, "echo_slow"):
            assert time.monotonic() < deadline, "the slots of callers that left are freed"
            time.sleep(0.05)


def server_runs(server, name: str) -> int:
    queues = server.control.get("/queues").json()["queues"]
    return sum(queue["running"] + queue["queued"] for queue in queues if queue["capability"].startswith(name + "@"))


def test_many_idle_connections(client) -> None:
    raws = [RawSocket(client.host, client.port) for _ in range(200)]
    assert client.get("/jobs?limit=1").status == 200
    for raw in raws:
        raw.socket.close()
