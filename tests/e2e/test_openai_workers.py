"""/v1 through the official SDK, with workers that the test plays: what no small model of ours can do, and faults."""

from __future__ import annotations

import base64
import concurrent.futures
import io
import json
import socket
import time
import wave
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from headrace.engine import codec, protocol
from headrace.engine.io import Audio
from headrace.engine.values import FieldValue, ListValue, Value, Values
from openai_sdk import Answering, each, sdk, valid
from server import Server
from waiting import quickest
from worker import LeasedJob, TestWorker, offer

ANY = {"kind": "json", "required": False}
CHAT = {
    "profile": "chat",
    "parameters": {
        "messages": {"kind": "json"},
        "tools": ANY,
        "tool_choice": ANY,
        "extra": ANY,
        "max_tokens": {"kind": "integer", "required": False},
    },
    "outputs": {
        "text": {"kind": "text", "stream": "append"},
        "tool_calls": {"kind": "json", "conditional": True, "stream": "append"},
        "finish_reason": {"kind": "string", "conditional": True},
    },
    "errors": {"context_exceeded": {}, "of_its_own": {}},
    "meters": {"prompt_tokens": {"unit": "token"}, "completion_tokens": {"unit": "token"}},
}
VERBATIM = {
    "profile": "chat",
    "parameters": {"messages": ANY, "request": ANY, "operation": {"kind": "string", "required": False}},
    "outputs": {
        "text": {"kind": "text", "conditional": True},
        "response": {"kind": "text", "conditional": True, "stream": "append"},
        "status": {"kind": "integer", "conditional": True},
    },
}
HI = [{"role": "user", "content": "Hi"}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return sdk(server)


@pytest.fixture
def play(workers, name: str) -> Iterator[Callable[..., Answering]]:
    playing: list[Answering] = []

    def start(interface: dict[str, Any], answer: Callable[[LeasedJob], None], slots: int = 1) -> Answering:
        worker = workers.start(offer(name, interface, slots=slots), slots=slots)
        playing.append(Answering(worker, answer))
        return playing[-1]

    yield start
    for one in playing:
        one.stop()


def by_steps(*steps: dict[str, Any], **whole: Any) -> Callable[[LeasedJob], None]:
    def answer(job: LeasedJob) -> None:
        if job.job.stream_outputs:
            for number, step in enumerate(steps, 1):
                job.output(step, number)
        job.done(whole)

    return answer


def pieces(*calls: dict[str, Any]) -> str:
    return json.loads(json.dumps(list(calls)))


# --- tools -----------------------------------------------------------------------------------------


def test_tools(client: openai.OpenAI, play, name: str) -> None:
    parts = (
        {"index": 0, "id": "c1", "name": "weather", "arguments": ""},
        {"index": 0, "arguments": '{"city":'},
        {"index": 0, "arguments": '"Rome"}'},
    )
    steps = [{"tool_calls": pieces(part)} for part in parts]
    engine = play(CHAT, by_steps(*steps, text="", tool_calls=pieces(*parts), finish_reason="tool_calls"))
    given: dict[str, Any] = {"model": name, "messages": HI, "tools": [WEATHER], "tool_choice": "required"}
    answer = valid(client.chat.completions.create(**given))
    call = answer.choices[0].message.tool_calls[0]
    assert (call.id, call.function.name, call.function.arguments) == ("c1", "weather", '{"city":"Rome"}')
    assert answer.choices[0].finish_reason == "tool_calls" and answer.choices[0].message.content is None
    assert engine.seen[0]["tools"] == [WEATHER] and engine.seen[0]["tool_choice"] == "required"
    chunks = list(each(client.chat.completions.create(**given, stream=True)))
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert deltas[0].id == "c1" and deltas[0].type == "function" and deltas[0].function.name == "weather"
    assert "".join(delta.function.arguments for delta in deltas) == '{"city":"Rome"}'
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    with client.chat.completions.stream(**given) as events:
        final = events.get_final_completion()
    assert final.choices[0].message.tool_calls[0].function.arguments == '{"city":"Rome"}'


def test_legacy_functions(client: openai.OpenAI, play, name: str) -> None:
    calls = pieces({"index": 0, "name": "weather", "arguments": "{}"})
    engine = play(CHAT, by_steps(text="", tool_calls=calls))
    messages = [
        *HI,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "sun"},
    ]
    given: dict[str, Any] = {"model": name, "messages": messages, "functions": [WEATHER["function"]]}
    given["function_call"] = {"name": "weather"}
    answer = valid(client.chat.completions.create(**given))
    assert answer.choices[0].finish_reason == "function_call"
    assert answer.choices[0].message.function_call.name == "weather"
    assert engine.seen[0]["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    seen = engine.seen[0]["messages"]
    assert seen[1]["tool_calls"][0]["id"] == seen[2]["tool_call_id"] and seen[2]["role"] == "tool"
    last = list(each(client.chat.completions.create(**given, stream=True)))
    assert last[-1].choices[0].finish_reason == "function_call"
    assert any(chunk.choices[0].delta.function_call for chunk in last)


def test_parts_and_unknown_fields_reach_the_engine(client: openai.OpenAI, play, name: str) -> None:
    engine = play(CHAT, by_steps(text="a cat", finish_reason="stop"))
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]
    answer = client.chat.completions.create(
        model=name,
        messages=[{"role": "user", "content": content}],
        reasoning_effort="low",
        extra_body={"of_my_own": {"x": [1]}},
    )
    assert valid(answer).choices[0].message.content == "a cat"
    assert engine.seen[0]["messages"][0]["content"] == content
    assert engine.seen[0]["extra"] == {"reasoning_effort": "low", "of_my_own": {"x": [1]}}


