"""/v1 through the official SDK, answered by the native engines: a real model computes every token."""

from __future__ import annotations

import base64
import concurrent.futures
import json
import pathlib
import struct
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai_sdk import each, sdk, valid
from server import BINARY, ROOT, Server
from test_serve import metric
from waiting import eventually

PLUGIN = ROOT / "plugins" / "llama"
LIBRARY = BINARY.parent / "engines" / "libheadrace_llama.so"
PARIS = [{"role": "user", "content": "What is the capital of France?"}]

pytestmark = pytest.mark.skipif(
    not LIBRARY.exists() or not (LIBRARY.parent / "llama" / "models").is_dir(),
    reason="the llama plug-in is not built: plugins/llama/fetch.sh could not fetch its packages",
)


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("llm"), engines=(PLUGIN / "chat", PLUGIN / "embed")).start()
    running.wait_engines("chat", "embed", within=60)
    yield running
    running.stop()


@pytest.fixture
def client(llm: Server) -> openai.OpenAI:
    return sdk(llm)


def ask(client: openai.OpenAI, **more: Any) -> Any:
    given = {"model": "chat", "messages": PARIS, "temperature": 0, "max_tokens": 24, **more}
    return client.chat.completions.create(**given)


def test_models(client: openai.OpenAI) -> None:
    models = valid(client.models.list())
    assert {model.id for model in models} == {"chat", "embed"}
    model = valid(client.models.retrieve("chat"))
    assert model.object == "model" and model.owned_by == "system"
    assert abs(model.created - time.time()) < 3600
    assert client.models.retrieve("chat@1.0.0").id == "chat@1.0.0"
    for unknown in ("nope", "Qwen/Qwen2.5-7B", "a/b/c", "x:y"):
        with pytest.raises(openai.NotFoundError) as error:
            client.models.retrieve(unknown)
        assert error.value.code == "model_not_found" and unknown in error.value.message


def test_chat(client: openai.OpenAI) -> None:
    answer = valid(ask(client))
    assert "Paris" in answer.choices[0].message.content
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-")
    assert answer.model == "chat" and answer.choices[0].finish_reason == "stop"
    usage = answer.usage
    assert usage.prompt_tokens > 10 and usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert answer._request_id.startswith("req_")
    assert ask(client, max_completion_tokens=3, max_tokens=20).choices[0].finish_reason == "length"


def test_a_whole_message_may_go_back(client: openai.OpenAI) -> None:
    first = ask(client).choices[0].message
    messages = [*PARIS, first.model_dump(), {"role": "user", "content": "And of Italy?"}]
    assert valid(ask(client, messages=messages)).choices[0].message.content


def test_stream(client: openai.OpenAI) -> None:
    whole = ask(client)
    stream = ask(client, stream=True, stream_options={"include_usage": True})
    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.response.headers["x-request-id"].startswith("req_")
    chunks = list(each(stream))
    assert len({chunk.id for chunk in chunks}) == 1 and chunks[0].id.startswith("chatcmpl-")
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-2].choices[0].finish_reason == "stop"
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks[:-1]]
    assert "".join(texts) == whole.choices[0].message.content and len([text for text in texts if text]) > 3
    without = list(each(ask(client, stream=True)))
    assert all(chunk.usage is None and chunk.choices for chunk in without)


def test_logprobs(client: openai.OpenAI) -> None:
    answer = valid(ask(client, logprobs=True, top_logprobs=2))
    content = answer.choices[0].logprobs.content
    assert "".join(entry.token for entry in content) == answer.choices[0].message.content
    assert all(len(entry.top_logprobs) == 2 and bytes(entry.bytes).decode() == entry.token for entry in content)
    streamed = [
        entry
        for chunk in each(ask(client, logprobs=True, top_logprobs=2, stream=True))
        if chunk.choices[0].logprobs
        for entry in chunk.choices[0].logprobs.content
    ]
    assert [entry.token for entry in streamed] == [entry.token for entry in content]


