"""What the environment says: where the server is and which key to show it."""

from __future__ import annotations

import os

DEFAULT_URL = "http://127.0.0.1:8600"


def read_url(url: str | None) -> str:
    """The one given, else HEADRACE_URL, else the default client door of this machine."""
    return (url or os.environ.get("HEADRACE_URL") or DEFAULT_URL).rstrip("/")


def read_key(key: str | None) -> str:
    """The one given, else HEADRACE_KEY, else what the file HEADRACE_KEY_FILE holds, else none."""
    if key is not None:
        return key
    if from_variable := os.environ.get("HEADRACE_KEY"):
        return from_variable.strip()
    path = os.environ.get("HEADRACE_KEY_FILE")
    if not path:
        return ""
    with open(path, encoding="ascii") as file:
        return file.read().strip()