# --- requests passed as they are -------------------------------------------------------------------


def test_verbatim(client: openai.OpenAI, play, name: str) -> None:
    whole = '{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    whole += '"message":{"role":"assistant","content":"ok","refusal":null},"finish_reason":"stop"}],"own":{"a":1}}'
    delta = 'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
    events = [delta + '"delta":{"content":"o"},"finish_reason":null}]}\n\n']
    events += [delta + '"delta":{"content":"k"},"finish_reason":"stop"}]}\n\n', "data: [DONE]\n\n"]

    def answer(job: LeasedJob) -> None:
        asked = job.inputs()
        assert asked["operation"] == "chat/completions", asked
        if not asked["request"].get("stream"):
            return job.done({"response": whole})
        for number, event in enumerate(events, 1):
            job.output({"response": event}, number)
        job.done({"response": "".join(events)})

    engine = play(VERBATIM, answer)
    given: dict[str, Any] = {"model": name, "messages": HI, "temperature": 1.9, "n": 3, "extra_body": {"own": [1]}}
    raw = client.chat.completions.with_raw_response.create(**given)
    assert raw.text == whole and raw.headers["x-request-id"]
    assert engine.seen[0]["request"] == {"model": name, "messages": HI, "temperature": 1.9, "n": 3, "own": [1]}
    chunks = list(each(client.chat.completions.create(**given, stream=True)))
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["o", "k"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_passes_as_it_came(client: openai.OpenAI, play, name: str, stream: bool) -> None:
    body = '{"error":{"message":"too hot","type":"invalid_request_error","param":"temperature","code":"own_code"}}'
    play(VERBATIM, lambda job: job.done({"status": 422, "response": body}))
    with pytest.raises(openai.UnprocessableEntityError) as error:
        client.chat.completions.create(model=name, messages=HI, temperature=2, stream=stream)
    assert (error.value.code, error.value.param) == ("own_code", "temperature") and error.value.response.text == body


# --- faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status", "kind", "code"),
    [
        ("context_exceeded", 400, "invalid_request_error", "context_length_exceeded"),
        ("invalid_argument", 400, "invalid_request_error", None),
        ("unavailable", 503, "server_error", "no_worker"),
        ("deadline_exceeded", 504, "server_error", "timeout"),
        ("engine_failed", 502, "server_error", "upstream_error"),
        ("of_its_own", 502, "server_error", "upstream_error"),
    ],
)
def test_an_engine_that_fails(client, play, name: str, word: str, status: int, kind: str, code: str | None) -> None:
    play(CHAT, lambda job: job.fail(word, "no, no"))
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError) as error:
            client.chat.completions.create(model=name, messages=HI, stream=stream)
        assert (error.value.status_code, error.value.type, error.value.code) == (status, kind, code)
        assert "no, no" in error.value.message
        assert error.value.response.headers["x-request-id"]
    if status == 503:
        assert error.value.response.headers["retry-after"]


