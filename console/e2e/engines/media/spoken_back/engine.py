from collections.abc import Iterator

from headrace.engine import Engine
from headrace.engine.session import Session


class SpokenBack(Engine):
    def run(self, session: Session) -> Iterator[dict]:
        for step in session:
            if "text" in step:
                yield {"text": " ".join(reversed(step["text"].split()))}
