"""The unmodified `openai` package of npm against /v1, answered by the native engines."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from server import BINARY, ROOT, Server

HERE = pathlib.Path(__file__).resolve().parent / "openai_node"
PLUGIN = ROOT / "plugins" / "llama"
LIBRARY = BINARY.parent / "engines" / "libheadrace_llama.so"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not there"),
    pytest.mark.skipif(
        not LIBRARY.exists() or not (LIBRARY.parent / "llama" / "models").is_dir(),
        reason="the llama plug-in is not built: plugins/llama/fetch.sh could not fetch its packages",
    ),
]


@pytest.fixture(scope="module")
def package() -> pathlib.Path:
    """The script beside its installed package, outside the sources."""
    folder = ROOT / "build" / "openai-node"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "calls.mjs"):
        shutil.copy(HERE / name, folder / name)
    stamp, wanted = folder / ".stamp", (HERE / "package.json").read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        check=True,
        timeout=300,
    )
    stamp.write_text(wanted)
    return folder


@pytest.fixture(scope="module")
def seen(package: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    server = Server(tmp_path_factory.mktemp("node"), engines=(PLUGIN / "chat", PLUGIN / "embed")).start()
    server.wait_engines("chat", "embed", within=120)
    url = f"http://127.0.0.1:{server.client_port}/v1"
    ran = subprocess.run(
        ["node", "calls.mjs", url, server.client.key], cwd=package, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    yield json.loads(ran.stdout)
    server.stop()


def test_models_and_chat(seen: dict[str, Any]) -> None:
    assert sorted(seen["models"]) == ["chat", "embed"]
    text = seen["chat"]["choices"][0]["message"]["content"]
    assert "Paris" in text and seen["streamed"] == text == seen["final"]
    assert seen["request_id"].startswith("req_")
    assert seen["usage"]["total_tokens"] == seen["chat"]["usage"]["total_tokens"]


def test_embeddings_and_files(seen: dict[str, Any]) -> None:
    assert seen["embeddings"] == [576, 576]
    assert seen["file"] == {"bytes": 3, "content": "{}\n"} and seen["deleted"] is True


def test_responses(seen: dict[str, Any]) -> None:
    assert seen["response"]["status"] == "completed" and "Paris" in seen["response"]["text"]
    assert seen["retrieved"] == seen["response"]["text"]
    assert seen["events"][0] == "response.created" and seen["events"][-1] == "response.incomplete"


def test_errors(seen: dict[str, Any]) -> None:
    assert seen["errors"] == [
        ["NotFoundError", 404, "model_not_found", "model"],
        ["BadRequestError", 400, "invalid_value", "temperature"],
        ["BadRequestError", 400, "unsupported_parameter", "tools"],
        ["AuthenticationError", 401, "invalid_api_key", None],
        ["NotFoundError", 404, None, None],
    ]
