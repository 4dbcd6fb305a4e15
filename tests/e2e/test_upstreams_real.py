"""A real server as an upstream: another Headrace, whose native engine computes every token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai_sdk import each, sdk, valid
from server import BINARY, ROOT, Server

PLUGIN = ROOT / "plugins" / "llama"
LIBRARY = BINARY.parent / "engines" / "libheadrace_llama.so"
ASKED = {
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "temperature": 0,
    "max_tokens": 24,
}

pytestmark = pytest.mark.skipif(
    not LIBRARY.exists() or not (LIBRARY.parent / "llama" / "models").is_dir(),
    reason="the llama plug-in is not built: plugins/llama/fetch.sh could not fetch its packages",
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    behind = Server(tmp_path_factory.mktemp("behind"), engines=(PLUGIN / "chat", PLUGIN / "embed")).start()
    behind.wait_engines("chat", "embed", within=60)
    front = Server(tmp_path_factory.mktemp("front"), engines=()).start()
    models = [{"id": "smol/lm", "remote": "chat"}, {"id": "smol/embed", "remote": "embed", "profile": "embed"}]
    body = {
        "name": "behind",
        "base_url": f"http://127.0.0.1:{behind.client_port}/v1",
        "key": behind.new_key("caller"),
        "models": models,
    }
    reply = front.control.post("/upstreams", body)
    assert reply.status == 201, reply.body
    yield front, behind
    front.stop()
    behind.stop()


def text_of(client: openai.OpenAI, model: str) -> Any:
    return valid(client.chat.completions.create(model=model, **ASKED))


def test_the_answer_is_the_one_behind(pair: tuple[Server, Server]) -> None:
    front, behind = pair
    direct, through = text_of(sdk(behind), "chat"), text_of(sdk(front), "smol/lm")
    assert through.choices[0].message.content == direct.choices[0].message.content
    assert through.usage.completion_tokens == direct.usage.completion_tokens > 0


def test_streams_are_the_same_events(pair: tuple[Server, Server]) -> None:
    front, behind = pair

    def deltas(server: Server, model: str) -> list[str | None]:
        stream = sdk(server).chat.completions.create(model=model, stream=True, **ASKED)
        return [event.choices[0].delta.content for event in each(stream) if event.choices]

    assert deltas(front, "smol/lm") == deltas(behind, "chat")


def test_canonical_fields_give_the_same_text(pair: tuple[Server, Server]) -> None:
    front, behind = pair
    job = front.client.run("smol-lm", ASKED)
    assert job["state"] == "succeeded", job
    assert job["output"]["text"] == text_of(sdk(behind), "chat").choices[0].message.content
    assert job["usage"]["meters"]["completion_tokens"] > 0


def test_embeddings(pair: tuple[Server, Server]) -> None:
    front, behind = pair
    through = valid(sdk(front).embeddings.create(model="smol/embed", input=["a", "b"]))
    direct = valid(sdk(behind).embeddings.create(model="embed", input=["a", "b"]))
    assert [item.embedding for item in through.data] == [item.embedding for item in direct.data]


def test_a_key_that_is_revoked_behind_is_told(pair: tuple[Server, Server]) -> None:
    front, _ = pair
    reply = front.control.request("PATCH", "/api/v1/upstreams/behind", {"key": "hr_nobodyknows_" + "A" * 43})
    assert reply.status == 200
    with pytest.raises(openai.InternalServerError):
        text_of(sdk(front), "smol/lm")
    health = front.control.get("/upstreams/behind").json()["health"]
    assert health["state"] in ("open", "half_open") and "key" in health["reason"]
