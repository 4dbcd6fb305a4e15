"""Reads text with RapidOCR (ONNX models that come with the package)."""

from headrace.engine import Engine, EngineError, Job
from rapidocr_onnxruntime import RapidOCR
from rapidocr_onnxruntime.utils import LoadImageError


class Ocr(Engine):
    def setup(self) -> None:
        # One thread a process: more only fight over the cores that the other engines need.
        self.model = RapidOCR(intra_op_num_threads=1)

    def run_batch(self, jobs: list[Job]) -> list:
        return [self.read(job["image"].bytes) for job in jobs]

    def read(self, picture: bytes) -> dict | EngineError:
        try:
            found, _ = self.model(picture)
        except LoadImageError:
            return EngineError("invalid_argument", "the picture cannot be decoded")
        lines = [{"text": text, "score": float(score), "box": box} for box, text, score in found or []]
        return {"text": "\n".join(line["text"] for line in lines), "lines": lines}
