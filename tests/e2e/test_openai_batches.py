"""/v1/batches through the official SDK: lines of a file as durable jobs, their answers as a file."""

from __future__ import annotations

import json
import time
from typing import Any

import openai
import pytest
from openai_sdk import Answering, sdk, valid
from server import ROOT, Server
from test_openai_workers import CHAT
from worker import LeasedJob, offer

CHAT_URL = "/v1/chat/completions"
ENDED = {"completed", "failed", "expired", "cancelled"}


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return sdk(server)


def line(custom_id: str, url: str = CHAT_URL, method: str = "POST", **body: Any) -> dict[str, Any]:
    return {"custom_id": custom_id, "method": method, "url": url, "body": body}


def chat_line(custom_id: str, model: str, text: str, **more: Any) -> dict[str, Any]:
    return line(custom_id, model=model, messages=[{"role": "user", "content": text}], **more)


def order(client: openai.OpenAI, lines: list[Any] | bytes, endpoint: str = CHAT_URL, **more: Any) -> Any:
    content = lines if isinstance(lines, bytes) else b"".join(json.dumps(each).encode() + b"\n" for each in lines)
    file = client.files.create(file=("in.jsonl", content), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h", **more)
    assert valid(batch).status == "validating" and batch.input_file_id == file.id
    return batch


def wait(client: openai.OpenAI, batch: Any, within: float = 60) -> Any:
    deadline = time.monotonic() + within
    while (now := valid(client.batches.retrieve(batch.id))).status not in ENDED:
        assert time.monotonic() < deadline, now
        time.sleep(0.05)
    return now


def lines_in(client: openai.OpenAI, file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    assert valid(client.files.retrieve(file)).purpose == "batch_output"
    read = [json.loads(each) for each in client.files.content(file).text.splitlines()]
    return {each["custom_id"]: each for each in read}


def repeat(job: LeasedJob) -> None:
    text = job.inputs()["messages"][-1]["content"]
    if text == "fail":
        job.fail("engine_failed", "as you wish")
    else:
        job.done({"text": f"said {text}", "finish_reason": "stop"})


def test_a_batch(server: Server, client: openai.OpenAI, workers, name: str) -> None:
    engine = Answering(workers.start(offer(name, CHAT, slots=4), slots=4), repeat)
    lines = [chat_line(f"n{i}", name, str(i)) for i in range(40)]
    lines += [chat_line("two", name, "x", n=2), chat_line("bad", name, "fail"), chat_line("none", "no-model", "x")]
    lines += [chat_line("hot", name, "x", temperature=1.5), chat_line("streamed", name, "x", stream=True)]
    batch = order(client, lines, metadata={"a": "b"})
    done = wait(client, batch)
    assert done.status == "completed" and done.metadata == {"a": "b"} and done.completed_at >= done.in_progress_at
    assert (done.request_counts.total, done.request_counts.completed, done.request_counts.failed) == (45, 41, 4)
    output, errors = lines_in(client, done.output_file_id), lines_in(client, done.error_file_id)
    assert set(errors) == {"bad", "none", "hot", "streamed"} and len(output) == 41
    answer = openai.types.chat.ChatCompletion.model_validate(output["n7"]["response"]["body"])
    assert answer.choices[0].message.content == "said 7" and output["n7"]["response"]["status_code"] == 200
    assert len(output["two"]["response"]["body"]["choices"]) == 2
    assert errors["bad"]["response"]["status_code"] == 502
    assert errors["none"]["response"]["body"]["error"]["code"] == "model_not_found"
    assert errors["hot"]["response"]["body"]["error"]["param"] == "temperature"
    assert batch.id in [each.id for each in client.batches.list(limit=100)]
    states = {job["state"] for job in server.client.get(f"/jobs?capability={name}&limit=200").json()["jobs"]}
    assert states == {"succeeded", "failed"}, "durable jobs like any other"
    engine.stop()


def test_responses(client: openai.OpenAI, workers, name: str) -> None:
    def answer(job: LeasedJob) -> None:
        messages = job.inputs()["messages"]
        if messages[-1]["content"] == "fail":
            return job.fail("engine_failed", "as you wish")
        job.done({"text": " | ".join(m["content"] for m in messages), "finish_reason": "stop"})

    engine = Answering(workers.start(offer(name, CHAT, slots=4), slots=4), answer)
    url = "/v1/responses"
    lines = [
        line("plain", url, model=name, input="hello"),
        line("whole", url, model=name, instructions="be brief", input=[{"role": "user", "content": "hi"}], store=True),
        line("fail", url, model=name, input="fail"),
        line("streamed", url, model=name, input="x", stream=True),
        line("background", url, model=name, input="x", background=True),
        line("previous", url, model=name, input="x", previous_response_id="resp_1"),
        line("nothing", url, model=name),
        line("hot", url, model=name, input="x", temperature=1.5),
    ]
    done = wait(client, order(client, lines, url))
    assert done.status == "completed" and (done.request_counts.completed, done.request_counts.failed) == (2, 6)
    output, errors = lines_in(client, done.output_file_id), lines_in(client, done.error_file_id)
    answers = {key: openai.types.responses.Response.model_validate(output[key]["response"]["body"]) for key in output}
    assert {key: each.output_text for key, each in answers.items()} == {"plain": "hello", "whole": "be brief | hi"}
    assert answers["plain"].status == "completed" and answers["plain"].id.startswith("resp_")
    assert answers["whole"].instructions == "be brief"
    params = {key: errors[key]["response"]["body"]["error"]["param"] for key in errors}
    assert params == {
        "fail": None,
        "streamed": "stream",
        "background": "background",
        "previous": "previous_response_id",
        "nothing": "input",
        "hot": "temperature",
    }
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answers["plain"].id)
    engine.stop()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"{}\n", "missing_required_parameter"),
        (b"not json\n", "invalid_json_line"),
        (json.dumps(line("a", url="/v1/embeddings", model="x")).encode(), "mismatched_url"),
        (json.dumps(line("a", method="GET", model="x")).encode(), "invalid_method"),
        (b"\n".join([json.dumps(chat_line("a", "x", "y")).encode()] * 2), "duplicate_custom_id"),
    ],
)
def test_an_input_that_is_none(client: openai.OpenAI, content: bytes, code: str) -> None:
    done = wait(client, order(client, content))
    assert done.status == "failed" and done.errors.data[0].code == code
    assert done.output_file_id is None and done.request_counts.total == 0


