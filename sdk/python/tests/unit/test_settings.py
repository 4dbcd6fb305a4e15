from __future__ import annotations

import inspect
from pathlib import Path

import httpx
import pytest

from headrace import (
    AsyncClient,
    Client,
)
from unit.fake import JOB, Script, answer, job


def test_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("hr_from_file\n")
    monkeypatch.setenv("HEADRACE_URL", "http://elsewhere:1/")
    monkeypatch.setenv("HEADRACE_KEY_FILE", str(key_file))
    script = Script(answer(200, job()))

    def handle(request: httpx.Request) -> httpx.Response:
        assert str(request.url).startswith("http://elsewhere:1/api/v1/jobs/")
        assert request.headers["authorization"] == "Bearer hr_from_file"
        return script(request)

    with Client(transport=httpx.MockTransport(handle)) as client:
        client.get(JOB["id"])
    monkeypatch.setenv("HEADRACE_KEY", "hr_from_variable")
    with Client() as client:
        assert client._headers["Authorization"] == "Bearer hr_from_variable"
    monkeypatch.delenv("HEADRACE_URL")
    with Client(key="") as client:
        assert client._base_url == "http://127.0.0.1:8600"
        assert "Authorization" not in client._headers


def test_the_twins_have_the_same_methods() -> None:
    def methods(cls: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in vars(cls).items()
            if inspect.isfunction(member) and not name.startswith("_")
        }

    assert methods(Client) == methods(AsyncClient)
