"""The client, the kit and the worker loop with a real server."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import ENGINES, ROOT, Server

from headrace import (
    AsyncClient,
    Client,
    DoneEvent,
    InvalidArgumentError,
    JobFailedError,
    OutputEvent,
    ProgressEvent,
    UnauthenticatedError,
)
from headrace.engine.worker import Worker

PICTURE = ROOT / "examples" / "inputs" / "lines.png"


@pytest.fixture
def client(server: Server) -> Any:
    with Client(server.url, server.key) as client:
        yield client


def needs(server: Server, engine: str) -> None:
    if engine not in server.engines:
        pytest.skip(f"{ENGINES / engine} has no environment")


def test_run(client: Client) -> None:
    assert client.run("py_echo", text="höhe") == {"text": "höhe"}
    big = "x" * 2_000_000
    assert client.run("py_echo", text=big) == {"text": big}
    tensor = {"shape": [3], "dtype": "fp32", "data": [1, 2, 3]}
    assert client.run("py_echo_tensor", x=tensor) == {"y": tensor}


def test_stream(client: Client) -> None:
    events = list(client.stream("py_echo_stream", text="one two  three"))
    words = [event.output["text"] for event in events if isinstance(event, OutputEvent)]
    assert words == ["one", " two", "  three"]
    assert isinstance(events[-1], DoneEvent)
    assert events[-1].job.result() == {"text": "one two  three"}


def test_submit_events_and_output(client: Client) -> None:
    job = client.submit("py_echo_slow", text="later", duration_ms=250)
    events = list(client.events(job))
    assert any(isinstance(event, ProgressEvent) for event in events)
    assert client.output(job) == {"text": "later"}
    assert client.get(job).done
    assert job.id in [listed.id for listed in client.list()]


def test_cancel_stops_the_engine(client: Client) -> None:
    job = client.submit("py_echo_slow", text="never", duration_ms=600_000)
    next(event for event in client.events(job) if isinstance(event, ProgressEvent))
    client.cancel(job)
    assert client.wait(job, timeout=60).state == "cancelled"


def test_errors(client: Client, server: Server) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        client.run("py_echo", words="x")
    assert {one.path for one in caught.value.violations} == {"input.words", "input.text"}
    with pytest.raises(JobFailedError) as failed:
        client.run("speak", text="x", voice="zz")
    assert failed.value.code == "invalid_argument"
    with Client(server.url, "hr_no_key") as stranger, pytest.raises(UnauthenticatedError):
        stranger.capabilities()


def test_media_both_ways(client: Client, tmp_path: Path) -> None:
    output = client.run("speak", text="Hello from Headrace. It speaks.", rate=200)
    target = tmp_path / "hello.wav"
    client.download(output["audio"], target)
    assert target.read_bytes()[:4] == b"RIFF"
    assert target.stat().st_size == output["audio"].size > 20_000


def test_text_of_a_picture(client: Client, server: Server) -> None:
    needs(server, "ocr")
    read = client.run("ocr", image=PICTURE)["text"].replace(" ", "").lower()
    assert read == "headracereadsthisline\nandthenumber2718"
    # Above what goes inline: by a file, and through chunks to the engine.
    big = client.run("ocr", image=PICTURE.read_bytes() + bytes(2_000_000))
    assert "2718" in big["text"]


def test_session(client: Client, server: Server) -> None:
    needs(server, "vad")
    with client.session("vad", threshold=0.5) as session:
        session.send_media(bytes(64_000))
        session.finish()
        assert all(not step.output.get("segments") for step in session)
        assert session.job_id


def test_async_twin(server: Server) -> None:
    async def talk() -> None:
        async with AsyncClient(server.url, server.key) as client:
            runs = [client.run("py_echo", text=str(number)) for number in range(20)]
            assert await asyncio.gather(*runs) == [{"text": str(n)} for n in range(20)]
            events = [event async for event in client.stream("py_echo_stream", text="a b")]
            assert isinstance(events[-1], DoneEvent)

    asyncio.run(talk())


def test_a_worker_from_a_script(client: Client, server: Server) -> None:
    interface = {"inputs": {"text": {"kind": "text"}}, "outputs": {"text": {"kind": "text"}}}
    key = worker_key(server)
    worker = Worker(server.control, capability="loud", interface=interface, key=key)

    def work() -> None:
        for _ in range(2):
            job = worker.next(30)
            assert job is not None
            worker.progress(0.5, "half way")
            worker.done(text=job["text"].upper())

    thread = threading.Thread(target=work)
    thread.start()
    for text in ("one", "two"):
        assert submit_when_known(client, text) == {"text": text.upper()}
    thread.join(30)
    worker.close()


def worker_key(server: Server) -> str:
    answer = httpx.post(
        f"{server.control}/api/v1/keys",
        headers={"Authorization": f"Bearer {server.key}"},
        json={"name": "script", "role": "worker"},
    )
    assert answer.status_code == 201, answer.text
    key: str = answer.json()["key"]
    return key


def submit_when_known(client: Client, text: str, capability: str = "loud") -> Any:
    """The capability is there from the moment that its worker has said hello."""
    from headrace import NotFoundError

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return client.run(capability, text=text)
        except NotFoundError:
            time.sleep(0.05)
    raise AssertionError("the worker has not registered")
