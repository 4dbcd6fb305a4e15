"""A chat engine that always says the same, at the pace of a small model.

Who wants it slowly gets three words, and the rest once somebody says "Go on.": so a test sees an answer under way for
as long as it looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from headrace.engine import Engine, EngineError, usage

ANSWER = (
    "A **headrace** is the channel that brings water to a wheel or turbine. It has three parts:\n\n"
    "1. the intake, where a weir raises the water,\n"
    "2. the channel itself, nearly level, so that the height is kept,\n"
    "3. the gate, which lets in as much as the wheel can use.\n\n"
    "The height that is kept is what does the work:\n\n"
    "```python\n"
    "def power(flow, head, efficiency=0.8):\n"
    "    return efficiency * 1000 * 9.81 * flow * head  # watts\n"
    "```\n\n"
    "With `flow` = 0.5 m³/s and a head of 4 m, that is about 15.7 kW."
)

GO = "Go on."
told_to_go = asyncio.Event()


class Chat(Engine):
    async def run(self, messages: Any, max_tokens: int, **_: Any) -> AsyncIterator[dict[str, Any]]:
        if not isinstance(messages, list) or not messages:
            raise EngineError("invalid_argument", "there is no message to answer")
        usage("prompt_tokens", sum(len(str(turn).split()) for turn in messages))
        said = str(messages[-1])
        if GO in said:
            told_to_go.set()
        words = ANSWER.split(" ")
        for number, word in enumerate(words[:max_tokens]):
            if number == 3 and "slowly" in said.lower():
                await told_to_go.wait()
                told_to_go.clear()
            await asyncio.sleep(0.03)
            yield {"text": word if number == 0 else " " + word}
        usage("completion_tokens", min(len(words), max_tokens))
        yield {"text": "", "finish_reason": "stop" if len(words) <= max_tokens else "length"}
