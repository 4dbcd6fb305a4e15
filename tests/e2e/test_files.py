"""contracts: files, uploads and ranged downloads; media in inputs and outputs."""

from __future__ import annotations

import base64
import hashlib
import http.server
import threading
import urllib.parse
import uuid

import pytest
from headrace.engine.io import Image
from wire import API, Client, RawSocket, paths_of, problem
from worker import offer

PICTURES = {
    "inputs": {"image": {"kind": "image", "content_types": ["image/png"], "max_bytes": 2_000_000}},
    "outputs": {"image": {"kind": "image"}, "note": {"kind": "text", "conditional": True}},
}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def upload(client: Client, data: bytes, content_type: str = "image/png") -> dict:
    reply = client.post("/files", data, {"Content-Type": content_type})
    assert reply.status == 201, reply.body
    return reply.json()


def test_raw_upload(client) -> None:
    data = b"some bytes" * 1000
    reply = client.post("/files", data, {"Content-Type": "application/x-thing"})
    assert reply.status == 201
    file = reply.json()
    assert {"id", "size", "sha256", "content_type", "created_at", "expires_at"} <= file.keys()
    assert file["size"] == len(data) and file["sha256"] == hashlib.sha256(data).hexdigest()
    assert file["content_type"] == "application/x-thing"
    assert client.get(f"/files/{file['id']}").json() == file
    content = client.get(f"/files/{file['id']}/content")
    assert content.status == 200 and content.body == data
    assert content.header("content-type") == "application/x-thing"
    assert content.header("content-length") == str(len(data))


def test_empty_and_large_files(client) -> None:
    assert upload(client, b"")["size"] == 0
    data = bytes(range(256)) * 40_000  # 10 MB, pieces on both ways
    file = upload(client, data)
    assert file["sha256"] == hashlib.sha256(data).hexdigest()
    assert client.get(f"/files/{file['id']}/content").body == data


def form(parts: list[tuple[str, str | None, str | None, bytes]]) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    out = b""
    for name, filename, content_type, data in parts:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if filename is not None:
            out += f'; filename="{filename}"'.encode()
        if content_type is not None:
            out += f"\r\nContent-Type: {content_type}".encode()
        out += b"\r\n\r\n" + data + b"\r\n"
    return out + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def test_multipart_upload(client) -> None:
    data = b"\r\n--not the boundary\r\n" * 5000
    body, content_type = form([("file", "a picture.png", "image/png", data)])
    reply = client.post("/files", body, {"Content-Type": content_type})
    assert reply.status == 201, reply.body
    file = reply.json()
    assert file["size"] == len(data) and file["content_type"] == "image/png"
    assert client.get(f"/files/{file['id']}/content").body == data


def test_broken_forms(client) -> None:
    body, content_type = form([("file", "a", None, b"x")])
    for sent, kind in (
        (body[:-10], content_type),
        (body, "multipart/form-data"),
        (b"", content_type),
        (b"nothing like a form", content_type),
        form([]),
        form([("other", "a", None, b"x")]),
        form([("file", "a", None, b"x"), ("file", "b", None, b"y")]),
    ):
        problem(client.post("/files", sent, {"Content-Type": kind}), 400, "invalid_argument")


def test_signed_upload(client) -> None:
    data = b"x" * 100_000
    reply = client.post("/files", {"size": len(data), "content_type": "image/png"})
    assert reply.status == 201
    promise = reply.json()
    url = urllib.parse.urlsplit(promise["upload_url"])
    assert url.scheme == "http" and url.netloc == f"{client.host}:{client.port}"
    path = f"{url.path}?{url.query}"
    stranger = client.with_key(None)
    problem(stranger.request("PUT", path, data[:-1], {"Content-Type": "image/png"}), 400)
    assert stranger.request("PUT", path, data + b"y").status in (400, 413)
    problem(stranger.request("PUT", path.replace("token=", "token=x"), data), 403)
    stored = stranger.request("PUT", path, data, {"Content-Type": "image/png"})
    assert stored.status == 201 and stored.json()["size"] == len(data)
    file_id = stored.json()["id"]
    assert client.get(f"/files/{file_id}/content").body == data
    problem(stranger.request("PUT", path, data), 409)
    problem(stranger.request("GET", path), 403)  # an upload's token does not read


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"size": 1},
        {"content_type": "a/b"},
        {"size": -1, "content_type": "a/b"},
        {"size": 2**30 + 1, "content_type": "a/b"},
        {"size": "1", "content_type": "a/b"},
        {"size": 1, "content_type": "nonsense"},
        {"size": 1, "content_type": "a/b\r\nX: y"},
        {"size": 1, "content_type": "a/b", "name": "x"},
    ],
)
def test_upload_requests(client, body) -> None:
    problem(client.post("/files", body), 400, "invalid_argument")


