"""The engine author's kit: write a typed class or function, and Headrace runs it as a service.

    from headrace.engine import Engine, Image

    class Ocr(Engine):
        def setup(self):
            self.model = load()

        def run(self, image: Image) -> dict:
            return {"text": self.model(image.bytes)}

It needs the standard library alone.
"""

from headrace.engine.base import (
    Cancelled,
    Engine,
    EngineError,
    EngineInfo,
    Job,
    check_cancelled,
    current_job,
    log,
    on_cancel,
    progress,
    sleep,
    usage,
)
from headrace.engine.io import Audio, File, Image, Media, Tensor, Text, Video
from headrace.engine.session import Session

__all__ = [
    "Audio",
    "Cancelled",
    "Engine",
    "EngineError",
    "EngineInfo",
    "File",
    "Image",
    "Job",
    "Media",
    "Session",
    "Tensor",
    "Text",
    "Video",
    "check_cancelled",
    "current_job",
    "log",
    "on_cancel",
    "progress",
    "sleep",
    "usage",
]
