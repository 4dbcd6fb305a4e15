"""The guided tour of `./dev demo`: starts a server with the demo engines, sends real requests, prints
what came back and checks it. Standard library only."""

from __future__ import annotations

import argparse
import array
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import wave
from typing import Any

from tour_v1 import V1

ROOT = pathlib.Path(__file__).resolve().parents[1]
ENGINES = ["plugins/llama/chat", *(f"examples/engines/{name}" for name in ("ocr", "speak", "vad", "echo"))]
QUESTION = "What is the capital of France, and what is it known for?"
PICTURE = "examples/inputs/lines.png"
TTY = sys.stdout.isatty()


def paint(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if TTY else text


def short(path: str | pathlib.Path) -> str:
    try:
        return str(pathlib.Path(path).resolve().relative_to(ROOT))
    except ValueError:
        return str(path)


def to_16_khz(source: pathlib.Path, target: pathlib.Path) -> None:
    """Resamples mono PCM16 by linear interpolation: good enough for a voice detector."""
    with wave.open(str(source)) as sound:
        rate = sound.getframerate()
        samples = array.array("h", sound.readframes(sound.getnframes()))
    count = len(samples) * 16_000 // rate
    out = array.array("h", bytes(2 * count))
    for i in range(count):
        at = i * rate / 16_000
        left = int(at)
        right = min(left + 1, len(samples) - 1)
        out[i] = int(samples[left] + (samples[right] - samples[left]) * (at - left))
    with wave.open(str(target), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(out.tobytes())


class WrongAnswer(Exception):
    """What came back is not what the tour promises."""


class Server:
    """One `headrace serve` with its data folder; can be killed and started again on the same data."""

    def __init__(self, binary: pathlib.Path, data: pathlib.Path, port: int) -> None:
        self.binary, self.data, self.port = binary, data, port
        self.url = f"http://127.0.0.1:{port}"
        self.control = f"http://127.0.0.1:{port + 1}"
        self.key_file = data.parent / "admin.key"
        self.log = data.parent / "serve.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        began = time.monotonic()
        command = [str(self.binary), "serve", "--data", str(self.data)]
        command += ["--client", f"127.0.0.1:{self.port}", "--control", f"127.0.0.1:{self.port + 1}"]
        command += ["--admin-key-file", str(self.key_file)]
        for engine in ENGINES:
            command += ["--engine", str(ROOT / engine)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while time.monotonic() - began < 30:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(self.url + "/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return time.monotonic() - began
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        tail = self.log.read_text(errors="replace").splitlines()[-15:]
        raise WrongAnswer("the server did not become ready; its log ends:\n" + "\n".join(tail))

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def sign_in_link(self) -> str:
        command = [str(self.binary), "console", "--control", self.control, "--key-file", str(self.key_file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() or done.stderr.strip()

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        request = urllib.request.Request(self.url + "/api/v1" + path, method=method)
        request.add_header("Authorization", "Bearer " + self.key_file.read_text().strip())
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, data, timeout=90) as answer:
            return json.loads(answer.read())


class Typist:
    """Prints text as it comes, indented and broken at words."""

    def __init__(self) -> None:
        self.column = 0

    def write(self, text: str) -> None:
        for character in text:
            if character == "\n" or (character == " " and self.column > 90):
                print()
                self.column = 0
                continue
            print(character if self.column else "   " + character, end="", flush=True)
            self.column += 1


class Tour:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.wrong = 0
        self.number = 0

    def stop(self, title: str, action: Any) -> None:
        self.number += 1
        print("\n" + paint("1", f"{self.number}. {title}"))
        began = time.monotonic()
        try:
            action()
        except (WrongAnswer, subprocess.SubprocessError, urllib.error.URLError, OSError, KeyError) as error:
            self.wrong += 1
            detail = error.read().decode() if isinstance(error, urllib.error.HTTPError) else str(error)
            print("   " + paint("31", "wrong: ") + detail)
            return
        print("   " + paint("32", "right") + paint("2", f"  {time.monotonic() - began:.2f} s"))

    def cli(self, *words: str, stream: bool = False) -> str:
        """Runs one command of the command line, shows it and its output."""
        print("   " + paint("36", "$ headrace " + shlex.join(short(w) if "/" in w else w for w in words)))
        env = dict(os.environ, HEADRACE_URL=self.server.url, HEADRACE_CONTROL_URL=self.server.control)
        env["HEADRACE_KEY_FILE"] = str(self.server.key_file)
        process = subprocess.Popen(
            [str(self.server.binary), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, text=True
        )
        assert process.stdout is not None
        output = ""
        began = time.monotonic()
        for line in process.stdout:
            output += line
            mark = paint("2", f"{time.monotonic() - began:5.2f}s ") if stream else ""
            print("   " + mark + line.rstrip("\n"))
        if process.wait() != 0:
            raise WrongAnswer(f"the command ended with status {process.returncode}")
        return output

    def events(self, job: str) -> None:
        """Shows a job's events as they come."""
        print("   " + paint("36", f"GET /api/v1/jobs/{job}/events"))
        request = urllib.request.Request(f"{self.server.url}/api/v1/jobs/{job}/events")
        request.add_header("Authorization", "Bearer " + self.server.key_file.read_text().strip())
        began, name = time.monotonic(), ""
        with urllib.request.urlopen(request, timeout=60) as stream:
            for raw in stream:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: ") and name:
                    data = json.loads(line[6:])
                    shown = f"{data['state']}, attempt {data['attempt']}" if "state" in data else ""
                    if "fraction" in data:
                        cells = int(data["fraction"] * 20)
                        shown = f"[{'#' * cells}{'.' * (20 - cells)}] {data['fraction']:4.0%}"
                    print("   " + paint("2", f"{time.monotonic() - began:5.2f}s ") + f"{name:9}{shown}")

    # --- the stops ---------------------------------------------------------------------------------

    def chat(self) -> None:
        """Tokens appear as they come; what they cost stands below."""
        messages = [{"role": "user", "content": QUESTION}]
        body = {"capability": "chat", "input": {"messages": messages, "temperature": 0, "max_tokens": 160}}
        print("   " + paint("36", "POST /api/v1/jobs  chat") + f"  {QUESTION}")
        request = urllib.request.Request(self.server.url + "/api/v1/jobs", json.dumps(body).encode(), method="POST")
        request.add_header("Authorization", "Bearer " + self.server.key_file.read_text().strip())
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "text/event-stream")
        typist = Typist()
        first, name, data = 0.0, "", {}
        with urllib.request.urlopen(request, timeout=120) as stream:
            for raw in stream:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                if not line.startswith("data: "):
                    continue
                data = json.loads(line[6:])
                text = data["output"].get("text", "") if name == "output" else ""
                first = first or (time.monotonic() if text else 0.0)
                typist.write(text)
        took = time.monotonic() - first
        if data.get("state") != "succeeded" or "Paris" not in data["output"]["text"]:
            raise WrongAnswer(f"the answer names no Paris: {data}")
        meters = data["usage"]["meters"]
        made = int(meters["completion_tokens"])
        print(
            f"\n   {made} tokens, {(made - 1) / max(took, 0.001):.0f} a second, "
            f"for a prompt of {int(meters['prompt_tokens'])} ({int(meters['cached_tokens'])} still in memory); "
            f"{data['output']['finish_reason']}"
        )

    def ocr(self) -> None:
        text = self.cli("call", "ocr", "--image", str(ROOT / PICTURE))
        if "headracereadsthisline" not in text.lower().replace(" ", "") or "2718" not in text:
            raise WrongAnswer("the picture says: Headrace reads this line and the number 2718")

    def speak(self) -> None:
        target = self.server.data.parent / "speech.wav"
        target.unlink(missing_ok=True)
        self.cli("call", "speak", "--text", "Work arrives at the wheel.", "--output", str(target))
        with wave.open(str(target)) as sound:
            seconds = sound.getnframes() / sound.getframerate()
        print(f"   {short(target)}: {seconds:.1f} s of speech at {sound.getframerate()} Hz")
        if not 0.5 < seconds < 20:
            raise WrongAnswer("the speech has an odd length")

    def stream(self) -> None:
        sentence = "every word of this arrives as it is ready"
        output = self.cli("call", "echo_stream", "--text", sentence, stream=True)
        if output.split()[: len(sentence.split())] != sentence.split():
            raise WrongAnswer("the words differ from those sent")

    def progress(self) -> None:
        body = {"capability": "py_echo_slow", "input": {"text": "patience", "duration_ms": 1500}}
        job = self.server.request("POST", "/jobs", body)
        print(f"   202 accepted, on disk: job {job['id']} is {job['state']}")
        self.events(job["id"])
        done = self.server.request("GET", f"/jobs/{job['id']}?wait=20")
        if done["state"] != "succeeded" or done["output"]["text"] != "patience":
            raise WrongAnswer(f"the job is {done['state']}")

    def cancel(self) -> None:
        body = {"capability": "echo_slow", "input": {"text": "never", "duration_ms": 600_000}}
        job = self.server.request("POST", "/jobs", body)
        while self.server.request("GET", f"/jobs/{job['id']}")["state"] == "queued":
            time.sleep(0.02)
        began = time.monotonic()
        self.cli("jobs", "cancel", job["id"])
        done = self.server.request("GET", f"/jobs/{job['id']}?wait=10")
        took = time.monotonic() - began
        print(f"   a ten-minute job, stopped at the engine {took * 1000:.0f} ms after the cancel: {done['state']}")
        if done["state"] != "cancelled" or took > 5:
            raise WrongAnswer("the engine did not stop")
        again = self.server.request(
            "POST",
            "/jobs",
            {"capability": "echo_slow", "input": {"text": "free", "duration_ms": 10}},
            {"Prefer": "wait=10"},
        )
        if again["state"] != "succeeded":
            raise WrongAnswer("the engine's slot is not free again")
        print("   and its slot runs the next job at once")

    def crash(self) -> None:
        body = {"capability": "echo_slow", "input": {"text": "I survive", "duration_ms": 3000}}
        job = self.server.request("POST", "/jobs", body)
        while self.server.request("GET", f"/jobs/{job['id']}")["state"] == "queued":
            time.sleep(0.02)
        print(f"   job {job['id']} is running; now kill -9 of the server, process {self.server.process.pid}")
        self.server.kill()
        took = self.server.start()
        print(f"   started again on the same data, ready after {took:.2f} s")
        done = self.server.request("GET", f"/jobs/{job['id']}?wait=30")
        output = done.get("output", {}).get("text")
        print(f"   job {done['id']}: {done['state']}, attempt {done.get('attempt')}, output {output!r}")
        if done["state"] != "succeeded" or output != "I survive":
            raise WrongAnswer("the job was not finished after the restart")

    def session(self) -> None:
        speech = self.server.data.parent / "speech-16k.wav"
        to_16_khz(self.server.data.parent / "speech.wav", speech)
        output = self.cli("call", "vad", "--audio", str(speech))
        if "start" not in output:
            raise WrongAnswer("no speech was found in the speech made before")

    def run(self) -> int:
        v1 = V1(self.server, WrongAnswer)
        try:
            self.stops(v1)
        finally:
            v1.stop()
        return self.wrong

    def stops(self, v1: V1) -> None:
        self.stop("A language model answers, token by token (native engine over libllama)", self.chat)
        self.stop("The official OpenAI SDK, unmodified, streams from /v1", v1.sdk)
        self.stop(
            "A FastChat worker registers and is one more model of /v1 (fschat's released base class)", v1.fastchat
        )
        self.stop("Text read from a real picture (Python engine, ONNX models)", self.ocr)
        self.stop("Speech written to a WAV file (Python engine, espeak-ng)", self.speak)
        self.stop("A session: that speech in frames, speech segments out (streaming ONNX engine)", self.session)
        self.stop("A streamed answer, word by word (native C engine)", self.stream)
        self.stop("An asynchronous job with progress", self.progress)
        self.stop("A cancel that stops the engine", self.cancel)
        self.stop("kill -9 of the server in mid-job: the job finishes after the restart", self.crash)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--port", type=int, default=8600)
    parser.add_argument("--once", action="store_true")
    arguments = parser.parse_args()

    folder = ROOT / "build/demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = Server(pathlib.Path(arguments.binary).resolve(), folder / "data", arguments.port)
    try:
        took = server.start()
        print(f"\nheadrace serves at {server.url} (ready after {took:.2f} s)")
        print(f"admin key: {short(server.key_file)}   data: {short(server.data)}   log: {short(server.log)}")
        tour = Tour(server)
        wrong = tour.run()
        print()
        if wrong:
            print(
                paint("31", f"{wrong} of {tour.number} answers are wrong") + f"; the server's log: {short(server.log)}"
            )
        else:
            print(paint("32", f"all {tour.number} answers are right"))
        if arguments.once:
            return 1 if wrong else 0
        print("\n" + paint("1", "The console, signed in once: ") + server.sign_in_link())
        print(f"\nServing until Ctrl-C. Try:\n  export HEADRACE_URL={server.url} HEADRACE_KEY_FILE={server.key_file}")
        print(f"  {short(server.binary)} call ocr --image {PICTURE}\n  {short(server.binary)} capabilities")
        try:
            assert server.process is not None
            server.process.wait()
        except KeyboardInterrupt:
            print("\nstopping")
        return 1 if wrong else 0
    except WrongAnswer as error:
        print(paint("31", str(error)))
        return 1
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
