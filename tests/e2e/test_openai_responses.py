"""/v1/responses through the official SDK, with workers that the test plays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai_sdk import Answering, each, sdk, valid
from server import ROOT, Server
from test_openai_workers import CHAT, by_steps, pieces
from waiting import eventually
from worker import LeasedJob, offer

TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
FULL = {
    **CHAT,
    "parameters": {
        **CHAT["parameters"],
        "temperature": {"kind": "float", "required": False},
        "response_format": {"kind": "json", "required": False},
    },
}


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return sdk(server)


@pytest.fixture
def play(workers, name: str) -> Iterator[Callable[..., Answering]]:
    playing: list[Answering] = []

    def start(answer: Callable[[LeasedJob], None]) -> Answering:
        playing.append(Answering(workers.start(offer(name, FULL)), answer))
        return playing[-1]

    yield start
    for one in playing:
        one.stop()


def test_a_response_and_the_next_turn(client: openai.OpenAI, play, name: str) -> None:
    engine = play(by_steps(text="It is Paris.", finish_reason="stop"))
    first = valid(
        client.responses.create(
            model=name, instructions="Be short.", input="Capital of France?", temperature=0.5, metadata={"a": "b"}
        )
    )
    assert first.id.startswith("resp_") and first.status == "completed" and first.output_text == "It is Paris."
    assert first.instructions == "Be short." and first.temperature == 0.5 and first.metadata == {"a": "b"}
    assert first.usage.total_tokens == 0 and first.error is None and first._request_id
    assert engine.seen[0]["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Capital of France?"},
    ]
    kept = valid(client.responses.retrieve(first.id))
    assert kept.to_dict() == first.to_dict()
    second = valid(client.responses.create(model=name, input="And of Italy?", previous_response_id=first.id))
    assert second.previous_response_id == first.id
    assert engine.seen[1]["messages"] == [  # instructions are not carried on
        {"role": "user", "content": "Capital of France?"},
        {"role": "assistant", "content": "It is Paris."},
        {"role": "user", "content": "And of Italy?"},
    ]
    items = list(client.responses.input_items.list(second.id, order="asc"))
    assert [item.role for item in items] == ["user", "assistant", "user"]
    page = valid(client.responses.input_items.list(second.id, limit=1))
    assert page.data[0].content[0].text == "And of Italy?" and page.has_more
    client.responses.delete(first.id)
    for call in (client.responses.retrieve, client.responses.delete):
        with pytest.raises(openai.NotFoundError):
            call(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=name, input="x", previous_response_id=first.id)


def test_what_is_not_to_be_stored_is_not(client: openai.OpenAI, play, name: str) -> None:
    before = {file.id for file in client.files.list()}
    play(by_steps(text="ok"))
    answer = valid(client.responses.create(model=name, input="x", store=False))
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)
    assert {file.id for file in client.files.list()} == before, "what is kept for responses is no file"


def test_events(client: openai.OpenAI, play, name: str) -> None:
    play(by_steps({"text": "Hel"}, {"text": "lo"}, text="Hello", finish_reason="stop"))
    events = list(each(client.responses.create(model=name, input="x", stream=True)))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    done = events[-1].response
    assert done.output_text == "Hello" and done.output[0].id == events[2].item.id == events[4].item_id
    assert valid(client.responses.retrieve(done.id)).output_text == "Hello", "kept before it was told"
    with client.responses.stream(model=name, input="x") as stream:
        assert stream.get_final_response().output_text == "Hello"


def test_what_was_streamed_need_not_come_again(client: openai.OpenAI, play, name: str) -> None:
    call = {"index": 0, "id": "c1", "name": "weather", "arguments": "{}"}
    play(by_steps({"text": "Hel"}, {"text": "lo"}, {"tool_calls": pieces(call)}, text="", finish_reason="tool_calls"))
    done = list(each(client.responses.create(model=name, input="x", tools=[TOOL], stream=True)))[-1].response
    assert done.output_text == "Hello" and done.output[1].name == "weather"
    assert valid(client.responses.retrieve(done.id)).output_text == "Hello"


def test_tools(client: openai.OpenAI, play, name: str) -> None:
    parts = ({"index": 0, "id": "c1", "name": "weather", "arguments": '{"a"'}, {"index": 0, "arguments": ":1}"})
    steps = [{"tool_calls": pieces(part)} for part in parts]
    engine = play(by_steps(*steps, text="", tool_calls=pieces(*parts), finish_reason="tool_calls"))
    given: dict[str, Any] = {"model": name, "input": "x", "tools": [TOOL], "tool_choice": "required"}
    answer = valid(client.responses.create(**given))
    call = answer.output[0]
    assert (call.type, call.call_id, call.name, call.arguments) == ("function_call", "c1", "weather", '{"a":1}')
    assert engine.seen[0]["tools"][0] == {
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object"}},
    }
    events = list(each(client.responses.create(**given, stream=True)))
    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == '{"a":1}' and events[-1].response.output[0].arguments == '{"a":1}'
    follow = [call.to_dict(), {"type": "function_call_output", "call_id": "c1", "output": "sun"}]
    valid(client.responses.create(**{**given, "input": [{"role": "user", "content": "x"}, *follow]}))
    seen = engine.seen[-1]["messages"]
    assert seen[1]["tool_calls"][0]["id"] == "c1" and seen[2] == {
        "role": "tool",
        "content": "sun",
        "tool_call_id": "c1",
    }


def test_text_formats_and_limits(client: openai.OpenAI, play, name: str) -> None:
    engine = play(by_steps(text="{}", finish_reason="length"))
    form = {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}
    answer = valid(client.responses.create(model=name, input="x", text={"format": form}, max_output_tokens=16))
    assert answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"
    assert engine.seen[0]["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert engine.seen[0]["max_tokens"] == 16
    last = list(each(client.responses.create(model=name, input="x", stream=True)))[-1]
    assert last.type == "response.incomplete"


def test_in_the_background(server: Server, client: openai.OpenAI, workers, name: str) -> None:
    worker = workers.start(offer(name, FULL))
    order = valid(client.responses.create(model=name, input="x", background=True))
    assert order.status == "queued" and order.background and order.output == []
    job = worker.next_job()
    eventually(lambda: valid(client.responses.retrieve(order.id)).status == "in_progress")
    job.done({"text": "there", "finish_reason": "stop"})
    eventually(lambda: valid(client.responses.retrieve(order.id)).status != "in_progress")
    done = valid(client.responses.retrieve(order.id))
    assert done.status == "completed" and done.output_text == "there"
    jobs = server.client.get(f"/jobs?capability={name}").json()["jobs"]
    assert [each["state"] for each in jobs] == ["succeeded"], "a durable job like any other"

    second = client.responses.create(model=name, input="x", background=True)
    job = worker.next_job()
    assert valid(client.responses.cancel(second.id)).status == "cancelled"
    assert job.cancelled.wait(20)
    job.fail("cancelled")
    eventually(lambda: valid(client.responses.retrieve(second.id)).status == "cancelled")
    third = client.responses.create(model=name, input="x", background=True)
    worker.next_job().fail("engine_failed", "broken")
    eventually(lambda: valid(client.responses.retrieve(third.id)).status not in ("queued", "in_progress"))
    failed = valid(client.responses.retrieve(third.id))
    assert failed.status == "failed" and failed.error.message == "broken"
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model=name, input="x", background=True, store=False)


def test_a_background_response_outlives_the_server(start_server, tmp_path) -> None:
    server = start_server(engines=(ROOT / "tests" / "engines" / "late_chat",))
    server.wait_engines("late_chat")
    order = sdk(server).responses.create(model="late_chat", input="x", background=True)
    server.kill()
    server.start()
    deadline = time.monotonic() + 30
    while (answer := sdk(server).responses.retrieve(order.id)).status != "completed":
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    assert answer.output_text == "late: x"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": []}, "input"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "hologram"}]}]}, "input[0].content[0].type"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"stream": True, "background": True}, "stream"),
    ],
)
def test_what_is_refused(client: openai.OpenAI, play, name: str, more: dict[str, Any], param: str) -> None:
    play(by_steps(text="ok"))
    with pytest.raises(openai.BadRequestError) as error:
        client.responses.create(**{"model": name, "input": "x", **more})
    assert error.value.param == param


def test_a_failure_in_the_middle(client: openai.OpenAI, play, name: str) -> None:
    def answer(job: LeasedJob) -> None:
        job.output({"text": "half"}, 1)
        time.sleep(0.2)
        job.fail("engine_failed", "it broke")

    play(answer)
    events = list(each(client.responses.create(model=name, input="x", stream=True)))
    assert events[-1].type == "response.failed" and events[-1].response.error.message == "it broke"


def test_responses_of_others(server: Server, play, name: str) -> None:
    play(by_steps(text="ok"))
    mine = sdk(server, server.new_key("caller")).responses.create(model=name, input="x")
    for key in (server.new_key("caller"), server.new_key("admin", "elsewhere")):
        with pytest.raises(openai.NotFoundError):
            sdk(server, key).responses.retrieve(mine.id)
    assert sdk(server).responses.retrieve(mine.id).id == mine.id, "an admin sees all of its tenant"
