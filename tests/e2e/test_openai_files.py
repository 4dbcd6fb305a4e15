"""/v1/files through the official SDK."""

from __future__ import annotations

import json

import httpx
import openai
import pytest
from openai_sdk import sdk, valid
from server import Server
from wire import Client

LINES = b'{"a": 1}\n{"a": 2}\n'


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return sdk(server, server.new_key("admin", "files-of-openai"))


def test_a_file_from_its_upload_to_its_end(client: openai.OpenAI) -> None:
    file = valid(client.files.create(file=("x.jsonl", LINES), purpose="batch"))
    assert file.id.startswith("file-") and (file.bytes, file.filename, file.purpose) == (18, "x.jsonl", "batch")
    assert file.status == "processed" and file.expires_at is None
    assert valid(client.files.retrieve(file.id)) == file
    assert client.files.content(file.id).read() == LINES
    assert [one.id for one in valid(client.files.list(purpose="batch"))] == [file.id]
    gone = valid(client.files.delete(file.id))
    assert gone.deleted and gone.id == file.id
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            call(file.id)


def test_lists_by_pages(server: Server) -> None:
    client = sdk(server, server.new_key("admin", "pages-of-files"))
    ids = [client.files.create(file=(f"{i}", b"x"), purpose="user_data").id for i in range(5)]
    assert [file.id for file in client.files.list()] == ids[::-1]
    assert [file.id for file in client.files.list(order="asc", limit=2)] == ids, "the SDK turns the pages"
    page = client.files.list(limit=2)
    assert page.has_more and [file.id for file in page.data] == ids[:2:-1]
    assert list(client.files.list(purpose="batch")) == []
    for bad in ({"limit": 0}, {"limit": 10001}, {"order": "up"}):
        with pytest.raises(openai.BadRequestError):
            client.files.list(**bad)
    with pytest.raises(openai.NotFoundError):
        client.files.list(after="file-x")


def test_large_files_pass_through(client: openai.OpenAI) -> None:
    content = bytes(range(256)) * 40_000
    file = client.files.create(file=("big.bin", content), purpose="user_data")
    assert file.bytes == len(content)
    with client.files.with_streaming_response.content(file.id) as stream:
        assert b"".join(stream.iter_bytes()) == content
    client.files.delete(file.id)


def test_a_file_with_an_end(client: openai.OpenAI) -> None:
    after = {"anchor": "created_at", "seconds": 3600}
    file = valid(client.files.create(file=("x", b"x"), purpose="vision", expires_after=after))
    assert file.expires_at == file.created_at + 3600
    with pytest.raises(openai.BadRequestError) as error:
        client.files.create(file=("x", b"x"), purpose="vision", expires_after={**after, "seconds": 5})
    assert error.value.param == "expires_after.seconds"


def test_what_is_no_upload(server: Server, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        client.files.create(file=("x", b"x"), purpose="fun")
    assert error.value.param == "purpose"
    url = f"http://127.0.0.1:{server.client_port}/v1/files"
    key = {"Authorization": f"Bearer {server.client.key}"}
    no_file = httpx.post(url, headers=key, data={"purpose": "batch"}, files={"other": ("x", b"x")})
    no_purpose = httpx.post(url, headers=key, files={"file": ("x", b"x")})
    two = httpx.post(url, headers=key, data={"purpose": "batch"}, files=[("file", ("x", b"x")), ("file", ("y", b"y"))])
    many = httpx.post(url, headers=key, data={f"f{i}": "x" for i in range(200)}, files={"file": ("x", b"x")})
    wide = httpx.post(url, headers=key, data={"purpose": "x" * 300_000}, files={"file": ("x", b"x")})
    cut = httpx.post(url, headers={**key, "Content-Type": "multipart/form-data; boundary=b"}, content=b"--b\r\n")
    statuses = [answer.status_code for answer in (no_file, no_purpose, two, many, wide, cut)]
    assert statuses == [400, 400, 400, 400, 413, 400], statuses
    assert no_purpose.json()["error"]["param"] == "purpose"
    assert two.json()["error"]["param"] == "file"
    server.healthy()


def test_files_of_others(server: Server) -> None:
    tenant = "files-of-two"
    one, other = (sdk(server, server.new_key("caller", tenant)) for _ in range(2))
    admin, stranger = sdk(server, server.new_key("admin", tenant)), sdk(server, server.new_key("admin", "elsewhere"))
    file = one.files.create(file=("x", b"x"), purpose="user_data")
    assert [each.id for each in admin.files.list()] == [file.id]
    for client in (other, stranger):
        assert list(client.files.list()) == []
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(file.id)
        with pytest.raises(openai.NotFoundError):
            client.files.delete(file.id)
    with pytest.raises(openai.PermissionDeniedError):
        sdk(server, server.new_key("viewer", tenant)).files.delete(file.id)


def test_a_file_of_the_native_api_has_no_purpose(server: Server, client: openai.OpenAI) -> None:
    native: Client = server.client.with_key(client.api_key)
    id_ = native.post("/files", b"x", {"Content-Type": "text/plain"}).json()["id"]
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve("file-" + id_.replace("-", ""))
    file = client.files.create(file=("x", b"y"), purpose="user_data")
    raw = file.id.removeprefix("file-")
    uuid = "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))
    assert json.loads(native.get(f"/files/{uuid}").body)["size"] == 1