def test_an_engine_that_fails_in_the_middle(client: openai.OpenAI, play, name: str) -> None:
    def answer(job: LeasedJob) -> None:
        job.output({"text": "half"}, 1)
        time.sleep(0.2)
        job.fail("engine_failed", "it broke")

    play(CHAT, answer)
    seen = ""
    with pytest.raises(openai.APIError, match="it broke"):
        for chunk in client.chat.completions.create(model=name, messages=HI, stream=True):
            seen += chunk.choices[0].delta.content or ""
    assert seen == "half"


def test_an_engine_that_does_not_stream(client: openai.OpenAI, play, name: str) -> None:
    play(CHAT, lambda job: job.done({"text": "all at once"}))
    chunks = list(each(client.chat.completions.create(model=name, messages=HI, stream=True)))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "all at once"
    assert chunks[-1].choices[0].finish_reason == "stop"


def request_bytes(server: Server, body: dict[str, Any]) -> bytes:
    text = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.client.key}\r\n"
    return (head + f"Content-Length: {len(text)}\r\n\r\n").encode() + text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("begun", [False, True])
def test_who_hangs_up_stops_the_engine(server: Server, workers, name: str, stream: bool, begun: bool) -> None:
    worker: TestWorker = workers.start(offer(name, CHAT))

    def stopped() -> float:
        with socket.create_connection(("127.0.0.1", server.client_port)) as wire:
            wire.sendall(request_bytes(server, {"model": name, "messages": HI, "stream": stream}))
            job = worker.next_job()
            if begun:
                job.output({"text": "a"}, 1)
                time.sleep(0.1)
            assert not job.cancelled.is_set()
            left = time.monotonic()
        assert job.cancelled.wait(20), "the engine was not stopped"
        seconds = time.monotonic() - left
        job.fail("cancelled")
        return seconds

    assert quickest(stopped, 0.1) < 0.1


def test_the_sdk_tries_again_when_it_should(server: Server, play, name: str) -> None:
    tries: list[float] = []

    def answer(job: LeasedJob) -> None:
        tries.append(time.monotonic())
        if len(tries) < 3:
            job.fail("unavailable", "no worker")
        else:
            job.done({"text": "there"})

    play(CHAT, answer)
    patient = sdk(server, max_retries=2)
    assert patient.chat.completions.create(model=name, messages=HI).choices[0].message.content == "there"
    assert len(tries) == 3 and tries[1] - tries[0] >= 0.9, "retry-after was obeyed"
    play_again = sdk(server, max_retries=2)
    with pytest.raises(openai.BadRequestError):
        play_again.chat.completions.create(model=name, messages=[])
    assert len(tries) == 3


# --- other kinds of models -------------------------------------------------------------------------


def wav(seconds: float = 0.1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(200)) * int(seconds * 80))
    return out.getvalue()


SPEAK = {
    "profile": "speak",
    "inputs": {"text": {"kind": "text", "max_length": 20}},
    "parameters": {"voice": {"kind": "string", "required": False}},
    "outputs": {"audio": {"kind": "audio", "content_types": ["audio/wav"]}},
}
TRANSCRIBE = {
    "profile": "transcribe",
    "inputs": {"audio": {"kind": "audio"}},
    "parameters": {"language": {"kind": "string", "required": False}},
    "outputs": {"text": {"kind": "text", "stream": "append"}, "segments": {"kind": "json", "conditional": True}},
}