def test_ranges(client) -> None:
    data = bytes(range(256)) * 4
    file = upload(client, data)
    path = f"/files/{file['id']}/content"
    whole = client.get(path)
    etag = whole.header("etag")
    assert whole.header("accept-ranges") == "bytes" and etag

    def ranged(value: str, **more: str):
        return client.get(path, {"Range": value, **{k.replace("_", "-"): v for k, v in more.items()}})

    for value, start, end in (
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=1000-", 1000, 1023),
        ("bytes=-24", 1000, 1023),
        ("bytes=1000-9999", 1000, 1023),
    ):
        part = ranged(value)
        assert part.status == 206, value
        assert part.header("content-range") == f"bytes {start}-{end}/1024"
        assert part.body == data[start : end + 1]
    outside = ranged("bytes=1024-")
    assert outside.status == 416 and outside.header("content-range") == "bytes */1024"
    for value in ("bytes=5-2", "lines=1-2", "bytes=x-y", "bytes=0-1,4-5"):
        assert ranged(value).status == 200, value
    assert ranged("bytes=0-9", If_Range=etag).status == 206
    assert ranged("bytes=0-9", If_Range='"other"').status == 200
    assert client.get(path, {"If-None-Match": etag}).status == 304


def test_head(client) -> None:
    file = upload(client, b"x" * 1000)
    reply = client.request("HEAD", f"{API}/files/{file['id']}/content")
    assert reply.status == 200 and reply.header("content-length") == "1000" and reply.body == b""


def test_delete(client) -> None:
    file = upload(client, b"x")
    assert client.delete(f"/files/{file['id']}").status == 204
    for method, suffix in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        problem(client.request(method, f"{API}/files/{file['id']}{suffix}"), 404, "not_found")


def test_unknown_files(client) -> None:
    for file_id in ("x", str(uuid.uuid4()), "01890a5d-ac96-774b-bcce-b302099a8057"):
        problem(client.get(f"/files/{file_id}"), 404)
        problem(client.get(f"/files/{file_id}/content"), 404)


def test_content_is_no_page_of_ours(client) -> None:
    file = upload(client, b"<script>alert(1)</script>", "text/html")
    content = client.get(f"/files/{file['id']}/content")
    assert content.header("x-content-type-options") == "nosniff"
    assert (content.header("content-disposition") or "").startswith("attachment")


def test_too_large_is_refused_before_it_comes(client) -> None:
    with RawSocket(client.host, client.port) as raw:
        raw.send(
            f"POST {API}/files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.key}\r\n"
            f"Content-Type: image/png\r\nContent-Length: {2**31}\r\n\r\n".encode()
        )
        assert raw.status() == 413


def test_a_cut_upload_leaves_nothing(server, client) -> None:
    with RawSocket(client.host, client.port) as raw:
        raw.send(
            f"POST {API}/files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.key}\r\n"
            "Content-Type: image/png\r\nContent-Length: 1000000\r\n\r\n".encode()
            + b"x" * 500_000
        )
        raw.reset()
    server.healthy()


# --- media in inputs ---------------------------------------------------------------------------------


def data_url(data: bytes, content_type: str = "image/png") -> str:
    return f"data:{content_type};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize("size", [10, 70_000, 262_144, 262_145, 1_500_000])
