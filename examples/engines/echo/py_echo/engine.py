"""Gives back the text it was given: what the kit itself costs."""

from headrace.engine import Engine


class Echo(Engine):
    def run(self, text: str) -> dict:
        return {"text": text}
