"""Embeddings of chat models: where the server behind one makes them, and what is said where it does not."""

from __future__ import annotations

import base64
import json
import struct
import time
from typing import Any

import openai
import pytest
from fake_upstream import Connection, FakeUpstream, Request, good
from fastchat_site import Site
from openai_sdk import sdk, valid
from server import Server
from upstream_site import Setup, error_of, refuse
from wire import Reply


def embeds(fake: FakeUpstream, to: Connection, request: Request) -> None:
    """Answers both routes: a row for each text, its length first."""
    if not request.path.endswith("/embeddings"):
        return good(fake, to, request)
    body = request.json()
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    rows: list[Any] = [[float(len(text)), 0.5] for text in texts]
    if body.get("encoding_format") == "base64":
        rows = [base64.b64encode(struct.pack("<2f", *row)).decode() for row in rows]
    data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    answer = {"object": "list", "data": data, "model": body["model"], "usage": usage}
    to.whole(200, json.dumps(answer).encode())


def ask(server: Server, model: str, texts: Any = "hello") -> Reply:
    return server.client.request("POST", "/v1/embeddings", {"model": model, "input": texts})


def test_a_chat_model_whose_server_embeds(up: Setup, dialling: Server) -> None:
    fake = up.add(embeds)
    client = sdk(dialling)
    answer = valid(client.embeddings.create(model=up.model, input=["a", "bcd"]))
    assert [row.embedding for row in answer.data] == [[1.0, 0.5], [3.0, 0.5]]
    assert answer.usage.prompt_tokens == 3
    sent = fake.requests[0]
    assert sent.path == "/v1/embeddings" and sent.json()["model"] == "real-name"
    # The same model still chats, and its own words reach it by the native dialect, too.
    assert up.chat()["output"]["text"] == "Hello there"
    job = dialling.client.run(up.capability, {"text": ["abcd"]})
    assert job["state"] == "succeeded", job
    assert job["output"]["embeddings"]["shape"] == [1, 2]
    assert job["usage"]["meters"]["prompt_tokens"] == 3 and not job["usage"]["meters"].get("completion_tokens")


@pytest.mark.parametrize("status", [401, 403, 404, 405, 501])
def test_a_server_that_does_not_embed_is_a_400(up: Setup, dialling: Server, status: int) -> None:
    def behave(fake: FakeUpstream, to: Connection, request: Request) -> None:
        if request.path.endswith("/embeddings"):
            to.whole(status, json.dumps({"error": {"message": "no such thing"}}).encode())
        else:
            good(fake, to, request)

    fake = up.add(behave, failures=1)
    for _ in range(3):
        reply = ask(dialling, up.model)
        assert reply.status == 400, (reply.status, reply.body)
        error = reply.json()["error"]
        assert error["type"] == "invalid_request_error" and "embeddings" in error["message"]
    # Whoever asks for what is not there must not shut the server out.
    assert up.view(fake)["health"]["state"] == "up"
    assert up.chat()["state"] == "succeeded"


def test_a_server_that_breaks_at_embeddings_still_chats(up: Setup, dialling: Server) -> None:
    def behave(fake: FakeUpstream, to: Connection, request: Request) -> None:
        if request.path.endswith("/embeddings"):
            to.whole(500, b"{}")
        else:
            good(fake, to, request)

    fake = up.add(behave, failures=1)
    assert ask(dialling, up.model).status == 502
    assert up.view(fake)["health"]["state"] == "up" and up.chat()["state"] == "succeeded"


def test_its_own_refusal_is_passed_on(up: Setup, dialling: Server) -> None:
    error = {"error": {"message": "this one is no embedding model", "type": "x", "code": "y", "param": None}}
    up.add(refuse(400, error))
    reply = ask(dialling, up.model)
    assert reply.status == 400 and reply.json() == error


def test_another_server_of_the_model_may_embed(up: Setup, dialling: Server) -> None:
    up.add(refuse(404, {"error": {"message": "x"}}))
    up.add(embeds, priority=1)
    assert ask(dialling, up.model).json()["data"][0]["embedding"] == [5.0, 0.5]


def test_a_model_of_ours_that_makes_none(workers, server: Server, name: str) -> None:
    from test_openai_workers import CHAT
    from worker import offer

    workers.start(offer(name, CHAT))
    with pytest.raises(openai.BadRequestError) as refused:
        sdk(server).embeddings.create(model=name, input="x")
    assert refused.value.param == "model" and "makes no embeddings" in refused.value.message
    with pytest.raises(openai.NotFoundError):
        sdk(server).embeddings.create(model="nothing", input="x")


def test_a_worker_says_itself_that_it_embeds(workers, server: Server, name: str) -> None:
    """The word for it in an interface: a chat with the fields of `embed`."""
    from headrace.engine.io import Tensor
    from openai_sdk import Answering
    from test_openai_workers import CHAT
    from worker import LeasedJob, offer

    interface = json.loads(json.dumps(CHAT))
    interface["parameters"]["messages"]["required"] = False
    interface.setdefault("inputs", {})["text"] = {"kind": "text", "count": "0..4"}
    for spec in interface["outputs"].values():
        spec["conditional"] = True
    interface["outputs"]["embeddings"] = {
        "kind": "tensor",
        "dtype": "fp32",
        "shape": [-1, -1],
        "conditional": True,
    }

    def answer(job: LeasedJob) -> None:
        texts = job.inputs()["text"]
        data = b"".join(struct.pack("<2f", len(text), 1.0) for text in texts)
        job.done({"embeddings": Tensor("fp32", (len(texts), 2), data)})

    engine = Answering(workers.start(offer(name, interface)), answer)
    texts = ["a", "bb", "ccc", "dddd", "eeeee", "f"]  # more than one job takes
    rows = sdk(server).embeddings.create(model=name, input=texts).data
    assert [row.embedding[0] for row in rows] == [1.0, 2.0, 3.0, 4.0, 5.0, 1.0]
    engine.stop()


def test_fastchat_workers(fastchat: Site) -> None:
    worker = fastchat.worker("text-model")
    fastchat.wait_models("text-model")
    deadline = time.monotonic() + 60
    while (reply := ask(fastchat.server, "text-model", ["a", "bcd"])).status != 200:
        # It registers before it listens, and may be taken for dead until its next beat.
        assert reply.status == 503 and time.monotonic() < deadline, reply.body
        time.sleep(0.1)
    assert [row["embedding"] for row in reply.json()["data"]] == [[1.0, 0.5, -1.0], [3.0, 0.5, -1.0]]
    assert worker.calls("embed")[0]["input"] == ["a", "bcd"]


def test_fastchat_workers_without_the_route(dialling: Server, up: Setup) -> None:
    def vllm_worker(_: FakeUpstream, to: Connection, request: Request) -> None:
        to.whole(404, b'{"detail":"Not Found"}')

    fake = up.add(vllm_worker, kind="fastchat", failures=1)
    reply = ask(dialling, up.model)
    assert reply.status == 400 and "makes no embeddings" in reply.json()["error"]["message"], reply.body
    own = dialling.client.request("POST", f"/v1/engines/{up.capability}/embeddings", {"input": "x"})
    assert own.status == 400 and own.json()["code"] == 40001, own.body
    assert up.view(fake)["health"]["state"] == "up"
    assert error_of(dialling.client.run(up.capability, {"text": ["x"]}))["code"] == "invalid_argument"