@pytest.mark.parametrize("interactive", [False, True])
def test_data_urls(workers, client, name, size, interactive) -> None:
    worker = workers.start(offer(name, PICTURES))
    picture = (PNG * (size // len(PNG) + 1))[:size]
    body = {"capability": name, "input": {"image": data_url(picture)}}
    replies = []
    thread = threading.Thread(
        target=lambda: replies.append(client.post("/jobs", body, {"Prefer": "wait=20"} if interactive else {}))
    )
    thread.start()
    leased = worker.next_job()
    image = leased.inputs()["image"]
    assert image.bytes == picture and image.content_type == "image/png"
    leased.done({"image": Image(b"answer", "image/png")})
    thread.join(20)
    assert replies[0].status == (200 if interactive else 202), replies[0].body


def test_file_id(workers, client, name) -> None:
    worker = workers.start(offer(name, PICTURES))
    file = upload(client, PNG)
    job = client.submit(name, {"image": {"file_id": file["id"]}})
    # The job has its input even when the file goes.
    assert client.delete(f"/files/{file['id']}").status == 204
    leased = worker.next_job()
    assert leased.inputs()["image"].bytes == PNG
    leased.done({"image": Image(b"answer", "image/png")})
    assert client.wait(job["id"])["state"] == "succeeded"


def test_media_output(workers, server, client, name) -> None:
    worker = workers.start(offer(name, PICTURES))
    answer = PNG * 30
    job = client.submit(name, {"image": data_url(PNG)})
    leased = worker.next_job()
    leased.inputs()
    leased.done({"image": Image(answer, "image/png")})
    image = client.wait(job["id"])["output"]["image"]
    assert image.keys() == {"file_id", "url", "content_type", "size", "sha256"}
    assert image["size"] == len(answer) and image["content_type"] == "image/png"
    assert image["sha256"] == hashlib.sha256(answer).hexdigest()
    url = urllib.parse.urlsplit(image["url"])
    assert url.netloc == f"{client.host}:{client.port}"
    # The url needs no key and is no other file's; the file needs a key.
    stranger = client.with_key(None)
    fetched = stranger.request("GET", f"{url.path}?{url.query}")
    assert fetched.status == 200 and fetched.body == answer
    ranged = stranger.request("GET", f"{url.path}?{url.query}", headers={"Range": "bytes=1-3"})
    assert ranged.status == 206 and ranged.body == answer[1:4]
    problem(stranger.request("GET", url.path), 401)
    other = upload(client, b"x")
    problem(stranger.request("GET", f"{API}/files/{other['id']}/content?{url.query}"), 403)
    problem(stranger.request("GET", f"{url.path}?token=forged"), 403)
    assert client.get(f"/files/{image['file_id']}/content").body == answer
    # Removing the output removes its media.
    assert client.delete(f"/jobs/{job['id']}").status == 204
    problem(client.get(f"/files/{image['file_id']}"), 404)


def test_media_output_of_an_interactive_job(workers, client, name) -> None:
    worker = workers.start(offer(name, PICTURES))
    replies = []
    thread = threading.Thread(target=lambda: replies.append(client.run(name, {"image": data_url(PNG)})))
    thread.start()
    leased = worker.next_job()
    leased.inputs()
    leased.done({"image": Image(PNG, "image/png"), "note": "n"})
    thread.join(20)
    output = replies[0]["output"]
    assert output["note"] == "n"
    assert client.get(f"/files/{output['image']['file_id']}/content").body == PNG


@pytest.mark.parametrize(
    ("image", "rule"),
    [
        ("not a data url", "data_url"),
        ("data:image/png;base64,!!!", ""),
        ("data:image/png,plain", ""),
        (5, "type:"),
        (None, "type:"),
        ([], "type:"),
        ({}, ""),
        ({"file_id": 5}, ""),
        ({"url": 5}, ""),
        ({"file_id": "x", "url": "http://example.com"}, ""),
        ({"blob": "x"}, ""),
        ({"url": "ftp://example.com/x"}, ""),
        ({"url": "nonsense"}, ""),
        ({"url": "file:///etc/passwd"}, ""),
        (data_url(b"x", "image/gif"), "content_type"),
        (data_url(b"x" * 2_000_001), "max_bytes"),
    ],
)
def test_bad_media(workers, client, name, image, rule) -> None:
    workers.start(offer(name, PICTURES))
    answer = problem(client.post("/jobs", {"capability": name, "input": {"image": image}}), 400)
    assert all(path.startswith("input.image") for path in paths_of(answer)), answer
    assert any(error["rule"].startswith(rule) for error in answer["errors"]), answer


def test_unknown_file_id_is_404(workers, server, client, name) -> None:
    workers.start(offer(name, PICTURES))
    foreign = server.as_role("developer", "acme")
    file = upload(foreign, PNG)
    for file_id in (str(uuid.uuid4()), file["id"]):
        body = {"capability": name, "input": {"image": {"file_id": file_id}}}
        assert paths_of(problem(client.post("/jobs", body), 404, "not_found")) == {"input.image"}
    body = {"capability": name, "input": {"image": {"file_id": "no id at all"}}}
    problem(client.post("/jobs", body), 400, "invalid_argument")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "http://localhost:{port}/readyz",
        "http://[::1]:{port}/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0:{port}/",
        "http://2130706433:{port}/",
        "http://user:pass@example.com/",
        "http://127.1:{port}/",
    ],
)
def test_urls_into_our_own_network_are_refused(workers, client, name, url) -> None:
    workers.start(offer(name, PICTURES))
    body = {"capability": name, "input": {"image": {"url": url.format(port=client.port)}}}
    answer = problem(client.post("/jobs", body), 400, "invalid_argument")
    assert paths_of(answer) == {"input.image"}


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/picture")
            self.end_headers()
            return
        if self.path == "/inward":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/")
            self.end_headers()
            return
        found = self.path == "/picture"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(PNG if found else b"no")

    def log_message(self, *_: object) -> None:
        pass


def test_fetched_urls(start_server, name) -> None:
    from conftest import Workers

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{web.server_address[1]}"
    server = start_server(engines=(), settings=("fetch.allow=127.0.0.1/32",))
    workers = Workers(server)
    worker = workers.start(offer(name, PICTURES))
    for path in ("/picture", "/redirect"):
        server.client.submit(name, {"image": {"url": base + path}})
        leased = worker.next_job()
        image = leased.inputs()["image"]
        assert image.bytes == PNG and image.content_type == "image/png"
        leased.done({"image": Image(b"a", "image/png")})
    for path in ("/nothing", "/inward"):
        body = {"capability": name, "input": {"image": {"url": base + path}}}
        assert paths_of(problem(server.client.post("/jobs", body), 400)) == {"input.image"}
    for worker in workers.open:
        worker.close()
    web.shutdown()