def test_what_is_refused(client: openai.OpenAI) -> None:
    wrong = client.files.create(file=("x", b"{}"), purpose="user_data").id
    right = client.files.create(file=("x", b"{}"), purpose="batch").id
    good = {"input_file_id": right, "endpoint": CHAT_URL, "completion_window": "24h"}
    for more in ({"input_file_id": wrong}, {"endpoint": "/v1/magic"}, {"completion_window": "1h"}):
        with pytest.raises(openai.BadRequestError) as error:
            client.batches.create(**{**good, **more})
        assert error.value.param == next(iter(more))
    with pytest.raises(openai.NotFoundError):
        client.batches.create(**{**good, "input_file_id": "file-0"})
    for call in (client.batches.retrieve, client.batches.cancel):
        with pytest.raises(openai.NotFoundError):
            call("batch_" + "0" * 32)


def test_a_batch_is_cancelled(client: openai.OpenAI, workers, name: str) -> None:
    worker = workers.start(offer(name, CHAT))
    batch = order(client, [chat_line(f"n{i}", name, "x") for i in range(30)])
    worker.next_job().done({"text": "one", "finish_reason": "stop"})
    running = worker.next_job()
    assert valid(client.batches.cancel(batch.id)).status == "cancelling"
    assert running.cancelled.wait(20)
    running.fail("cancelled")
    done = wait(client, batch)
    assert worker.jobs.empty(), "its slot is for none of the lines that waited"
    assert done.status == "cancelled" and done.request_counts.completed == 1
    assert list(lines_in(client, done.output_file_id)) == ["n0"]
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


def test_a_batch_outlives_the_server(start_server) -> None:
    server = start_server(engines=(ROOT / "tests" / "engines" / "late_chat",))
    server.wait_engines("late_chat")
    batch = order(sdk(server), [chat_line(f"n{i}", "late_chat", str(i)) for i in range(4)])
    deadline = time.monotonic() + 60
    while sdk(server).batches.retrieve(batch.id).request_counts.completed < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    server.kill()
    server.start()
    client = sdk(server)
    done = wait(client, batch, within=60)
    assert done.status == "completed" and done.request_counts.completed == 4
    output = lines_in(client, done.output_file_id)
    texts = {key: each["response"]["body"]["choices"][0]["message"]["content"] for key, each in output.items()}
    assert texts == {f"n{i}": f"late: {i}" for i in range(4)}
    jobs = server.client.get("/jobs?capability=late_chat&limit=50").json()["jobs"]
    assert len(jobs) == 4, "no line ran as two jobs"
