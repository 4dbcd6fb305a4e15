from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

import headrace
from headrace import (
    ConflictError,
    ConnectionFailedError,
    DoneEvent,
    GoneError,
    InvalidArgumentError,
    JobCancelledError,
    JobExpiredError,
    JobFailedError,
    JobOptions,
    LogEvent,
    MediaOutput,
    NotFoundError,
    OutputEvent,
    ProgressEvent,
    ProtocolViolationError,
    QuotaExceededError,
    StateEvent,
    UnavailableError,
    WaitTimeoutError,
)
from unit.fake import BOTH, JOB, Both, Script, answer, job

ID = JOB["id"]
both = pytest.mark.parametrize("client", BOTH, ids=repr)


@both
def test_run_in_one_request(client: Both) -> None:
    script = Script(answer(200, job(output={"text": "hi"})))
    assert client.call(script, "run", "echo", text="hi") == {"text": "hi"}
    (request,) = script.requests
    assert (request.method, request.url.path) == ("POST", "/api/v1/jobs")
    assert request.headers["prefer"] == "wait=60"
    assert request.headers["authorization"] == "Bearer hr_key"
    assert "idempotency-key" not in request.headers
    assert script.body() == {"capability": "echo", "input": {"text": "hi"}}


@both
def test_run_follows_a_promoted_job(client: Both) -> None:
    script = Script(
        answer(202, job("queued")),
        answer(200, job("running")),
        answer(200, job(output={"text": "hi"})),
    )
    assert client.call(script, "run", "echo@1.0.0", {"text": "hi"}) == {"text": "hi"}
    assert [request.url.path for request in script.requests[1:]] == [f"/api/v1/jobs/{ID}"] * 2
    assert script.requests[1].url.params["wait"] == "60"


@both
@pytest.mark.parametrize(
    ("state", "error", "raised"),
    [
        ("failed", {"code": "engine_failed", "message": "no", "reason": "dead"}, JobFailedError),
        ("cancelled", None, JobCancelledError),
        ("expired", {"code": "deadline_exceeded", "message": "late"}, JobExpiredError),
    ],
)
def test_run_raises_how_the_job_ended(
    client: Both, state: str, error: Any, raised: type[headrace.JobError]
) -> None:
    body = job(state, error=error) if error else job(state)
    with pytest.raises(raised) as caught:
        client.call(Script(answer(200, body)), "run", "echo", text="hi")
    assert caught.value.job.state == state
    assert caught.value.code == (error["code"] if error else "")


@both
def test_options_of_a_job(client: Both) -> None:
    options = JobOptions(
        priority=9, timeout=1.5, ttl=2, deadline=3, webhook="https://x", webhook_events=("done",)
    )
    script = Script(answer(202, job("queued")))
    client.call(script, "submit", "echo", {"options": "x"}, options=options)
    assert script.body() == {
        "capability": "echo",
        "input": {"options": "x"},
        "priority": 9,
        "timeout": 1.5,
        "ttl": 2,
        "deadline": 3,
        "webhook": "https://x",
        "webhook_events": ["done"],
    }


@both
def test_wait_is_bounded(client: Both) -> None:
    script = Script(answer(202, job("queued")))
    with pytest.raises(WaitTimeoutError) as caught:
        client.call(script, "run", "echo", text="x", options=JobOptions(wait=0.000001))
    assert caught.value.job_id == ID
    assert script.requests[0].headers["prefer"] == "wait=1"
    with pytest.raises(WaitTimeoutError):
        client.call(Script(answer(200, job("running"))), "wait", ID, timeout=0)
    done = client.call(Script(answer(200, job("running")), answer(200, job())), "wait", ID)
    assert done.done


@both
def test_submit_may_be_sent_again(client: Both) -> None:
    script = Script(httpx.ReadTimeout("lost"), answer(503, {}), answer(202, job("queued")))
    submitted = client.call(script, "submit", "echo", text="x")
    assert submitted.id == ID
    keys = {request.headers["idempotency-key"] for request in script.requests}
    assert len(keys) == 1
    assert keys.pop().startswith("python-")
    script = Script(answer(202, job("queued")))
    client.call(script, "submit", "echo", options=JobOptions(idempotency_key="mine"))
    assert script.requests[0].headers["idempotency-key"] == "mine"


