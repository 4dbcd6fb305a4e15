"""Says a text with espeak-ng, a sentence at a time. espeak-ng runs as a process of its own."""

import io
import re
import subprocess
import wave

from headrace.engine import Audio, Engine, EngineError, on_cancel, progress, usage

SENTENCE = re.compile(r".+?(?:[.!?…。！？](?=\s|$)|\n|$)", re.DOTALL)


class Speak(Engine):
    def run(self, text: str, voice: str, rate: int) -> dict:
        sentences = [part for part in SENTENCE.findall(text) if part.strip()]
        if not sentences:
            raise EngineError("invalid_argument", "the text says nothing")
        spoken = []
        for index, sentence in enumerate(sentences):
            progress(index / len(sentences), f"sentence {index + 1} of {len(sentences)}")
            with wave.open(io.BytesIO(self.say(sentence, voice, rate))) as part:
                form = part.getparams()
                spoken.append(part.readframes(form.nframes))
        sound = io.BytesIO()
        with wave.open(sound, "wb") as whole:
            whole.setparams(form._replace(nframes=0))
            whole.writeframes(b"".join(spoken))
            seconds = whole.tell() / form.framerate
        usage("characters", len(text))
        usage("audio_seconds", seconds)
        attributes = {"seconds": f"{seconds:.3f}"}
        return {"audio": Audio(sound.getvalue(), "audio/wav", attributes=attributes)}

    def say(self, sentence: str, voice: str, rate: int) -> bytes:
        # The text goes by standard input, so that nothing in it can be an option.
        command = ["espeak-ng", "--stdin", "--stdout", "-b", "1", "-v", voice, "-s", str(rate)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            with on_cancel(process.kill):
                spoken, errors = process.communicate(sentence.encode())
        if process.returncode != 0 or not spoken:
            reason = errors.decode(errors="replace").strip() or "espeak-ng gave no sound"
            raise EngineError("invalid_argument", reason)
        return spoken
