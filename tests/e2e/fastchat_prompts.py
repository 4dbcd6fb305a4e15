"""Runs in build/venv-fastchat: one JSON object a line of what fschat renders, for test_fastchat_prompts.py.

Every template of the package, with its own numbers and with those of newer sources, over conversations that
reach each branch of its styles. {"ask": what fastchat_render is asked, "prompt": what the package renders}.
"""

from __future__ import annotations

import itertools
import json

from fastchat.conversation import Conversation, SeparatorStyle, conv_templates

USER_TEXTS = ["Hi!", "", " two\r\n\r\nlines\n\n\n", "中文 é 😀", "ends with n", "</s> {system_message} <n>"]
ASSISTANT_TEXTS = ["Hello.", "", "a\n\nb", "n<n>"]
SYSTEM_TEXTS = [None, "", "Be brief.", "a {b} }{ c"]
INSERTED = 8  # llama3, which newer sources put in at this number


def conversations():
    for system in SYSTEM_TEXTS:
        for turns in range(4):
            for first in (USER_TEXTS, USER_TEXTS[2:] + USER_TEXTS[:2]):
                messages = [] if system is None else [{"role": "system", "content": system}]
                for turn, user, assistant in zip(range(turns), first, itertools.cycle(ASSISTANT_TEXTS)):
                    if turn:
                        messages.append({"role": "assistant", "content": assistant})
                    messages.append({"role": "user", "content": user})
                if messages:
                    yield messages
    yield [{"role": "user", "content": "one"}, {"role": "user", "content": "after one"}]
    yield [{"role": "assistant", "content": "first"}, {"role": "user", "content": "then"}]


def rendered(template: Conversation, messages: list) -> str:
    """As FastChat's API server does it."""
    conversation = template.copy()
    for message in messages:
        if message["role"] == "system":
            conversation.set_system_message(message["content"])
        else:
            conversation.append_message(conversation.roles[message["role"] == "assistant"], message["content"])
    conversation.append_message(conversation.roles[1], None)
    return conversation.get_prompt()


def wire(template: Conversation, head: bool) -> dict:
    """As a worker tells it: BaseModelWorker makes the style a number."""
    number = int(template.sep_style)
    out = {**template.__dict__, "sep_style": number + (head and number >= INSERTED)}
    if head:
        out |= {"system_message_vision": "", "max_image_size_mb": None}
    return out


def main() -> None:
    for name, template in sorted(conv_templates.items()):
        if template.sep_style is None:
            continue
        for messages in conversations():
            expected = {
                "prompt": rendered(template, messages),
                "style": SeparatorStyle(template.sep_style).name.lower(),
            }
            asks = [{"known": name}, {"conv": wire(template, False)}, {"conv": wire(template, True)}]
            # Somewhere between the releases the numbers had changed and the keys had not.
            between = wire(template, True)
            del between["system_message_vision"], between["max_image_size_mb"]
            asks.append({"conv": between})
            for ask in asks:
                print(json.dumps({"ask": {**ask, "messages": messages}, **expected}))


if __name__ == "__main__":
    main()
