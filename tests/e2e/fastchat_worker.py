"""A worker of fschat's released BaseModelWorker, unmodified, whose model is a fixed text. Runs in build/venv-fastchat.

What it does with a call is said in the prompt: [die:before], [die:first], [die:after], [error:50002], [slow],
[no-usage], [tool]. Every call's parameters are appended to --record as a line of JSON.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import signal
import struct
import time
import uuid

import uvicorn
from fastchat.conversation import get_conv_template
from fastchat.serve.base_model_worker import BaseModelWorker, app
from fastchat_worker_text import CALL_TEXT, TEXT


class Words:
    """Counts words; not callable, so that BaseModelWorker asks num_tokens()."""

    def num_tokens(self, prompt: str) -> int:
        return len(prompt.split())


class TextWorker(BaseModelWorker):
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        super().__init__(
            options.controller,
            options.address,
            str(uuid.uuid4())[:8],
            options.models[0],
            options.models,
            5,
            conv_template=options.template,
            multimodal=options.multimodal,
        )
        self.tokenizer = Words()
        self.context_len = options.context

    def make_conv_template(self, conv_template=None, model_path=None):
        # The base class looks a template up by way of torch; this is the same one.
        return get_conv_template(conv_template)

    def record(self, kind: str, params: dict) -> None:
        with open(self.options.record, "a") as out:
            out.write(json.dumps({"worker": self.worker_addr, "kind": kind, **params}) + "\n")

    def count_token(self, params):
        self.record("count", params)
        return super().count_token(params)

    def generate_stream_gate(self, params):
        self.call_ct += 1
        self.record("generate", params)
        orders = {*re.findall(r"\[([a-z-]+(?::\w+)?)\]", params["prompt"]), *self.options.always}
        if "die:before" in orders:
            os.kill(os.getpid(), signal.SIGKILL)
        for order in orders:
            if order.startswith("error:"):
                yield self.chunk({"text": "the worker says no", "error_code": int(order[6:])})
                return
        text = CALL_TEXT if "tool" in orders else TEXT
        usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
        more = {} if "no-usage" in orders else {"usage": usage}
        for end in range(4, len(text), 4):
            half = "\ufffd" if ord(text[end]) > 127 else ""
            yield self.chunk({"text": text[:end] + half, "error_code": 0, **more, "finish_reason": None})
            if "die:first" in orders or ("die:after" in orders and end > 12):
                time.sleep(0.3)
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(1 if "slow" in orders else 0.005)
        yield self.chunk({"text": text, "error_code": 0, **more, "finish_reason": None})
        yield self.chunk({"text": text, "error_code": 0, **more, "finish_reason": "stop"})

    @staticmethod
    def chunk(content: dict) -> bytes:
        return json.dumps(content).encode() + b"\0"

    def generate_gate(self, params):
        *_, last = self.generate_stream_gate(params)
        return json.loads(last[:-1].decode())

    def get_embeddings(self, params):
        self.record("embed", params)
        rows = [[float(len(text)), 0.5, -1.0] for text in params["input"]]
        if params.get("encoding_format") == "base64":
            rows = [base64.b64encode(struct.pack("<3f", *row)).decode() for row in rows]
        return {"embedding": rows, "token_num": sum(len(text.split()) for text in params["input"])}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--controller", required=True)
    parser.add_argument("--models", type=lambda text: text.split(","), required=True)
    parser.add_argument("--template", default="vicuna_v1.1")
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--record", required=True)
    parser.add_argument("--multimodal", action="store_true")
    parser.add_argument("--late", type=float, default=0, help="seconds between its registration and its port")
    parser.add_argument("--always", action="append", default=[], help="as if it stood in every prompt")
    options = parser.parse_args()
    options.address = f"http://{options.host}:{options.port}"
    worker = TextWorker(options)
    # As model_worker does, before uvicorn listens; the heart-beat thread goes on.
    worker.init_heart_beat()
    time.sleep(options.late)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
