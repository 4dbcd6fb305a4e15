"""A chat that thinks for a second and repeats what it was told."""

import time
from typing import Any


def run(messages: list[dict[str, Any]]) -> dict[str, Any]:
    time.sleep(1)
    return {"text": f"late: {messages[-1]['content']}"}
