"""The native chat engine asked for embeddings: it makes them where its engine.toml says so."""

from __future__ import annotations

import math
import pathlib

from server import Server
from test_chat import PLUGIN, ask, copy_engine, fails, pytestmark, run

__all__ = ["pytestmark"]


def test_a_chat_that_also_embeds(tmp_path: pathlib.Path) -> None:
    """As the plug-in's README tells; its vectors are those of the engine `embed`."""
    folder = copy_engine(tmp_path, embeddings=512)
    text = (folder / "engine.toml").read_text()
    text = text.replace(
        '[parameters.messages]\nkind = "json"\nrequired = true',
        '[parameters.messages]\nkind = "json"\nrequired = false',
    )
    text = text.replace("[outputs.text]\n", "[outputs.text]\nconditional = true\n")
    text = text.replace("[outputs.finish_reason]\n", "[outputs.finish_reason]\nconditional = true\n")
    text += '\n[inputs.text]\nkind = "text"\ncount = "0..256"\nmin_length = 1\n'
    text += '\n[outputs.embeddings]\nkind = "tensor"\ndtype = "fp32"\nshape = [-1, -1]\nconditional = true\n'
    (folder / "engine.toml").write_text(text)
    (tmp_path / "data").mkdir()
    running = Server(tmp_path / "data", engines=(folder, PLUGIN / "embed")).start()
    try:
        running.wait_engines("chat", "embed", within=60)
        running.client.timeout = 60
        texts = ["The cat sleeps.", "A cat is asleep.", "Interest rates rose."]

        def rows(model: str) -> list[list[float]]:
            reply = running.client.request("POST", "/v1/embeddings", {"model": model, "input": texts})
            assert reply.status == 200, reply.body
            return [row["embedding"] for row in reply.json()["data"]]

        for one, other in zip(rows("chat"), rows("embed"), strict=True):
            assert all(math.isclose(a, b, abs_tol=1e-4) for a, b in zip(one, other, strict=True))
        assert run(running.client, **ask("Hello"))["output"]["text"]
        assert "messages" in fails(running.client)["message"]
        long = running.client.request("POST", "/v1/embeddings", {"model": "chat", "input": "word " * 2000})
        assert long.status == 400 and long.json()["error"]["code"] == "context_length_exceeded", long.body
    finally:
        running.stop()


def test_a_chat_that_does_not_embed_says_so(tmp_path: pathlib.Path) -> None:
    running = Server(tmp_path, engines=(PLUGIN / "chat",)).start()
    try:
        running.wait_engines("chat", within=60)
        reply = running.client.request("POST", "/v1/embeddings", {"model": "chat", "input": "x"})
        assert reply.status == 400 and reply.json()["error"]["param"] == "model", reply.body
    finally:
        running.stop()