def test_speech(client: openai.OpenAI, play, name: str) -> None:
    sound = wav(4)  # above what travels inline
    engine = play(SPEAK, lambda job: job.done({"audio": Audio(sound, "audio/wav")}))
    given: dict[str, Any] = {"model": name, "input": "Hello", "voice": "en"}
    answer = client.audio.speech.create(**given, response_format="wav")
    assert answer.read() == sound and answer.response.headers["content-type"] == "audio/wav"
    assert answer.response.headers["x-request-id"]
    assert engine.seen[0] == {"text": "Hello", "voice": "en"}
    assert client.audio.speech.create(**given, response_format="pcm").read() == sound[44:]
    with client.audio.speech.with_streaming_response.create(**given, response_format="wav") as stream:
        assert b"".join(stream.iter_bytes()) == sound
    events = client.audio.speech.create(**given, stream_format="sse").read().decode()
    parts = [json.loads(line[6:]) for line in events.splitlines() if line.startswith("data: ")]
    assert base64.b64decode("".join(part["audio"] for part in parts[:-1])) == sound
    assert parts[-1]["type"] == "speech.audio.done"
    for more, param in (
        ({"response_format": "mp3"}, "response_format"),
        ({"speed": 2}, "speed"),
        ({"input": ""}, "input"),
        ({"input": "x" * 21}, "input"),
    ):
        with pytest.raises(openai.BadRequestError) as error:
            client.audio.speech.create(**{**given, **more})
        assert error.value.param == param


def test_transcriptions(client: openai.OpenAI, play, name: str) -> None:
    segments = [{"start": 0, "end": 1.5, "text": " Hi"}, {"start": 1.5, "end": 3.25, "text": " there"}]
    engine = play(TRANSCRIBE, by_steps({"text": "Hi"}, {"text": " there"}, text="Hi there", segments=segments))
    create = client.audio.transcriptions.create
    sound = wav(30)  # a blob, in many chunks
    answer = valid(create(model=name, file=("a.wav", sound), language="en"))
    assert answer.text == "Hi there"
    assert engine.seen[0]["audio"].bytes == sound and engine.seen[0]["audio"].content_type.startswith("audio/")
    assert engine.seen[0]["language"] == "en"
    assert create(model=name, file=("a.wav", sound), response_format="text") == "Hi there\n"
    assert create(model=name, file=("a.wav", sound), response_format="srt").startswith("1\n00:00:00,000 --> ")
    assert create(model=name, file=("a.wav", sound), response_format="vtt").startswith("WEBVTT\n\n")
    verbose = valid(create(model=name, file=("a.wav", sound), response_format="verbose_json"))
    assert verbose.duration == 3.25 and [segment.text for segment in verbose.segments] == [" Hi", " there"]
    events = list(each(create(model=name, file=("a.wav", sound), stream=True)))
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == "Hi there"
    for more, param in (
        ({"response_format": "tape"}, "response_format"),
        ({"timestamp_granularities": ["word"], "response_format": "verbose_json"}, "timestamp_granularities"),
        ({"temperature": 7}, "temperature"),
    ):
        with pytest.raises(openai.BadRequestError) as error:
            create(model=name, file=("a.wav", sound), **more)
        assert error.value.param == param


def test_rerank(server: Server, play, name: str) -> None:
    interface = {
        "profile": "rerank",
        "inputs": {"query": {"kind": "text"}, "documents": {"kind": "text", "count": "1..9"}},
        "outputs": {"scores": {"kind": "float", "list": True}},
    }

    def answer(job: LeasedJob) -> None:
        scores = ListValue([Value(number=float(len(text))) for text in job.inputs()["documents"]])
        values = codec.encode(Values([FieldValue("scores", Value(list=scores))]))
        job.worker.send(protocol.Result(results=[protocol.JobResult(ref=job.ref, values=values)]))
        job.worker.credit()

    play(interface, answer)
    body = {"model": name, "query": "q", "documents": ["a", "bbb", "cc"], "top_n": 2, "return_documents": True}
    reply = server.client.request("POST", "/v1/rerank", json.dumps(body).encode())
    answer = reply.json()
    assert reply.status == 200, answer
    assert [result["index"] for result in answer["results"]] == [1, 2]
    assert answer["results"][0] == {"index": 1, "relevance_score": 3.0, "document": {"text": "bbb"}}
    assert answer["usage"]["total_tokens"] == 0 and answer["meta"]["billed_units"]["search_units"] == 1
    refused = server.client.request("POST", "/v1/rerank", json.dumps({**body, "documents": []}).encode())
    assert refused.status == 400 and refused.json()["error"]["param"] == "documents"


# --- keys, errors, headers -------------------------------------------------------------------------


