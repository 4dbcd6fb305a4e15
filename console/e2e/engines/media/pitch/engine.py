import array
from collections.abc import Iterator

from headrace.engine import Engine
from headrace.engine.session import Session

RATE = 16000


class Pitch(Engine):
    def run(self, session: Session, floor: int) -> Iterator[dict]:
        heard = array.array("h")
        told = 0
        for step in session:
            if "audio" not in step:
                continue
            heard.frombytes(step["audio"].bytes)
            while len(heard) >= (told + 1) * RATE:
                yield {"seconds": [facts(told, heard[told * RATE : (told + 1) * RATE], floor)]}
                told += 1
        yield {"seconds": [{"whole": round(len(heard) / RATE, 3)}]}


def facts(number: int, second: array.array, floor: int) -> dict:
    loud = [sample > 0 for sample in second if abs(sample) >= floor]
    crossings = sum(a != b for a, b in zip(loud, loud[1:], strict=False))
    return {"second": number, "hertz": crossings // 2, "peak": max(map(abs, second))}
