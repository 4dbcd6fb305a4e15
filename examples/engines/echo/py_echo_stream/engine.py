"""Gives back the text it was given, one word a step; each word keeps the spaces before it, so that
the parts joined are the text."""

import re
from collections.abc import Iterator

from headrace.engine import Engine

WORD = re.compile(r"\s*\S+(?:\s+\Z)?")


class EchoStream(Engine):
    def run(self, text: str) -> Iterator[dict]:
        for word in WORD.findall(text) or [text]:
            yield {"text": word}
