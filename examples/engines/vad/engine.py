"""Tells where somebody speaks in a stream of sound, with the ONNX model of Silero VAD."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from headrace.engine import Engine, Session

RATE = 16000
FRAME = 512  # samples the model takes at a time: 32 ms
CONTEXT = 64  # samples of the frame before that it wants to see again
MARGIN = 0.15  # speech goes on while the probability stays above threshold - MARGIN
SILENCE = 10  # frames of silence that end a stretch of speech
SHORTEST = 4  # frames below which it was no speech
WAV_HEADER = 44


class Vad(Engine):
    def setup(self) -> None:
        # Importing the package itself would ask for torch; only its model file is wanted.
        package = importlib.util.find_spec("silero_vad")
        if package is None or package.origin is None:
            raise RuntimeError("silero-vad is not installed")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = Path(package.origin).parent / "data" / "silero_vad.onnx"
        self.model = onnxruntime.InferenceSession(str(model), options)

    def run(self, session: Session, threshold: float) -> Iterator[dict]:
        listener = Listener(self.model, threshold)
        for step in session:
            if "audio" in step and (found := listener.hear(step["audio"].bytes)):
                yield {"segments": found}
        if found := listener.finish():
            yield {"segments": found}


class Listener:
    """The state of one stream."""

    def __init__(self, model: onnxruntime.InferenceSession, threshold: float) -> None:
        self.model = model
        self.threshold = threshold
        self.state = np.zeros((2, 1, 128), np.float32)
        self.context = np.zeros(CONTEXT, np.float32)
        self.rest = b""  # bytes that do not fill a frame yet
        self.frames = 0
        self.began: int | None = None
        self.spoken = 0  # the last frame of speech

    def hear(self, data: bytes) -> list[dict]:
        if self.frames == 0 and not self.rest and data[:4] == b"RIFF":
            data = data[WAV_HEADER:]
        data = self.rest + data
        whole = len(data) - len(data) % (2 * FRAME)
        self.rest = data[whole:]
        samples = np.frombuffer(data[:whole], "<i2").astype(np.float32) / 32768
        found = []
        for frame in samples.reshape(-1, FRAME):
            found += self.decide(self.probability(frame))
        return found

    def probability(self, frame: np.ndarray) -> float:
        heard = np.concatenate([self.context, frame])[np.newaxis]
        self.context = frame[-CONTEXT:]
        feed = {"input": heard, "state": self.state, "sr": np.array(RATE, np.int64)}
        speech, self.state = self.model.run(None, feed)
        return float(speech[0, 0])

    def decide(self, speech: float) -> list[dict]:
        self.frames += 1
        if speech >= self.threshold and self.began is None:
            self.began = self.frames - 1
        if self.began is not None and speech >= self.threshold - MARGIN:
            self.spoken = self.frames
        return self.finish() if self.frames - self.spoken >= SILENCE else []

    def finish(self) -> list[dict]:
        """The stretch of speech that has ended, if there is one."""
        began, self.began = self.began, None
        if began is None or self.spoken - began < SHORTEST:
            return []
        second = FRAME / RATE
        return [{"start": round(began * second, 3), "end": round(self.spoken * second, 3)}]
