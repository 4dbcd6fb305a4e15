"""Writes src/upstreams/fastchat_templates.json from the conversation templates of an installed fschat.

Run with a Python that has the package: `build/venv-fastchat/bin/python scripts/fastchat_templates.py` writes,
`--check` says whether the file is what the package holds. One template a line, members that are fschat's defaults
left out; styles by their name, because their numbers differ between releases.
"""

from __future__ import annotations

import json
import pathlib
import sys

from fastchat.conversation import Conversation, conv_templates

FILE = pathlib.Path(__file__).resolve().parents[1] / "src" / "upstreams" / "fastchat_templates.json"
MEMBERS = (
    "system_template",
    "system_message",
    "roles",
    "messages",
    "offset",
    "sep",
    "sep2",
    "stop_str",
    "stop_token_ids",
)


def line(template: Conversation) -> str:
    plain = Conversation(name="")
    members = {"name": template.name, "style": template.sep_style.name.lower()}
    for name in MEMBERS:
        if (value := getattr(template, name)) != getattr(plain, name):
            members[name] = value
    return json.dumps(members, ensure_ascii=False)


def text() -> str:
    # Templates without a style are for services that take messages, not prompts.
    rendered = [t for name, t in sorted(conv_templates.items()) if t.sep_style is not None]
    return "[\n" + ",\n".join(line(t) for t in rendered) + "\n]\n"


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        if FILE.read_text() == text():
            return 0
        print(f"{FILE.name} is not what the installed fschat holds; run {sys.argv[0]} without --check")
        return 1
    FILE.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
