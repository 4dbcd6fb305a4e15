"""contracts: capabilities, their interface, JSON Schemas and OpenAPI."""

from __future__ import annotations

from wire import API, problem
from worker import TEXT_TO_TEXT, offer


def test_list(client) -> None:
    reply = client.get("/capabilities")
    assert reply.status == 200
    capabilities = {entry["name"]: entry for entry in reply.json()["capabilities"]}
    assert {"echo", "echo_slow", "echo_stream", "echo_tensor"} <= capabilities.keys()
    assert capabilities["echo"]["versions"] == ["1.0.0"] and capabilities["echo"]["tenant"] == "system"


def test_detail(client) -> None:
    for reference in ("echo", "echo@1.0.0"):
        capability = client.get(f"/capabilities/{reference}").json()
        assert capability["name"] == "echo" and capability["version"] == "1.0.0"
        assert "text" in str(capability["interface"]["inputs"])
        schema = capability["schemas"]["input"]
        assert schema["type"] == "object" and schema["properties"]["text"]["type"] == "string"
        assert "text" in schema["required"] and capability["schemas"]["output"]["properties"].keys() == {"text"}


def test_versions_side_by_side(workers, client, name) -> None:
    for version in ("1.2.0", "1.10.0", "2.0.0-rc.1"):
        workers.start(offer(name, TEXT_TO_TEXT, version))
    capability = client.get(f"/capabilities/{name}").json()
    assert capability["version"] == "1.10.0"
    assert capability["versions"] == ["2.0.0-rc.1", "1.10.0", "1.2.0"]
    assert client.get(f"/capabilities/{name}@1.2.0").json()["version"] == "1.2.0"
    listed = [entry for entry in client.get("/capabilities").json()["capabilities"] if entry["name"] == name]
    assert len(listed) == 1 and listed[0]["version"] == "1.10.0"


def test_unknown(client) -> None:
    for reference in ("nobody", "echo@2.0.0", "echo@x", "echo@", "@1.0.0", "%20", "a%2Fb"):
        for suffix in ("", "/openapi.json", "/session"):
            problem(client.get(f"/capabilities/{reference}{suffix}"), 404, "not_found")


def test_openapi_of_one(client) -> None:
    document = client.get("/capabilities/echo_slow/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert "duration_ms" in str(document) and f"{API}/jobs" in str(document["paths"])


def test_openapi_of_all(client, control) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    paths = document["paths"]
    for path in (
        "/jobs",
        "/jobs/{id}",
        "/jobs/{id}/events",
        "/jobs/{id}/output",
        "/jobs/{id}/cancel",
        "/jobs/{id}/retry",
        "/files",
        "/files/{id}",
        "/files/{id}/content",
        "/capabilities",
        "/capabilities/{name}",
        "/capabilities/{name}/session",
        "/keys",
        "/keys/{id}",
        "/workers",
        "/workers/{id}/drain",
        "/queues",
        "/queues/{name}/pause",
        "/dead-letters",
        "/dead-letters/{job}/replay",
        "/usage",
        "/config",
        "/reload",
        "/link",
    ):
        assert API + path in paths, path
    assert "x-right" in str(paths)
    assert control.get("/openapi.json").status == 200
    references = set(find(document, "$ref"))
    assert references
    for reference in references:
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def find(node: object, key: str) -> list[str]:
    if isinstance(node, dict):
        own = [node[key]] if isinstance(node.get(key), str) else []
        return own + [found for child in node.values() for found in find(child, key)]
    if isinstance(node, list):
        return [found for child in node for found in find(child, key)]
    return []
