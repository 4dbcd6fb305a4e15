import io
import wave

from headrace.engine import Audio, Engine


class Sound(Engine):
    def run(self, audio: Audio) -> dict:
        with wave.open(io.BytesIO(audio.bytes)) as sound:
            seconds = sound.getnframes() / sound.getframerate()
            return {
                "facts": {
                    "rate": sound.getframerate(),
                    "channels": sound.getnchannels(),
                    "bits": 8 * sound.getsampwidth(),
                    "seconds": round(seconds, 2),
                }
            }