@both
def test_run_is_not_sent_again_when_it_may_have_arrived(client: Both) -> None:
    script = Script(httpx.ReadTimeout("lost"))
    with pytest.raises(ConnectionFailedError):
        client.call(script, "run", "echo", text="x")
    script = Script(httpx.ConnectError("refused"), answer(200, job(output={})))
    client.call(script, "run", "echo", text="x")
    script = Script(answer(502, {}))
    with pytest.raises(headrace.ApiError):
        client.call(script, "run", "echo", text="x")


@both
def test_retries_honour_retry_after_and_end(client: Both) -> None:
    script = Script(
        answer(429, {"code": "quota_exceeded"}, retry_after="7"), answer(200, job(output={}))
    )
    client.call(script, "run", "echo", text="x")
    assert 7 <= script.pauses[0] <= 8
    script = Script(*[answer(503, {"code": "unavailable", "detail": "draining"})] * 5)
    with pytest.raises(UnavailableError, match="draining"):
        client.call(script, "get", ID)
    assert script.done
    assert len(script.pauses) == 4
    assert all(later >= 0.1 for later in script.pauses)


@both
def test_problems_become_errors(client: Both) -> None:
    problem = {
        "code": "invalid_argument",
        "detail": "the input is not valid",
        "trace_id": "t1",
        "errors": [{"path": "input.text", "rule": "max_length", "limit": "10"}],
    }
    with pytest.raises(InvalidArgumentError) as caught:
        client.call(Script(answer(400, problem)), "run", "echo", text="x" * 11)
    error = caught.value
    assert str(error) == "the input is not valid: input.text: max_length (10)"
    assert (error.status, error.trace_id, error.violations[0].rule) == (400, "t1", "max_length")
    with pytest.raises(NotFoundError):
        client.call(Script(httpx.Response(404, text="<html>")), "get", "x/../y")
    with pytest.raises(QuotaExceededError):
        client.call(Script(*[answer(429, {})] * 5), "get", ID)
    with pytest.raises(ProtocolViolationError):
        client.call(Script(httpx.Response(200, text="<html>")), "get", ID)
    with pytest.raises(ProtocolViolationError):
        client.call(Script(answer(200, ["no job"])), "get", ID)


@both
def test_a_whole_job(client: Both) -> None:
    body = job(
        "running",
        started_at="2026-01-02T03:04:06.000Z",
        progress={"fraction": 0.5, "message": "half", "preview": "x"},
        queue={"position": 3, "estimate_s": 1.5},
        usage={"engine_s": 0.1},
        retry_of="another",
        stages=[{"id": "1", "state": "running", "attempt": 1, "worker": "w"}],
    )
    read = client.call(Script(answer(200, body)), "get", ID)
    assert read.created_at == datetime(2026, 1, 2, 3, 4, 5, 678000, timezone.utc)
    assert read.progress.outputs == {"preview": "x"}
    assert (read.queue.position, read.queue.estimate_s) == (3, 1.5)
    assert read.stages[0].worker == "w"
    assert read.retry_of == "another"
    assert not read.done
    with pytest.raises(AttributeError):
        read.state = "succeeded"


@both
def test_cancel_retry_delete_output(client: Both) -> None:
    script = Script(answer(202, job("running")))
    client.call(script, "cancel", headrace.Job(ID, "echo", "running"))
    assert (script.requests[0].method, script.requests[0].url.path) == (
        "POST",
        f"/api/v1/jobs/{ID}/cancel",
    )
    with pytest.raises(ConflictError):
        client.call(Script(answer(409, {"code": "conflict"})), "cancel", ID)
    script = Script(answer(202, job("queued", retry_of=ID)))
    assert client.call(script, "retry", ID).retry_of == ID
    script = Script(httpx.Response(204))
    client.call(script, "delete", ID)
    assert script.requests[0].method == "DELETE"
    assert client.call(Script(answer(202, job())), "output", ID) is None
    assert client.call(Script(answer(200, {"text": "x"})), "output", ID) == {"text": "x"}
    with pytest.raises(GoneError):
        client.call(Script(answer(410, {"code": "gone"})), "output", ID)


@both
def test_list_turns_pages(client: Both) -> None:
    script = Script(
        answer(200, {"jobs": [job(), job()], "next_cursor": "c1"}),
        answer(200, {"jobs": [job()], "next_cursor": None}),
    )
    assert len(client.call(script, "list", state="failed", page_size=2)) == 3
    assert dict(script.requests[0].url.params) == {"state": "failed", "limit": "2"}
    assert script.requests[1].url.params["cursor"] == "c1"


