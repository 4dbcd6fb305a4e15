"""contracts §2: what the body of POST /jobs may hold, and how each fault is named."""

from __future__ import annotations

import pytest
from wire import Client, problem


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("priority", -1, "min"),
        ("priority", 10, "max"),
        ("priority", 1.5, "type:integer"),
        ("priority", "5", "type:integer"),
        ("priority", None, "type:integer"),
        ("priority", True, "type:integer"),
        ("timeout", 0, "exclusive_min"),
        ("timeout", -1, "exclusive_min"),
        ("timeout", "1", "type:number"),
        ("ttl", 0, "exclusive_min"),
        ("deadline", 0, "exclusive_min"),
        ("deadline", 1e300, "max"),
        ("idempotency_key", 5, "type:string"),
        ("idempotency_key", "x" * 256, "max_length"),
        ("frobnicate", 1, "unknown_field"),
        ("input", [], "type:object"),
        ("input", "x", "type:object"),
        ("capability", 5, "type:string"),
        ("capability", None, "type:string"),
    ],
)
def test_fields_of_the_body(client: Client, field: str, value: object, rule: str) -> None:
    body = {"capability": "echo", "input": {"text": "x"}, field: value}
    answer = problem(client.post("/jobs", body), 400, "invalid_argument")
    assert {"path": field, "rule": rule}.items() <= answer["errors"][0].items()


@pytest.mark.parametrize("field", ["capability", "input"])
def test_required_fields(client: Client, field: str) -> None:
    body = {"capability": "echo", "input": {"text": "x"}}
    del body[field]
    answer = problem(client.post("/jobs", body), 400)
    assert answer["errors"] == [{"path": field, "rule": "required"}]


@pytest.mark.parametrize(
    ("value", "path", "rule"),
    [
        ({}, "input.text", "required"),
        ({"text": 5}, "input.text", "type:"),
        ({"text": None}, "input.text", "type:"),
        ({"text": ["x"]}, "input.text", "type:"),
        ({"text": {"a": 1}}, "input.text", "type:"),
        ({"text": "x", "extra": 1}, "input.extra", "unknown_field"),
    ],
)
def test_input_against_the_interface(client: Client, value: dict, path: str, rule: str) -> None:
    answer = problem(client.post("/jobs", {"capability": "echo", "input": value}), 400, "invalid_argument")
    assert any(error["path"] == path and error["rule"].startswith(rule) for error in answer["errors"]), answer


def test_bounds_carry_their_limit(client: Client) -> None:
    reply = client.post("/jobs", {"capability": "echo_slow", "input": {"text": "x", "duration_ms": 10**9}})
    (error,) = problem(reply, 400)["errors"]
    assert error == {"path": "input.duration_ms", "rule": "max", "limit": "3600000"}


def test_tensor(client: Client) -> None:
    job = client.run("echo_tensor", {"x": {"shape": [3], "dtype": "fp32", "data": [1, 2.5, -3]}})
    assert job["output"]["y"] == {"shape": [3], "dtype": "fp32", "data": [1, 2.5, -3]}
    for bad in (
        {"shape": [2], "dtype": "fp32", "data": [1]},
        {"shape": [1], "dtype": "int8", "data": [1]},
        {"shape": [1, 1], "dtype": "fp32", "data": [1]},
        {"dtype": "fp32", "data": [1]},
        {"shape": [-1], "dtype": "fp32", "data": []},
        {"shape": [1], "dtype": "fp32", "data": ["x"]},
        {"shape": [2**40, 2**40], "dtype": "fp32", "data": []},
    ):
        problem(client.post("/jobs", {"capability": "echo_tensor", "input": {"x": bad}}), 400)