def test_keys(server: Server, play, name: str) -> None:
    play(CHAT, by_steps(text="ok"))
    for key in ("hr_aaaaaaaaaaaa_" + "A" * 43, "sk-x", "x"):
        with pytest.raises(openai.AuthenticationError) as error:
            sdk(server, key).models.list()
        assert error.value.code == "invalid_api_key"
    bare = httpx.get(f"http://127.0.0.1:{server.client_port}/v1/models")
    assert bare.status_code == 401 and bare.json()["error"]["code"] == "invalid_api_key"
    with pytest.raises(openai.PermissionDeniedError) as denied:
        sdk(server, server.new_key("viewer")).chat.completions.create(model=name, messages=HI)
    assert denied.value.type == "permission_error"
    limited = sdk(server, server.new_key("caller", capabilities=["echo"]))
    assert limited.models.list().data == []
    with pytest.raises(openai.PermissionDeniedError) as denied:
        limited.chat.completions.create(model=name, messages=HI)
    assert denied.value.code == "model_not_allowed"
    with pytest.raises(openai.NotFoundError):
        limited.models.retrieve(name)
    with pytest.raises(openai.NotFoundError):
        sdk(server, server.new_key("caller", "acme")).chat.completions.create(model=name, messages=HI)


def test_every_error_has_the_shape(server: Server) -> None:
    base = f"http://127.0.0.1:{server.client_port}/v1"
    key = {"Authorization": f"Bearer {server.client.key}"}
    tries = [
        httpx.get(f"{base}/nope", headers=key),
        httpx.get(base, headers=key),
        httpx.get(f"{base}/assistants", headers=key),
        httpx.post(f"{base}/fine_tuning/jobs", headers=key, json={}),
        httpx.put(f"{base}/models", headers=key),
        httpx.get(f"{base}/chat/completions", headers=key),
        httpx.post(f"{base}/chat/completions", headers=key, content=b"{"),
        httpx.post(f"{base}/chat/completions", headers=key, content=b"[]"),
        httpx.post(f"{base}/chat/completions", headers=key, content=b'{"model":"a","model":"b"}'),
        httpx.post(f"{base}/chat/completions", headers=key, content=b'{"model":' + b"[" * 5000),
        httpx.post(f"{base}/chat/completions", headers=key, content=b" " * (33 << 20)),
        httpx.post(f"{base}/audio/transcriptions", headers=key, content=b"x"),
        httpx.post(f"{base}/files", headers=key, json={}),
    ]
    statuses = [answer.status_code for answer in tries]
    assert statuses == [404, 404, 404, 404, 405, 405, 400, 400, 400, 400, 413, 400, 400], statuses
    for answer in tries:
        assert answer.headers["content-type"] == "application/json", answer.request.url
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.headers["openai-version"] == "2020-10-01" and int(answer.headers["openai-processing-ms"]) >= 0
    own = httpx.get(f"{base}/models", headers={**key, "X-Client-Request-Id": "mine-1"})
    assert own.headers["x-client-request-id"] == "mine-1" and own.headers["x-request-id"] != "mine-1"
    server.healthy()


def test_choices_share_one_request(client: openai.OpenAI, play, name: str) -> None:
    gate = concurrent.futures.ThreadPoolExecutor(4)

    def answer(job: LeasedJob) -> None:
        gate.submit(lambda: (time.sleep(0.05), job.output({"text": "x"}, 1), job.done({"text": "x"})))

    play(CHAT, answer, slots=4)
    chunks = list(each(client.chat.completions.create(model=name, messages=HI, n=4, stream=True)))
    assert {chunk.choices[0].index for chunk in chunks} == {0, 1, 2, 3}
    assert sum(chunk.choices[0].finish_reason == "stop" for chunk in chunks) == 4


def test_one_choice_that_fails_fails_all(client: openai.OpenAI, play, name: str) -> None:
    count: list[LeasedJob] = []

    def answer(job: LeasedJob) -> None:
        count.append(job)
        if len(count) == 2:
            job.fail("engine_failed", "one of them")

    play(CHAT, answer, slots=3)
    with pytest.raises(openai.InternalServerError, match="one of them"):
        client.chat.completions.create(model=name, messages=HI, n=3)
    for job in (job for job in count if job is not count[1]):
        assert job.cancelled.wait(20), "the others were not stopped"
        job.fail("cancelled")