# --- events --------------------------------------------------------------------------------------


def sse(*lines: str) -> httpx.Response:
    text = "".join(f"{line}\n" for line in lines)
    return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})


STREAM = (
    ": hello",
    'id: 1\nevent: state\ndata: {"state":"running","attempt":1}\n',
    'id: 2\nevent: progress\ndata: {"fraction":0.5,"message":"half"}\n',
    'id: 3\nevent: log\ndata: {"stream":"stdout","line":"x","at":"2026-01-02T03:04:05.000Z"}\n',
    'id: 4\nevent: output\ndata: {"output":{"text":"a"},"last":false}\n',
    "id: 5\nevent: news\ndata: {}\n",
)
DONE = f'id: 9\nevent: done\ndata: {{"id":"{ID}","capability":"echo","state":"succeeded"}}\n'


@both
def test_stream(client: Both) -> None:
    script = Script(sse(*STREAM, DONE))
    events = client.call(script, "stream", "echo", text="a")
    assert [type(event) for event in events] == [
        StateEvent,
        ProgressEvent,
        LogEvent,
        OutputEvent,
        DoneEvent,
    ]
    assert events[3].output == {"text": "a"}
    assert events[4].job.result() == {}
    assert script.requests[0].headers["accept"] == "text/event-stream"
    with pytest.raises(ConnectionFailedError):
        client.call(Script(sse(*STREAM)), "stream", "echo", text="a")
    with pytest.raises(ProtocolViolationError):
        client.call(Script(sse("event: state\ndata: {}\n")), "stream", "echo", text="a")


@both
def test_events_are_taken_up_again(client: Both) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("lost")

    script = Script(sse(*STREAM), broken, answer(503, {}), sse(DONE))
    events = client.call(script, "events", ID)
    assert [event.id for event in events] == ["1", "2", "3", "4", "9"]
    assert "last-event-id" not in script.requests[0].headers
    assert [request.headers["last-event-id"] for request in script.requests[1:]] == ["5"] * 3
    script = Script(sse(DONE))
    client.call(script, "events", ID, last_event_id="4")
    assert script.requests[0].headers["last-event-id"] == "4"


@both
def test_a_stream_that_never_comes_back(client: Both) -> None:
    script = Script(*[sse()] * 5)
    with pytest.raises(ConnectionFailedError):
        client.call(script, "events", ID)


@both
def test_stream_with_a_key_is_durable(client: Both) -> None:
    script = Script(answer(202, job("queued")), sse(*STREAM), sse(DONE))
    options = JobOptions(idempotency_key="k")
    events = client.call(script, "stream", "echo", text="a", options=options)
    assert isinstance(events[-1], DoneEvent)
    assert script.requests[1].url.path == f"/api/v1/jobs/{ID}/events"


def test_leaving_an_async_stream_closes_it() -> None:
    async def leave() -> None:
        script = Script(sse(*STREAM, DONE))
        async with script.async_client() as client:
            events = client.stream("echo", text="a")
            async for _ in events:
                break
            await events.aclose()  # type: ignore[attr-defined]

    asyncio.run(leave())


# --- media and files -----------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n"
FILE = {"id": "f1", "size": 3, "sha256": "00", "content_type": "image/png"}