def test_choices_are_drawn_apart(client: openai.OpenAI) -> None:
    given = {"messages": [{"role": "user", "content": "Say a random word."}], "temperature": 1.5, "seed": 5}
    answer = valid(ask(client, n=3, **given))
    texts = [choice.message.content for choice in answer.choices]
    assert [choice.index for choice in answer.choices] == [0, 1, 2] and len(set(texts)) > 1
    assert texts[0] == ask(client, **given).choices[0].message.content, "the first is that of the seed itself"
    by_choice = ["", "", ""]
    for chunk in each(ask(client, n=3, stream=True, **given)):
        by_choice[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert by_choice == texts


def test_stop_and_schema(client: openai.OpenAI) -> None:
    assert "Paris" not in ask(client, stop="Paris").choices[0].message.content
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}},
        "required": ["city"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema, "strict": True}}
    answer = json.loads(ask(client, response_format=form, max_tokens=60).choices[0].message.content)
    assert list(answer) == ["city"]


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "unsupported_parameter"),
        ({"presence_penalty": 1}, "presence_penalty", "unsupported_parameter"),
        ({"logit_bias": {"5": 1}}, "logit_bias", "unsupported_parameter"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"max_tokens": 5000}, "messages", "context_length_exceeded"),
        ({"n": 0}, "n", "invalid_value"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content",
            "invalid_value",
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_refused(client: openai.OpenAI, more: dict[str, Any], param: str, code: str, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, **more, stream=stream)
    assert (error.value.param, error.value.code, error.value.type) == (param, code, "invalid_request_error")
    assert set(error.value.body) == {"message", "type", "param", "code"}


def test_what_changes_nothing_is_let_through(client: openai.OpenAI) -> None:
    extra = {"user": "u", "metadata": {"a": "b"}, "store": False, "presence_penalty": 0, "tool_choice": "none"}
    extra |= {"service_tier": "auto", "extra_body": {"top_k": 1, "repetition_penalty": 1.1, "of_my_own": [1]}}
    assert valid(ask(client, **extra)).choices[0].message.content


def test_a_model_of_another_kind(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        ask(client, model="embed")
    with pytest.raises(openai.NotFoundError) as error:
        ask(client, model="gpt-none")
    assert error.value.code == "model_not_found"


def test_completions(client: openai.OpenAI) -> None:
    given: dict[str, Any] = {"model": "chat", "temperature": 0, "max_tokens": 6}
    answer = valid(client.completions.create(prompt="What is the capital of France?", logprobs=2, **given))
    choice = answer.choices[0]
    assert answer.object == "text_completion" and answer.id.startswith("cmpl-")
    assert "".join(choice.logprobs.tokens) == choice.text and choice.finish_reason == "length"
    assert choice.logprobs.text_offset[:2] == [0, len(choice.logprobs.tokens[0])]
    both = valid(client.completions.create(prompt=["Say one.", "Say two."], n=2, **given))
    assert [choice.index for choice in both.choices] == [0, 1, 2, 3]
    texts = ["", ""]
    # Their type takes no chunk without a finish_reason; the service itself sends null, as we do.
    chunks = list(
        client.completions.create(
            prompt=["Say one.", "Say two."], stream=True, stream_options={"include_usage": True}, **given
        )
    )
    assert all(valid(chunk) for chunk in chunks if all(choice.finish_reason for choice in chunk.choices))
    for chunk in chunks[:-1]:
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == [both.choices[0].text, both.choices[2].text]
    assert chunks[-1].usage.prompt_tokens == both.usage.prompt_tokens
    for refused in ({"prompt": [1, 2]}, {"prompt": "x", "echo": True}, {"prompt": "x", "suffix": "y"}):
        with pytest.raises(openai.BadRequestError):
            client.completions.create(**given, **refused)


def test_embeddings(client: openai.OpenAI) -> None:
    texts = ["a cat", "a dog", "the stock market"]
    answer = valid(client.embeddings.create(model="embed", input=texts, encoding_format="float"))
    assert [item.index for item in answer.data] == [0, 1, 2] and answer.usage.prompt_tokens > 5
    usual = valid(client.embeddings.create(model="embed", input=texts))  # the SDK asks for base64
    for one, other in zip(answer.data, usual.data, strict=True):
        assert len(one.embedding) == 576
        assert other.embedding == pytest.approx(one.embedding, abs=1e-7)
    raw = client.embeddings.with_raw_response.create(model="embed", input="a cat", encoding_format="base64")
    text = json.loads(raw.text)["data"][0]["embedding"]
    assert struct.unpack("<576f", base64.b64decode(text)) == pytest.approx(answer.data[0].embedding, abs=1e-7)
    many = client.embeddings.create(model="embed", input=["a cat"] * 300)  # more than one job takes
    assert len(many.data) == 300 and many.data[299].index == 299
    for refused in ({"input": ""}, {"input": []}, {"input": [1, 2]}, {"input": "x", "dimensions": 3}):
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model="embed", **refused)


def free_slots(llm: Server, name: str) -> int:
    queues = llm.control.get("/queues").json()["queues"]
    return next(queue["free_slots"] for queue in queues if queue["capability"].startswith(name))


def long_order() -> dict[str, Any]:
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 300}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    return {"max_tokens": 1500, "response_format": form}


def hosts(llm: Server) -> set[str]:
    """The pids of the server's children."""
    assert llm.process is not None
    threads = pathlib.Path(f"/proc/{llm.process.pid}/task").glob("*/children")
    return {pid for each in threads for pid in each.read_text().split()}


def test_who_hangs_up_stops_the_engine(llm: Server, client: openai.OpenAI) -> None:
    before = hosts(llm)
    assert len(before) >= 2
    stream = ask(client, stream=True, **long_order())
    next(iter(stream))
    assert free_slots(llm, "chat") == 3
    stream.close()
    eventually(lambda: free_slots(llm, "chat") == 4)
    text = llm.control.request("GET", "/metrics").body.decode()
    assert metric(text, "headrace_jobs_ended_total", capability="chat", state="cancelled") == 1
    assert hosts(llm) == before, "an engine that does not stop is ended with its host, and started again"


def test_many_at_once(client: openai.OpenAI) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(client, max_tokens=8), range(16)))
    assert all("capital" in valid(answer).choices[0].message.content for answer in answers)


def test_async_client(llm: Server) -> None:
    import asyncio

    async def run() -> str:
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{llm.client_port}/v1", api_key=llm.client.key, max_retries=0
        ) as client:
            text = ""
            stream = await client.chat.completions.create(
                model="chat", messages=PARIS, temperature=0, max_tokens=24, stream=True
            )
            async for chunk in stream:
                text += valid(chunk).choices[0].delta.content or ""
            return text

    assert "Paris" in asyncio.run(run())


def test_structured_answers_by_the_sdks_own_parser(client: openai.OpenAI) -> None:
    import pydantic

    class Place(pydantic.BaseModel):
        city: str

    answer = client.chat.completions.parse(
        model="chat", messages=PARIS, temperature=0, max_tokens=200, response_format=Place
    )
    assert isinstance(answer.choices[0].message.parsed, Place)


def test_the_log_holds_no_prompt(llm: Server, client: openai.OpenAI) -> None:
    canary = "canary-53172-prompt"
    ask(client, messages=[{"role": "user", "content": canary}], max_tokens=2)
    assert canary not in pathlib.Path(llm.folder / "server.log").read_text(errors="replace")