@both
def test_small_media_goes_inline(client: Both, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(PNG)
    script = Script(answer(200, job(output={})))
    client.call(script, "run", "ocr", image=path, images=[PNG, io.BytesIO(PNG)])
    url = "data:image/png;base64,iVBORw0KGgo="
    assert script.body()["input"] == {"image": url, "images": [url, url]}


@both
def test_big_media_goes_as_a_file(client: Both, tmp_path: Path) -> None:
    path = tmp_path / "päge.png"
    content = PNG + bytes(300_000)
    path.write_bytes(content)
    script = Script(answer(503, {}), answer(201, FILE), answer(200, job(output={})))
    client.call(script, "run", "ocr", image=path)
    upload = script.requests[1]
    assert (upload.method, upload.url.path) == ("POST", "/api/v1/files")
    assert upload.content == content
    assert script.requests[0].content == content
    assert upload.headers["content-type"] == "image/png"
    assert upload.headers["content-length"] == str(len(content))
    assert "transfer-encoding" not in upload.headers
    assert "p%C3%A4ge.png" in upload.headers["content-disposition"]
    assert script.body(2)["input"] == {"image": {"file_id": "f1"}}


@both
def test_other_inputs(client: Both) -> None:
    class Array:
        shape = (2, 1)
        dtype = "float32"

        def ravel(self) -> Array:
            return self

        def tolist(self) -> list[float]:
            return [1.0, 2.0]

    script = Script(answer(200, job(output={})))
    client.call(
        script,
        "run",
        "x",
        when=datetime(2026, 1, 2, tzinfo=timezone.utc),
        nothing=None,
        tensor=Array(),
        json={"a": [1, True]},
        file=headrace.File("f1", 1, "", ""),
        media=headrace.Media(b"abc", "text/x"),
    )
    assert script.body()["input"] == {
        "when": "2026-01-02T00:00:00.000Z",
        "nothing": None,
        "tensor": {"shape": [2, 1], "dtype": "fp32", "data": [1.0, 2.0]},
        "json": {"a": [1, True]},
        "file": {"file_id": "f1"},
        "media": "data:text/x;base64,YWJj",
    }
    with pytest.raises(TypeError, match="object"):
        client.call(Script(), "run", "x", thing=object())


@both
def test_upload_and_file(client: Both) -> None:
    script = Script(answer(201, FILE))
    file = client.call(script, "upload", b"abc", "image/png")
    assert (file.id, file.size) == ("f1", 3)
    assert client.call(Script(answer(200, FILE)), "file", file) == file
    script = Script(httpx.Response(204))
    client.call(script, "delete_file", file)
    assert script.requests[0].url.path == "/api/v1/files/f1"


CONTENT = bytes(range(256)) * 40


class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off after some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Any:
        yield self._data
        raise httpx.ReadError("cut")

    async def __aiter__(self) -> Any:
        yield self._data
        raise httpx.ReadError("cut")


def whole(request: httpx.Request) -> httpx.Response:
    start = int(request.headers.get("range", "bytes=0-")[6:-1])
    status = 206 if start else 200
    return httpx.Response(status, content=CONTENT[start:], headers={"etag": '"e"'})


def cut(request: httpx.Request) -> httpx.Response:
    rest = str(len(CONTENT))
    return httpx.Response(
        200, stream=Cut(CONTENT[:1000]), headers={"etag": '"e"', "content-length": rest}
    )


@both
def test_download_goes_on_where_it_was(client: Both, tmp_path: Path) -> None:
    media = MediaOutput("f1", "", "", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    script = Script(cut, whole)
    assert client.call(script, "download", media) == CONTENT
    assert script.requests[1].headers["range"] == "bytes=1000-"
    assert script.requests[1].headers["if-range"] == '"e"'
    target = tmp_path / "out.bin"
    client.call(Script(cut, whole), "download", "f1", target)
    assert target.read_bytes() == CONTENT
    # The file has changed meanwhile: all of it comes again.
    again = httpx.Response(200, content=b"new")
    assert client.call(Script(cut, again), "download", "f1") == b"new"
    with pytest.raises(NotFoundError):
        client.call(Script(answer(404, {})), "download", "f1", tmp_path / "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.bin"]


@both
def test_media_in_outputs(client: Both) -> None:
    media = {"file_id": "f", "url": "u", "content_type": "audio/wav", "size": 1, "sha256": "s"}
    output = {"audio": media, "all": [media], "json": {"file_id": 1}}
    found = client.call(Script(answer(200, job(output=output))), "run", "speak", text="x")
    expected = MediaOutput("f", "u", "audio/wav", 1, "s")
    assert found == {"audio": expected, "all": [expected], "json": {"file_id": 1}}


@both
def test_capabilities(client: Both) -> None:
    one = {"name": "ocr", "version": "1.2.0", "versions": ["1.2.0", "1.0.0"], "title": "OCR"}
    script = Script(answer(200, {"capabilities": [one], "next_cursor": None}))
    (found,) = client.call(script, "capabilities")
    assert (found.name, found.versions) == ("ocr", ("1.2.0", "1.0.0"))
    script = Script(answer(200, {**one, "interface": {"mode": "once"}}))
    found = client.call(script, "capability", "ocr@1.2.0")
    assert found.interface == {"mode": "once"}
    assert script.requests[0].url.path == "/api/v1/capabilities/ocr@1.2.0"
